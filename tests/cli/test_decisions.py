"""`cis decision`: look before you answer, change what runs, three kinds of no, all alike, and the trail of it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from cis_tui.core.paths import Home
from cis_tui.dag import store
from tests.cli.support import CIS, Result, call, cis, make_project

DAGS = {
    "ask": """
[[dag.tasks]]
id = "build"
command = "echo built"
[[dag.tasks]]
id = "push"
command = "echo pushed to {{ tasks.build.output }} >> done"
deps = ["build"]
level = { type = "confirmed", timeout = 600 }
creates = ["done"]
""",
    "many": """
[dag.params.hosts]
default = "a,b"
[[dag.tasks]]
id = "one"
command = "echo same"
level = { type = "confirmed", timeout = 600 }
[[dag.tasks]]
id = "two"
command = "echo same"
level = { type = "confirmed", timeout = 600 }
[[dag.tasks]]
id = "soon"
command = "echo soon"
level = { type = "recommended", timeout = 600 }
""",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with a live engine."""
    root = make_project(tmp_path / "demo", **DAGS)
    monkeypatch.chdir(root)
    assert cis("engine", "start", cwd=root).code == 0
    yield root
    cis("engine", "stop", cwd=root)


def start(capsys: pytest.CaptureFixture[str], dag: str, *waiting: str) -> tuple[str, dict[str, str]]:
    """Start a run; its id, and the decision of each task, once they wait."""
    run = call(capsys, "dag", "run", dag, "--detach", "--json").json["id"]
    ids: dict[str, str] = {}
    for _ in range(200):
        found = call(capsys, "decision", "list", "--json").json
        ids = {item["task"]: item["id"] for item in found if item["run"] == run}
        if ids.keys() >= set(waiting):
            return run, ids
    raise AssertionError(f"{waiting} never waited: {ids}")


def ended(capsys: pytest.CaptureFixture[str], run: str) -> dict[str, Any]:
    view: dict[str, Any] = {}
    for _ in range(400):
        view = call(capsys, "run", "show", run, "--json").json
        if view["ended_at"]:
            return view
    raise AssertionError(view)


def test_look_change_and_approve(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, ids = start(capsys, "ask", "push")
    shown = call(capsys, "decision", "show", ids["push"])
    for line in ("about      ask / push", "would run  echo pushed to built >> done", "undo       what it creates"):
        assert line in shown.out
    detail = call(capsys, "decision", "show", ids["push"], "--json").json
    assert (detail["preview"]["creates"], detail["trail"][0]["what"]) == (["done"], "asked")

    def approve(*words: str) -> Result:
        return call(capsys, "decision", "approve", ids["push"], *words)

    wrong = approve("--input", "[1]")
    assert (wrong.code, "not a JSON object" in wrong.err) == (2, True)
    refused = approve("--args", "x y", "--json")
    assert (refused.code, refused.error["code"]) == (5, "CIS-DAG-141")
    assert approve("--command", "echo changed >> done", "--reason", "other host").out == (
        f"{ids['push']} push: approved, edited\n"
    )
    assert ended(capsys, run)["status"] == "completed"
    assert (project / "done").read_text() == "changed\n"
    late = call(capsys, "decision", "reject", ids["push"], "--json")
    assert (late.code, late.error["code"]) == (4, "CIS-DAG-051")
    assert "already approved by did:key:" in late.error["message"] and "other host" in late.error["message"]
    assert late.error["context"]["reason"] == "other host"
    told = call(capsys, "decision", "audit", ids["push"])
    assert "approved, edited" in told.out and "other host" in told.out
    assert "edited     command: echo changed" in call(capsys, "decision", "show", ids["push"]).out
    assert call(capsys, "decision", "show", "d99").code == 3
    cis("engine", "stop")
    assert "other host" in call(capsys, "decision", "show", ids["push"]).out, "also without an engine"
    assert "approved" in call(capsys, "decision", "list", "--all").out


def test_three_kinds_of_no(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for how, status, task in (
        ("skip", "completed", "skipped"),
        ("fail", "failed", "failed"),
        ("abort", "cancelled", "cancelled"),
    ):
        run, ids = start(capsys, "ask", "push")
        made = call(capsys, "decision", "reject", ids["push"], "--as", how, "--reason", "no", "--json").json
        assert made["refusal"] == how
        view = ended(capsys, run)
        assert (view["status"], view["tasks"][1]["status"]) == (status, task)
    assert call(capsys, "decision", "reject", ids["push"], "--as", "maybe").code == 2


def test_all_alike_and_no_longer(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, ids = start(capsys, "many", "one", "two", "soon")
    assert "held, with" in call(capsys, "decision", "hold", ids["soon"]).out
    assert call(capsys, "decision", "hold", ids["soon"]).out == f"{ids['soon']}: the countdown goes on\n"
    made = call(capsys, "decision", "approve", ids["one"], "--alike")
    assert "every confirmed task of this run whose call is written so: echo same" in made.err
    decided = {item["id"]: item for item in call(capsys, "decision", "list", "--all", "--json").json}
    assert decided[ids["two"]]["by"] == f"rule of {ids['one']}"
    assert decided[ids["soon"]]["status"] == "pending"
    assert "echo same" in call(capsys, "decision", "rules").out
    assert call(capsys, "decision", "withdraw", ids["one"], "--reason", "enough").code == 0
    assert call(capsys, "decision", "rules", "--json").json == []
    assert "withdrawn" in call(capsys, "decision", "rules", "--run", run, "--all").out
    assert call(capsys, "decision", "withdraw", ids["one"]).code == 4
    assert call(capsys, "decision", "withdraw", ids["two"]).code == 3


def test_a_skill_that_is_confirmed_asks_at_every_terminal(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = project / ".cis" / "skills" / "careful"
    folder.mkdir(parents=True)
    (folder / "skill.toml").write_text('[skill]\nname = "careful"\nentry = "echo"\nlevel = "confirmed"\n')
    assert cis("trust", str(project)).code == 0
    assert "before each call: its manifest asks for that" in call(capsys, "skill", "show", "careful").out
    for answer, code in (("approve", 0), ("reject", 4)):
        with subprocess.Popen([CIS, "skill", "run", "careful", "hello"], stdout=PIPE, stderr=PIPE, text=True) as run:
            assert run.stderr is not None
            command = next(line for line in run.stderr if f"cis decision {answer} d" in line).split()
            assert call(capsys, *command[1:], "--reason", "so").code == 0
            out, err = run.communicate(timeout=60)
        assert (run.returncode, out) == (code, "hello\n" if answer == "approve" else "")
        assert answer == "approve" or "careful was not called: rejected by" in err
    yes = call(capsys, "skill", "run", "careful", "--yes", "hello")
    assert (yes.code, yes.out) == (0, "hello\n")


def test_doctor_verifies_the_trail_and_names_the_row(
    project: Path, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    run, ids = start(capsys, "ask", "push")
    call(capsys, "decision", "approve", ids["push"], "--reason", "looks good")
    ended(capsys, run)
    cis("engine", "stop")

    def trail() -> list[tuple[str, str]]:
        checks = call(capsys, "doctor", "--json").json
        return [(check["state"], check["message"]) for check in checks if check["name"] == "decisions"]

    assert trail() == [("ok", "the audit trail holds, 2 rows")]
    with store.reading(home.runs_db) as connection:
        connection.execute("UPDATE trail SET row = replace(row, 'looks good', 'looks bad') WHERE number = 2")
    assert trail() == [("fail", "the audit trail is broken: row 2 is not as it was written")]
