"""Domain events as an MCP client may see them: what happened to which object, and nothing of its content."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import cast

from cis_tui.core.codec import encode
from cis_tui.core.events import Event
from cis_tui.core.text import clean_line
from cis_tui.protocol import EngineApi

KEPT = 200
"""Events that are given at once."""
REACH = 5000
"""How far back numbers are looked through for them."""
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
