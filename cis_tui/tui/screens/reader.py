"""Something long to read."""

from __future__ import annotations

from cis_tui.tui.screens.dialog import Dialog


class ReaderDialog(Dialog[None]):
    """Lines that scroll; Esc closes."""

    DEFAULT_CLASSES = "-tall"
