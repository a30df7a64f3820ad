"""Leaving while runs go on."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar

from textual.binding import Binding, BindingType

from cis_tui.core.text import count
from cis_tui.dag.views import RunSummary
from cis_tui.tui.paint import Line, Tone, shown
from cis_tui.tui.screens.dialog import Dialog


class Leave(StrEnum):
    """What becomes of the runs that go on."""

    RUNNING = "running"
    """The engine goes on with them."""
    STOPPED = "stopped"
    """They are cancelled first."""


class QuitDialog(Dialog[Leave]):
    """Asks what becomes of the runs that go on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "leave('running')", "leave it running", id="quit.leave"),
        Binding("s", "leave('stopped')", "stop it", id="quit.stop"),
        Binding("escape", "close", "stay", id="dialog.close"),
    ]

    def __init__(self, runs: Sequence[RunSummary]) -> None:
        lines: list[Line] = [
            [
                ("▶ ", Tone.LIVE),
                (f"{shown(run.dag)}  {run.tasks_ended} of {count(run.tasks_total, 'task')} done", Tone.PLAIN),
            ]
            for run in runs
        ]
        super().__init__("Work is still going on", lines)

    def action_leave(self, how: str) -> None:
        """Close with the answer."""
        if not self.deaf:
            self.dismiss(Leave(how))
