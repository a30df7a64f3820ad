"""Follows the files of projects, so that what changes is taken up at once (spec, hot reload)."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from pathlib import Path

log = logging.getLogger(__name__)
DEBOUNCE, STEP = 100, 20
"""Milliseconds: how long changes are gathered at most, and how long it has to be quiet."""
LOOK = 5_000
"""Milliseconds between looks whether the folders are still those that are followed."""
POLL = 500
"""Milliseconds between looks at all files where the system does not tell of changes."""
Roots = Callable[[], Sequence[Path]]
Changes = Callable[[Sequence[Path], bool], AsyncGenerator[object]]
"""Gives something for each batch of changes below some folders, and now and then without one; whether by looking."""


class Watcher:
    """Calls back when something below some folders changed."""

    def __init__(
        self,
        roots: Roots,
        changed: Callable[[], Awaitable[None]],
        told: Callable[[str], None],
        *,
        changes: Changes | None = None,
    ) -> None:
        """`roots` are asked for again and again, and need not exist; `told` gets what a person should know."""
        self._roots = roots
        self._changed = changed
        self._told = told
        self._stop = asyncio.Event()
        self._changes = changes or self._system_changes
        self._polling = False
        self._soon: asyncio.Future[None] | None = None
        self._task = asyncio.ensure_future(self._work())

    async def close(self) -> None:
        """Follow nothing any more."""
        self._stop.set()
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        if self._soon is not None:
            await self._soon

    async def _work(self) -> None:
        while not self._stop.is_set():
            try:
                roots = [root for root in self._roots() if root.is_dir()]
                places = _places(roots)
                # What happened before the folders were followed is seen now.
                asyncio.get_running_loop().call_later(0.2, self._look_once)
                async with aclosing(self._changes(roots, self._polling) if roots else _nothing()) as batches:
                    unsure = True  # on a busy machine, following may have begun after that look
                    async for batch in batches:
                        if batch or unsure:
                            await self._tell()
                        unsure = False
                        if _places([root for root in self._roots() if root.is_dir()]) != places:
                            break
            except OSError as error:
                self._fall_back(error)
                await asyncio.sleep(0.5 if self._polling else 0)
            else:
                await self._tell()

    def _fall_back(self, error: OSError) -> None:
        if not self._polling:
            self._polling = True
            reason = error.strerror or str(error)
            self._told(f"the system cannot tell of changed files ({reason}): they are looked at twice a second")
        log.warning("files cannot be followed: %s", error)

    def _look_once(self) -> None:
        if not self._stop.is_set():
            self._soon = asyncio.ensure_future(self._tell())

    async def _tell(self) -> None:
        try:
            await self._changed()
        except Exception:
            log.exception("changed files could not be taken up")

    async def _system_changes(self, roots: Sequence[Path], polling: bool) -> AsyncGenerator[object]:
        from watchfiles import awatch  # only an engine that lives on follows files

        async for batch in awatch(
            *roots,
            watch_filter=None,
            debounce=DEBOUNCE,
            step=STEP,
            stop_event=self._stop,
            rust_timeout=LOOK,
            yield_on_timeout=True,
            force_polling=polling,
            poll_delay_ms=POLL,
        ):
            yield batch


async def _nothing() -> AsyncGenerator[object]:
    """There is no folder to follow yet."""
    await asyncio.sleep(LOOK / 1000)
    yield set[object]()


def _places(roots: Sequence[Path]) -> list[tuple[str, int, int]]:
    """Which folders these are: one that was replaced is another one under the same name."""
    found: list[tuple[str, int, int]] = []
    for root in roots:
        with suppress(OSError):
            status = os.stat(root)
            found.append((str(root), status.st_dev, status.st_ino))
    return found
