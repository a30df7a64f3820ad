"""Before anything of a project runs: what it is, and whether to let it."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from textual.binding import Binding, BindingType

from cis_tui.core.text import clean
from cis_tui.project.model import Change, TrustItem, TrustReport, TrustState
from cis_tui.tui.paint import Line, Tone, shown
from cis_tui.tui.screens.dialog import Dialog
from cis_tui.tui.words import count, place

_STATES = {
    TrustState.UNTRUSTED: "Nothing of it has been trusted yet.",
    TrustState.CONTENT: "What was trusted before has changed.",
    TrustState.AUTHOR: "You write this project: changes are taken up without asking.",
}
_MARKS = {
    Change.NEW: ("+ new", Tone.GOOD),
    Change.CHANGED: ("~ changed", Tone.ASK),
    Change.REMOVED: ("- removed", Tone.BAD),
}


class TrustAnswer(StrEnum):
    """How far the person trusts."""

    CONTENT = "content"
    AUTHOR = "author"


class TrustDialog(Dialog[TrustAnswer]):
    """Shows every file that would run, and asks."""

    DEFAULT_CLASSES = "-tall"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "trust('content')", "trust this content", id="trust.content"),
        Binding("a", "trust('author')", "I write this project", id="trust.author"),
        Binding("escape", "close", "no", id="dialog.close"),
    ]

    def __init__(self, report: TrustReport) -> None:
        super().__init__("May the code of this project run on your machine?", report_lines(report))

    def action_trust(self, answer: str) -> None:
        """Close with the answer."""
        if not self.deaf:
            self.dismiss(TrustAnswer(answer))


def report_lines(report: TrustReport) -> list[Line]:
    """The project, how it is trusted now, and each file with what changed in it."""
    lines: list[Line] = [
        [(_STATES[report.state], Tone.DIM)],
        [(shown(place(report.project), limit=200), Tone.PLAIN)],
        [(f"{count(len(report.pending), 'file')} would be let run:", Tone.DIM)],
    ]
    lines += [_title(item) for item in report.pending]
    for item in report.pending:
        lines += [[], *item_lines(item)]
    return lines


def item_lines(item: TrustItem) -> list[Line]:
    """One file: its name, and its text or what changed in it."""
    tones = {"+": Tone.GOOD, "-": Tone.BAD, "@": Tone.DIM} if item.change is Change.CHANGED else {}
    diff = clean(item.diff, limit=200_000).rstrip("\n").split("\n")
    return [
        _title(item),
        *([("  ", Tone.PLAIN), (line.expandtabs(4), tones.get(line[:1], Tone.PLAIN))] for line in diff),
    ]


def _title(item: TrustItem) -> Line:
    mark, tone = _MARKS[item.change]
    return [(f"{mark}  ", tone), (shown(item.path), Tone.STRONG)]
