"""What is done to its end although the caller is cancelled meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


async def uncancelled(work: Coroutine[Any, Any, object]) -> None:
    """Do `work` to its end, however often the caller is cancelled meanwhile, and only then be cancelled."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError


async def started(start: Coroutine[Any, Any, T], end: Callable[[T], Awaitable[object]]) -> T:
    """The process that `start` starts; if the caller is cancelled meanwhile, `end` is given it first.

    asyncio's own way out of such a start kills that one process, and then waits for everybody who holds its output:
    for ever, if it has started others (`BaseEventLoop.subprocess_exec`, Python 3.11 to 3.13).
    """
    starting = asyncio.ensure_future(start)

    async def undo() -> None:
        with suppress(OSError, ValueError):  # what cannot start has nothing to end
            await end(await starting)

    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await uncancelled(undo())
        raise
