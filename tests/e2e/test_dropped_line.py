"""A line drops in the middle of a run: log in again, open the workspace, and everything is there and still going."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import CIS, Project
from tests.e2e.terminal import PtyTerminal
from tests.e2e.test_main_path import go_to_question, press_until, row

LONG = """
[[dag.tasks]]
id = "work"
command = "until test -e go; do echo working; sleep 0.1; done"
[[dag.tasks]]
id = "ask"
command = "echo asked"
deps = ["work"]
level = "confirmed"
"""


class Desk:
    """Terminals that are opened one after the other."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self.open: list[PtyTerminal] = []

    def workspace(self) -> PtyTerminal:
        """A workspace in a terminal of its own, attached and ready."""
        terminal = PtyTerminal([str(CIS)], cwd=self._project.root, env=dict(os.environ), columns=120, rows=36)
        self.open.append(terminal)
        terminal.wait("engine ready")
        return terminal


@pytest.fixture
def desk(project: Project) -> Iterator[Desk]:
    """Terminals that are closed when the test ends."""
    desk = Desk(project)
    yield desk
    for terminal in desk.open:
        terminal.close()


def test_a_dropped_line_loses_nothing(project: Project, desk: Desk) -> None:
    project.dag("long", LONG)
    assert project.cis("engine", "status", exit=6) == ""
    project.cis("engine", "start")
    pid = project.json("engine", "status")["pid"]
    run = str(project.json("dag", "run", "long", "--detach")["id"])
    first, second = desk.workspace(), desk.workspace()
    for terminal in (first, second):
        terminal.wait(row("work", "running"))
    assert project.json("engine", "status")["faces"] == 2

    first.hang_up()
    first.wait_exit()
    assert project.json("run", "show", run)["status"] == "running"
    again = desk.workspace()
    again.wait(row("work", "running"))
    (project.root / "go").touch()
    go_to_question(again, "ask")
    second.wait(row("ask", "asks you"))
    press_until(again, "y", row("ask", "done"))
    second.wait(row("ask", "done"))

    for terminal in (again, second):
        terminal.press("q")
        assert terminal.wait_exit() == 0
    assert project.json("engine", "status")["pid"] == pid, "the engine was asked to stay"
    tasks = project.json("run", "show", run)["tasks"]
    assert re.findall(r"'attempts': (\d)", str(tasks)) == ["1", "1"]
    project.cis("engine", "stop")
    project.cis("engine", "status", exit=6)
