"""What people in the room think of what nodes ask: their reactions to its notice, counted. Advice: nothing follows."""

from __future__ import annotations

from cis_tui.core.text import clean_line
from cis_tui.matrix.events import RoomEvent, short, table
from cis_tui.matrix.operations import Operation
from cis_tui.matrix.service import MatrixService
from cis_tui.matrix.store import Database, Transaction

NOTICE = "notice"
"""Kind of operations that tell people what is asked."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS notices(
    number INTEGER PRIMARY KEY, event TEXT NOT NULL UNIQUE, did TEXT NOT NULL, subject TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS reactions(
    number INTEGER PRIMARY KEY, event TEXT NOT NULL UNIQUE, notice TEXT NOT NULL, sender TEXT NOT NULL,
    mark TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS reactions_notice ON reactions(notice);
"""
_KEPT = {"notices": 2_000, "reactions": 20_000}
_MARK = 16
"""Characters of a reaction."""


class Reactions:
    """Keeps and counts them."""

    def __init__(self, service: MatrixService) -> None:
        """To be made before the service begins."""
        self._store = service.store
        self._store.add_tables(_SCHEMA)
        service.handle(NOTICE, lambda operation, transaction: None)
        service.listen(_listen)

    async def to(self, did: str, subject: str) -> tuple[tuple[str, int], ...]:
        """Reactions to what the node has asked, and how many people gave each, the most first."""
        return await self._store.read(lambda database: _count(database, did, subject))


def _listen(event: RoomEvent, operation: Operation | None, transaction: Transaction) -> None:
    if operation is not None and operation.kind == NOTICE:
        values = (operation.event, operation.did, short(operation.data.get("subject")))
        transaction.execute("INSERT OR IGNORE INTO notices(event, did, subject) VALUES(?, ?, ?)", values)
        _bound(transaction, "notices")
    elif event.type == "m.reaction" and not event.redacted:
        _note(transaction, event)
    elif event.type == "m.room.redaction":
        transaction.execute("DELETE FROM reactions WHERE event = ?", (event.redacts,))


def _note(transaction: Transaction, event: RoomEvent) -> None:
    relation = table(event.content.get("m.relates_to"))
    mark, notice = clean_line(short(relation.get("key")), limit=_MARK), short(relation.get("event_id"))
    known = transaction.execute("SELECT 1 FROM notices WHERE event = ?", (notice,)).fetchone()
    if mark and known and relation.get("rel_type") == "m.annotation":
        values = (event.id, notice, event.sender, mark)
        transaction.execute("INSERT OR IGNORE INTO reactions(event, notice, sender, mark) VALUES(?, ?, ?, ?)", values)
        _bound(transaction, "reactions")


def _bound(transaction: Transaction, name: str) -> None:
    transaction.execute(f"DELETE FROM {name} WHERE number <= (SELECT max(number) FROM {name}) - {_KEPT[name]}")


def _count(database: Database, did: str, subject: str) -> tuple[tuple[str, int], ...]:
    rows = database.execute(
        "SELECT mark, count(DISTINCT sender) AS people FROM reactions JOIN notices ON notice = notices.event"
        " WHERE did = ? AND subject = ? GROUP BY mark ORDER BY people DESC, mark LIMIT 20",
        (did, subject),
    )
    return tuple((str(mark), int(people)) for mark, people in rows)
