"""Carries public memory through the room in which nodes meet: between `RoomMemory` and `MatrixService`.

All work on memory is done in one thread of its own, step by step; in between, the event loop fetches large values. What
was taken is durable before the event that brought it counts as seen.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from sqlite3 import Connection
from time import monotonic
from typing import TypeVar, cast

from cis_tui.core.clock import Clock, utc_now
from cis_tui.core.errors import CisError
from cis_tui.core.events import EventType
from cis_tui.matrix import identities, ledger
from cis_tui.matrix.digest import Pace
from cis_tui.matrix.events import Garbage
from cis_tui.matrix.failures import TOO_LARGE
from cis_tui.matrix.hearing import Fetch
from cis_tui.matrix.memory import RoomMemory
from cis_tui.matrix.memory_model import MatrixMemory
from cis_tui.matrix.memory_news import Relay
from cis_tui.matrix.operations import Operation
from cis_tui.matrix.outbound import Outgoing
from cis_tui.matrix.sayings import BYTES, TYPES
from cis_tui.matrix.service import MatrixService
from cis_tui.matrix.speaking import Put, Saying
from cis_tui.matrix.store import Transaction
from cis_tui.memory.service import MemoryService
from cis_tui.sync.aside import Aside
from cis_tui.sync.heard import Heard
from cis_tui.sync.inbox import Inbox
from cis_tui.sync.outbox import Outbox
from cis_tui.sync.sharing import Access, Limits, Policy, Quota

log = logging.getLogger(__name__)
T = TypeVar("T")

LOOK = 0.02
"""Seconds between two looks whether anything was written: what is written within goes together."""
_ALONE = 1.0
"""The same while nobody is logged in."""
_TICK = 1.0
"""Seconds between two looks at what else is due."""
_PATIENCE = 150.0
"""Seconds for which a value is brought to the homeserver."""
_LATER = 10.0
"""Seconds until a value is brought there again, when the homeserver was away."""


class RoomPolicy:
    """Who is heard in the room: who may say memory there, and this node itself, which may have lost what it said."""

    def __init__(self, service: MatrixService, own: str, prefixes: Callable[[str], Sequence[str]]) -> None:
        self._service, self._own, self._prefixes = service, own, prefixes

    def access(self, did: str) -> Access:
        """All, or nothing: the room is heard by everybody, and nothing of it is held aside."""
        return Access.FULL if did == self._own or self._service.policy.allows(did, "memory") else Access.NONE

    def prefixes(self, did: str) -> Sequence[str]:
        """Beginnings of keys that are taken from `did`."""
        return self._prefixes(did)

    def denied(self, did: str) -> bool:
        """Whether a person has denied who made something."""
        return self._service.policy.book(did).trust == "denied"


class MemoryCarrier:
    """Public memory in the room of a service; to be made before that begins. On the engine's event loop."""

    def __init__(
        self,
        service: MatrixService,
        memory: MemoryService,
        outbox: Outbox,
        heard: Heard,
        *,
        own: str,
        share: Sequence[str],
        prefixes: Callable[[str], Sequence[str]],
        tell: Callable[[EventType, Mapping[str, object]], object] = lambda what, data: None,
        clock: Clock = utc_now,
        limits: Limits | None = None,
        pace: Pace | None = None,
        relay: Relay | None = None,
    ) -> None:
        """`outbox` and `heard` are those of `SyncService`: what one way carries, the other need not.

        `share`: beginnings of the keys that the room is given; `prefixes`: of those that are taken from a node.
        """
        self._service = service
        self._memory = memory
        self._outbox, self._heard = outbox, heard
        self._own, self._share = own, tuple(share)
        self._tell = tell
        self._clock = clock
        self._limits = limits or Limits()
        self._quota = Quota(self._limits, clock)
        self._pace, self._relay = pace, relay
        self._policy: Policy = RoomPolicy(service, own, prefixes)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="cis-matrix-memory")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watching: asyncio.Task[None] | None = None
        self._closed = False
        self._room, self._here = "", None
        self._members: frozenset[str] = frozenset()
        self._healing = True
        self._complaint = ""
        """Why the homeserver takes nothing, as it was told."""
        self._refusals: list[CisError] = []
        self._refused: dict[str, list[CisError]] = {}
        """Why parts of an operation were refused, by its event, until that is applied."""
        for kind in TYPES:
            service.handle(kind, self._note, capability="memory")
            service.handle_before(kind, self._take)
        service.source(self)
        service.when_ready(self._ready)

    # Its life

    def begin(self) -> None:
        """See what is written, and what is due."""
        self._loop = asyncio.get_running_loop()
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="memory in a room")

    async def close(self) -> None:
        """Say and take nothing more, after what is being merged; to be called once the service is closed."""
        self._closed = True
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        await asyncio.to_thread(self._thread.shutdown)

    async def status(self) -> MatrixMemory:
        """How far this node and the others in the room are."""
        if self._closed or not self._service.intake.federation:
            return MatrixMemory()
        return await self._in_thread(lambda: self._memory_of(self._service.intake.federation).status())

    def hear_again(self, did: str) -> None:
        """Ask for all that `did` has said: what is taken from it was changed. From any thread."""
        if not self._closed and self._service.intake.federation:
            room = self._service.intake.federation
            self._thread.submit(lambda: self._memory_of(room).hear_again(did))

    async def _watch(self) -> None:
        seen, ticked = -1, 0.0
        with suppress(Exception):
            await self._in_thread(self._memory.dot_old)
        while True:
            away = self._service.account is None or not self._service.intake.federation
            try:
                changes = self._memory.exchange.changes()
                if not away and changes != seen:
                    seen = changes
                    self._service.wake()
                if not away and monotonic() - ticked > _TICK:
                    ticked = monotonic()
                    if await self._in_thread(self._tick):
                        self._service.wake()
            except Exception:
                # A disk that is full, a file that is gone: it is looked again.
                log.exception("memory in the room cannot be looked after")
                await asyncio.sleep(_LATER)
            await asyncio.sleep(_ALONE if away else LOOK)

    def _ready(self) -> None:
        """The room was read: what is missing in it from here on is known."""
        self._thread.submit(self._tick)

    def _tick(self) -> bool:
        """See who is there; whether something is to be said now."""
        room = self._service.intake.federation

        def look(db: Connection) -> tuple[frozenset[str], bool]:
            nodes = frozenset(each.did for each in identities.nodes(db))
            return nodes, any(gap.room == room for gap in ledger.gaps(db))

        self._members, self._healing = self._service.store.at_once(look)
        memory = self._memory_of(room)
        memory.look()
        due = memory.speaking.due()
        return due is not None and due <= monotonic()

    def _memory_of(self, room: str) -> RoomMemory:
        """Memory in one room; in the thread, as all that is done with it."""
        if self._here is None or self._room != room:
            exchange = self._memory.exchange
            inbox = Inbox(
                self._memory,
                self._policy,
                self._quota,
                self._heard,
                Aside(self._limits),
                lambda peer, error: self._refusals.append(error),
            )
            self._here = RoomMemory(
                room=room,
                own=self._own,
                exchange=exchange,
                outbox=self._outbox,
                inbox=inbox,
                policy=self._policy,
                run=self._run,
                share=self._share,
                members=lambda: self._members,
                clock=self._clock,
                healing=lambda: self._healing,
                on_event=lambda kind, data: self._tell(EventType(kind), data),
                pace=self._pace,
                relay=self._relay,
            )
            self._room = room
            self._here.prune()
            if self._here.lost and self._loop is not None:
                asyncio.run_coroutine_threadsafe(self._read_again(), self._loop)
        return self._here

    async def _read_again(self) -> None:
        """Read the room from the beginning: public memory was lost, or begun anew."""

        def forget(transaction: Transaction) -> None:
            said = "(SELECT event FROM operations WHERE kind = 'memory')"
            transaction.execute(f"DELETE FROM seen WHERE event IN {said}")
            transaction.execute("DELETE FROM operations WHERE kind = 'memory'")
            ledger.put_fact(transaction, "account", "")  # so that it is begun anew as after another login

        log.warning("public memory was begun anew: what was said in the room is read again")
        await self._service.store.write(forget)
        await self._service.reload()

    def _run(self, work: Callable[[Connection], T]) -> T:
        def act(db: Connection) -> T:
            db.execute("BEGIN IMMEDIATE")
            try:
                done = work(db)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            return done

        return self._service.store.at_once(act)

    # What is said (`outbound.Source`, called in threads)

    def next(self, limit: int) -> Outgoing | None:
        """See `Source`."""
        room, place = self._service.intake.federation, ""
        if self._closed or not room:
            return None
        speaking = self._thread.submit(lambda: self._memory_of(room).speaking.next(min(limit, BYTES))).result()
        while True:
            step = self._thread.submit(_step, speaking, place).result()
            if not isinstance(step, Put):
                return None if step is None else Outgoing(TYPES[step.kind], step.kind, step.data, step.body, about=step)
            try:
                place = self._bring(step)
            except CisError as error:
                log.warning("a large value cannot be brought to the homeserver now: %s", error.message)
                speaking.close()
                self._thread.submit(lambda: self._memory_of(room).speaking.pause(_LATER)).result()
                return None

    def sent(self, outgoing: Outgoing, event: str) -> None:
        """See `Source`."""
        saying, self._complaint = cast("Saying", outgoing.about), ""
        if not self._closed:
            self._thread.submit(lambda: self._memory_of(self._room).speaking.sent(saying)).result()

    def refused(self, outgoing: Outgoing, error: CisError) -> None:
        """See `Source`."""
        if not self._closed:
            large = error.code == TOO_LARGE
            self._thread.submit(lambda: self._memory_of(self._room).speaking.refused(too_large=large)).result()
        if self._complaint != error.code:
            self._complaint = error.code
            self._tell(EventType.ERROR, {"code": error.code, "message": f"memory in the room: {error.message}"})

    def _bring(self, put: Put) -> str:
        client, loop = self._service.client, self._loop
        if client is None or loop is None:
            return ""

        async def bring() -> str:
            if len(put.value) > await client.upload_limit():
                log.warning("a value of %d bytes is more than the homeserver takes", len(put.value))
                return ""
            return await client.upload(put.value)

        return asyncio.run_coroutine_threadsafe(bring(), loop).result(_PATIENCE)

    # What is heard

    async def _take(self, operation: Operation) -> None:
        """Take what a node has said, before the transaction in which it counts as seen."""
        self._refusals = []
        memory = await self._in_thread(lambda: self._memory_of(operation.room))
        taking = memory.take(operation.kind, operation.did, operation.data)
        value: bytes | None = None
        while True:
            step = await self._in_thread(partial(_step, taking, value))
            if step is None:
                break
            value = await self._fetch(step)
        if self._refusals and operation.did != self._own:
            self._refused[operation.event] = self._refusals
        self._service.wake()

    def _note(self, operation: Operation, transaction: Transaction) -> None:
        """Show what was refused of it."""
        for error in self._refused.pop(operation.event, ()):
            shown = Garbage(operation.event, operation.account, error.message)
            ledger.reject(transaction, shown, operation.room, error)

    async def _fetch(self, fetch: Fetch) -> bytes | None:
        client = self._service.client
        if client is None:
            return None
        try:
            value = await client.download(fetch.place, fetch.size)
        except CisError as error:
            log.warning("a large value cannot be had now, and is asked for again: %s", error.message)
            return None
        return value if len(value) == fetch.size else None

    async def _in_thread(self, work: Callable[[], T]) -> T:
        working = asyncio.get_running_loop().run_in_executor(self._thread, work)
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            await asyncio.wait([working])  # a merge that is under way is not left alone: memory may be closed next
            raise


A = TypeVar("A")
B = TypeVar("B")
R = TypeVar("R")


def _step(steps: Generator[A, B, R], answer: object) -> A | R:
    """What is needed next, or what came of it at the end."""
    try:
        return next(steps) if not answer else steps.send(cast("B", answer))
    except StopIteration as end:
        return cast("R", end.value)
