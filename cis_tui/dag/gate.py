"""What a pause closes: while it is, no task of the run starts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from cis_tui.dag.timing import Stopwatch


class Gate:
    """Open until a person pauses the run, whose time stands still then. To be used on the engine's event loop."""

    def __init__(self, *, worked: float = 0.0, began: Mapping[str, float] | None = None) -> None:
        """For how long the run was worked on before, and when its tasks began; see `Worked`."""
        self._now = asyncio.get_running_loop().time
        self._watch = Stopwatch(self._now(), seconds=worked, began=began)
        self._going = asyncio.Event()
        self._going.set()

    @property
    def is_open(self) -> bool:
        return self._going.is_set()

    def close(self) -> None:
        self._going.clear()
        self._watch.stop(self._now())

    def open(self) -> None:
        self._going.set()
        self._watch.go_on(self._now())

    def left(self, limit: float, task: str = "") -> float:
        """Seconds that are left of `limit` for `task`, whose time begins when this is asked first, or for the run."""
        return self._watch.left(self._now(), task, limit)

    async def passed(self) -> None:
        """Return as soon as it is open."""
        await self._going.wait()
