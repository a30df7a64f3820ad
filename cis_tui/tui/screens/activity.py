"""The activity screen: what happens, as it happens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType

from cis_tui.core.events import Event
from cis_tui.core.pulse import Activity
from cis_tui.tui.activity import event_line, event_text
from cis_tui.tui.desk import Desk
from cis_tui.tui.paint import Line, Tone
from cis_tui.tui.screens.base import WorkspaceScreen
from cis_tui.tui.sparks import activity_notes
from cis_tui.tui.store import Changes, LinkState
from cis_tui.tui.widgets.filter import Filter
from cis_tui.tui.widgets.painted import LineWidget, with_note
from cis_tui.tui.widgets.rows import RowList
from cis_tui.tui.widgets.taught import keys_of, taught
from cis_tui.tui.words import count
from cis_tui.tui.writers import NOBODY, Names

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.timer import Timer

    from cis_tui.protocol import EngineApi


BREATH = 2.0
"""Seconds between two readings of how much happens."""


async def _activity(engine: EngineApi) -> tuple[Activity, Activity]:
    """The last hour by minutes, and the last day by hours."""
    return await engine.activity(step=60, spans=60), await engine.activity(step=3600, spans=24)


class EventList(RowList):
    """One row an event, the newest at the bottom, where the cursor stays unless it was moved away."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._events: Sequence[Event] = ()
        self._names: Names = NOBODY
        self._looked_for = ""

    def show(self, events: Sequence[Event], names: Names, *, looked_for: str = "") -> None:
        """Show these; follow the newest if the cursor stood on the newest. `names` are those of nodes and runs."""
        self._names, self._looked_for = names, looked_for
        follows = self.cursor >= len(self._events) - 1
        seq = self._events[self.cursor].seq if self._events and not follows else None
        self._events = events
        index = next((i for i, event in enumerate(events) if event.seq == seq), None) if seq else None
        self.show_rows(len(events), cursor=len(events) - 1 if index is None else index)

    def empty(self) -> list[Line]:
        """See `RowList`."""
        if self._looked_for:
            steps = (("activity.filter", "looks for something else"), ("filter.drop", "there shows all"))
            return taught(keys_of(self), "No event has that.", *steps)
        steps = (
            ("go.dags", "goes to the DAGs: a run tells each step here"),
            ("go.memory", "goes to memory: what is written is told here, without its value"),
            ("go.chat", "goes to the chat: so is what an agent does"),
        )
        return taught(keys_of(self), "Nothing has happened yet.", *steps)

    @property
    def chosen(self) -> Event | None:
        """The event under the cursor."""
        return self._events[self.cursor] if self.cursor < len(self._events) else None

    def row(self, index: int, width: int) -> Line:
        """One event."""
        return event_line(self._events[index], width, self._names)


class EventCount(LineWidget):
    """How much is shown, and whether it moves."""

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        self._paused = False
        self._pulse: Sequence[Line] = ()

    def beats(self, hour: Activity, day: Activity) -> None:
        """Tell at the right how much happened, where there is room."""
        self._pulse = activity_notes(hour, day)
        self.repaint_changed()

    def show(self, shown: int, dropped: int, *, paused: bool) -> None:
        """Say this."""
        gone = f", {dropped} older ones gone" if dropped else ""
        self._text = f" {count(shown, 'event')}{gone}"
        self._paused = paused
        self.repaint_changed()

    def line(self, y: int, width: int) -> Line:
        """The only line."""
        key = keys_of(self)("activity.pause")
        left = [(self._text, Tone.DIM), (f"   ‖ paused, {key} goes on" if self._paused else "", Tone.ASK)]
        return with_note(left, self._pulse, width)


class ActivityScreen(WorkspaceScreen):
    """What happened of late, and what happens."""

    NAME = "activity"
    PURPOSE = "What has happened of late, the newest at the bottom."
    CSS_PATH = "activity.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "pause", "pause or go on", id="activity.pause"),
        Binding("c,y", "copy", "copy", show=False, id="activity.copy"),
        Binding("slash", "filter", "filter", priority=True, id="activity.filter"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.list = EventList(id="events")
        self.counter = EventCount()
        self.filter = Filter("part of an event")
        self._paused = False
        self._beating: Timer | None = None
        """Runs for a while after it was read how much happens."""
        self._missed = False
        """Something has happened since."""

    def body(self) -> ComposeResult:
        """The list and what it is a part of."""
        yield self.counter
        yield self.list
        yield self.filter

    def on_mount(self) -> None:
        """The list has the keys."""
        self.list.focus()

    def refresh_all(self) -> None:
        """See `WorkspaceScreen`."""
        store = self.desk.store
        if not self._paused:
            needle = self.filter.value.lower()
            names = self._names
            found = [event for event in store.activity if needle in f"{event.type} {event_text(event, names)}".lower()]
            self.list.show(found, names, looked_for=needle)
        self.counter.show(self.list.count, store.activity_dropped, paused=self._paused)
        if self._beating is None and store.link is LinkState.READY:
            self._beat()

    @property
    def _names(self) -> Names:
        """What nodes and runs are called."""
        store = self.desk.store
        return {**store.names, **{run.id: run.dag for run in store.runs}}

    def _beat(self) -> None:
        """Read how much happened, and again in a while if more has by then."""
        self._beating = self.set_timer(BREATH, self._rested)
        self._missed = False
        self.desk.ask(_activity, lambda found: self.counter.beats(*found), group="activity", quiet=True)

    def _rested(self) -> None:
        self._beating = None
        if self._missed:
            self._beat()

    def update(self, changes: Changes) -> None:
        """See `WorkspaceScreen`."""
        if changes.everything or changes.activity:
            self._missed = True
            self.refresh_all()

    def action_pause(self) -> None:
        """Stop the list, or let it catch up; nothing is lost meanwhile."""
        self._paused = not self._paused
        self.refresh_all()

    def action_copy(self) -> None:
        """Give the event under the cursor to the clipboard."""
        event = self.list.chosen
        if event is not None:
            self.desk.copy(f"{event.type} {event_text(event, self._names)}", "this event")

    def action_filter(self) -> None:
        """Narrow the list."""
        self.filter.open()

    @on(Filter.Narrowed)
    def _narrowed(self) -> None:
        self.refresh_all()

    @on(Filter.Closed)
    def _filter_closed(self) -> None:
        self.list.focus()
