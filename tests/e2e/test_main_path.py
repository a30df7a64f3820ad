"""The first path through the program: start a DAG by key, decide by key, remember, and find the same from outside."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.e2e.conftest import Open, Project
from tests.e2e.terminal import TERMINALS, Terminal


def row(task: str, state: str) -> Callable[[str], bool]:
    """Whether the row of `task` in the graph says `state`."""
    pattern = re.compile(rf"[○▶✓?×✗●] *[─╮╯╰│┼ ]* {task} +{state}")
    return lambda screen: pattern.search(screen) is not None


def statuses(project: Project) -> dict[str, str]:
    """Task to status of the newest run."""
    (newest, *_) = project.rows("run", "list")
    tasks = project.json("run", "show", str(newest["id"]))["tasks"]
    assert isinstance(tasks, list)
    return {str(task["id"]): str(task["status"]) for task in tasks}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def choose(terminal: Terminal, name: str) -> None:
    """Move the cursor of the list to the definition `name`."""
    terminal.press("/", name, "enter")
    terminal.wait(lambda screen: re.search(rf"▌ +{name}", screen) is not None)


def go_to_question(terminal: Terminal, task: str) -> None:
    """Give the keys to the question about `task`."""
    terminal.wait(row(task, "asks you"))
    terminal.press("d")
    terminal.wait(lambda screen: re.search(rf"▌.*{task} asks for", screen) is not None)


def press_until(terminal: Terminal, key: str, seen: Callable[[str], bool]) -> None:
    """Press `key`, again after a second if need be, until `seen`: a question is deaf for a moment when it comes."""
    for _ in range(10):
        terminal.press(key)
        try:
            terminal.wait(seen, seconds=1)
        except AssertionError:
            continue
        return
    raise AssertionError(f"{key} was never taken on:\n{terminal.screen()}")


@pytest.mark.parametrize("open_terminal", TERMINALS[-1:], indirect=True)
def test_a_stranger_takes_the_tour(open_terminal: Open, example: Project) -> None:
    terminal = open_terminal(cwd=example.root)
    terminal.wait("tour")
    terminal.wait("engine ready")
    choose(terminal, "tour")
    terminal.press("enter")
    terminal.wait(lambda screen: "greet.sh" in screen)
    terminal.press("enter")
    assert example.rows("run", "list") == [], "Enter is never a yes"
    press_until(terminal, "c", lambda screen: "trust this content" not in screen)

    terminal.wait(lambda screen: row("count", "running")(screen) and row("greet", "(running|done)")(screen))
    terminal.wait(row("flaky", r"done +×2"))
    terminal.wait(lambda screen: re.search(r"╰ [1-5]s", screen) is not None)
    go_to_question(terminal, "publish")
    press_until(terminal, "y", row("publish", "done"))
    go_to_question(terminal, "agree")
    press_until(terminal, "v", lambda screen: "a approve" in screen)
    press_until(terminal, "a", row("agree", "done"))
    terminal.wait(row("remember", "done"))

    terminal.press("1")
    terminal.wait("project/tour/greeted")
    terminal.press("q")
    assert terminal.wait_exit() == 0

    assert set(statuses(example).values()) == {"completed"}
    assert example.cis("memory", "get", "project/tour/greeted") == "world\n"


@pytest.mark.parametrize("open_terminal", TERMINALS[-1:], indirect=True)
def test_decisions_are_answered_from_another_terminal(open_terminal: Open, project: Project) -> None:
    project.dag("ask", '[[dag.tasks]]\nid = "ask"\ncommand = "echo ran"\nlevel = "confirmed"\n')
    terminal = open_terminal(cwd=project.root, columns=200, rows=60)
    terminal.wait("engine ready")
    project.json("dag", "run", "ask", "--detach")
    terminal.wait("1 decision")
    (decision,) = project.rows("decision", "list")
    project.cis("decision", "approve", str(decision["id"]))
    terminal.wait(lambda screen: "1 decision" not in screen)
    assert "already approved" in project.json("decision", "approve", str(decision["id"]), exit=4)["error"]["message"]  # pyright: ignore[reportIndexIssue, reportUnknownVariableType]
    assert statuses(project) == {"ask": "completed"}
