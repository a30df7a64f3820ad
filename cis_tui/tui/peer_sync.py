"""What the peers screen says of the sync: what waits, what stands against each other, what was refused."""

from __future__ import annotations

from collections.abc import Sequence

from cis_tui.core.clock import Instant
from cis_tui.memory.records import MemoryConflict
from cis_tui.p2p.model import PeerStatus, Queued, Refusal
from cis_tui.tui.paint import Line, Tone, shown
from cis_tui.tui.widgets.taught import Keys
from cis_tui.tui.words import count, when
from cis_tui.tui.writers import Names, node_name, written


def sync_lines(
    status: PeerStatus, conflicts: Sequence[MemoryConflict], now: Instant, keys: Keys, *, me: str, names: Names
) -> list[Line]:
    """The queue, the conflicts and the refusals; each says so when there is none."""
    return [
        *_part("To be acknowledged", status.queued, "all peers have acknowledged everything"),
        *(_queued(change, now, names) for change in status.queue),
        *_more(status.queued - len(status.queue)),
        [],
        *_part("Conflicts", len(conflicts), "no key has two versions", f"{keys('peers.conflicts')} settles"),
        *(_conflict(conflict, me, names) for conflict in conflicts),
        [],
        *_part("Refused", status.refused, "nobody was turned away since the engine started"),
        *(_refusal(refusal, now, names) for refusal in status.refusals),
        *_more(status.refused - sum(refusal.count for refusal in status.refusals)),
    ]


def _part(title: str, number: int, otherwise: str, note: str = "") -> list[Line]:
    if not number:
        return [[(f"{title}  ", Tone.STRONG), (otherwise, Tone.DIM)]]
    return [[(f"{title}  {number}", Tone.STRONG), (f"  {note}" if note else "", Tone.DIM)]]


def _more(number: int) -> list[Line]:
    return [[(f"  and {number} more", Tone.DIM)]] if number > 0 else []


def _queued(change: Queued, now: Instant, names: Names) -> Line:
    who = ", ".join(node_name(did, names) for did in change.peers)
    return [
        (f"  {when(change.at, now)} ", Tone.DIM),
        (f" {shown(change.key, limit=200)}", Tone.PLAIN),
        (f"  version {change.version}, not yet at ", Tone.DIM),
        (who, Tone.PLAIN),
    ]


def origins(conflict: MemoryConflict) -> list[str]:
    """The DIDs of those who wrote its versions, that of the one that is read first."""
    return [item.origin for item in (conflict.winner, *conflict.others)]


def _conflict(conflict: MemoryConflict, me: str, names: Names) -> Line:
    who = written(origins(conflict), me, names)
    return [("  ≠ ", Tone.ASK), (shown(conflict.key, limit=200), Tone.PLAIN), (f"  {who}", Tone.DIM)]


def _refusal(refusal: Refusal, now: Instant, names: Names) -> Line:
    who = node_name(refusal.did, names) if refusal.did else "somebody who proved no key"
    times = f"  ({count(refusal.count, 'time')})" if refusal.count > 1 else ""
    where = f"  {shown(refusal.addr, limit=100)}" if refusal.addr else ""
    return [
        (f"  {when(refusal.at, now)} ", Tone.DIM),
        (f" {shown(refusal.reason, limit=200)}", Tone.BAD),
        (f"  {who}", Tone.PLAIN),
        (f"{where}{times}", Tone.DIM),
    ]
