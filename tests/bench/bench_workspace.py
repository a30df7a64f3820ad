"""What the workspace costs: its first paint against the smallest Textual program, and a key while 1,000 tasks run."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import CIS, Project
from tests.e2e.terminal import PtyTerminal

pytestmark = pytest.mark.bench
ROUNDS = 9
PAINT_LIMIT = 1.5
"""What the first paint may cost, in first paints of the smallest program."""
KEY_LIMIT = 50.0
"""Milliseconds in which a key is answered, 95 times of 100."""
RUNS = 3

SMALLEST = """
from textual.app import App
from textual.widgets import Footer, OptionList

class Smallest(App):
    BINDINGS = [("q", "quit", "Quit")]

    def compose(self):
        yield OptionList(*[f"row {number}" for number in range(100)])
        yield Footer()

Smallest().run()
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project with a DAG of 1,000 no-ops: ten layers, each task after three of the layer before."""
    root = tmp_path / "work"
    root.mkdir()
    made = Project(root)
    made.cis("init")
    text = ['[skill]\nname = "many"']
    for number in range(1000):
        layer, place = divmod(number, 100)
        before = [f"t{(layer - 1) * 100 + (place + step) % 100:04d}" for step in range(3)] if layer else []
        text.append(f'[[dag.tasks]]\nid = "t{number:04d}"\ndeps = {before!r}'.replace("'", '"'))
    made.dag("many", "\n".join(text))
    yield made
    subprocess.run([CIS, "engine", "stop"], cwd=root, capture_output=True, check=False)


def cpu_of(pid: int) -> float:
    """Milliseconds that all threads of a process have computed."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


def paint(command: list[str], cwd: Path, mark: str) -> tuple[float, int]:
    """CPU milliseconds until `mark` is on the screen, and the bytes that were sent for it."""
    terminal = PtyTerminal(command, cwd=cwd, env=dict(os.environ), columns=120, rows=36)
    try:
        while mark.encode() not in terminal.received:
            assert terminal.listen(30), terminal.screen()
        return cpu_of(terminal.pid), len(terminal.received)
    finally:
        terminal.press("q")
        terminal.wait_exit()
        terminal.close()


def test_the_first_paint(project: Project) -> None:
    smallest, ours = [sys.executable, "-c", SMALLEST], [str(CIS)]
    costs: tuple[list[float], list[float]] = ([], [])
    sizes = [0, 0]
    for _ in range(ROUNDS):
        for index, (command, mark) in enumerate(((smallest, "Quit"), (ours, "quit"))):
            cost, sizes[index] = paint(command, project.root, mark)
            costs[index].append(cost)
    reference, measured = (statistics.median(cost) for cost in costs)
    print(
        f"\nfirst paint: {measured:.0f} ms CPU, {sizes[1]} bytes;"
        f" smallest Textual program {reference:.0f} ms, {sizes[0]} bytes: {measured / reference:.2f}x"
    )
    assert measured / reference < PAINT_LIMIT


def cursor_row(terminal: PtyTerminal) -> int:
    """The row of the lanes that has the cursor."""
    rows = terminal.screen().split("\n")
    return next((number for number, row in enumerate(rows) if re.search("│▌", row)), -1)


def answer_times(terminal: PtyTerminal) -> Iterator[float]:
    """Milliseconds from key to paint, for as long as the run goes on."""
    down = True
    while "/1000" in terminal.screen():
        before, pressed = cursor_row(terminal), time.perf_counter()
        terminal.press("j" if down else "k")
        down = not down
        while cursor_row(terminal) == before:
            assert terminal.listen(5), terminal.screen()
        yield (time.perf_counter() - pressed) * 1000
        rest = time.perf_counter() + 0.01
        while (left := rest - time.perf_counter()) > 0:
            terminal.listen(left)


def test_a_key_while_a_thousand_tasks_run(project: Project) -> None:
    terminal = PtyTerminal([str(CIS)], cwd=project.root, env=dict(os.environ), columns=120, rows=36)
    times: list[float] = []
    try:
        terminal.wait("engine ready")
        terminal.press("/", "many", "enter")
        terminal.wait(lambda screen: "tour" not in screen)
        for _ in range(RUNS):
            terminal.press("g", "enter")
            terminal.wait("/1000")
            terminal.press("\t")
            terminal.wait(lambda _: cursor_row(terminal) >= 0)
            times += answer_times(terminal)
            terminal.press("\x1b[Z")
        terminal.press("q")
        terminal.wait_exit()
    finally:
        terminal.close()
    slowest = statistics.quantiles(times, n=20)[-1]
    print(f"\n{len(times)} keys while 1,000 tasks ran: median {statistics.median(times):.1f} ms, p95 {slowest:.1f} ms")
    assert slowest < KEY_LIMIT
