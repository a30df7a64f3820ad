"""How peers are told on the terminal. Whatever came from them is cleaned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cis_tui.cli.outcome import moment, seconds
from cis_tui.cli.output import paint, show, table
from cis_tui.core.text import clean_line, count
from cis_tui.p2p.model import Mode, NodeState, PeerInfo, PeerStatus, SyncReport, Trust

_STATES = {
    NodeState.OFF: "no node is live",
    NodeState.STARTING: "starting",
    NodeState.LIVE: "live",
    NodeState.FAILED: "could not start",
}
_MODES = {
    Mode.WHITELIST: "peers that were allowed may speak",
    Mode.OPEN: "everybody may speak who was not denied",
    Mode.QUARANTINE: "peers that were allowed may speak, what others bring is held aside",
    Mode.SOLITARY: "nobody may speak, and no port is open",
}
_REFUSALS = 5


def show_peers(peers: Iterable[PeerInfo]) -> None:
    """A table of peers."""
    rows = [
        (peer.name or "-", peer.status.value + (", own" if peer.own else ""), link(peer), seen(peer), peer.did)
        for peer in peers
    ]
    table(("NAME", "STATUS", "LINK", "SEEN (UTC)", "DID"), rows, status=1)


def show_peer(peer: PeerInfo) -> None:
    """All about one peer."""
    for label, text in _details(peer):
        show(f"{paint(label.ljust(12), 'dim')} {clean_line(text)}")


def _details(peer: PeerInfo) -> Iterator[tuple[str, str]]:
    yield "name", peer.name or "-"
    yield "did", peer.did
    yield "peer id", peer.peer_id
    yield "fingerprint", peer.fingerprint
    own = ", one of your own nodes" if peer.own else ""
    speaks = "" if peer.status is not Trust.PENDING else ", may speak" if peer.admitted else ", may not speak"
    yield "status", peer.status.value + speaks + own
    yield "given", shared(peer)
    yield "link", link(peer) + (f", {peer.addr}" if peer.addr else "")
    if peer.connected:
        yield "traffic", f"{peer.bytes_in:,} bytes in, {peer.bytes_out:,} out"
    yield "seen", f"{seen(peer)}, first by {peer.via.value}"
    if peer.admitted:
        yield "memory", _memory(peer)
    if peer.problem:
        yield "sync fails", f"{peer.problem}; it is tried again"
    for addr in peer.addrs:
        yield "address", addr
    if peer.refusals:
        yield "refused", f"{count(peer.refusals, 'time')}, the last time: {peer.refusal}"


def _memory(peer: PeerInfo) -> str:
    pending = f"{count(peer.pending, 'change')} to acknowledge" if peer.pending else "has acknowledged all"
    if not peer.pending and peer.acknowledged_at is None:
        pending = "nothing exchanged yet"
    conflicts = f", {count(peer.conflicts, 'conflict')}" if peer.conflicts else ""
    return pending + (f", as one at {moment(peer.synced_at)}" if peer.synced_at else "") + conflicts


def link(peer: PeerInfo) -> str:
    """How it is connected, such as `tcp, 1.2 ms`."""
    if not peer.connected:
        return "-"
    return peer.transport + (f", {peer.latency * 1000:.1f} ms" if peer.latency is not None else "")


def seen(peer: PeerInfo) -> str:
    """When it was seen last."""
    return "now" if peer.connected else moment(peer.last_seen) or "never"


def shared(peer: PeerInfo) -> str:
    """What of public memory it is given."""
    rule = "" if peer.own_share else ", as p2p.share says"
    if not peer.admitted:
        return "nothing, for it may not speak"
    if "" in peer.share:
        return f"all public memory{rule}"
    return (", ".join(peer.share) if peer.share else "nothing") + rule


def counts(status: PeerStatus) -> str:
    """Such as `1 connected, 2 allowed, 1 waits`."""
    parts = (("connected", status.connected), ("allowed", status.allowed), ("denied", status.denied))
    told = [f"{number} {word}" for word, number in parts if number]
    if status.pending:
        told.append(f"{status.pending} {'waits' if status.pending == 1 else 'wait'} for your word")
    return ", ".join(told) or "none"


def show_status(status: PeerStatus) -> None:
    """The node at a glance."""
    for label, text in _status(status):
        show(f"{paint(label.ljust(12), 'dim')} {clean_line(text)}")


def _status(status: PeerStatus) -> Iterator[tuple[str, str]]:
    yield "node", _STATES[status.state] + (f": {status.problem}" if status.problem else "")
    yield "mode", f"{status.mode.value}: {_MODES[status.mode]}"
    yield "did", status.identity.did
    yield "fingerprint", status.fingerprint
    for addr in status.identity.addrs:
        yield "address", addr
    if status.state is NodeState.LIVE:
        yield "discovery", f"mdns {status.mdns.value}, dht {status.dht.value}"
    yield "peers", counts(status)
    if status.pairing:
        yield "pairing", "a code is open"
    if status.state is NodeState.LIVE or status.queued:
        yield (
            "queue",
            f"{count(status.queued, 'change')} that not all have" if status.queued else "everybody has everything",
        )
    for notice in status.notices:
        yield "notice", notice
    yield from _refusals(status)


def _refusals(status: PeerStatus) -> Iterator[tuple[str, str]]:
    if status.refused:
        yield "refused", f"{status.refused} since the engine started"
    for refusal in status.refusals[:_REFUSALS]:
        who = refusal.did or refusal.addr or "somebody"
        times = f" ({refusal.count} times)" if refusal.count > 1 else ""
        yield "", f"{moment(refusal.at)} {who}: {refusal.reason}{times}"


def show_reports(reports: Iterable[SyncReport]) -> None:
    """What became of a sync, a line for each peer."""
    rows = [
        (report.name or report.did, "ok" if report.done else "failed", str(report.pending), report.problem)
        for report in reports
    ]
    table(("PEER", "STATUS", "PENDING", "PROBLEM"), rows, status=1)


def time_left(length: float) -> str:
    """For how long a code is open."""
    return seconds(max(length, 0.0))
