"""Removes runs that are over: their events, logs and before-images, never what somebody still has to do with.

A run that is chosen leaves the list in one commit, which notes it as `pruned`; after that its events, its folder and
the note go, in this order. Killed anywhere between, the rest goes with the next prune or when the next engine starts.
The audit trail of decisions, with the decisions themselves, stays.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Collection, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from cis_tui.core.clock import Instant
from cis_tui.core.errors import CisError
from cis_tui.dag import store
from cis_tui.dag.tools import Tools
from cis_tui.dag.views import PruneReport, RunStatus

_ROWS = 2000
"""Events that one commit removes: other commits wait no longer than for these."""
_PAGES = 2000
"""Pages of the file that are given back at once."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Keep:
    """What a prune leaves: it removes runs that ended before `before` and are none of the newest `newest`."""

    before: Instant | None = None
    newest: int = 0


def chosen(connection: store.Connection, keep: Keep, busy: Iterable[str] = ()) -> tuple[list[str], list[str]]:
    """The runs to remove, oldest first, and those that stay although they are old, since something is open about them.

    Open is what goes on, is paused, can be resumed after its engine ended, was not wholly rolled back, or has a debt.
    """
    over = [status.value for status in RunStatus if status.ended and status is not RunStatus.ROLLBACK_FAILED]
    marks = ", ".join("?" * len(over))
    rows = connection.execute(
        f"SELECT id, status IN ({marks}) AND NOT EXISTS"
        " (SELECT 1 FROM debts WHERE debts.run = runs.id AND settled_at IS NULL), coalesce(ended_at, started_at)"
        " FROM runs ORDER BY started_at DESC, rowid DESC",
        over,
    ).fetchall()
    old = [row for row in rows[keep.newest :] if keep.before is None or row[2] < keep.before]
    busy = set(busy)
    gone = [str(id) for id, is_over, _ in reversed(old) if is_over and id not in busy]
    return gone, [str(id) for id, _, _ in old if id not in set(gone)]


class Pruner:
    """Prunes one home, beside an engine that works. To be used on its event loop."""

    def __init__(self, tools: Tools, working: Collection[str], changing: asyncio.Lock) -> None:
        """`working`: the runs that are worked on; `changing` is held while one that is not becomes so."""
        self._home = tools.home
        self._journal = tools.journal
        self._tools = tools
        self._working = working
        self._changing = changing
        self._finishing = asyncio.Lock()
        self._background: asyncio.Task[None] | None = None

    async def prune(self, keep: Keep, *, dry_run: bool = False) -> PruneReport:
        """Remove what `keep` leaves to be removed.

        Raises:
            Unavailable: the journal cannot be written; what is left goes with the next prune.
        """
        async with self._changing:
            report = await self._take_out(keep, dry_run=dry_run)
        if dry_run:
            return report
        return replace(report, bytes=report.bytes + await self.finish(anew=not self._working))

    def begin(self, before: Instant | None) -> None:
        """Remove in the background what an earlier prune has left, and what ended before `before`."""
        work = self.finish() if before is None else self.prune(Keep(before))
        self._background = asyncio.get_running_loop().create_task(_told(work))

    async def close(self) -> None:
        """Do no more; the next engine goes on."""
        if self._background is not None:
            self._background.cancel()
            await asyncio.gather(self._background, return_exceptions=True)

    async def _take_out(self, keep: Keep, *, dry_run: bool) -> PruneReport:
        """Take runs out of the list; `finish` removes what is left of them."""
        busy = frozenset(self._working)
        runs, kept = await self._journal.maintain(lambda connection: chosen(connection, keep, busy))
        size = await self._tools.in_thread(lambda: sum(_size(self._home.runs / run) for run in runs))
        if not dry_run:
            for run in runs:
                await self._journal.maintain(lambda connection, run=run: _take_out(connection, run))
        return PruneReport(tuple(runs), tuple(kept), size, dry_run=dry_run)

    async def finish(self, *, anew: bool = False) -> int:
        """Remove what is left of runs that were taken out, and give the space back; bytes by which the journal shrank.

        `anew`: a journal that an older version made may be written anew for that, which takes a while.

        Raises:
            Unavailable: the journal cannot be written; the rest goes with the next prune.
        """
        async with self._finishing:
            before = self._file_size()
            runs = await self._journal.maintain(_taken_out)
            for run in runs:
                while await self._journal.maintain(lambda connection, run=run: _drop_events(connection, run)):
                    pass
                await self._tools.in_thread(lambda run=run: _remove(self._home.runs, run))
                await self._journal.maintain(lambda connection, run=run: _forget(connection, run))
            if runs:
                while await self._journal.maintain(_give_back):
                    pass
                await self._journal.maintain(_write_anew if anew else _shorten)
            return max(before - self._file_size(), 0)

    def _file_size(self) -> int:
        return sum(_length(Path(f"{self._home.runs_db}{end}")) for end in ("", "-wal"))


async def _told(work: Coroutine[object, object, object]) -> None:
    try:
        await work
    except CisError as error:
        log.warning("old runs could not be removed: %s", error)


def _take_out(connection: store.Connection, run: str) -> None:
    with store.writing(connection):
        connection.execute("INSERT OR IGNORE INTO pruned VALUES(?)", (run,))
        connection.execute("DELETE FROM runs WHERE id = ?", (run,))
        connection.execute("DELETE FROM debts WHERE run = ?", (run,))


def _taken_out(connection: store.Connection) -> Sequence[str]:
    return [str(run) for (run,) in connection.execute("SELECT run FROM pruned")]


def _drop_events(connection: store.Connection, run: str) -> int:
    query = "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE run = ? LIMIT ?)"
    return connection.execute(query, (run, _ROWS)).rowcount


def _forget(connection: store.Connection, run: str) -> None:
    connection.execute("DELETE FROM pruned WHERE run = ?", (run,))


def _give_back(connection: store.Connection) -> bool:
    """Give some pages of the file back to the disk; whether there are more."""
    connection.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
    left = int(connection.execute("PRAGMA freelist_count").fetchone()[0])
    return left > 0 and store.gives_back(connection)


def _write_anew(connection: store.Connection) -> None:
    """Once, for a file that an older version made, while nothing else waits for the journal."""
    if not store.gives_back(connection):
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("VACUUM")
    _shorten(connection)


def _shorten(connection: store.Connection) -> None:
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _remove(runs: Path, run: str) -> None:
    """Remove the folder of a run; what is in the way stays, and is only space."""
    folder = runs / run
    if run and folder.parent == runs:
        shutil.rmtree(folder, ignore_errors=True)


def _size(folder: Path) -> int:
    return sum(_length(Path(root, name)) for root, _, names in os.walk(folder) for name in names)


def _length(path: Path) -> int:
    with suppress(OSError):
        return path.lstat().st_size
    return 0
