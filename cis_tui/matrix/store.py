"""`matrix.db`: all that a home keeps of Matrix, in one file (0600, WAL) that one thread of the engine writes.

What an answer of the homeserver brings, and the token from which it goes on, are one transaction. Merges of memory come
before it: they are durable by themselves and may be repeated, so a kill between the two only repeats what is known.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from cis_tui.core.clock import Clock, Instant, utc_now
from cis_tui.core.database import open_private
from cis_tui.core.errors import CisError, Invalid, Unavailable
from cis_tui.core.events import EventType

T = TypeVar("T")
Tell = Callable[[EventType, Mapping[str, object]], object]
Database = sqlite3.Connection
_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen(event TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS operations(
    did TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, at REAL NOT NULL, event TEXT NOT NULL,
    PRIMARY KEY(did, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gaps(
    id INTEGER PRIMARY KEY, room TEXT NOT NULL, token TEXT NOT NULL, idle INTEGER NOT NULL, pages INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS rejections(
    id INTEGER PRIMARY KEY, event TEXT NOT NULL, room TEXT NOT NULL, sender TEXT NOT NULL, code TEXT NOT NULL,
    reason TEXT NOT NULL, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS rooms(
    id TEXT PRIMARY KEY, alias TEXT NOT NULL DEFAULT '', name TEXT NOT NULL DEFAULT '', topic TEXT NOT NULL DEFAULT '',
    encrypted INTEGER NOT NULL DEFAULT 0, unread INTEGER NOT NULL DEFAULT 0, highlights INTEGER NOT NULL DEFAULT 0,
    read TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS members(
    room TEXT NOT NULL, user TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY(room, user)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS identities(
    did TEXT PRIMARY KEY, user TEXT NOT NULL, device TEXT NOT NULL, key TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox(
    id INTEGER PRIMARY KEY, txn TEXT NOT NULL UNIQUE, room TEXT NOT NULL, type TEXT NOT NULL, content TEXT NOT NULL,
    state TEXT NOT NULL, event TEXT NOT NULL, error TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS outbox_state ON outbox(state, id);
"""


class Transaction:
    """One change of the file: all of it, or nothing. In the store's thread; to be used within the call that has it."""

    def __init__(self, database: Database, now: Instant) -> None:
        self.database = database
        self.now = now
        self.live = True
        """Whether the event at hand is new, and not one of the past that was read later."""
        self.told: list[tuple[EventType, Mapping[str, object]]] = []
        self.later: list[Callable[[], object]] = []

    def execute(self, sql: str, values: Iterable[object] = ()) -> sqlite3.Cursor:
        """One statement."""
        return self.database.execute(sql, tuple(values))  # pyright: ignore[reportArgumentType] # SQLite checks them

    def tell(self, type: EventType, data: Mapping[str, object]) -> None:
        """An event for the faces, once this is durable."""
        self.told.append((type, data))

    def after(self, call: Callable[[], object]) -> None:
        """Something to be called on the event loop, once this is durable."""
        self.later.append(call)

    def undo_to(self, told: int, later: int) -> None:
        """Forget what was to be told and called since there were as many."""
        del self.told[told:], self.later[later:]


class Store:
    """The file. Coroutines on the engine's event loop; `at_once` for commands. Made at the first use."""

    def __init__(self, path: Path, *, tell: Tell = lambda what, data: None, clock: Clock = utc_now) -> None:
        self.path = path
        self._tell = tell
        self._clock = clock
        self._schemas = [_SCHEMA]
        self._database: Database | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cis-matrix")

    def add_tables(self, schema: str) -> None:
        """More tables, as `CREATE TABLE IF NOT EXISTS`; to be called before the first use."""
        self._schemas.append(schema)

    async def read(self, call: Callable[[Database], T]) -> T:
        """What `call` finds.

        Raises:
            Unavailable: the file cannot be used now (CIS-MATRIX-015).
            Invalid: it is damaged (CIS-MATRIX-016).
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._reading, call)

    async def write(self, call: Callable[[Transaction], T]) -> T:
        """Let `call` change something; durable when this returns. If it raises, nothing was changed.

        Raises:
            CisError: as `read`, and what `call` raises.
        """
        result, done = await asyncio.get_running_loop().run_in_executor(self._thread, self._writing, call)
        for type, data in done.told:
            self._tell(type, data)
        for each in done.later:
            each()
        return result

    def at_once(self, call: Callable[[Database], T]) -> T:
        """As `read`, for a caller without an event loop."""
        return self._thread.submit(self._reading, call).result()

    def close(self) -> None:
        """Let go of the file, after what was begun."""
        self._thread.submit(self._let_go)
        self._thread.shutdown()

    def _reading(self, call: Callable[[Database], T]) -> T:
        with self._told():
            return call(self._opened())

    def _writing(self, call: Callable[[Transaction], T]) -> tuple[T, Transaction]:
        with self._told():
            database = self._opened()
            transaction = Transaction(database, self._clock())
            database.execute("BEGIN IMMEDIATE")
            try:
                result = call(transaction)
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise
            return result, transaction

    def _opened(self) -> Database:
        if self._database is None:
            made = "".join(self._schemas)  # each part's tables, if they are not there
            newer = Invalid("CIS-MATRIX-016", f"{self.path} was written by a newer cis", hint="use that one")
            self._database = open_private(self.path, _VERSION, lambda _: made, newer=newer)
        return self._database

    def _let_go(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    @contextmanager
    def _told(self) -> Generator[None]:
        """Say what SQLite raises as one of ours."""
        try:
            yield
        except CisError:
            raise
        except (sqlite3.OperationalError, OSError) as error:
            raise Unavailable("CIS-MATRIX-015", f"{self.path} cannot be used now: {error}") from error
        except sqlite3.DatabaseError as error:
            hint = "move it away; what the room said is read anew then"
            raise Invalid("CIS-MATRIX-016", f"{self.path} is damaged: {error}", hint=hint) from error
