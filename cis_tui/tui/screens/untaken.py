"""A text that was edited and could not be taken: it is never lost."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from cis_tui.tui.paint import Line, Tone, shown
from cis_tui.tui.screens.dialog import Dialog


class Untaken(StrEnum):
    """What becomes of the text."""

    AGAIN = "again"
    """It is edited again, as it was left."""
    SAVED = "saved"
    """It is tried once more, as it is."""
    DROPPED = "dropped"
    """Nobody wants it any more."""


class UntakenDialog(Dialog[Untaken]):
    """Says why and where the text is; closed without an answer, it stays there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("E", "answer('again')", "your editor again", id="untaken.edit"),
        Binding("s", "answer('saved')", "try again", id="untaken.save"),
        Binding("x", "answer('dropped')", "throw it away", id="untaken.drop"),
        Binding("escape", "close", "keep the file", id="dialog.close"),
    ]

    def __init__(self, about: str, why: tuple[str, str], file: Path, *, private: bool) -> None:
        """`why`: what was wrong, and what could be done about it; `private`: the file is in memory."""
        self.file = file
        """Where the text is."""
        message, hint = why
        where = "in memory: it is gone when this machine restarts" if private else "which only you can read"
        lines: list[Line] = [
            [("✗ ", Tone.BAD), (shown(message, limit=1000), Tone.PLAIN)],
            *([[("  ", Tone.DIM), (shown(hint, limit=1000), Tone.DIM)]] if hint else []),
            [],
            [("It is in ", Tone.PLAIN), (shown(str(file)), Tone.STRONG), (f", {where}.", Tone.PLAIN)],
        ]
        super().__init__(f"Your text was not taken: {about}", lines)

    def action_answer(self, answer: str) -> None:
        """Close with the answer."""
        if not self.deaf:
            self.dismiss(Untaken(answer))
