"""What a pause closes: while it is, no task of the run starts."""

from __future__ import annotations

import asyncio


class Gate:
    """Open until a person pauses the run. To be used on the engine's event loop."""

    def __init__(self) -> None:
        self._going = asyncio.Event()
        self._going.set()

    @property
    def is_open(self) -> bool:
        return self._going.is_set()

    def close(self) -> None:
        self._going.clear()

    def open(self) -> None:
        self._going.set()

    async def passed(self) -> None:
        """Return as soon as it is open."""
        await self._going.wait()
