"""Nodes without a network: what they say is carried by the test, which may lose, repeat and mix it up."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree

from cis_tui.core.errors import CisError
from cis_tui.core.identity import Identity
from cis_tui.core.paths import Home
from cis_tui.memory.records import Domain, MemoryItem, MemoryWrite
from cis_tui.memory.service import MemoryService
from cis_tui.sync.service import Conversation, Exchanged, SyncService
from cis_tui.sync.sharing import Access, Limits
from tests.memory.support import SetClock


@dataclass
class Said:
    """A policy that the test sets."""

    accesses: dict[str, Access] = field(default_factory=dict[str, Access])
    shares: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    denials: set[str] = field(default_factory=set[str])

    def access(self, did: str) -> Access:
        return self.accesses.get(did, Access.FULL)

    def prefixes(self, did: str) -> Sequence[str]:
        return self.shares.get(did, ("",))

    def denied(self, did: str) -> bool:
        return did in self.denials


class Lost(Exception):
    """What was said did not arrive."""


class Replica:
    """One node, and what others see of it."""

    def __init__(self, folder: Path, name: str, *, clock: SetClock | None = None, limits: Limits | None = None) -> None:
        self.identity = Identity(hashlib.sha256(name.encode()).digest())
        self.did = self.identity.did
        self.home = Home(folder / name)
        self.clock = clock or SetClock()
        self.policy = Said()
        self.limits = limits
        self.events: list[tuple[str, Mapping[str, object]]] = []
        self.refusals: list[tuple[str, CisError]] = []
        self.behind: list[str] = []
        self.open()

    def open(self) -> None:
        """Begin, as after a restart."""
        self.memory = MemoryService(self.home, node=self.did, clock=self.clock)
        self.sync = SyncService(
            memory=self.memory,
            identity=self.identity,
            policy=self.policy,
            clock=self.clock,
            limits=self.limits,
            on_event=lambda kind, data: self.events.append((kind, data)),
            on_refused=lambda peer, error: self.refusals.append((peer, error)),
            on_behind=self.behind.append,
        )

    def restart(self) -> None:
        self.memory.close()
        self.open()

    def wipe(self) -> None:
        """Lose all memory, and keep the key."""
        self.memory.close()
        rmtree(self.home.memory, ignore_errors=True)
        self.open()

    def put(self, key: str, value: str | bytes, domain: Domain = Domain.PUBLIC) -> MemoryItem:
        return self.memory.set(MemoryWrite(key, value, domain))

    def value(self, key: str) -> str | bytes | None:
        item = self.memory.current(key)
        return None if item is None else item.value

    def dump(self, prefix: str = "") -> list[tuple[object, ...]]:
        """What all nodes are to agree on: every newest version, of those in conflict all, with deletions."""
        dots = [offer.dot for offer in self.memory.exchange.page("", (prefix,)).offers]
        return sorted(
            (each.key, each.origin, each.hlc, repr(each.value), sorted(each.vector.items()), each.pinned)
            for each in self.memory.exchange.records(dots)
        )

    def close(self) -> None:
        self.memory.close()


Carry = Callable[[bytes], bytes]


def talk(conversation: Conversation, carry: Carry) -> Exchanged:
    """Hold a conversation; `carry` brings a request to the other end and its answer back, or loses one of them."""
    try:
        request = next(conversation)
        while True:
            request = conversation.send(carry(request))
    except StopIteration as end:
        return end.value
    finally:
        conversation.close()


def pull(taker: Replica, giver: Replica) -> Exchanged:
    return talk(taker.sync.pull(giver.did), lambda body: giver.sync.answer(taker.did, body))


def push(giver: Replica, taker: Replica) -> Exchanged:
    return talk(giver.sync.push(taker.did), lambda body: taker.sync.answer(giver.did, body))


def settle(replicas: Sequence[Replica]) -> None:
    """Let everybody hear everybody, until nobody hears anything new."""
    for _ in range(10):
        heard = [pull(taker, giver) for taker in replicas for giver in replicas if giver is not taker]
        if not any(each.received or each.again for each in heard):
            return
    raise AssertionError("it never comes to an end")
