"""`[p2p]` of config.toml, taken up by a node that is live: what can be, and what cannot be is said."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from cis_tui.core.config import P2PSettings
from cis_tui.core.errors import CisError

log = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between two looks at the file."""
AT_START = ("enabled", "listen_port", "mdns", "dht", "bootstrap")
"""What holds from the next start of the engine on."""


def left_for_the_start(before: P2PSettings, now: P2PSettings) -> tuple[str, ...]:
    """The settings that differ, and are not taken up before the next start."""
    return tuple(f"p2p.{name}" for name in AT_START if getattr(before, name) != getattr(now, name))


async def follow(path: Path, load: Callable[[], P2PSettings], take: Callable[[P2PSettings], Awaitable[None]]) -> None:
    """Whenever the file at `path` has changed, `take` what `load` gives then; until cancelled.

    The first time in any case, for it may have changed since it was read. A file with a mistake in it is said in the
    log, and changes nothing.
    """
    seen: tuple[int, int, int] | None = None
    while True:
        await asyncio.sleep(LOOK)
        now = await asyncio.to_thread(_stamp, path)
        if now == seen:
            continue
        seen = now
        try:
            await take(await asyncio.to_thread(load))
        except CisError as error:
            log.warning("the settings of peers stay as they were: %s", error.message)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
