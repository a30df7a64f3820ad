"""How far a long command is, on stderr: one line that moves on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from cis_tui.cli.output import note
from cis_tui.core.text import clean_line

_STEP = 10_000
"""Things between two lines when nobody watches."""
_PAUSE = 0.2
"""Seconds between two looks of a line that moves."""


class Progress:
    """Counts what was done, such as entries, and tells it with the rate."""

    def __init__(self, what: str, *, quiet: bool = False, seconds: Callable[[], float] = time.monotonic) -> None:
        """`what`: the things, such as `entries exported`. `quiet`: only the last line is told."""
        self.count = 0
        self._what = what
        self._quiet = quiet
        self._seconds = seconds
        self._began = self._told = seconds()
        self._moves = sys.stderr.isatty()
        self._shown = False

    def add(self, count: int) -> None:
        """Count so many more."""
        before, self.count = self.count, self.count + count
        now = self._seconds()
        if self._quiet:
            return
        if self._moves and now - self._told >= _PAUSE:
            self._told = now
            self._shown = True
            sys.stderr.write(f"\r{self._line()}\x1b[K")
            sys.stderr.flush()
        elif not self._moves and before // _STEP < self.count // _STEP:
            note(self._line())

    def end(self, more: str = "") -> None:
        """Tell what was done in all, and `more` about it."""
        self.clear()
        note(f"{self._line()}{clean_line(more)}")

    def clear(self) -> None:
        """Make room for another line."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False

    def _line(self) -> str:
        took = self._seconds() - self._began
        rate = f" ({self.count / took:,.0f} a second)" if took > 0 and self.count >= _STEP else ""
        what = self._what.replace("entries", "entry") if self.count == 1 else self._what
        return f"{self.count:,} {what}{rate}"
