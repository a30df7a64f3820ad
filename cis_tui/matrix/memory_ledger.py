"""What was said about memory in a room, kept in `matrix.db`: what the room has, under which number this node said it,
and which numbers of the others were heard.

It is no queue. What is to be said follows from public memory and from what is noted here; a note that is lost with the
file costs that something is said, or asked for, once more.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from sqlite3 import Connection
from typing import Protocol, TypeVar

from cis_tui.core.clock import Clock
from cis_tui.matrix.ranges import MAX_NUMBER, Ranges, joined, missing, read_ranges
from cis_tui.memory.dots import Dot

T = TypeVar("T")
SCHEMA = """
CREATE TABLE IF NOT EXISTS memory_rooms (
    id INTEGER PRIMARY KEY, room TEXT NOT NULL UNIQUE, log TEXT NOT NULL, last INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS memory_said (
    room INTEGER NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL, origin TEXT NOT NULL, hlc INTEGER NOT NULL,
    number INTEGER NOT NULL, -- under which this node has said it, 0 when somebody else did
    PRIMARY KEY (room, epoch, seq, origin, hlc)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS memory_numbers ON memory_said (room, number) WHERE number > 0;
CREATE TABLE IF NOT EXISTS memory_members (
    room INTEGER NOT NULL, did TEXT NOT NULL, log TEXT NOT NULL, ranges TEXT NOT NULL, last INTEGER NOT NULL,
    told INTEGER NOT NULL, PRIMARY KEY (room, did)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS memory_media (
    sha256 TEXT PRIMARY KEY, place TEXT NOT NULL, at REAL NOT NULL
) STRICT, WITHOUT ROWID
"""
_SAME = (
    "room = ? AND epoch = json_extract(value, '$[1]') AND seq = json_extract(value, '$[2]')"
    " AND origin = json_extract(value, '$[0]') AND hlc = json_extract(value, '$[3]')"
)


class Run(Protocol):
    """Does some work on `matrix.db` in one transaction, which is durable when this returns."""

    def __call__(self, work: Callable[[Connection], T], /) -> T: ...


@dataclass(frozen=True, slots=True)
class Member:
    """How far a node and this one have heard each other in the room."""

    log: str = ""
    ranges: Ranges = ()
    """The numbers of that log that were heard."""
    last: int = 0
    """The greatest number that is known to be given there."""
    told: int = 0
    """The number of this node's log up to which it has heard all, as it says."""

    @property
    def holes(self) -> Ranges:
        """The numbers that were given, and not heard."""
        return missing(self.ranges, self.last)

    def with_news(self, log: str, last: int, ranges: Ranges = ()) -> Member:
        """After the node has said that `last` is the greatest number of `log`, and what has `ranges` was heard."""
        if log < self.log:
            return self  # it was begun anew since
        known = self if log == self.log else Member(told=self.told)
        heard = joined(known.ranges, ranges)
        return Member(log, heard, max(known.last, last, heard[-1][1] if heard else 0), self.told)


class MemoryLedger:
    """The notes about one room; for one thread at a time."""

    def __init__(self, run: Run, room: str, clock: Clock) -> None:
        self._run = run
        self._clock = clock
        begun = f"{int(clock() * 1000):012x}{secrets.token_hex(3)}"

        def begin(db: Connection) -> tuple[int, str, int]:
            for statement in SCHEMA.split(";\n"):
                db.execute(statement)
            db.execute("INSERT OR IGNORE INTO memory_rooms (room, log, last) VALUES (?, ?, 0)", (room, begun))
            row = db.execute("SELECT id, log, last FROM memory_rooms WHERE room = ?", (room,)).fetchone()
            return int(row[0]), str(row[1]), int(row[2])

        self._room, self.log, self.last = run(begin)
        self._members = run(self._read_members)

    # What this node says

    def reserve(self) -> int:
        """The next number of this node's log, which is given to nothing else."""

        def act(db: Connection) -> None:
            db.execute("UPDATE memory_rooms SET last = last + 1 WHERE id = ?", (self._room,))

        self._run(act)
        self.last += 1
        return self.last

    def catch_up(self, last: int) -> None:
        """Give no number up to `last` again: this node was seen to have used it."""
        if last > self.last:
            self._run(lambda db: db.execute("UPDATE memory_rooms SET last = ? WHERE id = ?", (last, self._room)))
            self.last = last

    def told(self, ranges: Ranges, limit: int) -> list[tuple[int, Dot]]:
        """The first `limit` versions that this node has said under the numbers of `ranges`, with these, in order."""

        def act(db: Connection) -> list[tuple[int, Dot]]:
            found: list[tuple[int, Dot]] = []
            for first, last in ranges:
                rows = db.execute(
                    "SELECT number, origin, epoch, seq, hlc FROM memory_said"
                    " WHERE room = ? AND number > 0 AND number BETWEEN ? AND ? ORDER BY number LIMIT ?",
                    (self._room, first, last, limit - len(found)),
                )
                found += [(int(row[0]), Dot(*row[1:])) for row in rows]
                if len(found) >= limit:
                    break
            return found

        return self._run(act)

    # What the room has

    def note(self, dots: Iterable[Dot], number: int = 0) -> None:
        """The room has `dots`; `number`: under which this node has said them."""
        rows = [(self._room, dot.epoch, dot.seq, dot.origin, dot.hlc, number) for dot in dots]
        sql = (
            "INSERT INTO memory_said (room, epoch, seq, origin, hlc, number) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET number = excluded.number WHERE excluded.number > 0"
        )
        if rows:
            self._run(lambda db: db.executemany(sql, rows))

    def unsaid(self, dots: Iterable[Dot]) -> set[Dot]:
        """Those of `dots` that nobody has said in the room."""
        sql = f"SELECT value FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM memory_said WHERE {_SAME})"
        text = json.dumps([list(dot) for dot in dots])
        rows = self._run(lambda db: db.execute(sql, (text, self._room)).fetchall())
        return {Dot(*json.loads(value)) for (value,) in rows}

    def prune(self, newest: Callable[[Collection[Dot]], set[Dot]], *, page: int = 2_000) -> int:
        """Forget what is not among the newest any more, which nobody is given again; how many that were."""
        after, gone = ("", 0, "", 0), 0
        sql = (
            "SELECT epoch, seq, origin, hlc FROM memory_said"
            " WHERE room = ? AND (epoch, seq, origin, hlc) > (?, ?, ?, ?) ORDER BY epoch, seq, origin, hlc LIMIT ?"
        )
        delete = "DELETE FROM memory_said WHERE room = ? AND epoch = ? AND seq = ? AND origin = ? AND hlc = ?"
        while rows := self._run(lambda db, after=after: db.execute(sql, (self._room, *after, page)).fetchall()):
            dots = [Dot(origin, epoch, seq, hlc) for epoch, seq, origin, hlc in rows]
            kept = newest(dots)
            old = [(self._room, dot.epoch, dot.seq, dot.origin, dot.hlc) for dot in dots if dot not in kept]
            self._run(lambda db, old=old: db.executemany(delete, old))
            gone += len(old)
            after = rows[-1]
        return gone

    # What the others say

    @property
    def members(self) -> Mapping[str, Member]:
        """Everybody who was heard."""
        return self._members

    def member(self, did: str) -> Member:
        """How far one was heard."""
        return self._members.get(did, Member())

    def set_member(self, did: str, member: Member) -> None:
        """Keep how far one was heard."""
        if self.member(did) == member:
            return
        row = (self._room, did, member.log, json.dumps(member.ranges), member.last, member.told)
        self._run(lambda db: db.execute("INSERT OR REPLACE INTO memory_members VALUES (?, ?, ?, ?, ?, ?)", row))
        self._members[did] = member

    def hear_again(self, did: str) -> None:
        """Count all that one has said as not heard, also where it is not known how much that is."""
        known = self.member(did)
        self.set_member(did, replace(known, ranges=(), last=known.last if known.log else MAX_NUMBER))

    def hear_all_again(self) -> None:
        """Count nothing that the others have said as heard: what they said then was lost here."""
        for did, member in list(self._members.items()):
            self.set_member(did, replace(member, ranges=()))

    def _read_members(self, db: Connection) -> dict[str, Member]:
        sql = "SELECT did, log, ranges, last, told FROM memory_members WHERE room = ?"
        return {
            str(did): Member(str(log), read_ranges(json.loads(ranges)), int(last), int(told))
            for did, log, ranges, last, told in db.execute(sql, (self._room,))
        }

    # Large values

    def place(self, sha256: str, *, newer: float = 0.0) -> str:
        """Where a value lies on a server; empty when it was not brought there, or not since `newer` (UTC)."""
        sql = "SELECT place FROM memory_media WHERE sha256 = ? AND at >= ?"
        row = self._run(lambda db: db.execute(sql, (sha256, newer)).fetchone())
        return str(row[0]) if row else ""

    def set_place(self, sha256: str, place: str) -> None:
        """Note where a value lies since now."""
        row = (sha256, place, float(self._clock()))
        self._run(lambda db: db.execute("INSERT OR REPLACE INTO memory_media VALUES (?, ?, ?)", row))
