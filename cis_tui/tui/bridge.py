"""The one way of engine events to the screen: gathered, and handed over at most fifteen times a second."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from cis_tui.core.events import Event, EventType

INTERVAL = 1 / 15
"""Seconds between two deliveries."""
BATCH = 200
"""Events of one delivery; the rest follows at once, with a look at the keyboard in between."""

_OUTPUT = (EventType.TASK_OUTPUT, EventType.SKILL_OUTPUT)
Schedule = Callable[[float, Callable[[], None]], object]
"""`schedule(delay, call)` calls `call` once, after `delay` seconds."""


class Bridge:
    """Takes events as they come and delivers them in batches; while none come, no timer runs.

    Nothing that matters is ever dropped. The output of tasks and skills is not carried at all: however much comes, one
    mark each says that there is more to read, and whoever shows it reads what it can show.
    """

    def __init__(
        self,
        deliver: Callable[[Sequence[Event]], None],
        schedule: Schedule,
    ) -> None:
        """`deliver` takes a batch of events in their order."""
        self._deliver = deliver
        self._schedule = schedule
        self._waiting: deque[Event] = deque()
        self._marked: set[tuple[object, object]] = set()
        self._scheduled = False

    def put(self, event: Event) -> None:
        """Take one event."""
        if event.type in _OUTPUT:
            source = _source(event)
            if source in self._marked:
                return
            self._marked.add(source)
        self._waiting.append(event)
        if not self._scheduled:
            self._scheduled = True
            self._schedule(INTERVAL, self._drain)

    def clear(self) -> None:
        """Forget what waits: the events belong to an engine that is gone."""
        self._waiting.clear()
        self._marked.clear()

    def _drain(self) -> None:
        batch = list(islice(self._waiting, BATCH))
        for event in batch:
            self._waiting.popleft()
            if event.type in _OUTPUT:
                self._marked.discard(_source(event))
        if self._waiting:
            self._schedule(0, self._drain)
        else:
            self._scheduled = False
        if batch:
            self._deliver(batch)


def _source(event: Event) -> tuple[object, object]:
    """Who printed."""
    return event.data.get("run"), event.data.get("task", event.data.get("call"))
