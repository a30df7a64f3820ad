"""Runs a command's coroutine, and ends it cleanly when the process is told to go."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine


def run_to_end(main: Coroutine[object, object, int]) -> int:
    """The exit code that `main` gives. SIGINT, SIGTERM and SIGHUP cancel it, after which it is 130, 143 or 129."""
    return asyncio.run(_guarded(main))


async def _guarded(main: Coroutine[object, object, int]) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(main)
    received = [signal.SIGINT]

    def end(number: signal.Signals) -> None:
        received.append(number)
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, end, number)
    try:
        return await task
    except asyncio.CancelledError:
        return 128 + received[-1]
