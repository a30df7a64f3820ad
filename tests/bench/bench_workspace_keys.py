"""From a key to the screen: at rest, and while 1,000 tasks run, and a log of 10,000 lines a second is followed, too."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.workspace import Line, answer_times, choose_run, go_back, open_workspace, spread
from tests.e2e.conftest import CIS, Project

pytestmark = [pytest.mark.bench, pytest.mark.timeout(300)]
IDLE_LIMIT, BUSY_LIMIT = 30.0, 60.0
"""Milliseconds in which a key is answered, 95 times of 100."""
RATIO = 4.0
"""What a key may take while all that goes on, in keys at rest: on a machine with more to do, both take longer."""
KEYS = 150
ROUNDS = {"work": 1, "rest": 10, "both": 1}
"""Runs for so many keys: 1,000 tasks that do nothing are done soon."""
FAST = r"""
import sys, time
began, told = time.perf_counter(), 0
while (now := time.perf_counter() - began) < 60:
    upto = int(now * 10_000)
    sys.stdout.write("".join(f"line {number} of the log, {upto % 97} in it\n" for number in range(told, upto)))
    sys.stdout.flush()
    told = upto
    time.sleep(0.01)
"""
"""A task that prints 10,000 lines a second for a minute."""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project with 1,000 tasks that start a process or do nothing, and such ones beside a fast log."""
    made = Project(tmp_path / "work")
    made.root.mkdir()
    made.cis("init")
    (made.root / "fast.py").write_text(FAST, "utf-8")
    log = '[[dag.tasks]]\nid = "log"\ncommand = "python3 fast.py"\n'
    for name, first, command in (
        ("work", "", 'command = "true"\n'),
        ("rest", "", ""),
        ("both", log, 'command = "true"\n'),
    ):
        tasks = "".join(f'[[dag.tasks]]\nid = "t{number}"\n{command}' for number in range(1000))
        made.dag(name, f'[skill]\nname = "{name}"\n[dag]\nmax_parallel = 4\n{first}{tasks}')
    yield made
    subprocess.run([CIS, "engine", "stop"], cwd=made.root, capture_output=True, check=False)


def at_rest(line: Line) -> list[float]:
    """Times of keys among the tasks of a definition."""
    line.press("\t")
    times = list(itertools.islice(answer_times(line, itertools.cycle("jk")), KEYS))
    go_back(line)
    return times


@pytest.mark.parametrize("name", ["work", "rest", "both"])
def test_a_key_while_a_thousand_tasks_run(project: Project, name: str) -> None:
    line = open_workspace(project.root)
    try:
        idle = at_rest(line)
        busy: list[float] = []
        for _ in range(ROUNDS[name]):
            choose_run(line, name)
            busy += itertools.islice(answer_times(line, itertools.cycle("jk")), KEYS // ROUNDS[name])
            go_back(line)
    finally:
        line.close()
    (idle_middle, idle_most), (middle, most) = spread(idle), spread(busy)
    print(
        f"\n{name}: a key while it runs: median {middle:.0f} ms, p95 {most:.0f}, worst {max(busy):.0f};"
        f" at rest: median {idle_middle:.0f} ms, p95 {idle_most:.0f}, worst {max(idle):.0f}"
    )
    assert most < max(BUSY_LIMIT, RATIO * max(IDLE_LIMIT, idle_most))
