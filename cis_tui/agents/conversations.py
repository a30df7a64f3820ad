"""Conversations on the disk: encrypted like private memory, durable message by message. Everything here may block."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Protocol, cast

from cis_tui.agents.history import without_thinking
from cis_tui.agents.model import Block, Conversation, Message, Role, Usage
from cis_tui.core.clock import Clock, Instant
from cis_tui.core.codec import decode, dumps
from cis_tui.core.errors import NotFound
from cis_tui.core.text import clean_line
from cis_tui.memory.database import Database, Row

FILE = "conversations.db"
TITLE = 80
"""Characters."""
_TABLES = """
CREATE TABLE conversations (
    id TEXT PRIMARY KEY, project TEXT NOT NULL, title TEXT NOT NULL, agent TEXT NOT NULL, model TEXT NOT NULL,
    created REAL NOT NULL, updated REAL NOT NULL, forked_from TEXT NOT NULL, sent TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE messages (
    conversation TEXT NOT NULL, number INTEGER NOT NULL, turn TEXT NOT NULL, role TEXT NOT NULL, at REAL NOT NULL,
    text TEXT NOT NULL, blocks TEXT NOT NULL, agent TEXT NOT NULL, model TEXT NOT NULL, stop TEXT NOT NULL,
    input INTEGER, output INTEGER, cache_read INTEGER, cache_written INTEGER, cost REAL, window INTEGER,
    PRIMARY KEY (conversation, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE waiting (
    turn TEXT PRIMARY KEY, conversation TEXT NOT NULL, at REAL NOT NULL, text TEXT NOT NULL
) STRICT;
CREATE TABLE writes (
    number INTEGER PRIMARY KEY, conversation TEXT NOT NULL, turn TEXT NOT NULL, path TEXT NOT NULL, before BLOB,
    mode INTEGER NOT NULL, after TEXT NOT NULL, undone INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX by_time ON conversations (updated)
"""
_SESSIONS = """
CREATE TABLE IF NOT EXISTS sessions (
    conversation TEXT NOT NULL, agent TEXT NOT NULL, session TEXT NOT NULL, heard INTEGER NOT NULL,
    PRIMARY KEY (conversation, agent)
) STRICT
"""
"""Made when first needed: files of earlier versions have none."""
_LISTED = (
    "SELECT c.id, c.project, c.title, c.agent, c.model, c.created, c.updated, c.forked_from, count(m.number),"
    " coalesce(sum(m.input + m.cache_read + m.cache_written), 0), coalesce(sum(m.output), 0), sum(m.cost),"
    " (SELECT input + output + cache_read + cache_written FROM messages WHERE conversation = c.id"
    "  AND input IS NOT NULL ORDER BY number DESC LIMIT 1),"
    " (SELECT window FROM messages WHERE conversation = c.id AND window IS NOT NULL ORDER BY number DESC LIMIT 1)"
    " FROM conversations c LEFT JOIN messages m ON m.conversation = c.id"
)


class Files(Protocol):
    """What opens the file; see `PrivateMemory`."""

    def file(self, name: str, prepare: Callable[[Database], None]) -> AbstractContextManager[Database]: ...


@dataclass(frozen=True, slots=True)
class FileWrite:
    """One file that an agent wrote, and what was there before."""

    path: str
    """Relative to the project."""
    before: bytes | None
    """None: there was none."""
    mode: int
    after: str
    """SHA-256 of what it wrote."""
    number: int = 0
    turn: str = ""


class Conversations:
    """The store of one home. Every method raises `CisError` when private memory is locked or the disk fails."""

    def __init__(self, files: Files, clock: Clock) -> None:
        self._files = files
        self._clock = clock

    def create(
        self, project: str, agent: str, model: str, title: str = "", *, forked_from: str = "", id: str = ""
    ) -> Conversation:
        """A new, empty conversation."""
        now, id = float(self._clock()), id or secrets.token_hex(6)
        with self._open() as file:
            file.run(
                "INSERT INTO conversations (id, project, title, agent, model, created, updated, forked_from)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (id, project, clean_line(title, limit=TITLE).strip(), agent, model, now, now, forked_from),
            )
        return self.get(id)

    def get(self, id: str) -> Conversation:
        """The conversation whose id begins with `id`, if that is one alone.

        Raises:
            NotFound: there is none, or several (CIS-AGENT-018).
        """
        with self._open() as file:
            return self._get(file, id)

    def list(self, project: str | None = None, *, query: str = "", limit: int = 50) -> tuple[Conversation, ...]:
        """The newest first, of one project or of all (None); with `query`, those in which it was said."""
        where, args = ["1"], []
        if project is not None:
            where, args = ["c.project = ?"], [project]
        if query.strip():
            like = "%" + "".join(f"\\{char}" if char in "\\%_" else char for char in query.strip()) + "%"
            where.append(
                "(c.title LIKE ? ESCAPE '\\' OR EXISTS (SELECT 1 FROM messages s WHERE s.conversation = c.id"
                " AND s.text LIKE ? ESCAPE '\\'))"
            )
            args += [like, like]
        sql = f"{_LISTED} WHERE {' AND '.join(where)} GROUP BY c.id ORDER BY c.updated DESC LIMIT ?"
        with self._open() as file:
            return tuple(map(_conversation, file.all(sql, (*args, max(limit, 0)))))

    def messages(self, id: str, *, after: int = 0) -> tuple[Message, ...]:
        """What was said after the message `after`, all for 0; oldest first."""
        with self._open() as file:
            rows = file.all(
                "SELECT * FROM messages WHERE conversation = ? AND number > ? ORDER BY number", (id, max(after, 0))
            )
        return tuple(map(_message, rows))

    def append(self, id: str, message: Message, *, taking: Iterable[str] = ()) -> Message:
        """Keep a message; it is on the disk when this returns, with its number.

        `taking`: the prompts that it is made of, which wait no longer.
        """
        with self._writing() as file:
            number = 1 + file.value("SELECT coalesce(max(number), 0) FROM messages WHERE conversation = ?", (id,))
            file.run(_INSERT, _row(id, number, message))
            file.many("DELETE FROM waiting WHERE turn = ?", [(each,) for each in taking])
            title = clean_line(message.text, limit=TITLE) if message.role is Role.USER else ""
            file.run(
                "UPDATE conversations SET updated = ?, title = CASE title WHEN '' THEN ? ELSE title END WHERE id = ?",
                (float(message.at), title, id),
            )
        return replace(message, number=number)

    def fork(self, id: str, upto: int = 0) -> Conversation:
        """A new conversation that begins with the first `upto` messages, or all; thinking is left out."""
        before = self.get(id)
        kept = [message for message in self.messages(before.id) if not upto or message.number <= upto]
        title = f"{before.title} (fork)"
        new = self.create(before.project, before.agent, before.model, title, forked_from=before.id)
        rows = [_row(new.id, message.number, without_thinking(message)) for message in kept]
        with self._writing() as file:
            # What the messages cost was paid once.
            file.many(_INSERT, [(*row[:10], None, None, None, None, None, row[15]) for row in rows])
        return self.get(new.id)

    def rename(self, id: str, title: str) -> Conversation:
        """Call it otherwise."""
        found = self.get(id)
        with self._open() as file:
            file.run(
                "UPDATE conversations SET title = ? WHERE id = ?", (clean_line(title, limit=TITLE).strip(), found.id)
            )
        return self.get(found.id)

    def set_agent(self, id: str, agent: str, model: str) -> Conversation:
        """Let another agent, or model, go on with it."""
        found = self.get(id)
        with self._open() as file:
            file.run("UPDATE conversations SET agent = ?, model = ? WHERE id = ?", (agent, model, found.id))
        return self.get(found.id)

    def delete(self, id: str) -> None:
        """Let it be gone, with all that was said and kept of it."""
        found = self.get(id)
        with self._writing() as file:
            file.run(_SESSIONS)
            for table, column in (("conversations", "id"), *((name, "conversation") for name in _PARTS)):
                file.run(f"DELETE FROM {table} WHERE {column} = ?", (found.id,))

    # What waits, what was sent, what was written

    def enqueue(self, id: str, text: str) -> str:
        """Keep a prompt for later; the name of the turn that it will be."""
        turn = secrets.token_hex(6)
        with self._open() as file:
            file.run("INSERT INTO waiting VALUES (?, ?, ?, ?)", (turn, id, float(self._clock()), text))
        return turn

    def waiting(self, id: str) -> tuple[tuple[str, str], ...]:
        """The prompts that wait, with the names of their turns, oldest first."""
        with self._open() as file:
            rows = file.all("SELECT turn, text FROM waiting WHERE conversation = ? ORDER BY rowid", (id,))
        return tuple((str(turn), str(text)) for turn, text in rows)

    def drop(self, turns: Iterable[str]) -> None:
        """Let prompts wait no longer."""
        with self._open() as file:
            file.many("DELETE FROM waiting WHERE turn = ?", [(each,) for each in turns])

    def note_sent(self, id: str, sent: Mapping[str, object]) -> None:
        """Keep what the newest request held beside the messages."""
        with self._open() as file:
            file.run("UPDATE conversations SET sent = ? WHERE id = ?", (dumps(sent), id))

    def sent(self, id: str) -> Mapping[str, object]:
        """What `note_sent` kept; empty before the first request."""
        with self._open() as file:
            text = file.value("SELECT sent FROM conversations WHERE id = ?", (id,))
        return cast("Mapping[str, object]", json.loads(text)) if text else {}

    def note_write(self, id: str, turn: str, write: FileWrite) -> None:
        """Keep what a file was before an agent writes it."""
        with self._open() as file:
            file.run(
                "INSERT INTO writes (conversation, turn, path, before, mode, after) VALUES (?, ?, ?, ?, ?, ?)",
                (id, turn, write.path, write.before, write.mode, write.after),
            )

    def writes(self, id: str, turn: str = "") -> tuple[FileWrite, ...]:
        """What was written and not taken back, in `turn` or in the last turn that wrote anything; newest first."""
        with self._open() as file:
            turn = turn or str(
                file.value(
                    "SELECT turn FROM writes WHERE conversation = ? AND NOT undone ORDER BY number DESC LIMIT 1", (id,)
                )
                or ""
            )
            rows = file.all(
                "SELECT path, before, mode, after, number, turn FROM writes WHERE conversation = ? AND turn = ?"
                " AND NOT undone ORDER BY number DESC",
                (id, turn),
            )
        return tuple(FileWrite(*row) for row in rows)

    def session(self, conversation: str, agent: str) -> tuple[str, int]:
        """The session that a program keeps of a conversation, empty for none, and the last message that it was told."""
        with self._open() as file:
            file.run(_SESSIONS)
            rows = file.all(
                "SELECT session, heard FROM sessions WHERE conversation = ? AND agent = ?", (conversation, agent)
            )
        return (str(rows[0][0]), int(rows[0][1])) if rows else ("", 0)

    def note_session(self, conversation: str, agent: str, session: str, heard: int) -> None:
        """Keep what `session` gives."""
        with self._open() as file:
            file.run(_SESSIONS)
            file.run("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?)", (conversation, agent, session, heard))

    def note_undone(self, numbers: Iterable[int]) -> None:
        """These writes were taken back."""
        with self._open() as file:
            file.many("UPDATE writes SET undone = 1, before = NULL WHERE number = ?", [(each,) for each in numbers])

    def _open(self) -> AbstractContextManager[Database]:
        return self._files.file(FILE, _prepare)

    @contextmanager
    def _writing(self) -> Generator[Database]:
        """All that is done in the block, or nothing of it."""
        with self._open() as file:
            file.begin()
            try:
                yield file
                file.commit()
            except BaseException:
                file.rollback()
                raise

    def _get(self, file: Database, id: str) -> Conversation:
        rows = file.all(f"{_LISTED} WHERE substr(c.id, 1, ?) = ? GROUP BY c.id LIMIT 2", (len(id), id))
        if len(rows) != 1 or not id:
            what = "several conversations" if rows else "no conversation"
            shown = clean_line(id, limit=40)
            raise NotFound("CIS-AGENT-018", f'there is {what} "{shown}"', hint="cis agent conversations lists them")
        return _conversation(rows[0])


_INSERT = f"INSERT INTO messages VALUES ({', '.join('?' * 16)})"
_PARTS = ("messages", "waiting", "writes", "sessions")


def _prepare(file: Database) -> None:
    for statement in _TABLES.split(";"):
        file.run(statement)


def _conversation(row: Row) -> Conversation:
    id, project, title, agent, model, created, updated, forked, count, read, written, cost, context, window = row
    return Conversation(
        id=id,
        project=project,
        title=title,
        agent=agent,
        model=model,
        created_at=Instant(created),
        updated_at=Instant(updated),
        messages=count,
        input=read,
        output=written,
        cost=cost,
        context=context or 0,
        window=window,
        forked_from=forked,
    )


def _row(id: str, number: int, message: Message) -> Row:
    usage = message.usage
    counted = (usage.input, usage.output, usage.cache_read, usage.cache_written, usage.cost) if usage else (None,) * 5
    about = (message.role.value, float(message.at), message.text, dumps(message.blocks))
    return (id, number, message.turn, *about, message.agent, message.model, message.stop, *counted, message.window)


def _message(row: Row) -> Message:
    _, number, turn, role, at, _, blocks, agent, model, stop, read, written, cached, stored, cost, window = row
    usage = None if read is None else Usage(read, written, cached, stored, cost)
    return Message(
        role=Role(role),
        blocks=decode(tuple[Block, ...], json.loads(blocks)),
        at=Instant(at),
        number=number,
        turn=turn,
        agent=agent,
        model=model,
        stop=stop,
        usage=usage,
        window=window,
    )
