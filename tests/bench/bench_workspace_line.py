"""Bytes a second that a workspace sends to its terminal: at rest, counting down, during a run, following a log."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.workspace import choose_run, computed, open_workspace, wakeups
from tests.e2e.conftest import CIS, Project

pytestmark = [pytest.mark.bench, pytest.mark.timeout(300)]
SECONDS = 6.0
DRIVERS = {"plain": {"CIS_UI_DRIVER": "plain"}, "over SSH": {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}}
SCREENS = {"1": "all of memory", "3": "node", "5": "Skills", "6": "Activity", "2": "lanes", "4": "say something"}
"""Keys, and what is then on the screen; the last has the keys in a line in which one writes."""
IDLE_CPU = 0.5
"""Percent of a processor that may be used at rest."""
LIMITS = {"ask": 70, "work": 20_000, "slow": 30_000, "fast": 30_000}
"""Bytes a second that may go over SSH; of the time that is left only the question counts the seconds."""
LOG = r"""
import sys, time
began, told = time.perf_counter(), 0
while (now := time.perf_counter() - began) < 60:
    upto = int(now * float(sys.argv[1]))
    sys.stdout.write("".join(f"{number % 7 * 'word '}line {number}\n" for number in range(told, upto)))
    sys.stdout.flush()
    told = upto
    time.sleep(0.01)
"""
DAGS = {
    "ask": '[[dag.tasks]]\nid = "ask"\ncommand = "true"\nlevel = { type = "recommended", timeout = 600 }\n',
    "work": "".join(f'[[dag.tasks]]\nid = "t{number}"\ncommand = "true"\n' for number in range(1000)),
    "slow": '[[dag.tasks]]\nid = "log"\ncommand = "python3 log.py 50"\n',
    "fast": '[[dag.tasks]]\nid = "log"\ncommand = "python3 log.py 10000"\n',
}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path / "work")
    made.root.mkdir()
    made.cis("init")
    (made.root / "log.py").write_text(LOG, "utf-8")
    for name, tasks in DAGS.items():
        made.dag(name, f'[skill]\nname = "{name}"\n[dag]\nmax_parallel = 4\n{tasks}')
    yield made
    subprocess.run([CIS, "engine", "stop"], cwd=made.root, capture_output=True, check=False)


@pytest.mark.parametrize("driver", DRIVERS)
def test_nothing_is_sent_at_rest(project: Project, driver: str) -> None:
    line = open_workspace(project.root, DRIVERS[driver])
    try:
        for key, found in SCREENS.items():
            line.press(key)
            line.wait(found)
            while line.take_in(1.5):
                pass
            assert line.take_in(2) == 0, f"screen {key}:\n{line.screen()}"
        used, woken = computed(line.pid), wakeups(line.pid)
        assert line.take_in(SECONDS) == 0, "the cursor of an input does not blink"
        used, woken = (computed(line.pid) - used) / SECONDS / 10, (wakeups(line.pid) - woken) / SECONDS
        print(f"\n{driver}: at rest {used:.2f} % of a processor, {woken:.0f} wake-ups a second, no byte")
        assert used < IDLE_CPU
    finally:
        line.close()


@pytest.mark.parametrize(("driver", "name"), itertools.product(DRIVERS, DAGS))
def test_what_goes_on_takes_few_bytes(project: Project, driver: str, name: str) -> None:
    line = open_workspace(project.root, DRIVERS[driver])
    try:
        choose_run(line, name)
        line.counts_only = True
        line.take_in(2)
        used, sent = computed(line.pid), line.take_in(SECONDS) / SECONDS
        used = (computed(line.pid) - used) / SECONDS / 10
        print(f"\n{name}, {driver}: {sent:,.0f} bytes a second, {used:.1f} % of a processor")
        assert driver == "plain" or sent < LIMITS[name]
    finally:
        line.close()
