"""What nodes ask each other in a room, and what is to be answered, kept over crashes. Pure access to the file.

A question that comes is written down in the transaction that takes it from the room, and before anything is done about
it: nothing is begun twice by it, and none of it is forgotten.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import NamedTuple, cast

from cis_tui.core.clock import Instant
from cis_tui.core.errors import Refused
from cis_tui.matrix.operations import Operation
from cis_tui.matrix.store import Database, Transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS questions(
    id TEXT PRIMARY KEY, key TEXT NOT NULL, did TEXT NOT NULL, at REAL NOT NULL, until REAL NOT NULL,
    answer TEXT NOT NULL DEFAULT '', said_at REAL NOT NULL DEFAULT 0, used INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS questions_key ON questions(key, used);
CREATE TABLE IF NOT EXISTS asked_here(
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, did TEXT NOT NULL, kind TEXT NOT NULL, event TEXT NOT NULL,
    at REAL NOT NULL, data TEXT NOT NULL, late INTEGER NOT NULL, answered REAL, UNIQUE(did, id));
"""
KEPT = 7 * 86_400.0
"""Seconds for which questions are kept after they were answered; operations are known by their id for longer."""


class Answer(NamedTuple):
    """What a node has said to a question."""

    data: Mapping[str, object]
    at: Instant
    """When it says that it said so."""


class Taken(NamedTuple):
    """A question that is to be answered here."""

    number: int
    id: str
    did: str
    kind: str
    event: str
    at: Instant
    """When it was asked, as it says."""
    data: Mapping[str, object]
    late: bool
    """It came when it was of no use any more."""


# What is asked here


def ask(transaction: Transaction, id: str, key: str, did: str, until: Instant) -> None:
    """A question is about to be asked, which is of use until then."""
    transaction.execute("DELETE FROM questions WHERE until < ?", (transaction.now - KEPT,))
    values = (id, key, did, transaction.now, until)
    transaction.execute("INSERT INTO questions(id, key, did, at, until) VALUES(?, ?, ?, ?, ?)", values)


def under_way(database: Database, key: str, now: Instant) -> str:
    """The question of that key that was answered and whose answer was of no use yet, or that may still be; or none."""
    sql = "SELECT id FROM questions WHERE key = ? AND used = 0 AND (until > ? OR answer <> '') ORDER BY at DESC LIMIT 1"
    row = database.execute(sql, (key, now)).fetchone()
    return str(row[0]) if row else ""


def answer_of(database: Database, id: str) -> Answer | None:
    """What was said to a question."""
    row = database.execute("SELECT answer, said_at FROM questions WHERE id = ? AND answer <> ''", (id,)).fetchone()
    return Answer(cast("Mapping[str, object]", json.loads(row[0])), Instant(row[1])) if row else None


def use(transaction: Transaction, id: str) -> None:
    """A question, or its answer, is of no use any more; that it was asked is kept for a while."""
    transaction.execute("UPDATE questions SET used = 1, answer = '' WHERE id = ?", (id,))


def take_answer(transaction: Transaction, operation: Operation) -> tuple[str, Instant]:
    """Keep what was said to a question that was asked here; gives its id, and when it was asked.

    Raises:
        Refused: nobody here has asked that, or somebody else (CIS-MATRIX-084).
    """
    id = str(operation.data.get("ask"))
    row = transaction.execute("SELECT did, answer <> '' OR used, at FROM questions WHERE id = ?", (id,)).fetchone()
    if row is None or row[0] != operation.did:
        raise Refused("CIS-MATRIX-084", "it answers what was not asked here")
    if not row[1]:
        values = (json.dumps(operation.data), operation.at, id)
        transaction.execute("UPDATE questions SET answer = ?, said_at = ? WHERE id = ?", values)
    return id, Instant(row[2])


# What others ask


def take(transaction: Transaction, operation: Operation, *, late: bool) -> None:
    """Write down that a question is to be answered.

    Raises:
        Refused: one of that id was asked before (CIS-MATRIX-083).
    """
    transaction.execute("DELETE FROM asked_here WHERE answered < ?", (transaction.now - KEPT,))
    event, data = operation.event, json.dumps(operation.data)
    values = (operation.id, operation.did, operation.kind, event, operation.at, data, late)
    sql = "INSERT OR IGNORE INTO asked_here(id, did, kind, event, at, data, late) VALUES(?, ?, ?, ?, ?, ?, ?)"
    if transaction.execute(sql, values).rowcount != 1:
        raise Refused("CIS-MATRIX-083", "it was asked before")


def unanswered(database: Database) -> list[Taken]:
    """All that is to be answered, in the order in which it was asked."""
    sql = "SELECT number, id, did, kind, event, at, data, late FROM asked_here WHERE answered IS NULL ORDER BY number"
    return [
        Taken(number, id, did, kind, event, Instant(at), json.loads(data), bool(late))
        for number, id, did, kind, event, at, data, late in database.execute(sql)
    ]


def note_answered(transaction: Transaction, number: int) -> None:
    """The answer is kept, to be sent."""
    transaction.execute("UPDATE asked_here SET answered = ?, data = '{}' WHERE number = ?", (transaction.now, number))


def answer_id(taken: Taken) -> str:
    """The id of the answer, the same however often it is given: it is sent once."""
    return hashlib.sha256(f"answer\0{taken.did}\0{taken.id}".encode()).hexdigest()[:32]
