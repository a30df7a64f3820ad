"""The frame that the six screens share: where one is, what waits, how the engine does, which keys matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.screen import Screen
from textual.widgets import Input

from cis_tui.dag.views import Decision
from cis_tui.tui.desk import Desk
from cis_tui.tui.store import Changes
from cis_tui.tui.widgets.bars import KeyLine, NavBar
from cis_tui.tui.widgets.painted import TONE_CLASSES
from cis_tui.tui.widgets.status_line import StatusLine
from cis_tui.tui.widgets.tray import Tray

if TYPE_CHECKING:
    from textual.app import ComposeResult


class WorkspaceScreen(Screen[None]):
    """One of the screens. A subclass gives `body`, `refresh_all` and, where it can do better, `update`."""

    HORIZONTAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [(0, "-narrow"), (60, "-normal"), (110, "-wide")]  # pyright: ignore[reportIncompatibleVariableOverride] # declared so by Textual
    VERTICAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [(0, "-short"), (17, "-high")]  # pyright: ignore[reportIncompatibleVariableOverride] # declared so by Textual
    COMPONENT_CLASSES: ClassVar[set[str]] = TONE_CLASSES
    NAME: ClassVar[str]
    PURPOSE: ClassVar[str]
    """One line for the help: what the screen is for."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.nav = NavBar(desk.store, self.NAME)
        self.tray = Tray(desk.clock)
        self.status_line = StatusLine(desk.store, desk.clock)

    def compose(self) -> ComposeResult:
        """The frame around the body."""
        self._fit()
        yield self.nav
        yield from self.body()
        yield self.tray
        yield self.status_line
        yield KeyLine()

    def _fit(self) -> None:
        """Take the classes for the room that there is before the parts are styled: they would be styled twice."""
        width, height = self.app.size  # pyright: ignore[reportUnknownMemberType] # App is not parametrised
        for room, points in ((width, self.HORIZONTAL_BREAKPOINTS), (height, self.VERTICAL_BREAKPOINTS)):
            self.add_class(max(point for point in points or () if point[0] <= room)[1], update=False)

    def body(self) -> ComposeResult:
        """What is between the bars."""
        raise NotImplementedError

    def refresh_all(self) -> None:
        """Show everything anew from the store."""

    def update(self, changes: Changes) -> None:
        """Show what became different."""
        if changes.everything:
            self.refresh_all()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The filter's key comes first, so that what is typed ahead goes into it; in an input it is text."""
        if action == "filter" and isinstance(self.focused, Input):
            return False
        return super().check_action(action, parameters)

    def tick(self) -> None:
        """A second passed while something counts down or runs."""

    @property
    def asked(self) -> str:
        """Id of the decision that has the keys, or empty."""
        return ""

    @property
    def waiting(self) -> list[Decision]:
        """The open decisions that the tray lists; a screen leaves out what it asks itself."""
        return self.desk.store.pending

    def jump(self, decision: Decision) -> None:
        """Bring a decision into view and give it the keys; only the DAG screen can."""

    # Called by the app

    def on_screen_resume(self) -> None:
        """Catch up with what happened while another screen was in front."""
        self.show_frame()
        self.refresh_all()

    def show_changes(self, changes: Changes) -> None:
        """Show what became different, frame included."""
        if (
            changes.everything
            or changes.link
            or changes.runs
            or changes.decisions
            or changes.definitions
            or changes.unread
            or changes.peers
            or changes.models
        ):
            self.show_frame()
        self.update(changes)

    def show_tick(self) -> None:
        """A second passed while something counts down or runs."""
        self.status_line.tick()
        self.tray.tick()
        self.tick()

    def show_frame(self) -> None:
        """Repaint the bars and the tray."""
        self.nav.repaint_changed()
        self.status_line.repaint_changed()
        self.tray.show(self.waiting)

    @on(Tray.Picked)
    async def _picked(self, event: Tray.Picked) -> None:
        await self.run_action(f"app.decide({event.decision.id!r})")
