"""`cis dag`, `cis run`, `cis decision`: from a file to a finished run, from two terminals."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from cis_tui.core.lock import engine_live
from cis_tui.core.paths import Home
from cis_tui.skills.guardian import marked
from tests.cli.support import ASKS, CIS, FAILS, TWO_TASKS, VOTES, WAITS, cis, make_project

RUN_FIELDS = {"id", "dag", "status", "started_at", "ended_at", "policy", "tasks"}
TASK_FIELDS = {"id", "status", "level", "attempts", "started_at", "ended_at", "exit_code", "output", "error"}
DECISION_FIELDS = {"id", "run", "task", "kind", "prompt", "deadline", "default", "ballots", "status"}
DAG_FIELDS = {"name", "file", "description", "tasks", "policy", "trusted", "problems"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A trusted project with a DAG of each kind."""
    return make_project(tmp_path / "demo", two=TWO_TASKS, fails=FAILS, asks=ASKS, votes=VOTES, waits=WAITS)


@contextmanager
def started(*words: str, cwd: Path) -> Generator[subprocess.Popen[str]]:
    """A command that runs beside the test, and is gone after it."""
    process = subprocess.Popen(
        [CIS, *words], cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def line_with(stream: IO[str] | None, text: str) -> str:
    """The first line that comes and holds `text`."""
    assert stream is not None
    for line in stream:
        if text in line:
            return line
    raise AssertionError(f"{text!r} never came")


def waiting_decision(cwd: Path) -> dict[str, Any]:
    """The one decision that waits, as another terminal sees it."""
    [decision] = cis("decision", "list", "--json", cwd=cwd).json
    return decision


def test_the_dags_of_a_project_have_the_shape_of_the_contract(project: Path) -> None:
    dags = cis("dag", "list", "--json", cwd=project).json
    assert [dag["name"] for dag in dags] == ["asks", "fails", "two", "votes", "waits"]
    assert all(dag.keys() >= DAG_FIELDS and dag["trusted"] is True for dag in dags)
    shown = cis("dag", "show", "two", "--json", cwd=project).json
    assert [task["id"] for task in shown["tasks"]] == ["first", "second"]
    assert "ready" in cis("dag", "list", cwd=project).out
    assert "first" in cis("dag", "show", "two", cwd=project).out
    missing = cis("dag", "show", "tow", cwd=project)
    assert (missing.code, 'did you mean "two"?' in missing.err) == (3, True)


def test_a_plan_shows_what_would_run(project: Path) -> None:
    plan = cis("dag", "plan", "two", "-p", "who=you", "--json", cwd=project).json
    assert plan["levels"] == [["first"], ["second"]]
    assert plan["commands"]["first"] == "echo hello you"
    out = cis("dag", "plan", "two", cwd=project).out
    assert out.splitlines()[:3] == ["who = world", "step 1", "  first  echo hello world"]


def test_validation_names_every_problem_with_its_place(project: Path) -> None:
    broken = project / ".cis" / "dags" / "broken.toml"
    broken.write_text('[[dag.tasks]]\nid = "a"\ndeps = ["b"]\n\n[[dag.tasks]]\nid = "c"\nskill = "nowhere"\n')
    told = cis("dag", "validate", str(broken))
    assert told.code == 5
    assert re.search(rf"^{re.escape(str(broken))}:\d+: error: .*\"b\"", told.out, re.MULTILINE)
    assert "nowhere" in told.out
    assert cis("dag", "validate", "two", cwd=project).out == f"{project}/.cis/dags/two.toml: ok, 2 tasks\n"
    everything = cis("dag", "validate", "--json", cwd=project)
    assert everything.code == 5
    assert [bool(dag["problems"]) for dag in everything.json] == [False, True, False, False, True, False]
    refused = cis("dag", "run", "broken", "--json", cwd=project)
    assert (refused.code, refused.error["code"]) == (5, "CIS-DAG-003")


def test_a_new_dag_runs_and_is_trusted_as_it_was_written(project: Path) -> None:
    made = cis("dag", "new", "greet-all", cwd=project)
    file = project / ".cis" / "dags" / "greet-all.toml"
    assert (made.code, made.out.splitlines()[0]) == (0, f"wrote {file}")
    assert cis("dag", "validate", "greet-all", cwd=project).out == f"{file}: ok, 2 tasks\n"
    done = cis("dag", "run", "greet-all", "--yes", "-p", "who=Ada Lovelace", cwd=project)
    assert (done.code, done.err) == (0, "")
    run = cis("run", "list", "--json", cwd=project).json[0]["id"]
    assert "goodbye, Ada Lovelace\n" in cis("run", "logs", run, cwd=project).out
    undone = cis("run", "rollback", run, cwd=project)
    assert (undone.code, undone.err.splitlines()[-1:]) == (0, ["there was nothing to take back"]), undone
    again = cis("dag", "new", "greet-all", "--json", cwd=project)
    assert (again.code, again.error["code"]) == (4, "CIS-PROJ-031")
    assert cis("dag", "new", "../out", cwd=project).code == 5
    assert cis("dag", "new", "x", cwd=project.parent).code == 3
    file.write_text(file.read_text().replace("echo hello", "echo hi"))
    assert cis("dag", "run", "greet-all", cwd=project).code == 4


def test_a_run_says_which_fields_of_its_file_mean_nothing(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p", typo='[[dag.tasks]]\nid = "a"\ncomand = "echo hi"\n')
    done = cis("dag", "run", "typo", cwd=root)
    assert done.code == 0
    assert f" of typo in {root}, 1 task\n" in done.out
    assert done.err == (
        f'{root}/.cis/dags/typo.toml:3: warning: unknown field "comand" in [tasks] is ignored; '
        'did you mean "command"?\n'
    )
    assert cis("dag", "run", "typo", "--json", cwd=root).err == ""
    assert cis("dag", "validate", "typo", cwd=root).out.endswith("typo.toml: ok, 1 task\n")


def test_a_run_is_followed_to_its_end(project: Path) -> None:
    done = cis("dag", "run", "two", "-p", "who=you", cwd=project)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert re.fullmatch(rf"run \w+ of two in {project}, 2 tasks", lines[0])
    assert lines[1] == "first   started"
    assert lines[2].startswith("first   completed in ")
    assert lines[3] == "second  started"
    assert lines[-1].endswith(": 2 completed")


def test_a_followed_run_is_one_document_as_json(project: Path) -> None:
    done = cis("dag", "run", "two", "--json", cwd=project)
    assert done.err == ""
    run = done.json
    assert run.keys() >= RUN_FIELDS
    assert all(task.keys() >= TASK_FIELDS for task in run["tasks"])
    assert (run["status"], run["tasks"][0]["output"]) == ("completed", "hello world\n")


def test_a_failed_task_is_exit_1_and_shows_its_end(project: Path) -> None:
    done = cis("dag", "run", "fails", cwd=project)
    assert done.code == 1
    assert "--- bad: the end of its output\nso it goes\n" in done.out
    assert done.out.splitlines()[-1].endswith("1 completed, 1 failed")
    assert cis("dag", "run", "fails", "--json", cwd=project).code == 1


def test_what_is_not_trusted_does_not_run(project: Path) -> None:
    (project / ".cis" / "dags" / "two.toml").write_text(TWO_TASKS.replace("hello", "changed"))
    refused = cis("dag", "run", "two", cwd=project)
    assert refused.code == 4
    assert f"cis trust {project}" in refused.err
    assert refused.out == ""


def test_runs_can_be_looked_at_afterwards(project: Path) -> None:
    assert cis("run", "list", "--json").json == []
    run = cis("dag", "run", "two", "--json", cwd=project).json["id"]
    failed = cis("dag", "run", "fails", "--json", cwd=project).json["id"]
    listed = cis("run", "list", "--json").json
    assert [item["id"] for item in listed] == [failed, run]
    assert listed[0].keys() >= RUN_FIELDS
    assert cis("run", "show", run[:6], "--json").json["status"] == "completed"
    assert "first" in cis("run", "show", run).out
    assert cis("run", "logs", run).out == "==> first <==\nhello world\n==> second <==\nbye\n1\n"
    assert cis("run", "logs", run, "--task", "second").out == "bye\n1\n"
    assert cis("run", "logs", run, "-f", "--task", "second").out == "bye\n1\n"
    assert cis("run", "logs", run, "--json").json[0] == {"task": "first", "attempt": 1, "text": "hello world\n"}
    wrong = cis("run", "logs", run, "--task", "secnd")
    assert (wrong.code, 'did you mean "second"?' in wrong.err) == (3, True)
    assert cis("run", "show", "zzz", "--json").code == 3


def test_a_confirmation_is_given_from_another_terminal(project: Path) -> None:
    with started("dag", "run", "asks", cwd=project) as run:
        command = line_with(run.stderr, "cis decision approve").split()
        decision = waiting_decision(project)
        assert decision.keys() >= DECISION_FIELDS
        assert (decision["id"], decision["kind"], decision["status"]) == (command[-1], "confirmed", "pending")
        assert "push" in cis("decision", "list").out
        assert cis("engine", "status").code == 0
        assert cis("status", "--json").json["engine"]["pid"] == run.pid
        approved = cis(*command[1:], "--reason", "looks good")
        assert (approved.code, approved.out) == (0, f"{decision['id']} push: approved\n")
        late = cis("decision", "reject", decision["id"], "--json")
        out, _ = run.communicate()
    assert run.returncode == 0
    assert "push    approved by" in out
    assert "looks good" in out
    assert late.code in (4, 6)


def test_a_rejection_is_exit_4(project: Path) -> None:
    with started("dag", "run", "asks", cwd=project) as run:
        line_with(run.stderr, "cis decision reject")
        assert cis("decision", "reject", waiting_decision(project)["id"]).code == 0
        run.communicate()
    assert run.returncode == 4


def test_yes_confirms_and_never_votes(project: Path) -> None:
    done = cis("dag", "run", "asks", "--yes", cwd=project)
    assert (done.code, done.err) == (0, "")
    assert "push    approved by --yes" in done.out
    with started("dag", "run", "votes", "--yes", cwd=project) as run:
        command = line_with(run.stderr, "cis decision vote").split()
        half = cis(*command[1:4], "approve", "--as", "dba", "--json")
        assert (half.json["status"], len(half.json["ballots"])) == ("pending", 1)
        twice = cis(*command[1:4], "approve", "--as", "dba")
        assert (twice.code, "already voted" in twice.err) == (4, True)
        assert cis("decision", "vote", half.json["id"], "approve").code == 0
        out, _ = run.communicate()
    assert run.returncode == 0
    assert "agree   dba votes approve" in out or "agree  dba votes approve" in out


def test_a_run_whose_reader_has_gone_is_not_called_done(project: Path) -> None:
    with started("dag", "run", "waits", cwd=project) as run:
        line_with(run.stdout, "started")
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.close()
        (project / "go").touch()
        err = run.stderr.read()
    assert (run.returncode, "nobody reads what is told of it" in err, "ignored" in err) == (1, True, False), err


def test_an_answer_needs_a_live_engine() -> None:
    told = cis("decision", "approve", "d1")
    assert told.code == 6
    assert "no engine is live" in told.err
    assert "cis run resume" in told.err
    assert cis("run", "pause", "x").code == 6
    assert cis("run", "cancel", "x").code == 3
    assert cis("decision", "list", "--json").json == []


def test_a_run_is_paused_and_a_task_cancelled_from_another_terminal(project: Path) -> None:
    with started("dag", "run", "waits", cwd=project) as run:
        line_with(run.stdout, "wait  started")
        id = cis("run", "list", "--json").json[0]["id"]
        paused = cis("run", "pause", id).out
        assert re.match(rf"run {id} paused: by .+; 1 task still runs to the end. cis run resume {id} goes on", paused)
        assert f"cis run resume {id} goes on" in line_with(run.stdout, "paused by")
        assert "\npaused   by " in cis("run", "show", id).out
        view = cis("run", "cancel", id, "wait", "--reason", "enough", "--json").json
        assert view["paused_by"].startswith("did:key:") or view["status"] == "failed", "nothing of it goes on any more"
        (task,) = [task for task in view["tasks"] if task["id"] == "wait"]
        assert task["status"] == "cancelled"
        assert task["error"].endswith(": enough")
        again = cis("run", "cancel", id, "wait")
        assert (again.code, "has ended" in again.err or "already" in again.err) == (4, True)
        run.communicate()
    assert run.returncode == 1
    told = cis("run", "pause", id)
    assert (told.code, "already failed" in told.err or "no engine is live" in told.err) in ((4, True), (6, True))


def test_a_run_whose_engine_was_killed_says_so_and_what_next(project: Path) -> None:
    with started("dag", "run", "waits", cwd=project) as run:
        line_with(run.stdout, "wait  started")
        run.kill()
        run.communicate()
    run_id = cis("run", "list", "--json").json[0]["id"]
    shown = cis("run", "show", run_id).out
    assert "paused   its engine ended before it did, with 1 task in flight. cis run resume" in shown
    asleep = f"nothing waits for an answer; the engine of run {run_id} ended, and cis run resume {run_id} goes on"
    assert cis("decision", "list").err.startswith(asleep)
    assert cis("run", "cancel", run_id, "wait").out == f"wait of run {run_id} cancelled\n"
    assert cis("run", "cancel", run_id).out == f"run {run_id} cancelled\n"


def test_ctrl_c_cancels_the_run(project: Path) -> None:
    with started("dag", "run", "waits", cwd=project) as run:
        line_with(run.stdout, "wait  started")
        run.send_signal(signal.SIGINT)
        out, err = run.communicate()
    assert run.returncode == 130
    assert "cancelling the run" in err
    assert "Traceback" not in err
    assert cis("run", "list", "--json").json[0]["status"] == "cancelled"
    assert "cancelled" in out.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_told_to_go_leaves_a_run_to_be_resumed(project: Path, number: signal.Signals) -> None:
    with started("dag", "run", "waits", cwd=project) as run:
        line_with(run.stdout, "wait  started")
        run.send_signal(number)
        _, err = run.communicate()
    assert (run.returncode, err) == (128 + number, "")
    left = cis("run", "list", "--json").json[0]
    assert left["status"] == "paused"
    assert marked(f"CIS_RUN={left['id']}") == []


def test_a_killed_run_is_resumed_and_asks_about_what_was_in_flight(project: Path) -> None:
    with started("dag", "run", "waits", cwd=project) as run:
        line_with(run.stdout, "wait  started")
        run.kill()
        run.communicate()
    left = cis("run", "list", "--json").json[0]
    assert left["status"] == "paused"
    (project / "go").touch()
    with started("run", "resume", left["id"], cwd=project) as again:
        line_with(again.stderr, "cis decision approve")
        decision = waiting_decision(project)
        assert decision["kind"] == "interrupted"
        cis("decision", "approve", decision["id"])
        again.communicate()
    assert again.returncode == 0
    assert cis("run", "show", left["id"], "--json").json["status"] == "completed"


def test_logs_are_followed_while_they_come(project: Path) -> None:
    with started("dag", "run", "waits", cwd=project) as run:
        id = line_with(run.stdout, "run ").split()[1]
        line_with(run.stdout, "wait  started")
        with started("run", "logs", id, "-f", "--task", "wait", cwd=project) as logs:
            assert line_with(logs.stdout, "waiting") == "waiting\n"
            (project / "go").touch()
            out, err = logs.communicate()
        run.communicate()
    assert (logs.returncode, out, err) == (0, "done\n", "")


def test_a_detached_run_answers_at_once_and_goes_on(project: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    try:
        started = cis("dag", "run", "waits", "--detach", "--json", cwd=project)
        assert started.json.keys() >= RUN_FIELDS
        assert started.json["status"] in ("running", "pending")
        with cis_events(home) as events:
            (project / "go").touch()
            line_with(events.stdout, '"RunCompleted"')
        assert cis("run", "show", started.json["id"], "--json").json["status"] == "completed"
        plain = cis("dag", "run", "two", "--detach", cwd=project)
        assert re.fullmatch(r"\w+\n", plain.out)
    finally:
        assert cis("engine", "stop").code == 0
    assert not engine_live(home)


@contextmanager
def cis_events(home: Home) -> Generator[subprocess.Popen[str]]:
    with started("events", "-f", "--since", "0", cwd=home.root) as events:
        yield events


def test_a_live_engine_runs_what_a_command_asks_for(project: Path) -> None:
    assert cis("engine", "start").code == 0
    try:
        done = cis("dag", "run", "two", cwd=project)
        assert done.code == 0
        assert done.out.splitlines()[-1].endswith(": 2 completed")
        with started("dag", "run", "waits", cwd=project) as run:
            line_with(run.stdout, "wait  started")
            left = cis("run", "list", "--json").json[0]
            assert left["status"] == "running"
            assert cis("run", "cancel", left["id"]).out == f"run {left['id']} cancelled\n"
            run.communicate()
        assert run.returncode == 1
    finally:
        cis("engine", "stop")


def test_a_stopped_engine_leaves_its_followers_a_next_step(project: Path) -> None:
    assert cis("engine", "start").code == 0
    with started("dag", "run", "waits", cwd=project) as run:
        line_with(run.stdout, "wait  started")
        assert cis("engine", "stop").code == 0
        _, err = run.communicate()
    assert run.returncode == 6
    assert "cis run resume" in err
    with started("dag", "run", "waits", cwd=project) as own:
        line_with(own.stdout, "wait  started")
        assert cis("engine", "stop").code == 0
        _, err = own.communicate()
    assert own.returncode == 6
    assert "was stopped" in err


def test_two_runs_share_the_first_ones_process(project: Path) -> None:
    with started("dag", "run", "asks", cwd=project) as first:
        line_with(first.stderr, "cis decision approve")
        asked = waiting_decision(project)["id"]
        with started("dag", "run", "waits", cwd=project) as second:
            line_with(second.stdout, "wait  started")
            cis("decision", "approve", asked)
            line_with(first.stderr, "other terminals go on")
            (project / "go").touch()
            assert second.communicate()[0].splitlines()[-1].endswith("1 completed")
        first.communicate()
    assert (first.returncode, second.returncode) == (0, 0)


def test_ctrl_c_does_not_wait_for_the_runs_of_others(project: Path) -> None:
    with started("dag", "run", "asks", cwd=project) as first:
        line_with(first.stderr, "cis decision approve")
        asked = waiting_decision(project)["id"]
        with started("dag", "run", "waits", cwd=project) as second:
            line_with(second.stdout, "wait  started")
            cis("decision", "approve", asked)
            line_with(first.stderr, "other terminals go on")
            first.send_signal(signal.SIGINT)
            assert first.communicate()[1] == ""
            assert "cis run resume" in second.communicate()[1]
    assert (first.returncode, second.returncode) == (130, 6)
    assert {run["dag"]: run["status"] for run in cis("run", "list", "--json").json} == {
        "asks": "completed",
        "waits": "paused",
    }


def test_a_second_ctrl_c_leaves_at_once(project: Path) -> None:
    stubborn = project / ".cis" / "dags" / "stubborn.toml"
    stubborn.write_text('[[dag.tasks]]\nid = "s"\ncommand = "trap \'\' TERM; echo on; while :; do sleep 0.1; done"\n')
    cis("trust", "--yes", cwd=project)
    with started("dag", "run", "stubborn", cwd=project) as run:
        line_with(run.stdout, "s  started")
        run.send_signal(signal.SIGINT)
        line_with(run.stderr, "cancelling the run")
        run.send_signal(signal.SIGINT)
        _, err = run.communicate()
    assert (run.returncode, err) == (130, "")


def test_a_person_at_the_terminal_is_asked(project: Path) -> None:
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [CIS, "dag", "run", "asks"], cwd=project, stdin=terminal, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    seen = b""
    while b"approve? [y/n]" not in seen:
        seen += os.read(controller, 4096)
    os.write(controller, b"maybe\n")
    while seen.count(b"approve? [y/n]") < 2:
        seen += os.read(controller, 4096)
    os.write(controller, b"y\n")
    while b"2 completed" not in seen:
        seen += os.read(controller, 4096)
    assert process.wait() == 0
    os.close(controller)
    assert b"\x1b[32mcompleted\x1b[0m" in seen


async def test_events_are_lines_and_stop_with_their_reader(project: Path) -> None:
    assert cis("events").out == ""
    cis("dag", "run", "two", cwd=project)
    events = [json.loads(line) for line in cis("events").out.splitlines()]
    assert all(event.keys() == {"seq", "at", "type", "data"} for event in events)
    assert (events[0]["type"], events[-1]["type"]) == ("RunStarted", "RunCompleted")
    rest = cis("events", "--since", str(events[-2]["seq"])).out.splitlines()
    assert [json.loads(line)["type"] for line in rest] == ["RunCompleted"]
    following = await asyncio.create_subprocess_exec(
        CIS, "events", "-f", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert following.stdout is not None
    assert following.stderr is not None
    assert b"waiting for one" in await following.stderr.readline()
    await asyncio.to_thread(cis, "dag", "run", "two", cwd=project)
    types: list[str] = []
    while "RunCompleted" not in types:
        types.append(json.loads(await following.stdout.readline())["type"])
    assert "RunStarted" in types
    following.send_signal(signal.SIGINT)
    assert await following.wait() == 130
    assert await following.stderr.read() == b""


OWES = """
[dag]
policy = "allow_debt"
[[dag.tasks]]
id = "lint"
command = "exit 3"
[[dag.tasks]]
id = "build"
command = "true"
deps = ["lint"]
"""


def test_a_debt_is_counted_listed_and_settled(tmp_path: Path) -> None:
    project = make_project(tmp_path / "demo", owes=OWES)
    assert cis("run", "debts", cwd=project).err == "no debts are open\n"
    run = cis("dag", "run", "owes", "--json", cwd=project)
    assert (run.code, run.json["status"]) == (0, "completed")
    id = run.json["id"]
    assert "debts      1 open; cis run debts\n" in cis("status", cwd=project).out
    assert cis("status", "--json", cwd=project).json["debts"] == 1
    [debt] = cis("run", "debts", "--json", cwd=project).json
    assert (debt["run"], debt["task"], debt["error"], debt["settled_at"]) == (id, "lint", "exit code 3", None)
    assert "lint" in cis("run", "debts", id, cwd=project).out
    assert cis("run", "settle", id, "build", "--reason", "x", cwd=project).code == 4
    assert cis("run", "settle", id, "lint", cwd=project).code == 2
    settled = cis("run", "settle", id, "lint", "--reason", "mended by hand", cwd=project)
    assert settled.out == f"lint of run {id} settled\n"
    assert cis("run", "debts", "--json", cwd=project).json == []
    assert "settled: mended by hand" in cis("run", "debts", "--all", cwd=project).out
    assert "debts      none\n" in cis("status", cwd=project).out


def test_old_runs_are_removed_and_the_rest_is_told(project: Path) -> None:
    for _ in range(3):
        assert cis("dag", "run", "two", cwd=project).code == 0
    ids = [run["id"] for run in cis("run", "list", "--json").json]
    assert cis("run", "prune").out == "0 runs removed, 0.0 MB\n"
    told = cis("run", "prune", "--keep", "1", "--dry-run").out
    assert told.splitlines()[:2] == ids[:0:-1]
    assert "2 runs would be removed" in told
    assert len(cis("run", "list", "--json").json) == 3
    assert cis("run", "prune", "--keep", "1", "--json").json["runs"] == ids[:0:-1]
    assert [run["id"] for run in cis("run", "list", "--json").json] == ids[:1]
    assert cis("run", "prune", "--older-than", "0h").out.startswith("1 run removed")
    assert cis("run", "prune", "--older-than", "soon").code == 2
    assert cis("run", "show", ids[0]).code == 3


def test_what_cannot_carry_out_a_run_is_refused(project: Path) -> None:
    (project / ".cis" / "project.toml").write_text('[project]\nname = "demo"\n[dask]\ninsecure = true\n')
    assert cis("trust", str(project)).code == 0
    wrong = cis("dag", "run", "two", "--executor", "ray://x", cwd=project)
    assert (wrong.code, "it is local, dask, or dask://HOST:PORT" in wrong.err) == (2, True)
    clear = cis("dag", "run", "two", "--executor", "dask://192.0.2.1", "--json", cwd=project)
    assert (clear.code, clear.error["code"]) == (4, "CIS-DAG-167")
    gone = cis("dag", "run", "two", "--executor", "dask://127.0.0.1:1", cwd=project, env={"CIS_DASK_PATIENCE": "0.2"})
    assert (gone.code, "the scheduler at tcp://127.0.0.1:1 does not answer" in gone.err) == (6, True)
    assert cis("run", "list", "--json", cwd=project).json == []
    assert "[dask] is taken from config.toml only" in cis("doctor", cwd=project).out


def test_workers_started_for_a_run_carry_it_out_and_are_gone_after_it(project: Path) -> None:
    planned = cis("dag", "plan", "two", "--executor", "dask", cwd=project)
    assert planned.out.endswith("--executor dask could carry it out\n")
    done = cis("dag", "run", "two", "--executor", "dask", cwd=project)
    assert done.code == 0, done.err
    assert re.search(r"first +started on here-[12]\n", done.out)
    [run] = cis("run", "list", "--json", cwd=project).json
    assert (run["executor"], run["tasks"][0]["output"]) == ("dask", "hello world\n")
    shown = cis("run", "show", run["id"], cwd=project).out
    assert "executor dask" in shown and re.search(r"WORKER.*\n *first .* here-[12] ", shown)
    assert not marked(f"CIS_RUN={run['id']}")
    rerun = cis("run", "rerun", run["id"], "--from", "second", "--executor", "local", "--json", cwd=project)
    assert (rerun.code, "WORKER" in cis("run", "show", run["id"][:4], cwd=project).out) == (0, True)
