"""Keeps public memory one with the peers that are connected: says news at once, asks now and then, tries again.

Each connected peer has a courier, a task that pulls and pushes when it is woken: when the peer connects, when public
memory was changed, by whatever process (a look at a counter, see `memory.epochs`), when the peer has said that there is
more, and every five minutes. What failed is tried again after 1, 2, 4 … 60 seconds.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar
from weakref import WeakValueDictionary

from cis_tui.core.clock import Clock, Instant, utc_now
from cis_tui.core.errors import CisError
from cis_tui.core.events import EventType
from cis_tui.core.latest import Latest
from cis_tui.core.text import clean_line
from cis_tui.memory.service import MemoryService
from cis_tui.p2p.link import Link
from cis_tui.p2p.model import Queued
from cis_tui.p2p.past import AWAY, SyncPast
from cis_tui.p2p.views import Exchanged
from cis_tui.sync.messages import PROTOCOL, is_refusal
from cis_tui.sync.service import Conversation, SyncService
from cis_tui.sync.service import Exchanged as Done
from cis_tui.sync.sharing import Access, Policy

log = logging.getLogger(__name__)

EVERY = 300.0
"""Seconds between two questions to a peer that says nothing by itself (spec, Public Memory Sync Flow, step 4)."""
LOOK = 0.04
"""Seconds between two looks whether anything was written: what is written within goes together."""
_ALONE = 0.25
"""The same while nobody is connected."""
_LATER = 0.5
"""Seconds after which a peer is asked again for what another was asked for."""
_PUT_OFF = 2.0
"""Seconds for which much that others made is not passed on yet, while more of it is being fetched."""
_LONGEST = 60.0
"""Seconds until what failed is tried again, at most."""
_SYNC_NOW = 60.0
"""Seconds for which a person waits, at most, while what a peer has comes."""
_REST = 0.2
"""Seconds between what is refused to a peer and its next request: to look at nonsense costs too."""
_PEERS = 1_024
"""Peers of which it is remembered when they were heard."""
_THREADS = 4
_TIMEOUT = 10.0
_CONFLICTS = 200
T = TypeVar("T")


class Carrier(Protocol):
    """What is needed of `PeerNode`."""

    @property
    def links(self) -> Mapping[str, Link]: ...
    async def request(self, did: str, protocol: str, body: bytes, *, timeout: float = 10.0) -> bytes: ...


@dataclass(slots=True)
class _Courier:
    since: Instant
    """When the connection began that it knows of."""
    task: asyncio.Task[None] | None = None
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    pull: bool = True
    push: bool = True
    put_off: float | None = None
    """Since when (steady seconds) there is something that the peer can be told later."""
    failures: int = 0
    problem: str = ""


class Syncing:
    """Drives `SyncService` over the connections of a node; lives on one asyncio loop."""

    def __init__(
        self,
        *,
        memory: MemoryService,
        policy: Policy,
        carrier: Carrier,
        allowed: Callable[[], Sequence[str]],
        make: Callable[[Callable[[str], None]], SyncService],
        tell: Callable[[EventType, Mapping[str, object]], object] = lambda what, data: None,
        clock: Clock = utc_now,
        every: float = EVERY,
    ) -> None:
        """`allowed`: the DIDs of all that memory is shared with, connected or not; it may block for milliseconds.
        `make`: the service, given whom it tells of peers that have more to say.
        """
        self._memory = memory
        self._policy = policy
        self._carrier = carrier
        self._allowed = allowed
        self._tell = tell
        self._clock = clock
        self._every = every
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="cis-sync")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._couriers: dict[str, _Courier] = {}
        self._watching: asyncio.Task[None] | None = None
        self._taking: deque[asyncio.Future[None]] = deque(maxlen=16)
        self._telling: asyncio.Task[None] | None = None
        self._seen = -1
        self._acknowledged: Latest[str, Instant] = Latest(_PEERS)
        self._synced: Latest[str, Instant] = Latest(_PEERS)
        self._past = SyncPast(_PEERS)
        self._conflicts: tuple[int, Mapping[str, int]] = (-1, {})
        self.service = make(self._behind)

    async def answer(self, did: str, body: bytes) -> bytes:
        """Answer a request of a peer; see `SyncService.answer`.

        One at a time, so that no peer keeps others waiting; after what is refused the next one waits a while.
        """
        turn = self._turns.setdefault(did, asyncio.Lock())
        await turn.acquire()
        rest = 0.0
        try:
            answer = await self._in_thread(partial(self.service.answer, did, body))
            rest = _REST if is_refusal(answer) else 0.0
            return answer
        finally:
            asyncio.get_running_loop().call_later(rest, turn.release)

    def begin(self) -> None:
        """Start to follow the connections, and public memory."""
        self._loop = asyncio.get_running_loop()
        self._watching = asyncio.create_task(self._watch(), name="sync")

    async def close(self) -> None:
        """Leave the rest for the next time; what is being merged is finished first."""
        couriers = [courier.task for courier in self._couriers.values()]
        tasks = [task for task in (self._watching, self._telling, *self._taking, *couriers) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._couriers.clear()
        await asyncio.to_thread(self._threads.shutdown)

    def peer_changed(self, did: str, *, again: bool = False) -> None:
        """Act on what a person has said about a peer, or with none about all: what was refused, or held aside, may be
        taken now, and what was kept back given."""
        self.on_loop(lambda: self._taking.append(asyncio.ensure_future(self._take_again(did, again))))

    async def sync_now(self, peers: Sequence[str]) -> Mapping[str, str]:
        """Pull from each of `peers` and push to it, now; why it did not work, by peer, empty where it did."""
        problems = await asyncio.gather(*map(self._sync_one, peers))
        return dict(zip(peers, problems, strict=True))

    # What faces ask (`SyncView`); from any thread

    def exchanged(self, did: str) -> Exchanged:
        """How far the memory of a peer and this one have become one."""
        pending = 0
        with suppress(CisError):
            pending = self._lacks(did)
        return Exchanged(
            pending=pending,
            acknowledged_at=self._acknowledged.get(did),
            synced_at=self._synced.get(did),
            standing=self._past.standing(did, self._clock()),
            conflicts=self._conflicts_of(did),
            problem=courier.problem if (courier := self._couriers.get(did)) else "",
        )

    def _lacks(self, did: str) -> int:
        """Changes of ours that a peer has not acknowledged."""
        return self.service.waiting([did]).by_peer[did]

    def queue(self, limit: int) -> tuple[tuple[Queued, ...], int]:
        """The oldest changes that somebody has not acknowledged, and how many there are."""
        try:
            waiting = self.service.waiting(self._allowed())
        except CisError:
            return (), 0
        first = waiting.markers[:limit]
        return tuple(Queued(each.key, each.version, each.timestamp, each.sync_peers) for each in first), waiting.total

    def _conflicts_of(self, did: str) -> int:
        with suppress(CisError):
            changes = self._memory.exchange.changes()
            if self._conflicts[0] != changes:
                counts: dict[str, int] = {}
                for conflict in self._memory.revisions.conflicts(limit=_CONFLICTS):
                    for origin in {item.origin for item in (conflict.winner, *conflict.others)}:
                        counts[origin] = counts.get(origin, 0) + 1
                self._conflicts = changes, counts
        return self._conflicts[1].get(did, 0)

    # What is going on

    async def _watch(self) -> None:
        """See who has come and gone, and whether anything was written."""
        try:
            await self._in_thread(self._memory.dot_old)
        except Exception:
            log.exception("what an earlier version has written is not given to peers until the next start")
        while True:
            try:
                self._look()
            except Exception:
                # A disk that is full, a file that is gone: it is looked again.
                log.exception("sync cannot look at memory")
                await asyncio.sleep(_LONGEST)
            await asyncio.sleep(LOOK if self._couriers else _ALONE)

    def _look(self) -> None:
        links = self._carrier.links
        for did, link in links.items():
            courier = self._couriers.get(did)
            if courier is None or courier.since != link.since:
                self._connected(did, link.since)
        for did in self._couriers.keys() - links.keys():
            task = self._couriers.pop(did).task
            self._past.note(did, AWAY, self._clock())
            if task is not None:
                task.cancel()
        changes = self._memory.exchange.changes()
        if changes != self._seen:
            self._seen = changes
            for courier in self._couriers.values():
                courier.push = True
                courier.woken.set()
            if self._telling is None or self._telling.done():
                self._telling = asyncio.create_task(self._tell_offline())

    def _connected(self, did: str, since: Instant) -> None:
        if self._policy.access(did) is not Access.FULL:
            return
        courier = self._couriers.get(did)
        if courier is None:
            courier = self._couriers[did] = _Courier(since)
            courier.task = asyncio.create_task(self._carry(did, courier), name=f"sync {did}")
        courier.since, courier.failures, courier.pull, courier.push = since, 0, True, True
        courier.woken.set()

    def on_loop(self, act: Callable[[], None]) -> None:
        """Do something on the loop, from any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(act)

    def _behind(self, did: str) -> None:
        """A peer has more to say; told on any thread."""
        self.on_loop(lambda: self._wake(did))

    def _wake(self, did: str) -> None:
        courier = self._couriers.get(did)
        if courier is not None:
            courier.pull = True
            courier.woken.set()

    async def _carry(self, did: str, courier: _Courier) -> None:
        """Exchange with one peer as long as it is connected."""
        held = True
        while True:
            courier.woken.clear()
            wait = self._every * random.uniform(0.8, 1.2)
            try:
                if held:
                    await self._in_thread(lambda: self.service.admitted(did))
                    held = False
                again = await self._exchange(did, courier)
                courier.failures, courier.problem = 0, ""
                wait = _LATER if again else wait
            except (CisError, TimeoutError) as error:
                courier.failures += 1
                courier.problem = clean_line(str(error) or "it did not answer in time", limit=300)
                wait = min(2.0 ** (courier.failures - 1), _LONGEST) * random.uniform(0.8, 1.2)
                log.info("sync with %s failed, again in %.0f s: %s", did, wait, error)
            except Exception as error:
                # Whatever a peer can bring about must end neither the courier nor the engine.
                courier.failures += 1
                courier.problem = f"it failed here: {type(error).__name__}; the log tells more"
                wait = _LONGEST
                log.exception("sync with %s failed", did)
            with suppress(CisError):
                self._past.note(did, await self._in_thread(partial(self._lacks, did)), self._clock())
            if not await _woken(courier.woken, wait):
                courier.pull = True
            elif courier.failures:
                # Who says that there is more, and does not give it, is not asked more often for that.
                await asyncio.sleep(min(wait, 1.0))

    async def _exchange(self, did: str, courier: _Courier) -> bool:
        """Push and pull what is due; whether to ask again soon."""
        push, pull = courier.push, courier.pull
        # What is noticed from here on is done after this.
        courier.push = courier.pull = False
        try:
            later = push and await self._push(did, courier)
            again = pull and (await self._talk(did, lambda: self.service.pull(did))).again
        except BaseException:
            courier.push, courier.pull = courier.push or push, courier.pull or pull
            raise
        courier.push, courier.pull = courier.push or later, courier.pull or again
        if not again:
            self._synced[did] = self._clock()
        return again or later

    async def _push(self, did: str, courier: _Courier) -> bool:
        """Push what is due; whether some of that was put off."""
        now = asyncio.get_running_loop().time()
        patient = courier.put_off is None or now - courier.put_off < _PUT_OFF
        later = (await self._talk(did, lambda: self.service.push(did, patient=patient))).later
        courier.put_off = (courier.put_off or now) if later else None
        return later

    async def _talk(self, did: str, begin: Callable[[], Conversation]) -> Done:
        """Hold a conversation with a peer: what works on memory does so in a thread, what waits does so here."""
        conversation = begin()
        answer: bytes | None = None
        while True:
            working = asyncio.ensure_future(self._in_thread(partial(_step, conversation, answer)))
            try:
                step = await asyncio.shield(working)
                if isinstance(step, Done):
                    return step
                answer = await self._carrier.request(did, PROTOCOL, step, timeout=_TIMEOUT)
            except BaseException:
                # A merge that is under way is not left alone: memory may be closed next.
                await asyncio.wait([working])
                conversation.close()
                raise

    async def _sync_one(self, did: str) -> str:
        try:
            async with asyncio.timeout(_SYNC_NOW):
                await self._talk(did, lambda: self.service.push(did))
                again = True
                while again:
                    again = (await self._talk(did, lambda: self.service.pull(did))).again
                    await asyncio.sleep(_LATER if again else 0)
        except (CisError, TimeoutError) as error:
            return str(error) or "not all came in time; the rest comes by itself"
        self._synced[did] = self._clock()
        return ""

    async def _take_again(self, did: str, again: bool) -> None:
        try:
            if again:  # whoever brought it
                await self._in_thread(self.service.hear_again)
            await self._in_thread(lambda: self.service.admitted(did))
        except CisError as error:
            log.warning("what %s brought cannot be taken: %s", did, error.message)
        for peer, courier in self._couriers.items():
            courier.push = True
            self._wake(peer)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _tell_offline(self) -> None:
        """Tell of what waits for peers that are not connected."""
        peers = [did for did in await self._in_thread(self._allowed) if did not in self._couriers]
        waiting = await self._in_thread(lambda: self.service.waiting(peers, limit=1)) if peers else None
        for marker in waiting.markers if waiting else ():
            data = {"key": marker.key, "count": waiting.total if waiting else 0, "peers": list(marker.sync_peers)}
            self._tell(EventType.SYNC_QUEUED, data)

    def told(self, kind: str, data: Mapping[str, object]) -> None:
        """Take an event of the service; on any thread."""
        peer = data.get("peer")
        if kind == EventType.SYNC_ACKED and isinstance(peer, str):
            self._acknowledged[peer] = self._clock()
        self._tell(EventType(kind), data)


async def _woken(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event was set within some seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await event.wait()
    return False


def _step(conversation: Conversation, answer: bytes | None) -> bytes | Done:
    """The next request of a conversation, or what came of it at its end."""
    try:
        return next(conversation) if answer is None else conversation.send(answer)
    except StopIteration as end:
        done: Done = end.value
        return done
