"""What is known of rooms and of who is in them, from their state. Pure access to the file."""

from __future__ import annotations

from cis_tui.core.text import clean_line
from cis_tui.matrix.events import RoomEvent, RoomNews
from cis_tui.matrix.model import MatrixRoom
from cis_tui.matrix.store import Database, Transaction

_COLUMNS = {"m.room.canonical_alias": "alias", "m.room.name": "name", "m.room.topic": "topic"}


def note_state(transaction: Transaction, event: RoomEvent) -> None:
    """Take over what a state event says of its room; it has to be the newest of its kind."""
    if event.type in _COLUMNS and event.state_key == "":
        column = _COLUMNS[event.type]
        said = event.content.get(column)
        value = clean_line(said, limit=255) if isinstance(said, str) else ""
        transaction.execute(f"UPDATE rooms SET {column} = ? WHERE id = ?", (value, event.room))
    elif event.type == "m.room.encryption" and event.state_key == "":
        transaction.execute("UPDATE rooms SET encrypted = 1 WHERE id = ?", (event.room,))
    elif event.type == "m.room.member" and event.state_key:
        _note_member(transaction, event, event.state_key)


def _note_member(transaction: Transaction, event: RoomEvent, user: str) -> None:
    if event.content.get("membership") == "join":
        said = event.content.get("displayname")
        name = clean_line(said, limit=100) if isinstance(said, str) else ""
        transaction.execute("INSERT OR REPLACE INTO members VALUES(?, ?, ?)", (event.room, user, name))
    else:
        transaction.execute("DELETE FROM members WHERE room = ? AND user = ?", (event.room, user))


def note_room(transaction: Transaction, news: RoomNews) -> None:
    """A room is joined, and how much is unread in it."""
    transaction.execute("INSERT OR IGNORE INTO rooms(id) VALUES(?)", (news.room,))
    for column, value in (("unread", news.unread), ("highlights", news.highlights), ("read", news.read or None)):
        if value is not None:
            transaction.execute(f"UPDATE rooms SET {column} = ? WHERE id = ?", (value, news.room))


def drop_room(transaction: Transaction, room: str) -> None:
    """The account is in a room no more."""
    transaction.execute("DELETE FROM rooms WHERE id = ?", (room,))
    transaction.execute("DELETE FROM members WHERE room = ?", (room,))


def rooms(database: Database, federation: str) -> tuple[MatrixRoom, ...]:
    """All that are joined, the one in which nodes meet first."""
    rows = database.execute(
        "SELECT id, alias, name, topic, encrypted, unread, highlights,"
        " (SELECT count(*) FROM members WHERE room = rooms.id) FROM rooms ORDER BY id <> ?, alias, id",
        (federation,),
    )
    return tuple(
        MatrixRoom(
            id=id,
            alias=alias,
            name=name,
            topic=topic,
            members=members,
            federation=id == federation,
            encrypted=bool(encrypted),
            unread=unread,
            highlights=highlights,
        )
        for id, alias, name, topic, encrypted, unread, highlights, members in rows
    )


def is_encrypted(database: Database, room: str) -> bool:
    """Whether a room is; once it is, it stays so."""
    return database.execute("SELECT 1 FROM rooms WHERE id = ? AND encrypted", (room,)).fetchone() is not None


def members(database: Database, room: str) -> list[tuple[str, str]]:
    """Accounts in a room and what they call themselves."""
    rows = database.execute("SELECT user, name FROM members WHERE room = ? ORDER BY user", (room,))
    return [(str(user), str(name)) for user, name in rows]


def read_marker(database: Database, room: str) -> str:
    """The event up to which this account has read; empty if it is not known."""
    row = database.execute("SELECT read FROM rooms WHERE id = ?", (room,)).fetchone()
    return str(row[0]) if row else ""


def mark_read(transaction: Transaction, room: str, event: str) -> None:
    """Everything up to an event was read here."""
    transaction.execute("UPDATE rooms SET read = ?, unread = 0, highlights = 0 WHERE id = ?", (event, room))
