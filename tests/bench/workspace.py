"""A workspace to measure: the project, the terminal, and what is read from outside of the program."""

from __future__ import annotations

import os
import re
import select
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from tests.e2e.conftest import CIS
from tests.e2e.terminal import PtyTerminal

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
"""The smallest program of Textual's that has a list and keys."""
SMALLEST_COMMAND = (sys.executable, "-c", SMALLEST)

_LEFT = 41
"""Columns of the list at the left with its border; the tasks are right of it."""
_CURSOR = re.compile(rb"\x1b\[(\d+);(?:%d|1H[^\n]*%s)(?:H|\x1b\[[\d;]*m)*%s" % (_LEFT, "│".encode(), "▌".encode()))
"""Where a frame writes the sign of the tasks' cursor: where they begin, or behind the border in a whole row."""


class Line(PtyTerminal):
    """A terminal that can also only count: no screen is made of what comes, for that takes longer than to send it."""

    counts_only = False

    def listen(self, seconds: float) -> bool:
        """See `PtyTerminal`."""
        if not self.counts_only:
            return super().listen(seconds)
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        data = os.read(self._master, 65536)
        self.received += data
        return bool(data)

    def take_in(self, seconds: float) -> int:
        """The bytes that come in so many seconds."""
        before, end = len(self.received), time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.listen(left)
        return len(self.received) - before


def open_workspace(folder: Path, env: Mapping[str, str] = MappingProxyType({})) -> Line:
    """The workspace of a project, its engine ready."""
    line = Line([str(CIS)], cwd=folder, env={**os.environ, **env}, columns=120, rows=36)
    line.wait("engine ready")
    return line


def choose_run(line: Line, name: str) -> None:
    """Start a DAG and have the keys on its tasks."""
    line.press("/", name)
    line.wait("show all")
    line.press("enter")
    line.wait(lambda screen: "show all" not in screen)
    line.press("g")
    line.wait(lambda screen: re.search(rf"▌ +{name}", screen) is not None)
    line.press("enter")
    line.wait(lambda screen: re.search(rf"│ {name}  \D", screen) is not None)
    line.press("\t")
    line.wait(lambda screen: "│▌" in screen)


def go_back(line: Line) -> None:
    """Give the keys back to the list, and draw all anew: what came while keys were timed is on no screen."""
    line.counts_only = False
    line.press("\x1b[Z")
    line.take_in(0.5)
    line.press("\x0c")
    line.take_in(0.5)


def computed(pid: int) -> float:
    """Milliseconds of CPU that all threads of a process have had."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e6


def wakeups(pid: int) -> int:
    """How often the threads of a process have waited and were woken."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    texts = [(thread / "status").read_text() for thread in threads]
    return sum(int(text.split("\nvoluntary_ctxt_switches:")[1].split()[0]) for text in texts)


def memory(pid: int) -> tuple[float, float]:
    """Megabytes of memory that a process has (RSS), and its share of what it has together with others (PSS)."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    kilobytes = {name: int(value) for name, value in re.findall(r"^(Rss|Pss): +(\d+) kB", rollup, re.MULTILINE)}
    return kilobytes["Rss"] / 1000, kilobytes["Pss"] / 1000


def first_paint(command: Sequence[str], mark: str, folder: Path) -> float:
    """CPU milliseconds of a program until `mark`, the last that it paints, has come."""
    line = Line(command, cwd=folder, env=dict(os.environ), columns=120, rows=36)
    try:
        while mark.encode() not in line.received:
            assert line.listen(30), line.screen()
        return computed(line.pid)
    finally:
        line.press("q")
        line.wait_exit()
        line.close()


def answer_times(line: Line, keys: Iterator[str], pause: float = 0.02) -> Iterator[float]:
    """Milliseconds from a key to the frame that has the cursor of the tasks on another row, with a person's pause."""
    rows = line.wait("│▌").split("\n")
    row = next(number for number, text in enumerate(rows, 1) if "│▌" in text)
    line.counts_only = True
    for key in keys:
        start, began = len(line.received), time.perf_counter()
        line.press(key)
        while (moved := _cursor(line.received, start, row)) is None:
            assert line.listen(10), "no answer to a key"
        yield (time.perf_counter() - began) * 1000
        row = moved
        line.take_in(pause)


def _cursor(received: bytearray, start: int, row: int) -> int | None:
    """The row other than `row` at which the cursor of the tasks was last painted since `start`."""
    rows = [int(found[1]) for found in _CURSOR.finditer(received, start)]
    return next((each for each in reversed(rows) if each != row), None)


def spread(times: Sequence[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    return statistics.median(times), statistics.quantiles(times, n=20)[-1]
