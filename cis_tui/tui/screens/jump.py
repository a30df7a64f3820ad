"""Letters over whatever can have the keys: one of them goes there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Static

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult
    from textual.widget import Widget

LETTERS = "asdfghjklqwertyuiopzxcvbnm"


class JumpLabels(ModalScreen["Widget | None"]):
    """Gives the widget whose letter was pressed; any other key closes it."""

    CSS_PATH = "jump.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "close", id="dialog.close")]

    def __init__(self, targets: Sequence[Widget]) -> None:
        super().__init__()
        self._targets = dict(zip(LETTERS, targets, strict=False))

    def compose(self) -> ComposeResult:
        """A label at the upper left of each."""
        for letter, target in self._targets.items():
            label = Static(f" {letter} ", markup=False, classes="jump")
            label.styles.offset = target.region.x, target.region.y
            yield label

    def on_key(self, event: events.Key) -> None:
        """Go where the letter stands."""
        event.stop()
        self.dismiss(self._targets.get(event.character or ""))
