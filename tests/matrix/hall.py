"""A room in memory, for nodes whose services are real but for the homeserver: what is in an outbox becomes an event."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from cis_tui.core.clock import Clock, Instant, utc_now
from cis_tui.core.config import MatrixSettings
from cis_tui.core.errors import NotFound
from cis_tui.core.identity import Identity
from cis_tui.core.paths import Home
from cis_tui.matrix import identities, outbox
from cis_tui.matrix.account import Account
from cis_tui.matrix.advice import Reactions
from cis_tui.matrix.events import RoomEvent
from cis_tui.matrix.intake import Batch
from cis_tui.matrix.line import RoomLine
from cis_tui.matrix.operations import OP
from cis_tui.matrix.policy import Standing
from cis_tui.matrix.service import MatrixService

ROOM = "!hall:example.org"


@dataclass
class Hall:
    """What was said, and who is there."""

    events: list[RoomEvent] = field(default_factory=list[RoomEvent])
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    transactions: dict[tuple[str, str], RoomEvent] = field(default_factory=dict[tuple[str, str], RoomEvent])
    guests: list[Guest] = field(default_factory=list["Guest"])
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def say(self, sender: str, type: str, content: Mapping[str, object], txn: str) -> RoomEvent:
        """As a homeserver: one event for each transaction of an account."""
        known = self.transactions.get((sender, txn))
        if known is not None:
            return known
        event = RoomEvent(
            f"$e{len(self.events)}", ROOM, type, sender, content, 0, redacts=str(content.get("redacts", ""))
        )
        self.events.append(event)
        self.transactions[sender, txn] = event
        return event

    def kinds(self) -> list[str]:
        """What was said by nodes, in short."""
        found: list[str] = []
        for event in self.events:
            operation = cast("Mapping[str, Any]", event.content.get(OP, {}))
            if operation:
                found.append(str(operation["kind"]).removeprefix("room-"))
        return found

    async def settle(self) -> None:
        """Carry everything to everybody, until nothing is left."""
        while True:
            async with self.turn:
                for guest in self.guests:
                    await guest.send()
                if not any([await guest.hear() for guest in self.guests]):
                    return

    async def upload_limit(self) -> int:
        return 1_000_000

    async def upload(self, data: bytes) -> str:
        address = f"mxc://example.org/{hashlib.sha256(data).hexdigest()}"
        self.files[address] = data
        return address

    async def download(self, address: str, limit: int) -> bytes:
        if address not in self.files:
            raise NotFound("CIS-MATRIX-006", "there is no such file")
        return self.files[address]


class _Service(MatrixService):
    """One without a homeserver."""

    is_online = True

    @property
    def online(self) -> bool:
        return self.is_online


@dataclass
class Guest:
    """A node in the hall; made again with the same folder, it is the next engine of the same home."""

    hall: Hall
    identity: Identity
    folder: Path
    clock: Clock = utc_now
    trusts: dict[str, str] = field(default_factory=dict[str, str])
    rules: Collection[str] = ()
    away: bool = False
    news: list[str] = field(default_factory=list[str])
    on_news: Callable[[str], object] = lambda did: None
    heard: int = 0
    service: _Service = field(init=False)
    line: RoomLine = field(init=False)
    reactions: Reactions = field(init=False)

    def __post_init__(self) -> None:
        self.service = _Service(
            Home(self.folder).ensure(),
            self.identity,
            MatrixSettings(policy=tuple(self.rules)),
            book=lambda did: Standing(self.trusts.get(did, "own")),
            clock=lambda: self.clock(),
        )
        self.service.account = Account("https://example.org", self.user, "D", "token")
        self.service.client = cast("Any", self.hall)
        self.service.intake.user, self.service.intake.federation = self.user, ROOM
        self.line = RoomLine(self.service, self.identity.did, news=self._hear_of)
        self.reactions = Reactions(self.service)

    def _hear_of(self, did: str) -> None:
        self.news.append(did)
        self.on_news(did)

    @property
    def user(self) -> str:
        return f"@{self.identity.did[-8:].lower()}:example.org"

    async def enter(self) -> None:
        """Be in the hall, known to all who are."""
        async with self.hall.turn:
            self.hall.guests.append(self)
        for one in self.hall.guests:
            for other in self.hall.guests:
                await one.service.store.write(
                    lambda transaction, other=other: transaction.execute(
                        "INSERT OR IGNORE INTO identities VALUES(?, ?, ?, ?, ?)",
                        (other.identity.did, other.user, "D", "", 0),
                    )
                )
            for call in one.service._ready:  # pyright: ignore[reportPrivateUsage] # what the loop does
                call()
        await asyncio.sleep(0)

    async def leave(self) -> None:
        """End, as if killed: what is written stays."""
        async with self.hall.turn:
            self.hall.guests.remove(self)
        await self.line.close()
        self.service.client = None
        await self.service.close()

    async def send(self) -> None:
        if self.away:
            return
        while (waiting := await self.service.store.read(outbox.first)) is not None:
            event = self.hall.say(self.user, waiting.type, waiting.content, waiting.txn)
            await self.service.store.write(
                lambda transaction, txn=waiting.txn, event=event: outbox.sent(transaction, txn, event.id)
            )

    async def hear(self) -> bool:
        """Take what is new; whether there was something."""
        if self.away:
            return False
        new = self.hall.events[self.heard :]
        if new:
            await self.service.intake.take([Batch(ROOM, new)], lambda transaction, number: None)
        self.heard += len(new)
        return bool(new)

    async def rejected(self) -> list[str]:
        """Codes of what was set aside."""
        return [each.code for each in await self.service.rejections(100)]

    async def knows(self, did: str) -> bool:
        return await self.service.store.read(lambda database: identities.bound(database, did)) is not None


def later(seconds: float) -> Callable[[], Instant]:
    """A clock that goes before."""
    return lambda: Instant(utc_now() + seconds)
