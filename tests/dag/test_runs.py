"""Runs: what starts when, how tasks end, what is told, and that nothing is left."""

from __future__ import annotations

import os
import stat
import threading
import time
from pathlib import Path

import pytest

from cis_tui.core.errors import NotFound, Refused, Unavailable
from cis_tui.core.events import EventType
from cis_tui.core.retry import Retry
from cis_tui.dag.history import RunHistory
from cis_tui.dag.model import DagSpec, Level, LevelKind, Policy, TaskSpec
from cis_tui.dag.state import RunState
from cis_tui.dag.template import MASK
from cis_tui.dag.views import RunStatus, RunView, TaskStatus
from cis_tui.skills.model import Permissions, SkillManifest, SkillOrigin, SkillType
from tests.dag.lab import eventually, lives, open_lab, read, shell

S = TaskStatus
SOON = Retry(max=2, backoff=0.01, jitter=False)


def statuses(view: RunView) -> dict[str, TaskStatus]:
    return {task.id: task.status for task in view.tasks}


def skill(folder: Path, name: str, script: str) -> SkillManifest:
    folder = folder / name
    folder.mkdir(parents=True)
    (folder / "run").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "run").chmod(0o755)
    file, may = str(folder / "skill.toml"), Permissions(command=("cat", "sleep", "seq"))
    return SkillManifest(
        name, "1", SkillType.NATIVE, "run", permissions=may, folder=folder, file=file, origin=SkillOrigin.PROJECT
    )


async def test_the_story_of_a_run(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        view = await lab.run(TaskSpec("join"), shell("say", "echo hello; exit 0", "join"))
        assert lab.story() == [
            (EventType.RUN_STARTED, ""),
            (EventType.TASK_READY, "join"),
            (EventType.TASK_STARTED, "join"),
            (EventType.TASK_COMPLETED, "join"),
            (EventType.TASK_READY, "say"),
            (EventType.TASK_STARTED, "say"),
            (EventType.TASK_OUTPUT, "say"),
            (EventType.TASK_COMPLETED, "say"),
            (EventType.RUN_COMPLETED, ""),
        ]
        assert [event.seq for event in lab.events] == sorted(event.seq for event in lab.events)
        assert view.status is RunStatus.COMPLETED
        assert view.tasks[1].output == "hello\n"
        assert (view.tasks[1].exit_code, view.tasks[1].attempts) == (0, 1)


async def test_the_screen_the_engine_and_the_journal_see_the_same(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        view = await lab.run(
            shell("a", "echo a"), shell("b", "exit 1", "a", retry=SOON), shell("c", "true", "b"), shell("d", "echo d")
        )
        seen = RunState.from_events(event for event in lab.events if event.data.get("run") == view.id)
        assert seen is not None
        assert seen.view() == view == RunHistory(lab.home).show(view.id)


async def test_a_task_starts_as_soon_as_its_own_needs_are_met(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        slow = shell("slow", "until test -e go; do sleep 0.02; done")
        view = await lab.run(slow, shell("fast", "true"), shell("after", "touch go", "fast"))
        assert view.status is RunStatus.COMPLETED, "a level is no barrier"


async def test_a_failure_skips_what_needs_it_and_lets_the_rest_finish(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        view = await lab.run(
            shell("bad", "echo oh no >&2; exit 3"),
            shell("next", "true", "bad"),
            shell("last", "true", "next"),
            shell("free", "sleep 0.1"),
        )
        assert statuses(view) == {"bad": S.FAILED, "next": S.SKIPPED, "last": S.SKIPPED, "free": S.COMPLETED}
        assert (view.status, view.error) == (RunStatus.FAILED, "bad failed")
        bad, following, last, _ = view.tasks
        assert (bad.exit_code, bad.error, bad.output) == (3, "exit code 3", "oh no\n")
        assert (following.error, last.error) == ("needs bad, which failed", "needs next, which was skipped")
        (summary,) = lab.runs.history.list()
        assert (summary.tasks_total, summary.tasks_ended, summary.tasks_failed) == (4, 4, 1)


async def test_a_debt_is_tolerated_but_not_a_no(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        owed = await lab.run(shell("bad", "exit 1"), shell("next", "true", "bad"), policy=Policy.ALLOW_DEBT)
        assert (owed.status, statuses(owed)) == (RunStatus.COMPLETED, {"bad": S.DEBT, "next": S.COMPLETED})
        gate = shell("gate", "true", level=Level(LevelKind.CONFIRMED, timeout=0.02))
        denied = await lab.run(gate, shell("next", "true", "gate"), policy=Policy.ALLOW_DEBT)
        assert (denied.status, statuses(denied)) == (RunStatus.FAILED, {"gate": S.FAILED, "next": S.SKIPPED})


async def test_the_first_success_cancels_the_rest(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        began = time.monotonic()
        view = await lab.run(
            shell("slow", "sleep 1000"),
            shell("fast", "true"),
            shell("never", "true", "slow"),
            policy=Policy.FIRST_SUCCESS,
        )
        assert time.monotonic() - began < 10
        assert view.status is RunStatus.COMPLETED
        assert statuses(view) == {"slow": S.CANCELLED, "fast": S.COMPLETED, "never": S.CANCELLED}


async def test_retries_and_their_waits_are_told(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        task = shell("flaky", 'echo try $CIS_ATTEMPT; test "$CIS_ATTEMPT" = 3', retry=SOON)
        view = await lab.run(task)
        assert (view.status, view.tasks[0].attempts) == (RunStatus.COMPLETED, 3)
        delays = [event.data["delay"] for event in lab.events if event.type == EventType.TASK_RETRIED]
        assert delays == [0.01, 0.02]
        for attempt in (1, 2, 3):
            assert lab.runs.history.logs(view.id, "flaky", attempt=attempt).text == f"try {attempt}\n"
        assert lab.runs.history.logs(view.id, "flaky").attempt == 3


async def test_a_wait_for_the_next_attempt_holds_no_slot(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        flaky = shell("flaky", "test -e go", retry=Retry(max=1, backoff=0.3, jitter=False))
        view = await lab.run(flaky, shell("other", "touch go"), max_parallel=1)
        assert view.status is RunStatus.COMPLETED


async def test_no_more_at_once_than_allowed(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        tasks = [shell(f"t{number}", "sleep 0.03") for number in range(6)]
        await lab.run(*tasks, max_parallel=2)
        running = most = 0
        for kind in lab.types():
            running += (kind == EventType.TASK_STARTED) - (kind == EventType.TASK_COMPLETED)
            most = max(most, running)
        assert most == 2


async def test_a_task_that_takes_too_long(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        view = await lab.run(shell("slow", "echo begun; sleep 1000", timeout=1, retry=Retry(max=1, backoff=0)))
        task = view.tasks[0]
        assert (task.status, task.error, task.exit_code) == (S.FAILED, "timed out after 1 s", None)
        assert (task.attempts, task.output) == (2, "begun\n")


@pytest.mark.parametrize(
    ("task", "error"),
    [
        (shell("t", "no-such-program"), "exit code 127, program not found"),
        (shell("t", "kill -9 $$"), "ended by SIGKILL"),
        (shell("t", "echo {{ tasks.nobody.output }}"), "nobody"),
        (shell("t", "true", condition="nonsense("), 'the condition of "t"'),
        (shell("t", "true", work_dir="../.."), "lies outside of"),
        (shell("t", "true", work_dir="link"), "lies outside of"),
        (shell("t", "true", work_dir="nowhere"), "is not a folder"),
        (TaskSpec("t", skill="unknown", args=("x",)), 'the skill "unknown" is not there'),
        (shell("t", "true", env={"X": "a\0b"}), "embedded null byte"),
    ],
)
async def test_what_cannot_be_done_is_said_clearly_and_not_tried_again(
    tmp_path: Path, task: TaskSpec, error: str
) -> None:
    async with open_lab(tmp_path) as lab:
        os.symlink("/tmp", lab.project / "link")
        view = await lab.run(task)
        assert view.tasks[0].status is S.FAILED
        assert error in view.tasks[0].error
        assert EventType.TASK_RETRIED not in lab.types()


async def test_templates_see_parameters_results_memory_and_the_run(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        json = shell("json", """echo '{"tag": "v1", "n": [1, 2]}'""")
        words = ("params.who", "tasks.json.output.tag", "env.STAGE", "memory('project/owner')", "run.id")
        line = "echo " + " ".join(f"{{{{ {word} }}}}" for word in words)
        view = await lab.run(json, shell("say", line, "json"), params={"who": "ann"}, env={"STAGE": "test"})
        assert view.tasks[1].output == f"ann v1 test ann {view.id}\n"
        assert view.tasks[1].command == f"echo ann v1 test ann {view.id}"


async def test_conditions_skip(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        view = await lab.run(
            shell("a", "echo yes"),
            shell("b", "true", "a", condition="tasks.a.output == 'no'"),
            shell("c", "true", "a", condition="tasks.a.status == 'completed'"),
            shell("d", "true", "b"),
        )
        assert statuses(view) == {"a": S.COMPLETED, "b": S.SKIPPED, "c": S.COMPLETED, "d": S.SKIPPED}
        assert view.status is RunStatus.COMPLETED
        assert "its condition is false" in view.tasks[1].error


async def test_folder_environment_and_input(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        (lab.project / "sub").mkdir()
        line = 'pwd; echo "$CIS_RUN $CIS_TASK $CIS_ATTEMPT $CIS_HOME $A $B"; cat'
        task = shell("told", line, work_dir="sub", env={"B": "task"}, input={"x": 1})
        view = await lab.run(task, env={"A": "dag", "B": "dag"})
        folder, words, document = view.tasks[0].output.splitlines()
        assert folder == str(lab.project / "sub")
        assert words == f"{view.id} told 1 {lab.home.root} dag task"
        assert document == '{"x":1}'


@pytest.mark.parametrize(("args", "output"), [(("echo a b",), "a b\n"), (("echo", "a  b", "$HOME"), "a  b $HOME\n")])
async def test_the_shell_skill_takes_a_line_or_words(tmp_path: Path, args: tuple[str, ...], output: str) -> None:
    async with open_lab(tmp_path) as lab:
        assert (await lab.run(TaskSpec("t", args=args))).tasks[0].output == output


async def test_a_native_skill_answers_json_and_logs_the_rest(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        manifest = skill(tmp_path, "count", "echo counting >&2; cat")
        view = await lab.run(
            TaskSpec("count", skill="count", args=("{{ params.a }}",), input={"b": "{{ params.a }}!"}),
            shell("use", "echo {{ tasks.count.output.input.b }}", "count"),
            skills={"count": manifest},
            params={"a": "x"},
        )
        count, use = view.tasks
        assert count.output == (f'{{"args":["x"],"input":{{"b":"x!"}},"project":"{lab.project}","run":"{view.id}"}}'), (
            "one document, compact"
        )
        assert use.output == "x!\n"
        assert "counting\n" in lab.runs.history.logs(view.id, "count").text


async def test_a_native_skill_that_fails_or_hangs(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        skills = {"bad": skill(tmp_path, "bad", "echo why >&2; exit 2"), "hang": skill(tmp_path, "hang", "sleep 1000")}
        view = await lab.run(TaskSpec("bad", skill="bad"), TaskSpec("hang", skill="hang", timeout=0.2), skills=skills)
        bad, hang = view.tasks
        assert (bad.exit_code, bad.error, bad.output) == (2, "exit code 2", "why")
        assert (hang.exit_code, hang.error) == (None, "timed out after 0.2 s")


async def test_a_skill_is_run_outside_of_any_run_too(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        manifest = skill(tmp_path, "count", 'echo "{\\"n\\": $#}"')
        result = await lab.runs.skill_calls.run(manifest, project=str(lab.project), args=("a", "b"), input={})
        assert (result.success, result.output) == (True, {"n": 2})
        assert lab.runs.history.list() == ()


async def test_cancelled_nothing_of_a_run_goes_on(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        line = "sleep 1000 & echo $! > pid; setsid sleep 1000 & echo $! >> pid; wait"
        run = await lab.start(shell("done", "true"), shell("slow", line, "done"), shell("next", "true", "slow"))
        pid_file = lab.project / "pid"
        await eventually(lambda: len(read(pid_file).split()) == 2)
        view = await lab.runs.cancel(run)
        assert (view.status, view.error) == (RunStatus.CANCELLED, "cancelled")
        assert statuses(view) == {"done": S.COMPLETED, "slow": S.CANCELLED, "next": S.CANCELLED}
        assert not [pid for pid in map(int, read(pid_file).split()) if lives(pid)]
        assert lab.runs.active == 0
        with pytest.raises(Refused, match="already cancelled"):
            await lab.runs.cancel(run)


async def test_a_wait_for_the_next_attempt_is_cancelled_at_once(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("bad", "exit 1", retry=Retry(max=3, backoff=1000, max_delay=1000)))
        await lab.until(lambda: EventType.TASK_RETRIED in lab.types())
        assert lab.task(run, "bad").retry_at is not None
        began = time.monotonic()
        assert (await lab.runs.cancel(run)).status is RunStatus.CANCELLED
        assert time.monotonic() - began < 5


async def test_runs_are_found_by_the_beginning_of_their_id(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        first = await lab.run(TaskSpec("a"))
        assert lab.runs.history.show(first.id[:6]) == first
        for _ in range(17):
            await lab.run(TaskSpec("a"))
        ids = [summary.id for summary in lab.runs.history.list()]
        shared = next(id[0] for id in ids if sum(other.startswith(id[0]) for other in ids) > 1)
        with pytest.raises(Refused, match="several runs begin"):
            lab.runs.history.show(shared)
        for wrong in ("", "zzz", first.id + "0", "%"):
            with pytest.raises(NotFound, match="there is no run"):
                lab.runs.history.show(wrong)
        assert ids[-1] == first.id, "newest first"
        assert len(lab.runs.history.list(limit=3)) == 3
        assert lab.runs.history.list("/elsewhere") == ()


async def test_logs_while_a_task_runs_and_after(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("talk", "echo one; until test -e go; do sleep 0.02; done; echo two"))
        await lab.until(lambda: EventType.TASK_OUTPUT in lab.types())
        first = lab.runs.history.logs(run, "talk")
        assert (first.text, first.ended) == ("one\n", False)
        (lab.project / "go").touch()
        await lab.ended(run)
        second = lab.runs.history.logs(run, "talk", offset=first.offset)
        assert (second.text, second.ended) == ("two\n", True)
        with pytest.raises(NotFound, match='no task "tlk"'):
            lab.runs.history.logs(run, "tlk")
        with pytest.raises(NotFound, match="has had 1 attempt, not 2"):
            lab.runs.history.logs(run, "talk", attempt=2)
        modes = {stat.S_IMODE(os.stat(file).st_mode) for file in lab.home.runs.rglob("*.log")}
        assert modes == {0o600}


async def test_without_a_process_there_is_neither_file_nor_guardian(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        view = await lab.run(*(TaskSpec(f"t{number}") for number in range(50)))
        assert view.status is RunStatus.COMPLETED
        assert sorted(os.listdir(lab.home.root)) == ["runs.db", "runs.db-shm", "runs.db-wal"]
        assert lab.runs.history.logs(view.id, "t3").text == ""


async def test_closing_leaves_runs_paused_and_nothing_alive(tmp_path: Path) -> None:
    before = threading.active_count()
    async with open_lab(tmp_path) as lab:
        slow = "trap '' TERM; echo $$ > pid; while :; do sleep 0.1; done"
        run = await lab.start(
            shell("done", "true"), shell("slow", slow), shell("ask", "true", level=Level(LevelKind.CONFIRMED))
        )
        await lab.decision("ask")
        await lab.until(lambda: ("TaskCompleted", "done") in lab.story())
        await eventually(lambda: bool(read(lab.project / "pid")))
        began = time.monotonic()
    assert time.monotonic() - began < 10
    assert not lives(int(read(lab.project / "pid")))
    await eventually(lambda: threading.active_count() <= before + 1)  # one is the loop's own
    history = RunHistory(lab.home)
    view = history.show(run)
    assert view.status is RunStatus.PAUSED
    assert statuses(view) == {"done": S.COMPLETED, "slow": S.RUNNING, "ask": S.WAITING}
    assert history.list()[0].status is RunStatus.PAUSED
    with pytest.raises(Unavailable, match="stopping"):
        await lab.start(TaskSpec("a"))


async def test_a_journal_that_cannot_be_written_pauses_the_run(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("slow", "until test -e go; do sleep 0.02; done"))
        await lab.running("slow")
        lab.journal.close()
        (lab.project / "go").touch()
        await eventually(lambda: not lab.runs.active)
        assert lab.runs.history.show(run).status is RunStatus.PAUSED


async def test_a_handler_sees_what_went_wrong_and_the_run_fails_all_the_same(tmp_path: Path) -> None:
    look = (
        "echo '{{ tasks.build.status }}|{{ tasks.build.exit_code }}|{{ tasks.build.error }}|{{ tasks.build.output }}'"
    )
    async with open_lab(tmp_path) as lab:
        view = await lab.run(
            shell("build", "echo broken; exit 3", on_failure="notify", retry=SOON),
            shell("notify", look),
            shell("report", "echo '{{ tasks.notify.output }}'", "notify"),
        )
    build, notify, report = view.tasks
    assert (view.status, view.error) == (RunStatus.FAILED, "build failed")
    assert (build.status, build.attempts, build.on_failure) == (S.FAILED, 3, "notify")
    assert notify.output == report.output == "failed|3|exit code 3|broken\n"


async def test_a_task_that_was_refused_has_failed(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(
            shell("push", "true", level=Level(LevelKind.CONFIRMED, timeout=60), on_failure="notify"),
            shell("notify", "echo {{ tasks.push.error | quote }}"),
        )
        await lab.runs.decisions.reject((await lab.decision("push")).id, reason="not today")
        view = await lab.ended(run)
    assert "not today" in view.tasks[1].output


async def test_a_debt_calls_its_handler_and_releases_what_needs_it(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        view = await lab.run(
            shell("lint", "exit 1", on_failure="note"),
            shell("note", "true"),
            shell("build", "true", "lint"),
            policy=Policy.ALLOW_DEBT,
        )
    assert statuses(view) == {"lint": S.DEBT, "note": S.COMPLETED, "build": S.COMPLETED}
    assert view.status is RunStatus.COMPLETED


BUSY = "mkdir busy || exit 1; sleep 0.05; rmdir busy"


async def test_a_named_limit_holds_for_those_who_name_it_and_for_nobody_else(tmp_path: Path) -> None:
    meets = "touch {0}; until test -e {1}; do sleep 0.01; done"
    async with open_lab(tmp_path) as lab:
        view = await lab.run(
            *(shell(f"db{number}", BUSY, limit="db") for number in range(4)),
            shell("many", "mkdir b{{ index }}; " + BUSY, for_each=(1, 2, 3), limit="db"),
            shell("a", meets.format("a", "b")),
            shell("b", meets.format("b", "a")),
            limits={"db": 1},
        )
    assert view.status is RunStatus.COMPLETED


async def test_who_waits_for_a_limit_holds_no_slot_of_the_run(tmp_path: Path) -> None:
    wait = "until test -e go; do sleep 0.01; done"
    async with open_lab(tmp_path) as lab:
        view = await lab.run(
            shell("first", wait, limit="db"),
            shell("second", "true", limit="db"),
            shell("third", "true", limit="db"),
            shell("free", "touch go"),
            limits={"db": 1},
            max_parallel=2,
        )
    assert view.status is RunStatus.COMPLETED


async def test_all_attempts_together_have_a_limit(tmp_path: Path) -> None:
    often = Retry(max=1000, backoff=0.02, factor=1.0, jitter=False)
    async with open_lab(tmp_path) as lab:
        view = await lab.run(
            shell("again", "exit 1", retry=often, total_timeout=2.0),
            shell("slow", "sleep 1000", retry=often, total_timeout=0.2),
            shell("fine", "true", total_timeout=100.0),
        )
    again, slow, fine = view.tasks
    assert 1 < again.attempts < 110
    assert again.error.endswith("; 2 s in all are over")
    assert (slow.attempts, slow.error) == (1, "timed out after 0.2 s; 0.2 s in all are over")
    assert fine.status is S.COMPLETED


async def test_a_run_has_a_limit(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        view = await lab.run(shell("slow", "echo $$ > pid; sleep 1000"), shell("quick", "true"), timeout=1.5)
        assert (view.status, view.error) == (RunStatus.FAILED, "it took longer than 1.5 s")
        assert statuses(view) == {"slow": S.CANCELLED, "quick": S.COMPLETED}
        assert not lives(int(read(lab.project / "pid")))


async def test_tasks_for_which_one_stands_have_a_limit_together(tmp_path: Path) -> None:
    inner = DagSpec("inner", (shell("slow", "sleep 1000"), shell("quick", "true")), timeout=1.5)
    async with open_lab(tmp_path) as lab:
        view = await lab.run(
            shell("list", "sleep {{ item }}", for_each=(0, 1000), total_timeout=1.5),
            TaskSpec("dag", dag="inner", total_timeout=1000.0),
            TaskSpec("endless", dag="inner", for_each=(1,), total_timeout=1.0),
            dags={"inner": inner},
        )
    assert statuses(view) == {
        "list": S.FAILED,
        "list[0]": S.COMPLETED,
        "list[1]": S.CANCELLED,
        "dag": S.FAILED,
        "dag/slow": S.CANCELLED,
        "dag/quick": S.COMPLETED,
        "endless": S.FAILED,
        "endless[0]": S.CANCELLED,
        "endless[0]/slow": S.CANCELLED,
        "endless[0]/quick": S.COMPLETED,
    }
    errors = [task.error for task in view.tasks if task.status is S.FAILED]
    assert errors == ["it took longer than 1.5 s", "it took longer than 1.5 s", "it took longer than 1 s"]


async def test_options_among_the_arguments_of_the_shell_are_its_own(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        view = await lab.run(
            TaskSpec("c", args=("-c", "echo $0 $1", "{{ params.x }}", "b c")),
            TaskSpec("e", args=("-ec", "false; echo no")),
            params={"x": "it's"},
        )
    assert [task.output for task in view.tasks] == ["it's b c\n", ""]
    assert statuses(view) == {"c": S.COMPLETED, "e": S.FAILED}


async def test_what_is_private_reaches_the_task_and_no_journal(tmp_path: Path) -> None:
    compared = "'{{ memory(\"own/word\") | upper }}' = $(echo mroen-pebffvat | tr a-z N-ZA-M)"
    command = f"test {compared}; echo {{{{ memory('project/owner') }}}}"
    async with open_lab(tmp_path) as lab:
        view = await lab.run(shell("use", command), shell("next", "true", "use"))
        assert statuses(view) == {"use": S.COMPLETED, "next": S.COMPLETED}
        (shown,) = [str(event.data["command"]) for event in lab.events if "test '" in str(event.data.get("command"))]
        assert shown.startswith(f"test '{MASK}' = ")
        assert shown.endswith("echo ann")
    assert b"zebra" not in b"".join(path.read_bytes().lower() for path in lab.home.root.glob("runs.db*"))
