"""What the workspace costs: first paint and memory, against the smallest Textual program; to watch 1,000 tasks."""

from __future__ import annotations

import re
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.workspace import (
    SMALLEST_COMMAND,
    Line,
    choose_run,
    computed,
    first_paint,
    go_back,
    memory,
    open_workspace,
)
from tests.e2e.conftest import CIS, Project

pytestmark = [pytest.mark.bench, pytest.mark.timeout(300)]
ROUNDS = 9
PAINT_LIMIT = 1.4
"""What the first paint may cost, in first paints of the smallest program."""
MEMORY_LIMIT = 1.9
"""Memory of its own that the workspace may have, in that of the smallest program."""
MEMORY_FULL = 70.0
"""Megabytes that it may have with much to show."""
ENTRIES = 10_000
WATCH_LIMIT = 0.6
"""CPU of the workspace that watches 1,000 processes, in CPU of the engine that runs them."""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project with 1,000 tasks that each start a process."""
    made = Project(tmp_path / "work")
    made.root.mkdir()
    made.cis("init")
    tasks = "".join(f'[[dag.tasks]]\nid = "t{number}"\ncommand = "true"\n' for number in range(1000))
    made.dag("work", f'[skill]\nname = "work"\n[dag]\nmax_parallel = 4\n{tasks}')
    yield made
    subprocess.run([CIS, "engine", "stop"], cwd=made.root, capture_output=True, check=False)


def test_first_paint(project: Project) -> None:
    smallest: list[float] = []
    ours: list[float] = []
    for _ in range(ROUNDS):
        smallest.append(first_paint(SMALLEST_COMMAND, "Quit", project.root))
        ours.append(first_paint([str(CIS)], "quit", project.root))
    reference, measured = statistics.median(smallest), statistics.median(ours)
    print(f"\nfirst paint {measured:.0f} ms CPU, smallest Textual program {reference:.0f}: {measured / reference:.2f}x")
    assert measured / reference < PAINT_LIMIT


def test_memory(project: Project) -> None:
    smallest = Line(SMALLEST_COMMAND, cwd=project.root, env={}, columns=120, rows=36)
    try:
        smallest.wait("Quit")
        _, least = memory(smallest.pid)
    finally:
        smallest.close()
    lines = "".join(f'{{"key": "notes/{number:05}", "value": "{number} things"}}\n' for number in range(ENTRIES))
    (project.root / "entries.jsonl").write_text(lines, "utf-8")
    project.cis("memory", "import", "entries.jsonl")
    line = open_workspace(project.root)
    try:
        rss, own = memory(line.pid)
        print(f"\nat the start {rss:.0f} MB (RSS), {own:.0f} its own share; the smallest program {least:.0f}")
        assert own / least < MEMORY_LIMIT
        line.press("1")
        line.wait("notes/00000")
        line.press("G")
        line.wait(f"{ENTRIES - 1:05}")
        line.press("2")
        line.wait("lanes")
        for run in range(10):
            choose_run(line, "work")
            line.wait(lambda screen: "1 run" not in screen, seconds=120)
            go_back(line)
            if run in (0, 9):
                rss, own = memory(line.pid)
                what = f"{ENTRIES:,} entries and {run + 1} runs of 1,000 tasks"
                print(f"{what}: {rss:.0f} MB (RSS), {own:.0f} its own share")
        assert rss < MEMORY_FULL
    finally:
        line.close()


@pytest.mark.parametrize("view", ["lanes", "boxes", "table", "timeline"])
def test_what_it_costs_to_watch_a_thousand_tasks(project: Project, view: str) -> None:
    terminal = open_workspace(project.root)
    try:
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
