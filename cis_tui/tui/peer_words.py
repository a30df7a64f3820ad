"""Peers in the words and marks of the workspace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cis_tui.core.clock import Instant
from cis_tui.p2p.model import Looking, Mode, NodeState, PeerInfo, PeerStatus, Trust, Via
from cis_tui.tui.paint import Piece, Tone, shown
from cis_tui.tui.words import count, when

OWN = ("◆", "own", Tone.GOOD)
STANDINGS: Mapping[Trust, tuple[str, str, Tone]] = {
    Trust.PENDING: ("?", "pending", Tone.ASK),
    Trust.ALLOWED: ("✓", "allowed", Tone.GOOD),
    Trust.DENIED: ("✗", "denied", Tone.BAD),
}
QUARANTINED = ("⊘", "quarantined", Tone.ASK)
BY_MODE = ("✓", "open to all", Tone.PLAIN)
"""Mark, word and tone of how a peer stands: allowed one by one, or by the mode alone."""

MODES: Mapping[Mode, str] = {
    Mode.WHITELIST: "only peers that you allow may speak; others wait as pending",
    Mode.OPEN: "everybody whom you have not denied may speak",
    Mode.QUARANTINE: "as whitelist, but others stay connected, and nothing is exchanged with them",
    Mode.SOLITARY: "nobody: no port is open, nobody is looked for",
}
VIAS: Mapping[str, str] = {
    Via.MDNS: "on this network (mDNS)",
    Via.DHT: "by asking other nodes (DHT)",
    Via.BOOTSTRAP: "as a bootstrap node",
    Via.MANUAL: "by an address or DID that was given here",
    Via.INCOMING: "it came by itself",
    Via.PAIRING: "by pairing",
}
_LOOKING: Mapping[Looking, str] = {
    Looking.OFF: "off",
    Looking.STARTING: "starting",
    Looking.ACTIVE: "on",
    Looking.FAILED: "failed",
}
_STATES: Mapping[NodeState, Piece] = {
    NodeState.OFF: ("○ not listening", Tone.DIM),
    NodeState.STARTING: ("◌ starting", Tone.LIVE),
    NodeState.LIVE: ("● listening", Tone.GOOD),
    NodeState.FAILED: ("✗ not listening", Tone.BAD),
}


def standing(peer: PeerInfo, mode: Mode) -> tuple[str, str, Tone]:
    """What a person, or else the mode, has said of a peer: mark, word and tone."""
    if peer.status is Trust.ALLOWED and peer.own:
        return OWN
    if peer.status is Trust.PENDING and peer.admitted:
        return BY_MODE
    if peer.status is Trust.PENDING and mode is Mode.QUARANTINE:
        return QUARANTINED
    return STANDINGS[peer.status]


def asks(peer: PeerInfo) -> bool:
    """Whether a peer waits for a word of this person."""
    return peer.status is Trust.PENDING and not peer.admitted


def line_word(peer: PeerInfo, now: Instant) -> Piece:
    """Whether there is a line to a peer, over what, and how quick; else when there last was one."""
    if peer.connected:
        return f"● {' '.join(filter(None, (shown(peer.transport, limit=12), latency(peer.latency))))}", Tone.GOOD
    if peer.last_seen is None:
        return "○ never seen", Tone.DIM
    return f"○ {when(peer.last_seen, now)}", Tone.DIM


def latency(seconds: float | None) -> str:
    """Such as `12 ms`; empty when it was not measured."""
    if seconds is None:
        return ""
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.001 else "<1 ms"


def shares(prefixes: Iterable[str]) -> str:
    """What of public memory a peer is given, in words."""
    found = [shown(prefix, limit=100) for prefix in prefixes]
    if not found:
        return "nothing"
    return "all that is public" if "" in found else ", ".join(f"{prefix}*" for prefix in found)


def state_piece(status: PeerStatus) -> Piece:
    """What the node does."""
    text, tone = _STATES[status.state]
    if status.state is NodeState.FAILED and status.problem:
        return f"{text}: {shown(status.problem)}", tone
    if status.state is NodeState.LIVE and (ports := _ports(status.listening)):
        return f"{text} on port {ports}", tone
    return text, tone


def _ports(listening: Iterable[str]) -> str:
    """The port numbers of multiaddrs, such as `7677`."""
    found = (addr.partition("/tcp/")[2].partition("/")[0] for addr in listening)
    return ", ".join(dict.fromkeys(port for port in found if port.isdigit()))


def looking(status: PeerStatus) -> list[Piece]:
    """The ways of finding peers, and whether one of them is at work."""
    ways = f"mDNS {_LOOKING[status.mdns]}, DHT {_LOOKING[status.dht]}"
    failed = Looking.FAILED in (status.mdns, status.dht)
    pieces: list[Piece] = [(ways, Tone.BAD if failed else Tone.DIM)]
    if status.discovering:
        pieces.append((", looking for peers", Tone.LIVE))
    return pieces


def traffic(status: PeerStatus, conflicts: int) -> list[Piece]:
    """Who is there and what waits, each said only if there is something to say."""
    told = [
        (status.pending, f"? {status.pending} pending", Tone.ASK),
        (status.queued, f"↑ {status.queued} to acknowledge", Tone.LIVE),
        (conflicts, f"≠ {count(conflicts, 'conflict')}", Tone.ASK),
        (status.refused, f"✗ {status.refused} refused", Tone.BAD),
    ]
    there = (f"● {status.connected} connected", Tone.GOOD) if status.connected else ("○ nobody connected", Tone.DIM)
    return [there, *((f"   {text}", tone) for number, text, tone in told if number)]


def hour_bars(past: Sequence[int], cells: int) -> str:
    """The last minutes of a peer, oldest first: low while it was in step, higher the more it was behind, a dot away."""
    wide = -(-60 // cells)
    groups = [past[max(0, end - wide) : end] for end in range(len(past), 0, -wide)][::-1]
    return "".join("·" if min(group) < 0 else _height(max(group)) for group in groups)


def _height(behind: int) -> str:
    """In step; behind by up to 9, 99, 999 changes; by more."""
    return "▁▃▅▇█"[min(len(str(behind)), 4) if behind else 0]


def hour_words(past: Sequence[int]) -> str:
    """The same in numbers."""
    away, behind = sum(minute < 0 for minute in past), [minute for minute in past if minute > 0]
    told = [f"{away} min away"] if away else []
    if behind:
        told.append(f"{len(behind)} min behind, by at most {max(behind):,}")
    return ", ".join(told) or f"in step for all of {len(past)} min"
