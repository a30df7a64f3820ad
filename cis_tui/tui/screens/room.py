"""The room, for people: what was said, by whom and how sure that is, and the line to say something."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType

from cis_tui.matrix.messages import MessagePage
from cis_tui.matrix.model import MatrixState
from cis_tui.tui.desk import Desk
from cis_tui.tui.paint import Piece, Tone, shown
from cis_tui.tui.room_acts import RoomActs
from cis_tui.tui.room_log import NEW, RoomLog
from cis_tui.tui.room_words import People, matrix_pieces, matrix_state, people, welcome
from cis_tui.tui.screens.base import WorkspaceScreen
from cis_tui.tui.store import Changes, LinkState
from cis_tui.tui.widgets.bars import NavBar
from cis_tui.tui.widgets.filter import Filter
from cis_tui.tui.widgets.room_line import RoomLine, Told
from cis_tui.tui.widgets.room_list import RoomList
from cis_tui.tui.widgets.taught import keys_of
from cis_tui.tui.widgets.writing_line import WritingLine

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.timer import Timer

    from cis_tui.protocol import EngineApi

PAGE = 100
"""Messages that are read at once."""
MOST = 1_000
"""Messages that are read anew when something changes; older ones stay as they were read."""
BREATH = 0.2
"""Seconds between two readings, however much is said."""
READ_AFTER = 1.0
"""Seconds for which the end has to be in view until it counts as read."""


class RoomScreen(WorkspaceScreen):
    """The room in which nodes, and their people, meet."""

    NAME = "room"
    PURPOSE = (
        "The room. A mark stands before who speaks: ▣ you, ◆ your own node, ✓ allowed, ? pending, ✗ denied, · no node."
        " Enter sends, Esc goes to the messages; PgUp reads older ones."
    )
    CSS_PATH = "room.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "search", id="room.search"),
        Binding("f", "traffic", "people or all", id="room.traffic"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.nav = NavBar(desk.store, "peers")
        self.history = RoomLog()
        self.traffic = True
        """Whether what nodes say is shown too."""
        self.acts = RoomActs(self)
        self.head = Told(self._about, id="room-head")
        self.list = RoomList(id="room-list")
        self.state_line = Told(self._state, id="room-state")
        self.filter = Filter("words of a message, or who said it")
        self.text: WritingLine = RoomLine(self._key)
        self._reads = self._again = False
        """Whether the newest messages are being read, and whether they are to be read once more after that."""
        self._older = ""
        """Of which page the one before is being read."""
        self._problem = ""
        """Why older messages did not come."""
        self._told_read = ""
        self._reader: Timer | None = None
        self._ticker: Timer | None = None

    def body(self) -> ComposeResult:
        """Which room, what was said, what goes on, and the line."""
        yield self.head
        yield self.list
        yield self.state_line
        yield self.filter
        yield self.text

    def on_mount(self) -> None:
        """The line has the first keys."""
        self.text.focus()

    @property
    def people(self) -> People:
        """Who is in the room."""
        store = self.desk.store
        return people(store.members, store.names, store.matrix.user if store.matrix else "")

    # Following

    def refresh_all(self) -> None:
        """See `WorkspaceScreen`."""
        self.show_log()
        self._reads, self._older = False, ""
        if self.desk.store.link is LinkState.READY:
            self.reread()

    def update(self, changes: Changes) -> None:
        """See `WorkspaceScreen`."""
        if changes.everything:
            self.refresh_all()
            return
        if changes.room:
            self.reread()
        if changes.peers:
            self.show_log()

    def on_screen_resume(self) -> None:
        """See `WorkspaceScreen`; what is new is seen from now on."""
        self.history.read = None
        self.desk.store.read_room(True)
        self.show_frame()

    def on_screen_suspend(self) -> None:
        """What was in view was read."""
        self.desk.store.read_room(False)
        self._tell_read()

    def reread(self) -> None:
        """Read the newest messages again, as many as are known; however much is said, one reading after the other."""
        status = self.desk.store.matrix
        if status is None or not status.room_id:
            return
        if self._reads:
            self._again = True
            return
        self._reads, self._again = True, False
        limit = min(MOST, max(PAGE, len(self.history.messages)))

        async def read(engine: EngineApi) -> MessagePage:
            try:
                return await engine.matrix_messages(limit=limit)
            finally:
                self._reads = False

        self.desk.ask(read, self.take, quiet=True)

    def take(self, page: MessagePage) -> None:
        """Show the newest messages."""
        if self._again:
            self.set_timer(BREATH, self.reread)
        first = not self.history.known
        if self.history.read is None:
            self.history.read = page.read
        self.history.take(page)
        self._problem = page.problem
        self.show_log()
        if first:
            self.list.to_end()
            if any(part.id == NEW for part in self.list.parts):
                self.list.go_to(NEW)
            if len(page.messages) < PAGE:
                self._want_older()
        self._read_soon()

    @on(RoomList.Older)
    def _want_older(self) -> None:
        before = self.history.before
        if not before or self._older == before:
            return
        self._older = before

        async def read(engine: EngineApi) -> MessagePage:
            try:
                return await engine.matrix_messages(before=before, limit=PAGE)
            finally:
                self._older = ""

        self.desk.ask(read, self.take_older)
        self.state_line.repaint_changed()

    def take_older(self, page: MessagePage) -> None:
        """Show a page of before; what is read stays where it is."""
        self._problem = page.problem
        self.history.take_older(page)
        self.show_log()

    def show_log(self) -> None:
        """Show everything anew from what is known."""
        if not self.is_mounted:
            return
        parts = self.history.parts(self.people, traffic=self.traffic, needle=self.filter.value)
        looked = bool(self.filter.value)
        said = welcome(self.desk.store.matrix, keys_of(self.text), known=self.history.known, looked=looked)
        self.list.show(parts, said)
        self.show_lines()

    def show_lines(self) -> None:
        """Repaint what stands above and below the messages, and count down while there is something to count."""
        self.head.repaint_changed()
        self.state_line.repaint_changed()
        status = self.desk.store.matrix
        counts = status is not None and status.state is MatrixState.RETRYING
        if counts and self._ticker is None:
            self._ticker = self.set_interval(1.0, self.show_lines)
        elif not counts and self._ticker is not None:
            self._ticker.stop()
            self._ticker = None

    def _about(self) -> list[Piece]:
        """Which room, how it is reached, and who is there."""
        status = self.desk.store.matrix
        only: list[Piece] = [] if self.traffic else [("people only   ", Tone.ASK)]
        return [*only, *(matrix_pieces(status, self.desk.clock()) if status is not None else [])]

    def _state(self) -> list[Piece]:
        """What is being done; else what is in the way; else what is below."""
        status = self.desk.store.matrix
        if self.acts.mode:
            return [(self.acts.mode, Tone.LIVE), ("  Esc leaves that", Tone.DIM)]
        if self._older:
            return [("reading older messages…", Tone.LIVE)]
        if self._problem and self.list.scroll_offset.y == 0:
            return [(f"no older messages: {shown(self._problem)}", Tone.ASK)]
        if status is not None and status.user and status.state is not MatrixState.ONLINE:
            problem = f": {shown(status.problem)}" if status.problem else ""
            text, tone = matrix_state(status, self.desk.clock())
            return [(text, tone), (problem, Tone.DIM)]
        return [] if self.list.at_end else [("↓ more below: End", Tone.DIM)]

    # Read up to here

    @on(RoomList.Scrolled)
    def _scrolled(self) -> None:
        self.state_line.repaint_changed()
        self._read_soon()

    def _read_soon(self) -> None:
        """Once the end was in view for a moment, it was read."""
        if self._reader is None and self.is_current and self.list.at_end and self.history.last != self._told_read:
            self._reader = self.set_timer(READ_AFTER, self._was_read)

    def _was_read(self) -> None:
        self._reader = None
        if self.is_current:
            self._tell_read()

    def _tell_read(self) -> None:
        last = self.history.last
        if last and last != self._told_read and self.list.at_end and not self.filter.value:
            self._told_read = last
            self.desk.ask(lambda engine: engine.matrix_read(last), group="room-read", quiet=True)

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In the line, keys are text."""
        if action in ("filter", "traffic"):
            return self.list.has_focus
        return super().check_action(action, parameters)

    def _key(self, name: str) -> None:
        match name:
            case "send":
                self.acts.send(self.text.text)
            case "back" if self.acts.mode:
                self.acts.leave()
            case "back" | "read":
                self.set_focus(self.list)
            case "up":
                self.list.action_page_up()
            case _:
                self.list.action_page_down()

    @on(RoomList.Act)
    async def _act(self, event: RoomList.Act) -> None:
        if event.name == "leave" and self.filter.display:
            self.action_drop_filter()
        elif event.name == "leave":
            await self.run_action("app.show('peers')")
        elif (message := self.list.message) is not None:
            self.acts.act(event.name, message)

    @on(RoomList.Copied)
    def _copied(self) -> None:
        message = self.list.message
        if message is not None:
            self.desk.copy(message.text, "the message")

    @on(RoomList.Left)
    def to_line(self) -> None:
        """Write."""
        self.set_focus(self.text)

    @on(RoomList.Pasted)
    def _pasted(self, event: RoomList.Pasted) -> None:
        self.set_focus(self.text)
        self.text.paste(event.text)

    def action_traffic(self) -> None:
        """Show what nodes say too, or only what people say."""
        self.traffic = not self.traffic
        self.show_log()

    def action_filter(self) -> None:
        """Look for words in what was read."""
        self.filter.open()

    def action_drop_filter(self) -> None:
        """Show all messages; the one under the cursor stays in view."""
        self.filter.drop()
        self.show_log()

    @on(Filter.Narrowed)
    def _narrowed(self) -> None:
        self.show_log()

    @on(Filter.Closed)
    def _filter_closed(self) -> None:
        self.set_focus(self.list)
