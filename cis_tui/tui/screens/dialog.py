"""The frame of every dialog: a title, what it is about, and the keys that answer it. Enter never means yes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from cis_tui.tui.paint import Line
from cis_tui.tui.store import Changes
from cis_tui.tui.widgets.dialog_frame import DialogKeys, DialogTitle
from cis_tui.tui.widgets.page import Page
from cis_tui.tui.widgets.painted import TONE_CLASSES

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from cis_tui.tui.desk_app import DeskApp

T = TypeVar("T")

DEAF = 0.4
"""Seconds for which a question that has just opened takes no yes: the key may have been meant for what was before."""


SCROLL = ("dialog-page", "dialog-form", "dialog-options", "settle-page")
"""Parts that scroll when there is no room for all of them."""
MOST = 96
"""Hundredths of the height of the screen that a dialog takes."""
FEWEST = 3
"""Lines of such a part that are to be seen."""


class Dialog(ModalScreen[T]):
    """A question over the screen. A subclass adds its keys and, if need be, other content."""

    CSS_PATH = "dialog.tcss"
    COMPONENT_CLASSES: ClassVar[set[str]] = TONE_CLASSES
    VERTICAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [(0, "-short"), (24, "-high")]  # pyright: ignore[reportIncompatibleVariableOverride] # declared so by Textual
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

    def on_mount(self) -> None:
        """The question and the keys stay in sight, whatever is laid out."""
        self.screen_layout_refresh_signal.subscribe(self, lambda _: self._laid_out())  # pyright: ignore[reportUnknownMemberType, reportUnknownLambdaType] # Textual leaves the type of the screen open

    def _laid_out(self) -> None:
        if self.is_attached:  # it may be closed before it was ever painted
            if not self.has_class("-full"):
                self._fit()
            self.query_one(DialogKeys).tell_more()

    def _fit(self) -> None:
        """Leave to what scrolls the room that the rest does not need."""
        dialog = self.query_one("#dialog")
        parts = [part for part in dialog.children if part.id in SCROLL]
        fixed = sum(
            max(1, part.size.height) + part.styles.gutter.height + part.styles.margin.height
            for part in dialog.displayed_children
            if part.id not in SCROLL
        )
        room = self.size.height * MOST // 100 - dialog.styles.gutter.height - fixed
        for number, part in enumerate(parts, 1):
            most = max(FEWEST, room if number == len(parts) else room // 2)
            part.styles.max_height = most
            room -= min(most, part.virtual_size.height)

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
        return self.workspace.timer()

    @property
    def workspace(self) -> DeskApp:
        """The app that it belongs to."""
        return cast("DeskApp", self.app)  # pyright: ignore[reportUnknownMemberType] # App is not parametrised

    def action_close(self) -> None:
        """Close without an answer."""
        self.dismiss(None)
