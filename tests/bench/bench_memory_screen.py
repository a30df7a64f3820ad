"""The memory screen at 100,000 entries, against itself at 200: a key, a screenful, a jump, a letter of a search."""

from __future__ import annotations

import itertools
import os
import re
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cis_tui.core.paths import Home
from cis_tui.memory.records import Domain, MemoryWrite
from cis_tui.memory.service import MemoryService
from tests.e2e.conftest import CIS
from tests.e2e.terminal import PtyTerminal

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]
FEW, MANY = 200, 100_000
KEY_RATIO = 2.0
"""What a key may cost at 100,000 entries, in keys at 200."""
JUMP_RATIO = 40.0
"""What a screenful, or the other end of 100,000 entries, may cost, in keys at 200."""


def fill(home: Path, entries: int) -> None:
    service = MemoryService(Home(home))
    areas = ("agent", "notes", "project", "user")
    service.set_many(
        MemoryWrite(
            f"{areas[number % 4]}/{number % 97:02d}/entry-{number:06d}",
            f"what is known about number {number}",
            Domain.PUBLIC if number % 8 < 4 else Domain.PRIVATE,
        )
        for number in range(entries)
    )
    service.close()


@pytest.fixture
def open_memory(tmp_path: Path) -> Iterator[Callable[[int], PtyTerminal]]:
    """The workspace on its memory screen, with so many entries."""
    opened: list[tuple[PtyTerminal, dict[str, str]]] = []

    def open(entries: int) -> PtyTerminal:
        home = tmp_path / str(entries)
        env = {**os.environ, "CIS_HOME": str(home)}
        fill(home, entries)
        terminal = PtyTerminal([str(CIS)], cwd=tmp_path, env=env, columns=120, rows=36)
        opened.append((terminal, env))
        terminal.wait("engine ready")
        began = time.perf_counter()
        terminal.press("1")
        terminal.wait(f"all of memory  {entries:,} entries")
        print(f"\n{entries:,} entries: on the screen after {(time.perf_counter() - began) * 1000:.0f} ms")
        terminal.wait("entry-000000")
        return terminal

    yield open
    for terminal, env in opened:
        terminal.close()
        subprocess.run([CIS, "engine", "stop"], env=env, capture_output=True, check=False)


def until_shown(terminal: PtyTerminal, key: str, seen: Callable[[str], bool]) -> float:
    """Seconds from a key to what it is pressed for."""
    began = time.perf_counter()
    terminal.press(key)
    terminal.wait(seen)
    return time.perf_counter() - began


def cursor_row(screen: str) -> str:
    return next((row for row in screen.split("\n") if "│▌" in row), "")


def key_times(terminal: PtyTerminal, number: int) -> list[float]:
    """Seconds from a key to the cursor's next row."""
    times: list[float] = []
    for key in itertools.islice(itertools.cycle("jjk"), number):
        before = cursor_row(terminal.screen())
        times.append(until_shown(terminal, key, lambda screen, before=before: cursor_row(screen) != before))
    return times


def read(screen: str) -> bool:
    """Whether no row of the table waits to be read."""
    return not re.search("│.? *…$", screen, re.MULTILINE)


def page_times(terminal: PtyTerminal, number: int) -> list[float]:
    """Seconds from a screenful down to all of its rows being read; most of them were not read before."""
    times: list[float] = []
    for _ in range(number):
        before = terminal.screen()
        times.append(until_shown(terminal, "\x1b[6~", lambda screen, before=before: screen != before and read(screen)))
    return times


def test_a_hundred_thousand_entries_are_smooth(open_memory: Callable[[int], PtyTerminal]) -> None:
    few = key_times(open_memory(FEW), 45)
    terminal = open_memory(MANY)
    many = key_times(terminal, 45)
    pages = page_times(terminal, 30)
    last = f"entry-{max(number for number in range(MANY) if number % 4 == 3 and number % 97 == 96):06d}"
    jump = until_shown(terminal, "G", lambda screen: last in screen)
    home = until_shown(terminal, "g", lambda screen: "entry-000000" in screen)
    terminal.press("/")
    terminal.wait("show all")
    keys = until_shown(terminal, "number 99999", lambda screen: "of memory  found " in screen)
    terminal.wait("entry-099999", seconds=120)
    words = until_shown(terminal, "\x7f", lambda screen: "entry-009999" in screen)
    ratio = statistics.median(many) / statistics.median(few)
    print(
        f"a key: median {statistics.median(many) * 1000:.0f} ms, at {FEW} entries {statistics.median(few) * 1000:.0f}:"
        f" {ratio:.2f}x; a screenful: median {statistics.median(pages) * 1000:.0f} ms, worst {max(pages) * 1000:.0f};"
        f" to the end {jump * 1000:.0f}, back {home * 1000:.0f};"
        f" a first search by key {keys * 1000:.0f}, a second one by words {words * 1000:.0f}"
    )
    assert ratio < KEY_RATIO
    assert max(statistics.median(pages), jump, home) / statistics.median(few) < JUMP_RATIO
