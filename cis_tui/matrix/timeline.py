"""The room's events as the messages that people read: a pure fold over rows, in any order and however often.

Who may take a message back, the homeserver has checked. That only its sender edits a message, it has not: that is
checked here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cis_tui.core.text import clean_line
from cis_tui.matrix.messages import EDITABLE, SPOKEN, Quote, Reaction, RoomMessage, What
from cis_tui.matrix.model import SendState
from cis_tui.matrix.rows import Role, Row

MAX_QUOTE = 160
"""Characters of what is answered."""
MAX_REACTIONS = 20
"""Different reactions to a message that are told."""
MAX_SENDERS = 50
"""Of one reaction, by name; all are counted."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that is on its way to the homeserver, or was refused by it."""

    id: str
    row: Row
    """As it will be; its id is the outbox's."""
    state: SendState
    event: str = ""
    """The event id once it is sent."""
    problem: str = ""


def fold(
    rows: Iterable[Row], *, me: str, waiting: Sequence[Waiting] = (), answered: Sequence[Row] = ()
) -> tuple[RoomMessage, ...]:
    """The messages of these events, oldest first, and after them what still waits to be sent.

    Equal for every order of the same rows, and however often each is among them. An edit, a reaction or a removal that
    waits is shown as done, until it fails. `answered`: messages that are quoted, but not among these.
    """
    aside = {row.id for row in answered}
    known = _each_once([*rows, *answered])
    arrived = {row.transaction for row in known.values() if row.sender == me and row.transaction}
    waiting = [each for each in waiting if each.event not in known and each.id not in arrived]
    for each in waiting:
        if each.row.role is not Role.MESSAGE and each.state is not SendState.FAILED:
            known[each.id] = replace(each.row, id=each.id)
    gone = {row.target for row in known.values() if row.role is Role.REDACTION and row.target in known}
    edits = _last_edits(known, gone)
    reactions = _reactions(known, gone, me)
    ordered = sorted(known.values(), key=_place)
    shown = (row for row in _without_repeats(ordered) if row.role is Role.MESSAGE and row.id not in aside)
    messages = [_told(row, known, gone, edits, reactions, me) for row in shown]
    return (*messages, *(_on_its_way(each, known, gone, edits, me) for each in waiting if _is_told(each)))


def _is_told(waiting: Waiting) -> bool:
    return waiting.row.role is Role.MESSAGE or waiting.state is SendState.FAILED


def _on_its_way(
    waiting: Waiting, known: Mapping[str, Row], gone: set[str], edits: Mapping[str, Row], me: str
) -> RoomMessage:
    row = replace(waiting.row, id=waiting.id)
    if row.role is not Role.MESSAGE:
        done = {Role.EDIT: "edit: ", Role.REACTION: "reaction: ", Role.REDACTION: "removal of a message"}
        row = replace(row, role=Role.MESSAGE, what=What.TEXT, text=done.get(row.role, "") + row.text)
    told = _told(row, known, gone, edits, {}, me)
    return replace(told, state=waiting.state, problem=clean_line(waiting.problem))


def _place(row: Row) -> tuple[float, str]:
    return row.at, row.id


def _each_once(rows: Iterable[Row]) -> dict[str, Row]:
    """The rows by their ids. An event that the homeserver gave twice, once whole and once emptied, was emptied."""
    known: dict[str, Row] = {}
    for row in rows:
        before = known.get(row.id)
        known[row.id] = row if before is None else min(before, row, key=_emptied_first)
    return known


def _emptied_first(row: Row) -> tuple[bool, str]:
    return row.role is not Role.NOTHING and row.what is not What.GONE, repr(row)


def _last_edits(known: Mapping[str, Row], gone: set[str]) -> dict[str, Row]:
    """The last edit of each message that its sender edited."""
    edits: dict[str, Row] = {}
    for row in known.values():
        of = known.get(row.target) if row.role is Role.EDIT and row.id not in gone else None
        if of is not None and of.sender == row.sender and of.role is Role.MESSAGE and of.what in EDITABLE:
            before = edits.get(of.id)
            edits[of.id] = row if before is None else max(before, row, key=_place)
    return edits


def _reactions(known: Mapping[str, Row], gone: set[str], me: str) -> dict[str, tuple[Reaction, ...]]:
    found: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in known.values():
        if row.role is Role.REACTION and row.id not in gone:
            found[row.target][row.text].append(row)
    return {target: _told_reactions(keys, me) for target, keys in found.items()}


def _told_reactions(keys: Mapping[str, list[Row]], me: str) -> tuple[Reaction, ...]:
    ordered = sorted(keys.items(), key=lambda item: min(map(_place, item[1])))
    told: list[Reaction] = []
    for key, rows in ordered[:MAX_REACTIONS]:
        senders = sorted({row.sender for row in rows})
        mine = min((row.id for row in rows if row.sender == me), default="")
        told.append(Reaction(key, tuple(senders[:MAX_SENDERS]), len(senders), mine))
    return tuple(told)


def _without_repeats(ordered: Iterable[Row]) -> Iterable[Row]:
    """Without those who come in though they are in: that is how a new name is told."""
    last: dict[str, str] = {}
    for row in ordered:
        if row.what is What.MEMBER:
            if last.get(row.target) == row.text:
                continue
            last[row.target] = row.text
        yield row


def _told(
    row: Row,
    known: Mapping[str, Row],
    gone: set[str],
    edits: Mapping[str, Row],
    reactions: Mapping[str, tuple[Reaction, ...]],
    me: str,
) -> RoomMessage:
    mine = row.sender == me
    if row.id in gone or row.what is What.GONE:
        return RoomMessage(row.id, row.sender, row.at, What.GONE, mine=mine)
    edit = edits.get(row.id)
    now = edit or row
    return RoomMessage(
        row.id,
        row.sender,
        row.at,
        row.what,
        now.text,
        edited=edit is not None,
        answers=_quote(row.target, known, gone, edits) if row.what in SPOKEN and row.target else None,
        reactions=reactions.get(row.id, ()),
        mentions_me=not mine and me in now.mentions,
        mine=mine,
        number=row.number,
    )


def _quote(id: str, known: Mapping[str, Row], gone: set[str], edits: Mapping[str, Row]) -> Quote:
    row = known.get(id)
    if row is None or row.role is not Role.MESSAGE:
        return Quote(id)
    if id in gone or row.what not in SPOKEN:
        return Quote(id, row.sender)
    text = edits.get(id, row).text.strip()
    return Quote(id, row.sender, clean_line(text.partition("\n")[0], limit=MAX_QUOTE))
