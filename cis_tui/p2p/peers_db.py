"""`p2p/peers.db`: the peers that are known, one row each, written by any process of the home."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import cast

from cis_tui.core.clock import Instant
from cis_tui.core.database import open_private
from cis_tui.core.errors import CisError, Invalid, Unavailable
from cis_tui.core.paths import Home
from cis_tui.p2p.model import Trust, Via

_SCHEMA = """
CREATE TABLE IF NOT EXISTS peers(
    did TEXT PRIMARY KEY, status TEXT NOT NULL, name TEXT NOT NULL, own INTEGER NOT NULL, share TEXT,
    given TEXT NOT NULL, found TEXT NOT NULL, proven TEXT NOT NULL, via TEXT NOT NULL,
    first_seen REAL, last_seen REAL) WITHOUT ROWID;
"""
_COLUMNS = "did, status, name, own, share, given, found, proven, via, first_seen, last_seen"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Peer:
    """What is kept of one peer."""

    did: str
    status: Trust = Trust.PENDING
    name: str = ""
    own: bool = False
    share: tuple[str, ...] | None = None
    """Beginnings of keys; None: those of `[p2p] share`."""
    given: tuple[str, ...] = ()
    """Addresses that a person gave."""
    found: tuple[str, ...] = ()
    """Addresses that somebody announced, newest first; nothing is proven by them."""
    proven: str = ""
    """The address of the last connection that this node made to it."""
    via: Via = Via.INCOMING
    first_seen: Instant | None = None
    last_seen: Instant | None = None

    @property
    def addrs(self) -> tuple[str, ...]:
        """All addresses, the most trustworthy first."""
        return tuple(dict.fromkeys((*((self.proven,) if self.proven else ()), *self.given, *self.found)))


class PeersDb:
    """The file, and a copy of it in memory that is read anew when any process has changed it.

    All methods block for a few milliseconds at most unless they write, and may be called from any thread.
    """

    def __init__(self, home: Home) -> None:
        """Nothing is made before the first write."""
        self._path = home.peers_db
        self._lock = Lock()
        self._reader: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        """Which file the reader has open: another one may have come in its place."""
        self._seen = -1
        self._peers: dict[str, Peer] = {}

    def peers(self) -> dict[str, Peer]:
        """All peers by DID, as they are at this moment; not to be changed.

        Raises:
            Invalid: the file is damaged (CIS-P2P-043).
            Unavailable: it cannot be read now (CIS-P2P-044).
        """
        with self._lock, self._told():
            file = self._file_now()
            if file != self._file:
                self._let_go()
            if file is None:
                return {}
            if self._reader is None:
                self._reader, self._file = self._open(), self._file_now()
            (version,) = self._reader.execute("PRAGMA data_version").fetchone()
            if version != self._seen:
                rows = self._reader.execute(f"SELECT {_COLUMNS} FROM peers").fetchall()
                self._peers = {peer.did: peer for peer in map(_peer, rows)}
                self._seen = version
            return self._peers

    def change(self, act: Callable[[dict[str, Peer]], list[Peer | str]]) -> None:
        """Let `act` see the peers and give those to write, or the DIDs of those to remove; durable on return.

        Nobody else writes in between.

        Raises:
            Invalid: the file is damaged (CIS-P2P-043).
            Unavailable: it cannot be written now (CIS-P2P-044).
            CisError: what `act` raises; nothing is written.
        """
        with self._told():
            connection = self._open()
            try:
                connection.execute("BEGIN IMMEDIATE")
                rows = connection.execute(f"SELECT {_COLUMNS} FROM peers").fetchall()
                for item in act({peer.did: peer for peer in map(_peer, rows)}):
                    _write(connection, item)
                connection.execute("COMMIT")
            finally:
                connection.close()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        if self._reader is not None:
            self._reader.close()
        self._reader, self._file, self._seen = None, None, -1

    def _file_now(self) -> tuple[int, int] | None:
        """Device and inode of the file that is there; None if there is none."""
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _open(self) -> sqlite3.Connection:
        newer = Invalid("CIS-P2P-043", f"{self._path} was written by a newer cis", hint="use that one")
        return open_private(self._path, _VERSION, lambda found: _SCHEMA if found < _VERSION else "", newer=newer)

    @contextmanager
    def _told(self) -> Generator[None]:
        """Say what SQLite raises as one of ours."""
        try:
            yield
        except CisError:
            raise
        except (sqlite3.OperationalError, OSError) as error:
            raise Unavailable("CIS-P2P-044", f"{self._path} cannot be used now: {error}") from error
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            hint = "move it away; peers have to be allowed anew then"
            raise Invalid("CIS-P2P-043", f"{self._path} is damaged: {error}", hint=hint) from error


def _write(connection: sqlite3.Connection, item: Peer | str) -> None:
    if isinstance(item, str):
        connection.execute("DELETE FROM peers WHERE did = ?", (item,))
        return
    share = None if item.share is None else json.dumps(item.share)
    given, found = json.dumps(item.given), json.dumps(item.found)
    row = (item.did, item.status.value, item.name, int(item.own), share, given, found, item.proven, item.via.value)
    connection.execute(
        f"INSERT OR REPLACE INTO peers({_COLUMNS}) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*row, item.first_seen, item.last_seen),
    )


def _peer(row: tuple[object, ...]) -> Peer:
    did, status, name, own, share, given, found, proven, via, first, last = row
    return Peer(
        did=str(did),
        status=Trust(str(status)),
        name=str(name),
        own=bool(own),
        share=None if share is None else _texts(share),
        given=_texts(given),
        found=_texts(found),
        proven=str(proven),
        via=Via(str(via)),
        first_seen=_moment(first),
        last_seen=_moment(last),
    )


def _texts(raw: object) -> tuple[str, ...]:
    return tuple(str(item) for item in cast("list[object]", json.loads(str(raw))))


def _moment(raw: object) -> Instant | None:
    return None if raw is None else Instant(cast("float", raw))
