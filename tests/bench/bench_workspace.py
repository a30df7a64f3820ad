"""What the workspace costs: its first paint against the smallest Textual program, and a key while 1,000 tasks run."""

from __future__ import annotations

import itertools
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

pytestmark = [pytest.mark.bench, pytest.mark.timeout(300)]
ROUNDS = 9
PAINT_LIMIT = 1.5
"""What the first paint may cost, in first paints of the smallest program."""
KEY_LIMIT = 50.0
"""Milliseconds in which a key is answered, 95 times of 100."""
BUSY_LIMIT = 5.0
"""What a key may take while 1,000 tasks run, in keys while nothing runs."""
WATCH_LIMIT = 0.6
"""CPU of the workspace that watches 1,000 processes, in CPU of the engine that runs them."""
SMALLEST = """
from textual.app import App
from textual.widgets import Footer, OptionList

class Smallest(App):
    BINDINGS = [("q", "quit", "Quit")]

    def compose(self):
        yield OptionList(*[f"option {number}" for number in range(30)])
        yield Footer()

Smallest().run()
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project with 1,000 tasks that each start a process, and 1,000 that do nothing."""
    made = Project(tmp_path / "work")
    made.root.mkdir()
    made.cis("init")
    for name, command in (("work", 'command = "true"\n'), ("rest", "")):
        tasks = "".join(f'[[dag.tasks]]\nid = "t{number}"\n{command}' for number in range(1000))
        made.dag(name, f'[skill]\nname = "{name}"\n[dag]\nmax_parallel = 4\n{tasks}')
    yield made
    subprocess.run([CIS, "engine", "stop"], cwd=made.root, capture_output=True, check=False)


def computed(pid: int) -> float:
    """Milliseconds of CPU that all threads of a process have had."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e6


def first_paint(command: list[str], mark: str, folder: Path) -> float:
    """CPU milliseconds of a program until `mark`, the last that it paints, has come."""
    terminal = PtyTerminal(command, cwd=folder, env=dict(os.environ), columns=120, rows=36)
    try:
        while mark.encode() not in terminal.received:
            assert terminal.listen(30), terminal.screen()
        return computed(terminal.pid)
    finally:
        terminal.press("q")
        terminal.wait_exit()
        terminal.close()


def test_first_paint(project: Project) -> None:
    smallest: list[float] = []
    ours: list[float] = []
    for _ in range(ROUNDS):
        smallest.append(first_paint([sys.executable, "-c", SMALLEST], "Quit", project.root))
        ours.append(first_paint([str(CIS)], "quit", project.root))
    reference, measured = statistics.median(smallest), statistics.median(ours)
    print(f"\nfirst paint {measured:.0f} ms CPU, smallest Textual program {reference:.0f}: {measured / reference:.2f}x")
    assert measured / reference < PAINT_LIMIT


def cursor_row(terminal: PtyTerminal) -> int:
    """The row of the screen on which the cursor of the lanes stands."""
    rows = terminal.screen().split("\n")
    return next((number for number, row in enumerate(rows) if "│▌" in row), -1)


def answer_times(terminal: PtyTerminal) -> Iterator[float]:
    """Milliseconds from a key to the cursor's next row, again and again, with a person's pause between."""
    for key in itertools.cycle("jk"):
        before, began = cursor_row(terminal), time.perf_counter()
        terminal.press(key)
        terminal.wait(lambda _, before=before: cursor_row(terminal) != before)
        yield (time.perf_counter() - began) * 1000
        pause = time.perf_counter() + 0.02
        while (left := pause - time.perf_counter()) > 0:
            terminal.listen(left)


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


@pytest.mark.parametrize(("name", "runs"), [("work", 1), ("rest", 15)])
def test_a_key_while_a_thousand_tasks_run(project: Project, name: str, runs: int) -> None:
    terminal = PtyTerminal([str(CIS)], cwd=project.root, env=dict(os.environ), columns=120, rows=36)
    busy: list[float] = []
    try:
        terminal.wait("engine ready")
        terminal.press("/", name)
        terminal.wait("show all")
        terminal.press("enter")
        terminal.wait(lambda screen: "show all" not in screen and re.search(rf"▌ +{name}", screen) is not None)
        for _ in range(runs):
            terminal.press("g", "enter")
            terminal.wait("1 run")
            terminal.press("\t")
            terminal.wait(lambda _: cursor_row(terminal) >= 0)
            busy += itertools.takewhile(lambda _: "1 run" in terminal.screen(), answer_times(terminal))
            terminal.press("\x1b[Z")
        terminal.press("\t")
        idle = list(itertools.islice(answer_times(terminal), 60))
    finally:
        terminal.close()
    middle = statistics.median(busy) / statistics.median(idle)
    print(
        f"\n{name}: {len(busy)} keys while 1,000 tasks ran: median {statistics.median(busy):.0f} ms,"
        f" p95 {p95(busy):.0f} ms; {len(idle)} idle: median {statistics.median(idle):.0f} ms, p95 {p95(idle):.0f} ms;"
        f" {middle:.1f}x, p95 {p95(busy) / p95(idle):.1f}x"
    )
    assert p95(busy) < max(KEY_LIMIT, BUSY_LIMIT * p95(idle)), "on a busy machine idle keys take their time, too"


@pytest.mark.parametrize("view", ["lanes", "boxes", "table", "timeline"])
def test_what_it_costs_to_watch_a_thousand_tasks(project: Project, view: str) -> None:
    terminal = PtyTerminal([str(CIS)], cwd=project.root, env=dict(os.environ), columns=120, rows=36)
    try:
        terminal.wait("engine ready")
        terminal.press("/", "work", "enter")
        terminal.wait(lambda screen: re.search("▌ +work", screen) is not None)
        while f" {view} " not in f"{terminal.screen().splitlines()[1]} ":
            before = terminal.screen()
            terminal.press("v")
            terminal.wait(lambda screen, before=before: screen != before)
        engine = int(str(project.json("engine", "status")["pid"]))
        ours, theirs, sent = computed(terminal.pid), computed(engine), len(terminal.received)
        terminal.press("enter")
        terminal.wait("1 run")
        terminal.wait(lambda screen: "1 run" not in screen, seconds=120)
        ours, theirs = computed(terminal.pid) - ours, computed(engine) - theirs
        sent = len(terminal.received) - sent
    finally:
        terminal.close()
    costs = f"{ours:.0f} ms CPU to watch, {theirs:.0f} to run: {ours / theirs:.2f}x; {sent / 1000:.0f} bytes a task"
    print(f"\n{view}: {costs}")
    assert ours / theirs < WATCH_LIMIT
