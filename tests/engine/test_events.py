"""Events from any number on: each once, wherever it is kept."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, cast

from cis_tui.core.events import Event, EventBus
from cis_tui.core.paths import Home
from cis_tui.dag.journal import Journal
from cis_tui.engine import Engine

if TYPE_CHECKING:
    import pytest

KEPT = 4


async def test_what_the_bus_lets_go_of_meanwhile_is_told_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    journals: list[Journal] = []

    def journal(*args: object, **more: object) -> Journal:
        journals.append(Journal(*args, **more))  # pyright: ignore[reportArgumentType]
        return journals[0]

    monkeypatch.setattr("cis_tui.engine.EventBus", lambda: EventBus(keep=KEPT))
    monkeypatch.setattr("cis_tui.engine.Journal", journal)
    engine = await Engine.start(home, peers_after=60)
    try:
        since = (await journals[0].record("DagLoaded", {"n": 0})).seq
        for number in range(1, 2 * KEPT):
            await journals[0].record("DagLoaded", {"n": number})
        subscribe = engine.bus.subscribe

        def busy(subscriber: Callable[[Event], None], *, since: int | None = None) -> Callable[[], None]:
            """Much happens just after somebody has subscribed."""
            unsubscribe = subscribe(subscriber, since=since)
            before = engine.bus.kept_since
            for number in range(2 * KEPT, 3 * KEPT):
                journals[0].note("DagLoaded", {"n": number})
            while engine.bus.kept_since < before + KEPT:
                time.sleep(0.01)
            return unsubscribe

        monkeypatch.setattr(engine.bus, "subscribe", busy)
        told: list[object] = []
        async with aclosing(cast("AsyncGenerator[Event]", engine.events(since))) as events:
            async for event in events:
                if "n" in event.data:
                    told.append(event.data["n"])
                if event.data.get("n") == 3 * KEPT - 1:
                    break
        assert told == list(range(1, 3 * KEPT))
    finally:
        await engine.close()
