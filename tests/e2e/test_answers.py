"""200 answers to one decision, which contradict each other, from 8 processes at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from cis_tui.core.paths import Home
from cis_tui.dag import store, trail_store
from cis_tui.dag.history import RunHistory
from tests.cli.support import cis, make_project
from tests.conftest import ROOT

ASK = """
[[dag.tasks]]
id = "push"
command = "echo asked >> ran"
level = { type = "confirmed", timeout = 600 }
"""
PROCESSES, EACH = 8, 25


def fire(home: Home, id: str) -> list[dict[str, Any]]:
    """Everything that the answerers were told."""
    script = [sys.executable, "-m", "tests.e2e.answerer", str(home.root), id]
    answerers = [
        subprocess.Popen(
            [*script, str(number * EACH), str(EACH)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    try:
        for answerer in answerers:
            assert answerer.stdout is not None and answerer.stdout.readline() == "ready\n"
        for answerer in answerers:
            assert answerer.stdin is not None
            answerer.stdin.write("go\n")
            answerer.stdin.flush()
        outs = [answerer.communicate(timeout=60)[0] for answerer in answerers]
    finally:
        for answerer in answerers:
            answerer.kill()
    return [json.loads(line) for out in outs for line in out.splitlines()]


def test_one_answer_wins_and_all_are_told_the_truth(tmp_path: Path, home: Home) -> None:
    project = make_project(tmp_path / "demo", ask=ASK)
    assert cis("engine", "start", cwd=project).code == 0
    try:
        run = cis("dag", "run", "ask", "--detach", "--json", cwd=project).json["id"]
        id = ""
        while not id:
            id = next((item["id"] for item in cis("decision", "list", "--json").json), "")
        told = fire(home, id)
        cis("run", "logs", run, "-f")
    finally:
        cis("engine", "stop", cwd=project)

    won = [answer for answer in told if "won" in answer]
    assert (len(told), len(won)) == (PROCESSES * EACH, 1)
    winner = won[0]
    detail = RunHistory(home).detail(id)
    made = detail.decision
    assert winner["won"] == {"status": made.status, "reason": made.reason, "by": made.by}
    assert made.reason == f"answer {winner['number']}"
    for answer in told:
        if answer is not winner:
            assert answer["code"] == "CIS-DAG-051", answer
            assert answer["context"]["reason"] == made.reason
            assert made.by in answer["told"] and f"({made.reason})" in answer["told"]
    assert [row.what for row in detail.trail if row.what not in ("rule",)] == ["asked", made.status]
    ran = project / "ran"
    expected = {"approve": "asked\n", "alike": "asked\n", "edit": f"{winner['number']}\n"}.get(winner["kind"], "")
    assert (ran.read_text() if ran.exists() else "") == expected
    with store.reading(home.runs_db) as connection:
        assert list(trail_store.breaks(connection, made.by)) == []
