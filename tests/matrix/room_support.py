"""Nodes in a room that is no server's: what is said there is a list, which each reads in an order of its own."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from shutil import rmtree
from typing import TypeVar, cast

from cis_tui.core.errors import CisError
from cis_tui.matrix.digest import Pace
from cis_tui.matrix.hearing import Fetch
from cis_tui.matrix.memory import RoomMemory
from cis_tui.matrix.memory_news import Relay
from cis_tui.matrix.speaking import Put, Saying
from cis_tui.sync.aside import Aside
from cis_tui.sync.inbox import Inbox
from cis_tui.sync.sharing import Access, Limits, Quota
from tests.memory.support import SetClock
from tests.sync.support import Replica

ROOM = "!room:example.org"
T = TypeVar("T")


@dataclass(frozen=True)
class Event:
    """What a server has taken."""

    did: str
    kind: str
    text: str
    """The data, as it went over the wire."""


@dataclass
class Room:
    """All that was said, and the values that lie beside it."""

    events: list[Event] = field(default_factory=list[Event])
    redacted: set[int] = field(default_factory=set[int])
    media: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def put(self, value: bytes) -> str:
        place = f"mxc://example.org/{len(self.media)}"
        self.media[place] = value
        return place


class Steady:
    """A steady clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Policy:
    """That of a replica, for what is taken from a room: this node's own sayings are taken too."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    def access(self, did: str) -> Access:
        return Access.FULL if did == self._replica.did else self._replica.policy.access(did)

    def prefixes(self, did: str) -> tuple[str, ...]:
        return tuple(self._replica.policy.prefixes(did))

    def denied(self, did: str) -> bool:
        return self._replica.policy.denied(did)


class Guest:
    """A replica in a room."""

    def __init__(
        self,
        folder: Path,
        name: str,
        room: Room,
        *,
        clock: SetClock | None = None,
        steady: Steady | None = None,
        relay: Relay | None = None,
        pace: Pace | None = None,
        share: tuple[str, ...] = ("",),
        seed: int = 0,
    ) -> None:
        self.replica = Replica(folder, name, clock=clock)
        self.did = self.replica.did
        self.room = room
        self.steady = steady or Steady()
        self.relay, self.pace, self.share = relay, pace, share
        self.chance = Random(f"{seed}{name}")
        self.members: set[str] = set()
        self.read: set[int] = set()
        """Events that reached this node."""
        self.file = folder / f"{name}-matrix.db"
        self.rejected: list[CisError] = []
        self.events: list[str] = []
        self.open()

    def open(self) -> None:
        replica = self.replica
        self.db = sqlite3.connect(self.file, isolation_level=None)
        self.policy = Policy(replica)
        sync = replica.sync
        self.memory = RoomMemory(
            room=ROOM,
            own=self.did,
            exchange=replica.memory.exchange,
            outbox=sync.outbox,
            inbox=Inbox(
                replica.memory,
                self.policy,
                Quota(replica.limits or Limits(), replica.clock),
                sync.heard,
                Aside(replica.limits or Limits()),
                lambda peer, error: self.rejected.append(error),
            ),
            policy=self.policy,
            run=self.run,
            share=self.share,
            members=lambda: self.members,
            clock=replica.clock,
            on_event=lambda kind, data: self.events.append(kind),
            steady=self.steady,
            chance=self.chance,
            pace=self.pace,
            relay=self.relay,
        )

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            done = work(self.db)
            self.db.execute("COMMIT")
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        return done

    def restart(self) -> None:
        self.db.close()
        self.replica.restart()
        self.open()

    def wipe(self, *, ledger: bool) -> None:
        """Lose all memory, and with it what was noted about the room if `ledger`; the key stays."""
        self.db.close()
        self.replica.memory.close()
        rmtree(self.replica.home.memory, ignore_errors=True)
        if ledger:
            self.file.unlink()
        self.replica.open()
        self.open()
        self.read.clear()

    def close(self) -> None:
        self.db.close()
        self.replica.close()

    # What it says

    def next(self) -> Saying | None:
        speaking = self.memory.speaking.next()
        try:
            asked = next(speaking)
            while True:
                assert isinstance(asked, Put) and hashlib.sha256(asked.value).hexdigest() == asked.sha256
                asked = speaking.send(self.room.put(asked.value))
        except StopIteration as end:
            return cast("Saying | None", end.value)

    def say(self, *, arrives: bool = True, noted: bool = True) -> Saying | None:
        """Say one thing; it may be lost on the way to the server, or the answer of that on the way back."""
        saying = self.next()
        if saying is not None:
            if arrives:
                self.room.events.append(Event(self.did, saying.kind, json.dumps(saying.data)))
            if arrives and noted:
                self.memory.speaking.sent(saying)
        return saying

    def say_all(self, most: int = 10_000) -> int:
        for count in range(most):
            if self.say() is None:
                return count
        raise AssertionError("it never ends")

    # What it hears

    def hear(self, number: int, *, media: bool = True) -> None:
        """One event of the room reaches it."""
        self.read.add(number)
        event = self.room.events[number]
        if number in self.room.redacted:
            return
        try:
            self.hear_event(event, media=media)
        except CisError as error:
            self.rejected.append(error)

    def hear_event(self, event: Event, *, media: bool = True) -> None:
        data = json.loads(event.text)
        taking = self.memory.take(event.kind, event.did, data)
        with suppress(StopIteration):
            asked = next(taking)
            while True:
                assert isinstance(asked, Fetch)
                asked = taking.send(self.room.media.get(asked.place) if media else None)

    def hear_all(self) -> int:
        new = [number for number in range(len(self.room.events)) if number not in self.read]
        for number in new:
            self.hear(number)
        return len(new)


def settle(guests: list[Guest], *, seconds: float = 30.0, rounds: int = 400) -> None:
    """Let time pass until nobody has anything to say, or to hear."""
    quiet = 0
    for _ in range(rounds):
        moved = sum(guest.say_all() + guest.hear_all() for guest in guests)
        quiet = 0 if moved else quiet + 1
        dues = [due for guest in guests if (due := guest.memory.speaking.due()) is not None]
        if quiet > 1 and not dues:
            return
        for guest in guests:
            guest.steady.now = max(guest.steady.now + seconds, min(dues, default=0.0) if quiet > 1 else 0.0)
    raise AssertionError("it never comes to an end")
