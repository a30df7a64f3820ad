"""The weekly archive of a live engine: at the start what was missed, then every Sunday, 23:59 local time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from threading import Event
from typing import Protocol

from cis_tui.core.clock import Clock
from cis_tui.core.errors import CisError
from cis_tui.memory.archive_due import Schedule
from cis_tui.memory.records import ArchiveReport

log = logging.getLogger(__name__)


class Archive(Protocol):
    """`MemoryService.archive`."""

    def __call__(self, week: str = "", *, cancelled: Callable[[], bool]) -> Sequence[ArchiveReport]: ...


class WeeklyArchive:
    """A task that archives what is due, in a thread, until it is stopped."""

    def __init__(
        self, archive: Archive, clock: Clock, *, pause: Callable[[float], Awaitable[None]] | None = None
    ) -> None:
        """`pause` returns after so many seconds, or when it should be looked at the clock anyway."""
        self._archive = archive
        self._clock = clock
        self._pause = pause or self._until_stopped
        self._stopping = Event()
        self._stopped = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running loop."""
        self._task = asyncio.create_task(self.run(), name="weekly-archive")

    async def stop(self) -> None:
        """End; a week that is being archived is done first."""
        self._stopping.set()
        self._stopped.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def stopping(self) -> bool:
        """Whether no further week should be begun."""
        return self._stopping.is_set()

    async def run(self) -> None:
        """Archive what is due, now and after each trigger; weeks that had to wait are tried again at each look."""
        schedule = Schedule(self._local())
        waiting = await self._archive_due()
        while not self.stopping():
            await self._pause(schedule.wait(self._local()))
            if not self.stopping() and (schedule.fires(self._local()) or waiting):
                waiting = await self._archive_due()

    async def _archive_due(self) -> bool:
        """Archive what is due; says whether something had to wait."""
        try:
            reports = await asyncio.to_thread(self._archive, cancelled=self.stopping)
        except CisError as error:
            log.warning("the weekly archive failed: %s", error.message)
            return True
        except Exception:  # whatever it is, the next week is archived
            log.exception("the weekly archive failed")
            return True
        for report in reports:
            if report.waiting:
                log.warning("%s of %s is not archived: %s", report.week, report.domain, report.waiting)
            else:
                log.info("archived %s of %s, %d bytes", report.week, report.domain, report.size_after)
        return any(report.waiting for report in reports)

    async def _until_stopped(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopped.wait()

    def _local(self) -> datetime:
        return datetime.fromtimestamp(self._clock())
