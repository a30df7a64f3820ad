"""The workspace's hold on its engine: attach, read what is, follow what happens, and begin again when it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from cis_tui.core.errors import CisError, Unavailable
from cis_tui.core.events import Event
from cis_tui.core.retry import Retry
from cis_tui.dag.state import RunState
from cis_tui.tui.bridge import Bridge, Schedule
from cis_tui.tui.store import Changes, LinkState, Store

if TYPE_CHECKING:
    from cis_tui.protocol import EngineApi

Connect = Callable[[], "Awaitable[EngineApi]"]
T = TypeVar("T")

AGAIN = Retry(max=1_000_000, backoff=0.2, factor=2.0, max_delay=5.0, jitter=False)
"""How soon a lost engine is looked for again."""

BREATH = 0.3
"""Seconds between two readings of the peers, however much happens to them."""

TURN = 0.002
"""Seconds that a flood of events may take before keys and paint get their turn."""


class Link:
    """Keeps `store` current for as long as `run` runs."""

    def __init__(
        self,
        connect: Connect,
        store: Store,
        tell: Callable[[Changes], None],
        *,
        schedule: Schedule,
        spawn: Callable[[Callable[[], Coroutine[None, None, None]]], object],
    ) -> None:
        """`tell` is told what became different, `schedule` calls back later, `spawn` runs something beside."""
        self._connect = connect
        self._store = store
        self._tell = tell
        self._api: EngineApi | None = None
        self._spawn = spawn
        self._schedule = schedule
        self._reads_peers = False
        """Whether the peers are about to be read."""
        self._closing: asyncio.Future[None] | None = None
        self.trouble: list[CisError] = []
        """What could not be read at the last attachment."""
        self.bridge = Bridge(self._deliver, schedule)

    @property
    def api(self) -> EngineApi:
        """The engine.

        Raises:
            Unavailable: it is not there, or not there yet (CIS-ENG-050).
        """
        if self._api is None:
            raise Unavailable(
                "CIS-ENG-050", "the engine is not there yet", hint="it is looked for; try again in a moment"
            )
        return self._api

    async def run(self) -> None:
        """Attach, follow, and attach again, until cancelled."""
        failed = 0
        while True:
            try:
                api = await self._connect()
                try:
                    await self._attach(api)
                    failed = 0
                    await self._follow(api)
                finally:
                    await self._let_go(api)
            except (CisError, OSError) as error:
                self._store.link_note = error.message if isinstance(error, CisError) else str(error)
            else:
                self._store.link_note = "it ended; looking for it again"
            failed += 1
            self._store.link = LinkState.LOST
            self._tell(Changes(link=True))
            await asyncio.sleep(AGAIN.delay(failed))

    async def _attach(self, api: EngineApi) -> None:
        """Read everything that the screens show."""
        store = self._store
        self.trouble = []
        status = await api.status()
        await self.read_definitions(api)
        await self._read_peers(api)
        runs = await self._part(api.run_list(store.project_root), ())
        others = await self._part(api.run_list(), ()) if store.project_root else ()
        decisions = await self._part(api.decision_list(), ())
        listed = {run.id: run for run in (*runs, *others)}
        live = [run for run in listed.values() if not run.status.ended and not run.interrupted]
        views = [await self._part(api.run_show(run.id), None) for run in live]
        states = [RunState.from_view(view, decisions) for view in views if view is not None]
        store.reset(listed.values(), states, decisions)
        self._api = api
        # Only now: what there is counts as known from here on.
        store.status = status
        store.link, store.link_note = LinkState.READY, ""
        self._tell(Changes(everything=True, link=True))
        self._spawn(partial(self._read_agents, api))
        self._spawn(partial(self._read_earlier, api, status.last_seq))

    async def _follow(self, api: EngineApi) -> None:
        """Hand on what happens after what was read, until the stream ends."""
        assert self._store.status is not None
        clock = asyncio.get_running_loop().time
        turn_ends = clock() + TURN
        async for event in api.events(self._store.status.last_seq):
            self.bridge.put(event)
            if clock() > turn_ends:
                await asyncio.sleep(0)
                turn_ends = clock() + TURN

    async def _let_go(self, api: EngineApi) -> None:
        self._api = None
        self.bridge.clear()
        self._closing = asyncio.ensure_future(api.close())
        await self.closed()

    async def closed(self) -> None:
        """Wait until the last engine has been let go of, which goes on however often `run` is cancelled meanwhile."""
        if self._closing is not None:
            with suppress(CisError, OSError):
                await asyncio.shield(self._closing)

    async def read_definitions(self, api: EngineApi) -> None:
        """Read the project, its DAGs and the skills anew."""
        store = self._store
        root = store.project_root
        if root:
            store.project = await self._part(api.project_open(root), store.project)
            store.dags = await self._part(api.dag_list(root), ())
        store.skills = await self._part(api.skill_list(root), ())

    async def _read_agents(self, api: EngineApi) -> None:
        """Read who can be asked; who has just come need not wait for it."""
        with suppress(CisError, OSError):
            self._store.agents = await api.agent_list(self._store.project_root)
            self._tell(Changes(models=True))

    async def _read_earlier(self, api: EngineApi, until: int) -> None:
        """Read what has happened of late; who has just come sees it too."""
        with suppress(CisError, OSError):
            self._store.take_earlier(await api.recent(), until)
            self._tell(Changes(activity=True))

    async def _read_peers(self, api: EngineApi) -> None:
        """Read anew how the node and its peers do."""
        store = self._store
        store.peer_status = await self._part(api.peer_status(), None)
        store.peers = await self._part(api.peer_list(), ())
        store.matrix = await self._part(api.matrix_status(), None)
        joined = store.matrix is not None and store.matrix.room_id
        store.members = await self._part(api.matrix_members(), ()) if joined else ()

    def read_peers(self) -> None:
        """Read the peers anew in a moment, and tell when that is done."""
        if not self._reads_peers:
            self._reads_peers = True
            self._schedule(BREATH, self._begin_reading)

    def _begin_reading(self) -> None:
        self._spawn(self._refresh_peers)

    async def _refresh_peers(self) -> None:
        self._reads_peers = False
        if self._api is not None:
            with suppress(CisError, OSError):
                await self._read_peers(self._api)
                self._tell(Changes(peers=True))

    async def _part(self, call: Awaitable[T], otherwise: T) -> T:
        """The answer, or `otherwise` when that part cannot be read; the reason is kept in `trouble`."""
        try:
            return await call
        except Unavailable:
            raise
        except CisError as error:
            self.trouble.append(error)
            return otherwise

    # Events

    def _deliver(self, events: Sequence[Event]) -> None:
        changes = self._store.apply(events)
        self._tell(changes)
        if changes.peer_news:
            self.read_peers()
        if self._api is not None and (changes.unknown or changes.definitions):
            self._spawn(partial(self._read_missing, self._api, changes))

    async def _read_missing(self, api: EngineApi, changes: Changes) -> None:
        """Read what the events spoke of but did not tell."""
        with suppress(CisError, OSError):
            if changes.definitions:
                await self.read_definitions(api)
                await self._read_agents(api)
            for run in changes.unknown:
                view = await api.run_show(run)
                self._store.load_run(view, await api.decision_list())
            self._tell(Changes(everything=True))
