"""Something long to read, and to look for something in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widgets import Input

from cis_tui.tui.paint import Line
from cis_tui.tui.screens.dialog import Dialog
from cis_tui.tui.widgets.search_page import SearchPage

if TYPE_CHECKING:
    from textual.app import ComposeResult


class ReaderDialog(Dialog[None]):
    """Lines that scroll; `/` looks for a text, `n` and `N` go on, Esc closes."""

    DEFAULT_CLASSES = "-tall"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "search", priority=True, id="reader.search"),
        Binding("n", "found(1)", "next", id="reader.next"),
        Binding("N", "found(-1)", "one before", show=False, id="reader.before"),
    ]

    def __init__(self, title: str, lines: Sequence[Line]) -> None:
        super().__init__(title)
        self.page = SearchPage(lines, id="dialog-page")
        self._search = Input(placeholder="look for", compact=True, id="reader-search")
        self._search.cursor_blink = False
        self._search.display = False

    def content(self) -> ComposeResult:
        """The page, and under it what is looked for."""
        yield self.page
        yield self._search

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In the line of the search its keys are text; there is no next before something is looked for."""
        if action == "search":
            return not self._search.has_focus
        if action == "found":
            return bool(self.page.needle)
        return super().check_action(action, parameters)

    def action_search(self) -> None:
        """Ask what to look for."""
        self._search.display = True
        self.set_focus(self._search)

    @on(Input.Changed, "#reader-search")
    def _changed(self, event: Input.Changed) -> None:
        self.page.look_for(event.value)
        self._tell()

    @on(Input.Submitted, "#reader-search")
    def _submitted(self) -> None:
        self._search.display = bool(self.page.needle)
        self.set_focus(self.page)
        self.refresh_bindings()

    def action_found(self, step: int) -> None:
        """Go to the next place."""
        self.page.go(step)
        self._tell()

    def _tell(self) -> None:
        here, places = self.page.place
        self._search.border_subtitle = f"{here} of {places}"

    def action_close(self) -> None:
        """End the search first, then close."""
        if self._search.display:
            self._search.value = ""
            self._search.display = False
            self.set_focus(self.page)
            self.refresh_bindings()
        else:
            super().action_close()
