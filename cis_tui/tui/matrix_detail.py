"""What the peers screen says of Matrix: the homeserver, the room, who is there, what waits, what was set aside."""

from __future__ import annotations

from collections.abc import Sequence

from cis_tui.core.clock import Instant
from cis_tui.matrix.model import MatrixMember, MatrixRejection, MatrixState, MatrixStatus
from cis_tui.tui.paint import Line, Tone, shown
from cis_tui.tui.peer_detail import labelled
from cis_tui.tui.room_words import People, matrix_state, room_name
from cis_tui.tui.widgets.taught import Keys
from cis_tui.tui.words import calendar_time, count, when
from cis_tui.tui.writers import short_did


def matrix_lines(
    status: MatrixStatus, members: Sequence[MatrixMember], people: People, now: Instant, keys: Keys
) -> list[Line]:
    """All of it, or how one comes to a room. The first line is the only one that changes with time alone."""
    if not status.user:
        return [
            [("Matrix  ", Tone.STRONG), ("nobody is logged in", Tone.DIM)],
            [
                ("cis matrix login --user @you:your.server", Tone.STRONG),
                (" joins the room in which nodes meet", Tone.DIM),
            ],
        ]
    return [
        [("Matrix  ", Tone.STRONG), matrix_state(status, now)],
        *([labelled("problem", shown(status.problem), Tone.BAD)] if status.problem else []),
        labelled("homeserver", shown(status.homeserver, limit=200)),
        labelled("account", f"{shown(status.user, limit=200)}, device {shown(status.device, limit=60)}"),
        labelled("room", f"{room_name(status)}{_kind(status)}; {keys('peers.room')} opens it"),
        labelled("sync", _sync(status)),
        labelled("gaps", _gaps(status), Tone.ASK if status.gaps.open else Tone.PLAIN),
        labelled("to send", _outbox(status), Tone.BAD if status.failed else Tone.PLAIN),
        labelled("memory", *_memory(status)),
        [],
        [("In the room  ", Tone.STRONG), (f"{status.members}, {count(status.nodes, 'node')} known", Tone.DIM)],
        *(_member(member, people) for member in members),
        [],
        *_rejections(status.rejections, status.rejected, people, now),
    ]


def _kind(status: MatrixStatus) -> str:
    if not status.room_id:
        return ", not joined yet"
    return ", encrypted" if status.encrypted else ""


def _sync(status: MatrixStatus) -> str:
    if status.synced_at is None:
        return "not yet since the engine started"
    return f"last answer {calendar_time(status.synced_at)} UTC"


def _gaps(status: MatrixStatus) -> str:
    waits = f"{count(status.gaps.open, 'gap')} to be read, " if status.gaps.open else "none to be read, "
    return f"{waits}{status.gaps.healed} healed"


def _outbox(status: MatrixStatus) -> str:
    if status.failed:
        return f"{status.queued} waiting, {status.failed} refused by the homeserver"
    return f"{status.queued} waiting" if status.queued else "nothing"


def _memory(status: MatrixStatus) -> tuple[str, Tone]:
    """What of memory is to be said, and what of others' is missing."""
    memory = status.memory
    missing = sum(member.holes for member in memory.members)
    told = [
        (memory.waiting, f"{count(memory.waiting, 'version')} to be said"),
        (missing, f"{count(missing, 'part')} of others missing and asked for"),
        (memory.healed, f"{count(memory.healed, 'missing part')} came"),
    ]
    return ", ".join(text for number, text in told if number) or "nothing waits", Tone.ASK if missing else Tone.PLAIN


def _member(member: MatrixMember, people: People) -> Line:
    mark, word, tone = people.badge_of(member)
    name = people.name_of(member)
    calls = f"  calls itself {shown(member.name, limit=40)}" if member.name and member.trust != "self" else ""
    did = f"  {short_did(member.did)}" if member.did else ""
    return [
        (f"  {mark} ", tone),
        (f"{name}  " if name else "", Tone.STRONG),
        (shown(member.user, limit=100), Tone.PLAIN),
        (f"  {word}", tone),
        (f"{did}{calls}", Tone.DIM),
    ]


def _rejections(found: Sequence[MatrixRejection], total: int, people: People, now: Instant) -> list[Line]:
    if not total:
        return [[("Set aside  ", Tone.STRONG), ("no event was rejected", Tone.DIM)]]
    more: list[Line] = [[(f"  and {total - len(found)} more", Tone.DIM)]] if total > len(found) else []
    title: Line = [(f"Set aside  {total}", Tone.STRONG), ("  and nothing was done by them", Tone.DIM)]
    return [title, *(_rejection(each, people, now) for each in found), *more]


def _rejection(rejection: MatrixRejection, people: People, now: Instant) -> Line:
    return [
        (f"  {when(rejection.at, now)} ", Tone.DIM),
        (f" {shown(rejection.reason, limit=200)}", Tone.BAD),
        (f"  {people.short(rejection.sender)}" if rejection.sender else "  somebody", Tone.PLAIN),
        (f"  {shown(rejection.code, limit=40)}  {shown(rejection.event, limit=60)}", Tone.DIM),
    ]


def matrix_ticks(status: MatrixStatus | None) -> bool:
    """Whether what is said of it changes with time alone."""
    return status is not None and status.state is MatrixState.RETRYING and status.retry_at is not None
