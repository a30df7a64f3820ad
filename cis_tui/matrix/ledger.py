"""What was heard: how far, which events, what is missing, what was set aside. Pure access to the file."""

from __future__ import annotations

from collections.abc import Iterable

from cis_tui.core.clock import Instant
from cis_tui.core.errors import CisError
from cis_tui.core.text import clean_line
from cis_tui.matrix.events import Garbage, RoomEvent
from cis_tui.matrix.model import MatrixRejection
from cis_tui.matrix.store import Database, Transaction

KEPT_REJECTIONS = 500
KEPT_SEEN = 200_000
"""Events that are known by their id: the past beyond them is read to the end of a gap, and operations have ids too."""
KEPT_OPERATIONS = 500_000


def fact(database: Database, name: str) -> str:
    """One small thing that is kept, such as `since`; empty if it is not."""
    row = database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return str(row[0]) if row else ""


def put_fact(transaction: Transaction, name: str, value: str) -> None:
    """Keep it; empty: no more."""
    if value:
        transaction.execute("INSERT OR REPLACE INTO facts VALUES(?, ?)", (name, value))
    else:
        transaction.execute("DELETE FROM facts WHERE name = ?", (name,))


def count(transaction: Transaction, name: str) -> int:
    """Count one more of something; gives how many there were ever."""
    number = int(fact(transaction.database, name) or "0") + 1
    put_fact(transaction, name, str(number))
    return number


def is_seen(database: Database, event: str) -> bool:
    """Whether an event was heard already."""
    return database.execute("SELECT 1 FROM seen WHERE event = ?", (event,)).fetchone() is not None


def note_seen(transaction: Transaction, event: str) -> bool:
    """Remember an event; whether it is new."""
    return transaction.execute("INSERT OR IGNORE INTO seen VALUES(?, ?)", (event, transaction.now)).rowcount == 1


def prune(transaction: Transaction) -> None:
    """Forget the oldest of what would grow for ever."""
    for table, keep in (("seen", KEPT_SEEN), ("operations", KEPT_OPERATIONS)):
        oldest = f"(SELECT at FROM {table} ORDER BY at DESC LIMIT 1 OFFSET {keep})"
        transaction.execute(f"DELETE FROM {table} WHERE at <= {oldest}")


def is_known(database: Database, did: str, id: str) -> bool:
    """Whether an operation of that id was taken, or set aside, already."""
    return database.execute("SELECT 1 FROM operations WHERE did = ? AND id = ?", (did, id)).fetchone() is not None


def note_operation(transaction: Transaction, did: str, id: str, kind: str, event: str) -> bool:
    """Remember an operation's id; whether it is new."""
    values = (did, id, kind, transaction.now, event)
    return transaction.execute("INSERT OR IGNORE INTO operations VALUES(?, ?, ?, ?, ?)", values).rowcount == 1


# What was set aside


def reject(transaction: Transaction, event: RoomEvent | Garbage, room: str, error: CisError) -> None:
    """Set an event aside, with the reason."""
    values = (
        event.id,
        room,
        clean_line(event.sender, limit=255),
        error.code,
        clean_line(error.message, limit=500),
        transaction.now,
    )
    transaction.execute(
        "INSERT INTO rejections(event, room, sender, code, reason, at) VALUES(?, ?, ?, ?, ?, ?)", values
    )
    if count(transaction, "rejected") % 50 == 0:
        oldest = f"(SELECT id FROM rejections ORDER BY id DESC LIMIT 1 OFFSET {KEPT_REJECTIONS})"
        transaction.execute(f"DELETE FROM rejections WHERE id <= {oldest}")


def rejections(database: Database, limit: int) -> tuple[MatrixRejection, ...]:
    """The last ones, newest first."""
    rows = database.execute(
        "SELECT event, room, sender, code, reason, at FROM rejections ORDER BY id DESC LIMIT ?", (limit,)
    )
    return tuple(
        MatrixRejection(str(event), str(room), str(sender), str(code), str(reason), Instant(at))
        for event, room, sender, code, reason, at in rows
    )


# What is missing


class Gap:
    """A part of a room's timeline that was not read yet: before `token`."""

    def __init__(self, id: int, room: str, token: str, idle: int, pages: int) -> None:
        self.id, self.room, self.token = id, room, token
        self.idle = idle
        """Pages in a row that held nothing new."""
        self.pages = pages


def open_gap(transaction: Transaction, room: str, token: str) -> None:
    """Something is missing before `token`."""
    transaction.execute("INSERT INTO gaps(room, token, idle, pages) VALUES(?, ?, 0, 0)", (room, token))


def gaps(database: Database) -> list[Gap]:
    """All that are open, the latest first."""
    rows: Iterable[tuple[int, str, str, int, int]] = database.execute(
        "SELECT id, room, token, idle, pages FROM gaps ORDER BY id DESC"
    )
    return [Gap(*row) for row in rows]


def move_gap(transaction: Transaction, gap: Gap) -> None:
    """A page was read; the gap goes on before its token."""
    values = (gap.token, gap.idle, gap.pages, gap.id)
    transaction.execute("UPDATE gaps SET token = ?, idle = ?, pages = ? WHERE id = ?", values)


def close_gap(transaction: Transaction, gap: Gap) -> None:
    """Nothing is missing there any more."""
    transaction.execute("DELETE FROM gaps WHERE id = ?", (gap.id,))
    count(transaction, "healed")


def open_gaps(database: Database) -> int:
    """How many are open."""
    (number,) = database.execute("SELECT count(*) FROM gaps").fetchone()
    return int(number)
