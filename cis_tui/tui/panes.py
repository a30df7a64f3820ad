"""Which parts of the DAG screen are to be seen, and which has the keys, for the room that there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.widget import Widget

    from cis_tui.tui.screens.dags import DagsScreen

NARROW, LOW = 60, 17
"""Columns and rows below which list and tasks are shown one at a time."""


class Panes:
    """List, tasks, question and output, in this order."""

    def __init__(self, screen: DagsScreen) -> None:
        self._screen = screen
        self._at_list = True

    @property
    def _stops(self) -> list[Widget]:
        screen = self._screen
        stops: list[Widget] = [screen.list, screen.tasks.current]
        if screen.pane.prompt.display:
            stops.append(screen.pane.prompt)
        if screen.pane.log_view.display:
            stops.append(screen.pane.log_view)
        return stops

    def arrange(self) -> None:
        """Show what the keys are for; the other half, too, if there is room."""
        screen = self._screen
        if screen.focused in self._stops:
            self._at_list = screen.focused is screen.list
        self._show_halves()

    def give(self, widget: Widget) -> None:
        """Show a part and give it the keys."""
        self._at_list = widget is self._screen.list
        self._show_halves()
        # At once, and not after the next message as `focus` does: keys typed ahead are meant for this part.
        self._screen.set_focus(widget)

    def step(self, step: int) -> None:
        """Give the keys to the next part, or with -1 to the one before."""
        stops = self._stops
        focused = self._screen.focused
        here = stops.index(focused) if focused in stops else 0
        self.give(stops[(here + step) % len(stops)])

    def _show_halves(self) -> None:
        screen = self._screen
        if not screen.is_mounted:
            return
        width, height = screen.size
        bare = screen.list.bare
        alone = width < NARROW or height < LOW
        screen.set_class(bare, "-bare")
        screen.query_one("#left").display = bare or not alone or self._at_list
        screen.query_one("#right").display = not bare and (not alone or not self._at_list)
