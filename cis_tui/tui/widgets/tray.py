"""The decisions that wait, one line each, on every screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.geometry import Region
from textual.message import Message

from cis_tui.core.clock import Clock
from cis_tui.dag.views import Decision
from cis_tui.tui.paint import Line, Tone, fit, line_width, shown
from cis_tui.tui.widgets.painted import LineWidget
from cis_tui.tui.widgets.taught import keys_of
from cis_tui.tui.words import asker, question, time_left

if TYPE_CHECKING:
    from textual import events

MOST = 3
"""Lines of the tray; more decisions are counted in the last one."""
MARK_WIDTH, TIME_WIDTH = 3, 10
"""Cells at the left, where the time stands: what is repainted reaches from there to where it changed."""


class Tray(LineWidget):
    """Pending decisions, most urgent first; away when there is none."""

    @dataclass
    class Picked(Message):
        """A line was clicked."""

        decision: Decision

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._pending: Sequence[Decision] = ()
        self.display = False

    def show(self, pending: Sequence[Decision]) -> None:
        """Show these decisions."""
        if pending == self._pending:
            return
        lines = min(MOST, len(pending))
        if lines != min(MOST, len(self._pending)):
            self.display = bool(pending)
            self.styles.height = max(1, lines)
        self._pending = pending
        self.refresh()

    def tick(self) -> None:
        """A second passed: repaint the countdowns alone."""
        lines = min(len(self._pending), MOST)
        if self.display and lines:
            self.refresh(Region(0, 0, MARK_WIDTH + TIME_WIDTH, lines))

    def line(self, y: int, width: int) -> Line:
        """One decision: its task, what it wants, the time left."""
        if y >= len(self._pending):
            return ()
        decision = self._pending[y]
        more = len(self._pending) - MOST
        note = f"  +{more} more" if more > 0 and y == MOST - 1 else ""
        what = f"{shown(decision.dag or decision.subject)} / {shown(decision.task)}"
        text = f"{asker(decision)}{what}  {question(decision)}{note}"
        key = keys_of(self)("decide") + "  "
        key = key if y == 0 else " " * len(key)
        return [
            (" ? ", Tone.ASK),
            (fit(time_left(decision, self._clock()), TIME_WIDTH), Tone.ASK),
            (key, Tone.STRONG),
            (fit(text, max(0, width - MARK_WIDTH - TIME_WIDTH - line_width([(key, Tone.STRONG)]))), Tone.PLAIN),
        ]

    def on_click(self, event: events.Click) -> None:
        """A click on a line goes to that decision."""
        if event.y < len(self._pending):
            self.post_message(self.Picked(self._pending[event.y]))
