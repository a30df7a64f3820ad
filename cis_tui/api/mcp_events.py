"""Domain events as an MCP client may see them: what happened to which object, and nothing of its content."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from typing import cast

from mcp.server.subscriptions import InMemorySubscriptionBus, ResourceUpdated, ServerEvent

from cis_tui.core.codec import encode
from cis_tui.core.errors import CisError
from cis_tui.core.events import Event, EventType
from cis_tui.core.text import clean_line
from cis_tui.protocol import EngineApi

KEPT = 200
"""Events that are given at once."""
REACH = 5000
"""How far back numbers are looked through for them."""
AGAIN = 1.0
"""Seconds after which an engine that was lost is looked for again."""
QUIET = 0.3
"""Seconds without an event after which what there was has been read."""
_SHOWN_TYPES = ("Memory", "Run", "Task", "Decision", "Vote", "Skill", "Project", "Dag", "Week", "Rollback")
_FIELDS = ("run", "dag", "task", "key", "skill", "call", "project", "name", "week", "status", "attempt", "exit_code")


async def recent_events(engine: EngineApi, since: int | None = None) -> list[Mapping[str, object]]:
    """The events after the number `since`, or the newest ones, oldest first, at most `KEPT`."""
    last = (await engine.status()).last_seq
    start = max(last - REACH, 0) if since is None else since
    found: list[Mapping[str, object]] = []
    events = cast("AsyncGenerator[Event]", engine.events(start))
    async with aclosing(events):
        while last > start:
            try:
                event = await asyncio.wait_for(anext(events), QUIET)
            except (TimeoutError, StopAsyncIteration):
                break
            if (shown := shown_event(event)) is not None:
                found.append(shown)
            if event.seq >= last or (since is not None and len(found) == KEPT):
                break
    return found[-KEPT:]


def changed_by(event: Event) -> tuple[str, ...]:
    """The resources that an event changes."""
    shown = shown_event(event)
    if shown is None:
        return ()
    data = cast("Mapping[str, object]", shown["data"])
    named = [f"cis://runs/{data['run']}"] if data.get("run") else []
    if event.type.startswith("Memory") and event.type != EventType.MEMORY_ACCESS and data.get("key"):
        named.append(f"cis://memory/{data['key']}")
    return ("cis://events", *named)


class Changes:
    """Implements the SDK's `SubscriptionBus`: tells who listens which resources change.

    The engine is asked for events only while somebody listens.
    """

    def __init__(self, engine: Callable[[], Awaitable[EngineApi]]) -> None:
        self._engine = engine
        self._bus = InMemorySubscriptionBus()
        self._listening: set[object] = set()
        self._following: asyncio.Task[None] | None = None

    async def publish(self, event: ServerEvent) -> None:
        """See `SubscriptionBus`."""
        await self._bus.publish(event)

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        """See `SubscriptionBus`."""
        unsubscribe, token = self._bus.subscribe(listener), object()
        self._listening.add(token)
        if self._following is None or self._following.done():
            self._following = asyncio.get_running_loop().create_task(self._follow())

        def leave() -> None:
            unsubscribe()
            self._listening.discard(token)
            if not self._listening and self._following is not None:
                self._following.cancel()

        return leave

    async def _follow(self) -> None:
        since: int | None = None
        while True:
            with suppress(CisError):
                events = cast("AsyncGenerator[Event]", (await self._engine()).events(since))
                async with aclosing(events):
                    async for event in events:
                        since = event.seq
                        for uri in changed_by(event):
                            await self.publish(ResourceUpdated(uri))
            await asyncio.sleep(AGAIN)


def shown_event(event: Event) -> Mapping[str, object] | None:
    """`event` without what it carries; None when a client is told nothing of it."""
    if not event.type.startswith(_SHOWN_TYPES) or event.type.endswith("Output"):
        return None
    if event.type.startswith("Memory") and event.data.get("domain") != "public":
        return None
    fields = {name: event.data[name] for name in _FIELDS if isinstance(event.data.get(name), (str, int))}
    decision = event.data.get("decision")
    if isinstance(decision, Mapping):
        fields["decision"] = str(cast("Mapping[str, object]", decision).get("id", ""))
    shown = {name: clean_line(value) if isinstance(value, str) else value for name, value in fields.items()}
    return {"seq": event.seq, "at": encode(event.at), "type": str(event.type), "data": shown}
