"""One of a few."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType

from cis_tui.tui.paint import Line, Tone, fit, shown
from cis_tui.tui.screens.dialog import Dialog
from cis_tui.tui.widgets.page import Page
from cis_tui.tui.widgets.rows import RowList

if TYPE_CHECKING:
    from textual.app import ComposeResult

Option = tuple[str, str]
"""What it is called, and what it means."""


class Options(RowList):
    """One row an option."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "choose", "choose", id="list.choose")]

    def __init__(self, options: Sequence[Option]) -> None:
        super().__init__(id="dialog-options")
        self._options = options
        self._name = max((len(shown(name, limit=40)) for name, _ in options), default=0) + 2

    def on_mount(self) -> None:
        """Show them."""
        self.show_rows(len(self._options))

    def row(self, index: int, width: int) -> Line:
        """Its name and what it means."""
        name, note = self._options[index]
        return [
            (fit(shown(name, limit=40), self._name), Tone.STRONG),
            (fit(shown(note), max(0, width - self._name)), Tone.DIM),
        ]


class ChoiceDialog(Dialog[int]):
    """Gives the index of the option that was chosen."""

    def __init__(self, title: str, options: Sequence[Option], lines: Sequence[Line] = (), *, cursor: int = 0) -> None:
        super().__init__(title, lines)
        self._list = Options(options)
        self._list.set_reactive(RowList.cursor, cursor)
        self._list.styles.height = len(options)

    @property
    def cursor(self) -> int:
        """Index of the option under the cursor."""
        return self._list.cursor

    def content(self) -> ComposeResult:
        """What it is about, and the options."""
        if self._lines:
            yield Page(self._lines, id="dialog-page")
        yield self._list

    def on_mount(self) -> None:
        """The options have the keys."""
        self._list.focus()

    @on(RowList.Chosen)
    def _chosen(self, event: RowList.Chosen) -> None:
        if not self.deaf:
            self.dismiss(event.index)
