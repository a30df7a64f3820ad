"""The peers screen: who this node is, whom it knows, how each stands, and how far memory has become one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical

from cis_tui.memory.records import MemoryConflict
from cis_tui.p2p.model import Mode, NodeState, PeerInfo, Trust
from cis_tui.tui.desk import ROOM, Desk
from cis_tui.tui.matrix_detail import matrix_lines, matrix_ticks
from cis_tui.tui.paint import Line
from cis_tui.tui.peer_acts import PeerActs
from cis_tui.tui.peer_detail import node_lines, peer_lines
from cis_tui.tui.peer_sync import sync_lines
from cis_tui.tui.room_words import people
from cis_tui.tui.screens.base import WorkspaceScreen
from cis_tui.tui.store import Changes, LinkState
from cis_tui.tui.widgets.filter import Filter
from cis_tui.tui.widgets.page import Page
from cis_tui.tui.widgets.peer_table import PeerHead, PeerHeading, PeerTable
from cis_tui.tui.widgets.rows import RowList
from cis_tui.tui.widgets.taught import keys_of

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.timer import Timer


class PeersScreen(WorkspaceScreen):
    """Find, admit and refuse other nodes, and see what is shared with them."""

    NAME = "peers"
    PURPOSE = (
        "This node and the others that it knows. ◆ is your own, ✓ allowed, ? pending, ✗ denied, ⊘ quarantined;"
        " ● is connected, ○ is not; ↑ counts changes that a peer has not acknowledged, ≠ conflicts."
        " The line of Matrix tells of the room in which nodes meet; · has no node there."
    )
    CSS_PATH = "peers.tcss"
    HORIZONTAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [  # pyright: ignore[reportIncompatibleVariableOverride] # declared so by Textual
        (0, "-narrow"),
        (110, "-wide"),
        (160, "-broad"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pair", "pair", id="peers.pair"),
        Binding("a", "allow", "allow", id="peers.allow"),
        Binding("D", "deny", "deny", id="peers.deny"),
        Binding("v", "view", "sync queue", id="peers.view"),
        Binding("m", "room", "room", id="peers.room"),
        Binding("slash", "filter", "filter", priority=True, id="peers.filter"),
        Binding("C", "settle", "settle a conflict", id="peers.conflicts"),
        Binding("S", "sync", "sync now", id="peers.sync"),
        Binding("r", "rename", "rename", id="peers.rename"),
        Binding("s", "share", "share", id="peers.share"),
        Binding("x,delete", "forget", "forget", show=False, id="peers.forget"),
        Binding("plus", "add", "add an address", id="peers.add"),
        Binding("c", "copy_peer", "copy its DID", show=False, id="peers.copy-peer"),
        Binding("y", "copy_did", "copy own DID", id="peers.copy"),
        Binding("Y", "copy_address", "copy own address", id="peers.copy-address"),
        Binding("escape", "drop_filter", "show all", show=False, id="peers.drop"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.head = PeerHead(id="peer-head")
        self.table = PeerTable(desk.clock, id="peer-table")
        self.page = Page(id="peer")
        self.sync = Page(id="peer-sync")
        self.matrix = Page(id="peer-matrix")
        self.filter = Filter("a name, a DID, or a word such as pending")
        self.acts = PeerActs(desk)
        self._conflicts: tuple[MemoryConflict, ...] = ()
        self._ticker: Timer | None = None
        self._wanted = ""
        """DID of a peer that is to be under the cursor as soon as it is listed."""

    def body(self) -> ComposeResult:
        """The node over its peers, and under or beside them the chosen one, or the sync."""
        yield self.head
        with Container(id="peers"):
            with Vertical(id="known"):
                yield PeerHeading(id="peer-heading")
                yield self.table
            yield self.page
            with Horizontal(id="beside"):
                yield self.sync
                yield self.matrix
        yield self.filter

    def on_mount(self) -> None:
        """The table has the first keys."""
        self.table.focus()

    # What is shown

    def refresh_all(self) -> None:
        """See `WorkspaceScreen`."""
        self._show()
        if self.desk.store.link is LinkState.READY:
            self._read()

    def update(self, changes: Changes) -> None:
        """See `WorkspaceScreen`."""
        if changes.everything:
            self.refresh_all()
        elif changes.peers:
            self._read_conflicts()
            self._show()

    def _read(self) -> None:
        """What no event tells: latency, traffic, when somebody was last seen."""
        self.desk.refresh_peers()
        self._read_conflicts()

    def _read_conflicts(self) -> None:
        self.desk.ask(lambda engine: engine.memory_conflicts(), self.take_conflicts, group="peer-conflicts", quiet=True)

    def take_conflicts(self, conflicts: tuple[MemoryConflict, ...]) -> None:
        """Show these."""
        if conflicts != self._conflicts:
            self._conflicts = conflicts
            self._show()

    def _show(self) -> None:
        store = self.desk.store
        needle = self.filter.value.lower()
        self.table.show(store.peer_status, [peer for peer in store.peers if needle in _searched(peer)])
        self.table.styles.height = max(1, self.table.count)
        if self._wanted:
            self.table.choose(self._wanted)
            self._wanted = self._wanted if self.table.chosen is None else ""
        self.head.show(store.peer_status, len(self._conflicts), store.matrix, self.desk.clock())
        self._show_matrix()
        self._show_chosen()

    def _show_matrix(self) -> None:
        """Show the room, and count down while the homeserver is away."""
        store, ticks = self.desk.store, matrix_ticks(self.desk.store.matrix)
        self.set_class(store.matrix is not None, "-with-matrix")
        if store.matrix is not None:
            self.matrix.show(self._matrix_lines())
        if ticks and self._ticker is None:
            self._ticker = self.set_interval(1.0, self._second)
        elif not ticks and self._ticker is not None:
            self._ticker.stop()
            self._ticker = None

    def _matrix_lines(self) -> list[Line]:
        store = self.desk.store
        assert store.matrix is not None
        who = people(store.members, store.names, store.matrix.user)
        return matrix_lines(store.matrix, store.members, who, self.desk.clock(), keys_of(self))

    def _second(self) -> None:
        if self.is_current and self.desk.store.matrix is not None:
            store = self.desk.store
            self.head.show(store.peer_status, len(self._conflicts), store.matrix, self.desk.clock())
            self.matrix.show_first(self._matrix_lines())

    @on(RowList.Moved, "#peer-table")
    def _show_chosen(self) -> None:
        """Show the peer under the cursor, or this node, and the sync."""
        self.refresh_bindings()
        store, peer = self.desk.store, self.table.chosen
        status = store.peer_status
        if status is None:
            return
        keys, now = keys_of(self), self.desk.clock()
        self.page.show(peer_lines(peer, status.mode, keys) if peer else node_lines(status, store.peers, keys))
        self.sync.show(sync_lines(status, self._conflicts, now, keys, me=store.me, names=store.names))

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done with the chosen peer, as the node is now."""
        peer, status = self.table.chosen, self.desk.store.peer_status
        match action:
            case "allow":
                return peer is not None and peer.status is not Trust.ALLOWED
            case "deny":
                return peer is not None and peer.status is not Trust.DENIED
            case "rename" | "share" | "forget" | "copy_peer":
                return peer is not None
            case "pair" | "sync":
                return status is not None and status.state in (NodeState.STARTING, NodeState.LIVE)
            case "add" | "copy_did" | "copy_address":
                return status is not None and status.mode is not Mode.SOLITARY
            case "settle":
                return bool(self._conflicts)
            case "view":
                return status is not None
            case "room":
                return self.desk.store.matrix is not None
            case "drop_filter":
                return self.filter.display
            case _:
                return super().check_action(action, parameters)

    @on(RowList.Chosen, "#peer-table")
    def _open(self) -> None:
        """Read all that is known of the peer, or of this node."""
        from cis_tui.tui.screens.reader import ReaderDialog

        peer, status = self.table.chosen, self.desk.store.peer_status
        if status is None:
            return
        keys = keys_of(self)
        lines = peer_lines(peer, status.mode, keys) if peer else node_lines(status, (), keys)
        self.desk.dialog(ReaderDialog("This peer" if peer else "This node", lines))

    def action_pair(self) -> None:
        """Pair with another machine by a code."""
        self.acts.pair(self.want)

    def action_allow(self) -> None:
        """Admit the chosen peer."""
        if self.table.chosen:
            self.acts.allow(self.table.chosen)

    def action_deny(self) -> None:
        """Refuse the chosen peer from now on."""
        if self.table.chosen:
            self.acts.deny(self.table.chosen)

    def action_rename(self) -> None:
        """Call the chosen peer something else."""
        if self.table.chosen:
            self.acts.rename(self.table.chosen)

    def action_share(self) -> None:
        """Say what of public memory the chosen peer is given."""
        if self.table.chosen:
            self.acts.share(self.table.chosen)

    def action_forget(self) -> None:
        """Let the chosen peer be a stranger again."""
        if self.table.chosen:
            self.acts.forget(self.table.chosen)

    def action_sync(self) -> None:
        """Sync with everybody now."""
        self.acts.sync()

    def action_settle(self) -> None:
        """Settle a conflict."""
        self.acts.settle(self._conflicts)

    def action_add(self) -> None:
        """Remember an address of a peer."""
        self.acts.add(self.want)

    def action_copy_peer(self) -> None:
        """Give the DID of the chosen peer to the clipboard."""
        if self.table.chosen:
            self.acts.copy_peer(self.table.chosen)

    def action_copy_did(self) -> None:
        """Give the node's own DID to the clipboard."""
        if self.desk.store.peer_status:
            self.acts.copy_did(self.desk.store.peer_status)

    def action_copy_address(self) -> None:
        """Give an address of this node to the clipboard."""
        if self.desk.store.peer_status:
            self.acts.copy_address(self.desk.store.peer_status)

    def action_view(self) -> None:
        """Show the sync in place of the peer, then Matrix, then the peer again; where all are seen, give them keys."""
        pages = [self.table, self.sync, *([self.matrix] if self.desk.store.matrix is not None else [])]
        classes = ["", "-sync", "-matrix"][: len(pages)]
        if self.has_class("-wide", "-broad"):
            at = next((index for index, page in enumerate(pages) if page.has_focus), 0)
            following = (at + 1) % len(pages)
            self.set_class(classes[following] == "-matrix", "-matrix")
            self.set_focus(pages[following])
            return
        at = next((index for index, name in enumerate(classes) if name and self.has_class(name)), 0)
        following = (at + 1) % len(pages)
        for index, name in enumerate(classes[1:], 1):
            self.set_class(index == following, name)
        if not self.table.has_focus:
            self.table.focus()

    async def action_room(self) -> None:
        """Go to the room in which nodes, and people, meet."""
        await self.run_action(f"app.show('{ROOM}')")

    def action_filter(self) -> None:
        """Narrow the table."""
        self.filter.open()

    def action_drop_filter(self) -> None:
        """Show all peers."""
        self.filter.drop()

    @on(Filter.Narrowed)
    def _narrowed(self) -> None:
        self._show()

    @on(Filter.Closed)
    def _filter_closed(self) -> None:
        self.table.focus()

    def want(self, did: str) -> None:
        """Put the cursor on a peer as soon as it is listed."""
        self._wanted = did
        self._show()
        self.desk.refresh_peers()


def _searched(peer: PeerInfo) -> str:
    """What the filter looks into."""
    own = "own" if peer.own else ""
    line = "connected" if peer.connected else ""
    return " ".join((peer.name, peer.did, peer.status.value, own, line, peer.fingerprint)).lower()
