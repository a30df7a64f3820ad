"""This node and its peers as a table, and the lines over it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from cis_tui.core.clock import Clock, Instant
from cis_tui.matrix.model import MatrixStatus
from cis_tui.p2p.model import PeerInfo, PeerStatus, Trust
from cis_tui.tui.paint import Line, Piece, Tone, fit, fit_line, shown
from cis_tui.tui.peer_words import asks, hour_bars, line_word, looking, shares, standing, state_piece, traffic
from cis_tui.tui.room_words import matrix_pieces
from cis_tui.tui.widgets.painted import LineWidget
from cis_tui.tui.widgets.rows import RowList
from cis_tui.tui.words import when
from cis_tui.tui.writers import SHORT, short_did

MARK, TRUST, LINE, WAITS, CONFLICTS = 2, 12, 15, 7, 4
ACKED, SHARES, HOUR, ADDRESS = 7, 22, 13, 26
NARROW, WIDE, WIDER, BROAD = 56, 84, 98, 140
"""Widths from which the words, what is acknowledged and shared, how the last hour was, and addresses are shown."""
Column = tuple[str, Tone, int]
"""What stands in it, and its cells."""


class PeerTable(RowList):
    """One row a peer, after a first one for this node; those that ask are at the top, denied ones at the bottom."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "choose", "details", id="list.choose")]

    def __init__(self, clock: Clock, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._clock = clock
        self._status: PeerStatus | None = None
        self._peers: Sequence[PeerInfo] = ()

    @property
    def chosen(self) -> PeerInfo | None:
        """The peer under the cursor; None on the row of this node."""
        return self._peers[self.cursor - 1] if 0 < self.cursor <= len(self._peers) else None

    def show(self, status: PeerStatus | None, peers: Sequence[PeerInfo]) -> None:
        """Show these; the cursor stays on its peer."""
        chosen = self.chosen
        self._status = status
        self._peers = sorted(peers, key=_order)
        dids = [peer.did for peer in self._peers]
        index = dids.index(chosen.did) + 1 if chosen and chosen.did in dids else 0 if chosen else self.cursor
        self.show_rows(len(self._peers) + 1 if status else 0, cursor=index)

    def choose(self, did: str) -> None:
        """Put the cursor on a peer, if it is shown."""
        self.cursor = next((index for index, peer in enumerate(self._peers, 1) if peer.did == did), self.cursor)

    def empty(self) -> list[Line]:
        """See `RowList`."""
        return [[("who this node is, and its peers, are known once the engine has started", Tone.DIM)]]

    def row(self, index: int, width: int) -> Line:
        """This node, or a peer."""
        if index == 0:
            return self._node(width)
        assert self._status is not None
        peer = self._peers[index - 1]
        mark, word, tone = standing(peer, self._status.mode)
        name, columns = _layout(width)
        said = shown(peer.name, limit=40).strip() or "no name"
        pieces: list[Piece] = [(fit(mark, MARK), tone), (fit(said, name - 1) + " ", Tone.PLAIN)]
        for column in columns:
            text, column_tone, cells = self._column(column, peer, word, tone)
            pieces.append((fit(text, cells - 1) + " ", column_tone))
        return fit_line(pieces, width)

    def _column(self, name: str, peer: PeerInfo, word: str, tone: Tone) -> Column:
        match name:
            case "trust":
                return word, tone, TRUST
            case "DID":
                return short_did(peer.did), Tone.DIM, SHORT + 1
            case "line or seen":
                return *line_word(peer, self._clock()), LINE
            case "waits":
                return f"↑ {peer.pending}" if peer.pending else "", Tone.LIVE, WAITS
            case "≠":
                return f"≠{peer.conflicts}" if peer.conflicts else "", Tone.ASK, CONFLICTS
            case "acked":
                at = peer.acknowledged_at
                return when(at, self._clock()) if at is not None else "-", Tone.DIM, ACKED
            case "last hour":
                return hour_bars(peer.past, HOUR - 1), Tone.LIVE if peer.connected else Tone.DIM, HOUR
            case "shared":
                return shares(peer.share) if peer.admitted else "-", Tone.DIM, SHARES
            case _:
                where = peer.addr if peer.connected else next(iter(peer.addrs), "")
                return shown(where, limit=100), Tone.DIM, ADDRESS

    def _node(self, width: int) -> Line:
        assert self._status is not None
        name = shown(self._status.name, limit=40).strip() or "this node"
        return fit_line(
            [
                (fit("▣", MARK), Tone.LIVE),
                (f"{name}  ", Tone.STRONG),
                ("this node  ", Tone.DIM),
                (short_did(self._status.identity.did), Tone.DIM),
                (f"  {self._status.mode.value}", Tone.PLAIN),
            ],
            width,
        )


class PeerHeading(LineWidget):
    """The names of the columns."""

    def line(self, y: int, width: int) -> Line:
        """The only line; the table has a mark of its cursor at the left."""
        name, columns = _layout(max(0, width - 1))
        cells = {"trust": TRUST, "DID": SHORT + 1, "line or seen": LINE, "waits": WAITS, "≠": CONFLICTS}
        cells |= {"acked": ACKED, "shared": SHARES, "last hour": HOUR, "address": ADDRESS}
        pieces: list[Piece] = [(" " * (MARK + 1), Tone.DIM), (fit("name", name), Tone.DIM)]
        return fit_line([*pieces, *((fit(column, cells[column]), Tone.DIM) for column in columns)], width)


class PeerHead(LineWidget):
    """How this node listens and looks for others; who is there and what waits; and, if there is Matrix, the room."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._status: PeerStatus | None = None
        self._conflicts = 0
        self._matrix: MatrixStatus | None = None
        self._now = Instant(0)

    def show(self, status: PeerStatus | None, conflicts: int, matrix: MatrixStatus | None, now: Instant) -> None:
        """Say this."""
        self._status, self._conflicts, self._matrix, self._now = status, conflicts, matrix, now
        self.repaint_changed()

    def line(self, y: int, width: int) -> Line:
        """The node, then its traffic, then the room."""
        if self._status is None:
            return ()
        if y == 2:
            pieces = matrix_pieces(self._matrix, self._now) if self._matrix is not None else []
            return fit_line([(" Matrix ", Tone.DIM), *pieces], width)
        if y == 0:
            return fit_line(
                [(" ", Tone.PLAIN), state_piece(self._status), ("   ", Tone.DIM), *looking(self._status)], width
            )
        return fit_line([(" ", Tone.PLAIN), *traffic(self._status, self._conflicts)], width)


def _order(peer: PeerInfo) -> tuple[bool, bool, bool, bool, str, str]:
    return (
        not asks(peer),
        peer.status is Trust.DENIED,
        not peer.own,
        not peer.connected,
        peer.name.casefold(),
        peer.did,
    )


def _layout(width: int) -> tuple[int, list[str]]:
    """Cells of the name, and the columns for which there is room beside it."""
    if width < NARROW:
        return max(8, width - MARK - LINE), ["line or seen"]
    columns = ["trust", "DID", "line or seen", "waits", "≠"]
    used = MARK + TRUST + SHORT + 1 + LINE + WAITS + CONFLICTS
    if width >= WIDE:
        columns += ["acked", "shared"]
        used += ACKED + SHARES
    if width >= WIDER:
        columns.append("last hour")
        used += HOUR
    if width >= BROAD:
        columns.append("address")
        used += ADDRESS
    return max(8, min(40, width - used)), columns
