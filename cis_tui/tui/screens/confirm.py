"""Yes or no."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from cis_tui.core.text import clean
from cis_tui.tui.paint import Tone
from cis_tui.tui.screens.dialog import Dialog


class ConfirmDialog(Dialog[bool]):
    """Asks before something that cannot be taken back; True for `y`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes", id="dialog.yes"),
        Binding("n", "answer(False)", "no", id="dialog.no"),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__(title, [[(line, Tone.PLAIN)] for line in clean(text, limit=4000).split("\n")])

    def action_answer(self, yes: bool) -> None:
        """Close with the answer."""
        if not (yes and self.deaf):
            self.dismiss(yes)
