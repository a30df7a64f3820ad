"""`cis memory archive`: through the live engine, else in the files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from cis_tui.api.client import RemoteEngine
from cis_tui.api.launch import connect
from cis_tui.cli.context import Context
from cis_tui.cli.memory_stats import size
from cis_tui.cli.output import note, show, show_json
from cis_tui.cli.progress import Progress
from cis_tui.core.config import load_config
from cis_tui.core.errors import CisError, Exit
from cis_tui.core.events import EventType
from cis_tui.memory.records import ArchiveReport
from cis_tui.memory.service import MemoryService


def archive(context: Context, week: str) -> int:
    """Archive `week`, or all that is due, and tell what became of each."""
    progress = Progress("weeks archived")
    try:
        reports = asyncio.run(_archive(context, week, lambda: progress.add(1)))
    finally:
        progress.clear()
    if context.json:
        show_json(reports)
    elif not reports:
        note("nothing is due: the weeks that are kept open are not over yet")
    for report in reports:
        if report.waiting:
            note(f"{report.week} ({report.domain}) waits: {report.waiting}")
        elif not context.json:
            show(_line(report))
    return Exit.UNAVAILABLE if any(report.waiting for report in reports) else Exit.DONE


async def _archive(context: Context, week: str, done: Callable[[], None]) -> Sequence[ArchiveReport]:
    remote = await connect(context.home)
    if remote is None:
        return _in_the_files(context, week, done)
    watching = asyncio.create_task(_watch(remote, done))
    try:
        return await remote.memory_archive(week)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await remote.close()


def _in_the_files(context: Context, week: str, done: Callable[[], None]) -> Sequence[ArchiveReport]:
    settings = load_config(context.home.config_file).settings.memory

    def told(type: str, data: object) -> None:
        if type == EventType.WEEK_ARCHIVED:
            done()

    service = MemoryService(
        context.home.ensure(), hot_weeks=settings.hot_weeks, total_weeks=settings.total_weeks, on_event=told
    )
    try:
        return service.archive(week)
    finally:
        service.close()


async def _watch(remote: RemoteEngine, done: Callable[[], None]) -> None:
    # Progress is a courtesy: without it the work goes on.
    with suppress(CisError):
        async for event in remote.events():
            if event.type == EventType.WEEK_ARCHIVED:
                done()


def _line(report: ArchiveReport) -> str:
    """Such as `Archived 2026-W43 (public): 4.1 MB -> 1.2 MB, 12 carried forward, …`."""
    parts = [f"{size(report.size_before)} -> {size(report.size_after)}", f"{report.carried} carried forward"]
    parts.append(f"{report.index_entries_removed} index entries removed")
    parts.append(f"{report.archives_deleted} archives deleted")
    return f"Archived {report.week} ({report.domain}): {', '.join(parts)}"
