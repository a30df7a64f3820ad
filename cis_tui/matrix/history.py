"""The room's history for people, in `matrix.db`: rows as `rows.row_of` makes them. Pure access to the file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from cis_tui.core.clock import Instant
from cis_tui.core.errors import Invalid
from cis_tui.matrix.events import RoomEvent, short, table
from cis_tui.matrix.messages import What
from cis_tui.matrix.model import SendState
from cis_tui.matrix.operations import OP
from cis_tui.matrix.rows import Role, Row, row_of
from cis_tui.matrix.store import Database, Transaction
from cis_tui.matrix.timeline import Waiting

TABLES = """
CREATE TABLE IF NOT EXISTS timeline(
    event TEXT PRIMARY KEY, room TEXT NOT NULL, at REAL NOT NULL, sender TEXT NOT NULL, role TEXT NOT NULL,
    what TEXT NOT NULL, target TEXT NOT NULL, text TEXT NOT NULL, mentions TEXT NOT NULL, number INTEGER NOT NULL,
    txn TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS timeline_place ON timeline(room, at, event) WHERE role = 'message';
CREATE INDEX IF NOT EXISTS timeline_target ON timeline(target) WHERE role <> 'message';
"""
KEPT = 100_000
"""Messages of a room; older ones are read from the homeserver again."""
MAX_CHANGES = 5_000
"""Edits, reactions and removals that are read for a hundred messages."""
_AT_ONCE = 100
_END = (float("inf"), "")
_LAST = "inf "
"""Names the part that ends with the last message."""
_COLUMNS = "event, at, sender, role, what, target, text, mentions, number, txn"
_SENT_BY_PEOPLE = ("m.room.message", "m.reaction", "m.room.redaction")
_WAITING = 200


class Part(NamedTuple):
    """A part of the history."""

    rows: list[Row]
    answered: list[Row]
    """Messages of before that are answered here."""
    before: str
    """What names the part before."""
    complete: bool
    """Whether as many messages as were asked for are there."""


def keep(transaction: Transaction, room: str, row: Row) -> bool:
    """Keep a row; whether it is new."""
    values = (
        row.id, room, row.at, row.sender, row.role.value, row.what.value, row.target, row.text,
        json.dumps(row.mentions), row.number, row.transaction,
    )  # fmt: skip
    sql = "INSERT OR IGNORE INTO timeline VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    return transaction.execute(sql, values).rowcount == 1


def prune(transaction: Transaction, room: str, keep: int = KEPT) -> None:
    """Let go of the oldest messages of a room, with what became of them."""
    sql = "SELECT at FROM timeline WHERE room = ? AND role = 'message' ORDER BY at DESC LIMIT 1 OFFSET ?"
    found = transaction.execute(sql, (room, keep)).fetchone()
    if found is not None:
        transaction.execute("DELETE FROM timeline WHERE room = ? AND at <= ?", (room, found[0]))


def part(database: Database, room: str, before: str, limit: int) -> Part:
    """The last `limit` messages of a room, or those before the part that `before` names."""
    sql = (
        f"SELECT {_COLUMNS} FROM timeline WHERE room = ? AND role = 'message' AND (at, event) < (?, ?)"
        " ORDER BY at DESC, event DESC LIMIT ?"
    )
    messages = [_row(values) for values in database.execute(sql, (room, *_place(before), limit))]
    answered = _by(database, "event", {row.target for row in messages if row.target} - {row.id for row in messages})
    changes = _by(database, "target", {row.id for row in (*messages, *answered)})
    changes += _by(database, "target", {row.id for row in changes})  # a reaction that was taken back
    oldest = messages[-1] if messages else None
    name = f"{float(oldest.at)!r} {oldest.id}" if oldest else before or _LAST
    return Part(messages + changes, answered, name, complete=len(messages) == limit)


def one(database: Database, room: str, event: str) -> list[Row]:
    """A message and what became of it."""
    found = find(database, room, event)
    changes = _by(database, "target", {event})
    return [*([found] if found else []), *changes, *_by(database, "target", {row.id for row in changes})]


def read_up_to(database: Database, room: str, event: str) -> str:
    """The last message of a room up to an event, which need not be one; empty if it is not known."""
    found = database.execute("SELECT at, event FROM timeline WHERE event = ? AND room = ?", (event, room)).fetchone()
    if found is None:
        return ""
    sql = (
        "SELECT event FROM timeline WHERE room = ? AND role = 'message' AND (at, event) <= (?, ?)"
        " ORDER BY at DESC, event DESC LIMIT 1"
    )
    row = database.execute(sql, (room, *found)).fetchone()
    return str(row[0]) if row else ""


def find(database: Database, room: str, event: str) -> Row | None:
    """One row."""
    sql = f"SELECT {_COLUMNS} FROM timeline WHERE event = ? AND room = ?"
    values = database.execute(sql, (event, room)).fetchone()
    return _row(values) if values else None


def waiting(database: Database, room: str, me: str) -> list[Waiting]:
    """What people said here that is on its way, or was refused, oldest first."""
    marks = ", ".join("?" * len(_SENT_BY_PEOPLE))
    sql = (
        f"SELECT txn, type, content, state, event, error, at FROM outbox WHERE room = ? AND type IN ({marks})"
        " AND (state <> 'sent' OR event NOT IN (SELECT event FROM timeline)) ORDER BY id DESC LIMIT ?"
    )
    found = database.execute(sql, (room, *_SENT_BY_PEOPLE, _WAITING)).fetchall()
    return [each for values in reversed(found) if (each := _waiting(room, me, *values)) is not None]


def _waiting(
    room: str, me: str, txn: str, type: str, content: str, state: str, event: str, error: str, at: float
) -> Waiting | None:
    said = table(json.loads(content))
    told = RoomEvent(txn, room, type, me, said, int(at * 1000), redacts=short(said.get("redacts")))
    row = None if OP in said else row_of(told, None, now=Instant(at))
    return Waiting(txn, row, SendState(state), event, error) if row is not None else None


def _by(database: Database, column: str, ids: set[str]) -> list[Row]:
    """Messages by their ids, or what became of messages by theirs."""
    role = "=" if column == "event" else "<>"
    found: list[Row] = []
    listed = sorted(ids)
    for at in range(0, len(listed), _AT_ONCE):
        some = listed[at : at + _AT_ONCE]
        marks = ", ".join("?" * len(some))
        sql = f"SELECT {_COLUMNS} FROM timeline WHERE {column} IN ({marks}) AND role {role} 'message' LIMIT ?"
        found += [_row(values) for values in database.execute(sql, (*some, MAX_CHANGES))]
    return found


def _place(before: str) -> tuple[float, str]:
    """Where a part ends.

    Raises:
        Invalid: `before` names none (CIS-MATRIX-110).
    """
    if not before:
        return _END
    at, _, event = before.partition(" ")
    try:
        return float(at), event
    except ValueError as error:
        raise Invalid("CIS-MATRIX-110", f"{before[:80]!a} names no part of the history") from error


def _row(values: Sequence[Any]) -> Row:
    event, at, sender, role, what, target, text, mentions, number, txn = values
    named = tuple(json.loads(mentions))
    return Row(event, Instant(at), sender, Role(role), What(what), target, text, named, number, txn)
