"""The frame of every dialog: a title, what it is about, and the keys that answer it. Enter never means yes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from cis_tui.tui.paint import Line, Tone, fit, line_width, shown
from cis_tui.tui.store import Changes
from cis_tui.tui.widgets.bars import ClickableKeys, key_name, visible_bindings
from cis_tui.tui.widgets.page import Page
from cis_tui.tui.widgets.painted import TONE_CLASSES, LineWidget

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from cis_tui.tui.desk_app import DeskApp

T = TypeVar("T")


class DialogTitle(LineWidget):
    """One line that says what is asked."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def line(self, y: int, width: int) -> Line:
        """The only line."""
        return [(fit(shown(self._text), width), Tone.STRONG)]


class DialogKeys(ClickableKeys):
    """The keys that this dialog knows."""

    def line(self, y: int, width: int) -> Line:
        """The only line."""
        pieces: list[tuple[str, Tone]] = []
        self.spots = []
        for binding in sorted(visible_bindings(self.screen), key=lambda binding: binding.key == "escape"):
            start = line_width(pieces)
            pieces += [(key_name(binding), Tone.STRONG), (f" {binding.description}   ", Tone.DIM)]
            self.spots.append((start, line_width(pieces), binding.key))
        return pieces


DEAF = 0.4
"""Seconds for which a question that has just opened takes no yes: the key may have been meant for what was before."""


class Dialog(ModalScreen[T]):
    """A question over the screen. A subclass adds its keys and, if need be, other content."""

    CSS_PATH = "dialog.tcss"
    COMPONENT_CLASSES: ClassVar[set[str]] = TONE_CLASSES
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "close", id="dialog.close"),
    ]

    def __init__(self, title: str, lines: Sequence[Line] = ()) -> None:
        super().__init__()
        self._title = title
        self._lines = lines
        self._opened_at: float | None = None

    def compose(self) -> ComposeResult:
        """Title, content, keys."""
        with Vertical(id="dialog"):
            yield DialogTitle(self._title)
            yield from self.content()
            yield DialogKeys()

    def content(self) -> ComposeResult:
        """What the dialog is about: its lines, unless a subclass has something else."""
        yield Page(self._lines, id="dialog-page")

    def show_changes(self, changes: Changes) -> None:
        """Something became different while it is open."""

    def show_tick(self) -> None:
        """A second passed while something counts down or runs."""

    def on_screen_resume(self) -> None:
        """It is to be seen now; after another dialog was over it, again."""
        self._opened_at = self._now()

    @property
    def deaf(self) -> bool:
        """Whether it has only just opened."""
        return self._opened_at is None or self._now() - self._opened_at < DEAF

    def _now(self) -> float:
        return cast("DeskApp", self.app).timer()  # pyright: ignore[reportUnknownMemberType] # App is not parametrised

    def action_close(self) -> None:
        """Close without an answer."""
        self.dismiss(None)
