"""What the peers screen says of this node and of one peer, as lines."""

from __future__ import annotations

from collections.abc import Sequence

from cis_tui.core.clock import Instant
from cis_tui.p2p.model import Looking, Mode, NodeState, PeerInfo, PeerStatus, Trust
from cis_tui.tui.paint import Line, Tone, fit, shown
from cis_tui.tui.peer_words import MODES, VIAS, hour_bars, hour_words, latency, looking, shares, standing, state_piece
from cis_tui.tui.widgets.taught import Keys
from cis_tui.tui.words import calendar_time, count
from cis_tui.tui.writers import node_name

LABEL = 13
HOUR = 30
"""Cells of the last hour."""


def node_lines(status: PeerStatus, peers: Sequence[PeerInfo], keys: Keys) -> list[Line]:
    """Who this node is to others, how it is reached, and, while none of `peers` may speak, how one comes to."""
    lines: list[Line] = [
        *(() if any(peer.admitted for peer in peers) else _teaching(status, keys, known=bool(peers))),
        [("This node  ", Tone.STRONG), (shown(status.name), Tone.STRONG)],
        labelled("fingerprint", shown(status.fingerprint)),
        labelled("DID", shown(status.identity.did)),
        *_each("address", status.identity.addrs),
        labelled("", f"{keys('peers.copy')} copies the DID, {keys('peers.copy-address')} an address", Tone.DIM),
        [(fit("mode", LABEL), Tone.DIM), (f"{status.mode.value}: {MODES[status.mode]}", Tone.PLAIN)],
        [(fit("node", LABEL), Tone.DIM), state_piece(status)],
        [(fit("discovery", LABEL), Tone.DIM), *looking(status)],
    ]
    return lines + [[("! ", Tone.ASK), (shown(notice), Tone.PLAIN)] for notice in status.notices]


def _teaching(status: PeerStatus, keys: Keys, *, known: bool) -> list[Line]:
    """How another machine finds this one."""
    if status.state is NodeState.OFF:
        why = "the mode is solitary" if status.mode is Mode.SOLITARY else "[p2p] enabled is false"
        return [[(f"Nobody is looked for: {why}. ", Tone.ASK), ("cis config set changes that.", Tone.PLAIN)], []]
    found = (
        "On one network they find each other; elsewhere give" if status.mdns is Looking.ACTIVE else "With the code give"
    )
    pair = keys("peers.pair")
    steps = (
        ("1  ", f"On the other machine press {pair} on this screen too, or run cis peer pair."),
        ("2  ", f"Press {pair} here and type its code, or type ours there: each allows the other."),
        ("3  ", f"{found} an address, as below:"),
        ("   ", "cis peer pair CODE --at ADDRESS"),
    )
    return [
        [
            (f"{'Nobody is allowed' if known else 'No peers'} yet: ", Tone.STRONG),
            ("public memory is shared with those that you allow.", Tone.PLAIN),
        ],
        *([(number, Tone.STRONG), (text, Tone.PLAIN)] for number, text in steps),
        [],
    ]


def peer_lines(peer: PeerInfo, mode: Mode, keys: Keys) -> list[Line]:
    """One peer: who it is, how it stands, how it is reached, what it was given and has acknowledged."""
    mark, word, tone = standing(peer, mode)
    lines: list[Line] = [
        [(f"{mark} ", tone), (node_name(peer.did, {peer.did: peer.name}), Tone.STRONG), (f"  {word}", tone)],
        labelled("fingerprint", shown(peer.fingerprint)),
        labelled("trust", _trust(peer, mode, keys)),
        labelled("line", _line(peer)),
        labelled("last seen", _seen(peer)),
        labelled("shared", _shared(peer, keys("peers.share"))),
        labelled("pending", _pending(peer, keys("peers.sync"))),
        labelled("stands", _stands(peer), Tone.LIVE if peer.connected and peer.pending else Tone.PLAIN),
        *([labelled("last hour", f"{hour_bars(peer.past, HOUR)}  {hour_words(peer.past)}")] if peer.past else []),
    ]
    if peer.problem:
        lines.append(labelled("sync fails", f"{shown(peer.problem)}; it is tried again", Tone.BAD))
    if peer.conflicts:
        said = f"≠ {count(peer.conflicts, 'key')} that it and another wrote; {keys('peers.conflicts')} settles"
        lines.append(labelled("conflicts", said, Tone.ASK))
    if peer.refusals:
        lines.append(labelled("refused", f"{count(peer.refusals, 'time')}, last: {shown(peer.refusal)}", Tone.BAD))
    return [
        *lines,
        labelled("acknowledged", _moment(peer.acknowledged_at, "nothing yet")),
        labelled("in sync", _moment(peer.synced_at, "not yet")),
        labelled("DID", shown(peer.did)),
        *_each("address", peer.addrs),
        labelled("found", VIAS[peer.via]),
        labelled("first seen", _moment(peer.first_seen, "never")),
    ]


def labelled(label: str, text: str, tone: Tone = Tone.PLAIN) -> Line:
    """A line with its label at the left."""
    return [(fit(label, LABEL), Tone.DIM), (text, tone)]


def _each(label: str, texts: tuple[str, ...]) -> list[Line]:
    return [labelled("" if index else label, shown(text)) for index, text in enumerate(texts or ("none",))]


def _trust(peer: PeerInfo, mode: Mode, keys: Keys) -> str:
    allow, deny = keys("peers.allow"), keys("peers.deny")
    if peer.status is Trust.DENIED:
        return f"denied: every connection is refused; {allow} allows it"
    if peer.status is Trust.ALLOWED:
        return "one of your own nodes" if peer.own else f"allowed; {deny} denies it, on a live connection too"
    if peer.admitted:
        return f"the mode lets it speak; {allow} allows it in every mode, {deny} denies it"
    held = "connected, nothing is exchanged" if mode is Mode.QUARANTINE else "refused until you say"
    return f"{held}: compare the fingerprint with its screen, then {allow} allows, {deny} denies"


def _line(peer: PeerInfo) -> str:
    if not peer.connected:
        return "not connected"
    quick = latency(peer.latency)
    parts = (shown(peer.transport, limit=12), quick and f"{quick} there and back", shown(peer.addr, limit=100))
    traffic = f"{_size(peer.bytes_in)} in, {_size(peer.bytes_out)} out"
    return ", ".join(filter(None, (*parts, traffic)))


def _shared(peer: PeerInfo, key: str) -> str:
    if not peer.admitted:
        return "nothing, as it may not speak"
    said = f"{key} changes it" if peer.own_share else f"as [p2p] share says; {key} changes it for this peer"
    return f"{shares(peer.share)} ({said})"


def _pending(peer: PeerInfo, key: str) -> str:
    return f"{count(peer.pending, 'change')} not acknowledged; {key} syncs now" if peer.pending else "nothing"


def _stands(peer: PeerInfo) -> str:
    """In step, behind or away, and since when."""
    if peer.connected:
        how = f"behind by {count(peer.pending, 'change')}" if peer.pending else "in step"
    else:
        how = f"away, {count(peer.pending, 'change')} wait" if peer.pending else "away"
    return how if peer.stands_since is None else f"{how}, since {calendar_time(peer.stands_since)} UTC"


def _seen(peer: PeerInfo) -> str:
    if peer.connected and peer.connected_at is not None:
        return f"now, connected since {calendar_time(peer.connected_at)} UTC"
    return _moment(peer.last_seen, "never")


def _moment(at: Instant | None, otherwise: str) -> str:
    return otherwise if at is None else f"{calendar_time(at)} UTC"


def _size(size: int) -> str:
    return f"{size} B" if size < 1024 else f"{size / 1024:.0f} KB" if size < 1 << 20 else f"{size / (1 << 20):.1f} MB"
