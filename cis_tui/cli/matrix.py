"""How Matrix is told on the terminal. Whatever came from others is cleaned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cis_tui.cli.outcome import moment, seconds
from cis_tui.cli.output import paint, show, table
from cis_tui.core.text import clean, clean_line, count
from cis_tui.matrix.memory_model import MatrixMemory
from cis_tui.matrix.messages import RoomMessage, What
from cis_tui.matrix.model import MatrixMember, MatrixRejection, MatrixRoom, MatrixState, MatrixStatus, SendState

_STATES = {
    MatrixState.OFF: "not connected: no engine is live",
    MatrixState.CONNECTING: "connecting",
    MatrixState.ONLINE: "online",
    MatrixState.RETRYING: "homeserver away",
    MatrixState.AUTH_FAILED: "the login has ended: cis matrix login",
}
_REJECTIONS = 5


def standing(status: MatrixStatus) -> str:
    """Such as `homeserver away, again in 8 s`."""
    if not status.user:
        return "nobody is logged in; cis matrix login"
    if not status.enabled:
        return "switched off by matrix.enabled"
    told = _STATES[status.state]
    if status.retry_in is not None:
        told += f", again in {seconds(status.retry_in)}"
    return told


def show_matrix(status: MatrixStatus) -> None:
    """Matrix at a glance."""
    for label, text in _lines(status):
        show(f"{paint(label.ljust(12), 'dim')} {clean_line(text)}")


def _lines(status: MatrixStatus) -> Iterator[tuple[str, str]]:
    yield "state", standing(status)
    if status.problem:
        yield "problem", status.problem
    if not status.user:
        return
    yield "homeserver", status.homeserver
    yield "account", f"{status.user}, device {status.device}"
    secret = ", encrypted" if status.encrypted else ""
    yield (
        "room",
        f"{status.room}, {status.members} members, {status.nodes} nodes{secret}" if status.room_id else status.room,
    )
    if status.synced_at is not None:
        yield "heard", moment(status.synced_at)
    open, healed = status.gaps.open, status.gaps.healed
    if open or healed:
        yield "gaps", f"{open} open, {healed} healed"
    yield "queue", f"{status.queued} to be sent" + (f", {status.failed} not taken" if status.failed else "")
    yield from _memory(status.memory)
    if status.rejected:
        yield "set aside", f"{count(status.rejected, 'event')}; cis matrix rejections has them"
    for each in status.rejections[:_REJECTIONS]:
        yield "", f"{moment(each.at)} {each.sender or 'somebody'}: {each.reason}"


def _memory(memory: MatrixMemory) -> Iterator[tuple[str, str]]:
    if memory.said or memory.members:
        missed = f", {memory.healed} missed ones came after all" if memory.healed else ""
        yield (
            "memory",
            f"said {count(memory.said, 'time')}, {count(memory.waiting, 'entry', 'entries')} to be said{missed}",
        )
    for each in memory.members:
        holes = f", {each.holes} missing and asked for" if each.holes else ""
        yield "", f"{each.did}: heard {each.heard} of {each.last}{holes}; has heard {each.told} of {memory.said}"


def show_rooms(rooms: Iterable[MatrixRoom]) -> None:
    """A table of rooms."""
    rows = [
        (
            clean_line(room.alias or room.name or room.id),
            str(room.members),
            str(room.unread) if room.unread else "",
            ", ".join(filter(None, ("nodes meet here" * room.federation, "encrypted" * room.encrypted))),
            room.id,
        )
        for room in rooms
    ]
    table(("ROOM", "MEMBERS", "UNREAD", "", "ID"), rows)


def show_members(members: Iterable[MatrixMember]) -> None:
    """A table of members."""
    rows = [(each.user, clean_line(each.name) or "-", each.trust or "person", each.did or "-") for each in members]
    table(("ACCOUNT", "NAME", "NODE", "DID"), rows)


def show_rejections(rejections: Iterable[MatrixRejection]) -> None:
    """A table of what was set aside."""
    rows = [(moment(each.at), each.sender or "-", each.code, each.reason, each.event or "-") for each in rejections]
    table(("AT (UTC)", "SENDER", "CODE", "REASON", "EVENT"), rows)


def show_messages(messages: Iterable[RoomMessage]) -> None:
    """What was said, a message or more lines each."""
    for each in messages:
        first, *rest = clean(_said(each)).split("\n")
        show(f"{paint(moment(each.at), 'dim')}  {clean_line(each.sender)}: {first}")
        for line in (*rest, *_after(each)):
            show(f"    {line}")


def _said(message: RoomMessage) -> str:
    match message.what:
        case What.GONE:
            return "(removed)"
        case What.SECRET:
            return "(encrypted, and not for this device)"
        case What.MEMORY:
            return f"({count(message.number, 'key')} of memory)"
        case What.OPERATION | What.MEMBER:
            return f"({message.text})"
        case What.EMOTE:
            return f"* {message.text}"
        case _:
            return f"{message.text} (edited)" if message.edited else message.text


def _after(message: RoomMessage) -> Iterator[str]:
    if message.reactions:
        yield clean_line("  ".join(f"{reaction.key} {reaction.count}" for reaction in message.reactions))
    if message.state is not SendState.SENT:
        yield f"({message.state.value}{f': {clean_line(message.problem)}' if message.problem else ''})"
