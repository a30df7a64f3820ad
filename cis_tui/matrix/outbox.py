"""What is to be said, kept until the homeserver has it, in order. Pure access to the file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple, cast

from cis_tui.core.clock import Instant
from cis_tui.core.text import clean_line
from cis_tui.matrix.model import MatrixSent, SendState
from cis_tui.matrix.store import Database, Transaction

KEPT = 2_000
"""That were sent, or never will be."""
_COLUMNS = "txn, room, type, state, at, event, error"


class Waiting(NamedTuple):
    """Something to be said."""

    txn: str
    room: str
    type: str
    content: Mapping[str, object]


def put(transaction: Transaction, txn: str, room: str, type: str, content: Mapping[str, object]) -> bool:
    """Have something said; whether it was not to be said already."""
    values = (txn, room, type, json.dumps(content), SendState.QUEUED.value, transaction.now)
    columns = "txn, room, type, content, state, at, event, error"
    sql = f"INSERT OR IGNORE INTO outbox({columns}) VALUES(?, ?, ?, ?, ?, ?, '', '')"
    return transaction.execute(sql, values).rowcount == 1


def first(database: Database) -> Waiting | None:
    """What is to be said next."""
    sql = "SELECT txn, room, type, content FROM outbox WHERE state = 'queued' ORDER BY id LIMIT 1"
    row = database.execute(sql).fetchone()
    if row is None:
        return None
    return Waiting(str(row[0]), str(row[1]), str(row[2]), cast("Mapping[str, object]", json.loads(row[3])))


def sent(transaction: Transaction, txn: str, event: str) -> None:
    """The homeserver has it."""
    transaction.execute("UPDATE outbox SET state = 'sent', event = ?, error = '' WHERE txn = ?", (event, txn))
    oldest = f"(SELECT id FROM outbox WHERE state <> 'queued' ORDER BY id DESC LIMIT 1 OFFSET {KEPT})"
    transaction.execute(f"DELETE FROM outbox WHERE state <> 'queued' AND id <= {oldest}")


def failed(transaction: Transaction, txn: str, error: str) -> None:
    """It will never be taken."""
    values = (clean_line(error, limit=500), txn)
    transaction.execute("UPDATE outbox SET state = 'failed', error = ? WHERE txn = ?", values)


def again(transaction: Transaction, txn: str) -> bool:
    """Try once more what failed; whether there is such."""
    sql = "UPDATE outbox SET state = 'queued', error = '' WHERE txn = ? AND state = 'failed'"
    return transaction.execute(sql, (txn,)).rowcount == 1


def drop(transaction: Transaction, txn: str) -> bool:
    """Forget what failed; whether there was such."""
    return transaction.execute("DELETE FROM outbox WHERE txn = ? AND state = 'failed'", (txn,)).rowcount == 1


def find(database: Database, txn: str) -> MatrixSent | None:
    """How far something has come."""
    row = database.execute(f"SELECT {_COLUMNS} FROM outbox WHERE txn = ?", (txn,)).fetchone()
    return _told(row) if row else None


def counts(database: Database) -> tuple[int, int]:
    """How much is to be said, and how much never was taken."""
    rows = dict(database.execute("SELECT state, count(*) FROM outbox GROUP BY state").fetchall())
    return int(rows.get("queued", 0)), int(rows.get("failed", 0))


def _told(row: tuple[str, str, str, str, float, str, str]) -> MatrixSent:
    txn, room, type, state, at, event, error = row
    return MatrixSent(txn, room, type, SendState(state), Instant(at), event, error)
