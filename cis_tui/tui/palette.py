"""The palette: Enter is about what was typed, also while that is still being looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import on
from textual.command import CommandPalette
from textual.widgets import Input
from textual.worker import Worker

if TYPE_CHECKING:
    from cis_tui.tui.key_order import OrderedApp


class Palette(CommandPalette):
    """Textual's, which at Enter does the first of what is listed, though that may fit only the letters before."""

    _waits = False
    """Whether Enter was pressed about what is being looked for."""

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if self._looking:
            event.stop()
            event.prevent_default()
            self._waits = True
            self._hold_keys(True)

    @on(Input.Changed)
    def _typed(self) -> None:
        self._waits = False

    @on(Worker.StateChanged)
    def _looked(self) -> None:
        if self._waits and not self._looking:
            self._waits = False
            if self._list_visible:
                self._select_or_command(None)
            else:
                self._hold_keys(False)

    def on_unmount(self) -> None:
        """What was pressed behind Enter is for where that leads."""
        self._hold_keys(False)

    @property
    def _looking(self) -> bool:
        """Whether what fits is not all listed yet."""
        return any(each.group == self._GATHER_COMMANDS_GROUP and not each.is_finished for each in self.workers)

    def _hold_keys(self, held: bool) -> None:
        cast("OrderedApp", self.app).hold_keys(held)  # pyright: ignore[reportUnknownMemberType] # App is not parametrised
