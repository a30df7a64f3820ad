"""What a worker runs of this package: it carries out attempts for engines elsewhere, and decides nothing.

A worker needs `distributed` and this package; nothing here imports what the package depends on otherwise.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from cis_tui.core.codec import dumps
from cis_tui.core.errors import CisError
from cis_tui.core.paths import Home
from cis_tui.dag.attempt import Outcome, Setting, attempt
from cis_tui.dag.calls import Call
from cis_tui.dag.executors.invocation import Invocation, unpack
from cis_tui.dag.outputs import Output
from cis_tui.skills.native import NativeSkills
from cis_tui.skills.process import Processes
from cis_tui.skills.surroundings import confined_env

LEASE = 30.0
"""Seconds without a word of its executor after which an attempt is ended."""
_SILENT = "its engine was not heard of for too long"
GRACE = 5.0
"""Seconds that ending it takes at most."""
_LOOK = 0.5
"""Seconds between two looks at whether an attempt is still wanted."""
_PIECE = 256 * 1024
_MAX_NEWS = 1024 * 1024
_NO_HOME = ".cis-home"
_REMEMBERED = 100_000
"""Keys that are never begun again."""


@dataclass(frozen=True, slots=True)
class News:
    """What there is to tell of one attempt."""

    offset: int
    """Where `data` stands in its output."""
    data: bytes
    end: bytes | None = None
    """Its `Outcome` as JSON, once all of its output is told."""


@dataclass(eq=False, slots=True)
class _Running:
    invocation: Invocation
    spool: Path
    size: int = 0
    end: bytes | None = None
    why: str = ""
    """Why it was ended."""
    work: asyncio.Task[Outcome] | None = None
    gone: asyncio.Event = field(default_factory=asyncio.Event)


class Hands:
    """All attempts that one worker process carries out."""

    def __init__(self, folder: Path) -> None:
        """`folder` is for its files."""
        self.id = uuid.uuid4().hex
        self._folder = folder / f"cis-{self.id}"
        self._processes = Processes()
        self._running: dict[str, _Running] = {}
        self._heard: dict[str, float] = {}
        """When each session was last heard of."""
        self._begun: OrderedDict[str, None] = OrderedDict()
        self._changed = asyncio.Event()
        """Replaced whenever there is news."""

    async def carry_out(self, invocation: Invocation, wanted: Callable[[], bool]) -> str:
        """Run an attempt to its end, unless it has begun before, or is for another process; why not, then.

        It is ended when `wanted` is no more true, or its session is not heard of for `LEASE` seconds.
        """
        if invocation.hands != self.id:
            return "the worker has been started anew"
        if not self._fence(invocation.key):
            return "it was begun or ended before"
        await self._clear_away()
        folder = await asyncio.to_thread(self._room)
        running = self._running[invocation.key] = _Running(invocation, folder / "output")
        self._heard.setdefault(invocation.session, time.monotonic())
        running.work = asyncio.ensure_future(self._attempt(running, folder))
        try:
            outcome = await self._watched(running, running.work, wanted)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder / "work", ignore_errors=True)
            running.gone.set()
        running.end = dumps(outcome).encode()
        self._tell()
        return ""

    async def news(self, session: str, known: Mapping[str, int], done: Iterable[str], wait: float) -> dict[str, News]:
        """What the attempts of `session` printed beyond what is `known` of each, and their ends; waits for some.

        Those that are `done` are forgotten.
        """
        self._lapse(session)
        for key in done:
            await self._forget(key)
        deadline = time.monotonic() + wait
        while True:
            self._heard[session] = time.monotonic()
            changed = self._changed
            found = self._found(session, known)
            left = deadline - time.monotonic()
            if found or left <= 0:
                return found
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await changed.wait()

    async def end(self, keys: Iterable[str], why: str) -> None:
        """End these attempts with everything that they started; those that have not begun never do."""
        for key in list(keys):
            self._fence(key)
            running = self._running.get(key)
            if running is not None and running.end is None:
                self._give_up(running, why)
                await running.gone.wait()

    def _lapse(self, session: str) -> None:
        """End what is left of a session that comes back after its lease: whoever waited for it has given it up."""
        if self._is_silent(session):
            for running in self._running.values():
                if running.invocation.session == session and running.end is None:
                    self._give_up(running, _SILENT)

    def _is_silent(self, session: str) -> bool:
        heard = self._heard.get(session)
        return heard is not None and time.monotonic() - heard > LEASE

    def _give_up(self, running: _Running, why: str) -> None:
        if not running.why and running.work is not None:
            running.why = why
            running.work.cancel()

    async def _clear_away(self) -> None:
        """Forget the ends that nobody came for, and who has nothing here."""
        for key, running in list(self._running.items()):
            if running.end is not None and self._is_silent(running.invocation.session):
                await self._forget(key)
        busy = {running.invocation.session for running in self._running.values()}
        for session in [each for each in self._heard if each not in busy and self._is_silent(each)]:
            del self._heard[session]

    async def sweep(self, run: str, session: str) -> list[str]:
        """End what other sessions left of a run; the tasks."""
        left = [each for each in self._running.values() if each.invocation.run == run]
        left = [each for each in left if each.invocation.session != session]
        await self.end([each.invocation.key for each in left], "the run goes on without it")
        for each in left:
            await self._forget(each.invocation.key)
        return [each.invocation.task for each in left]

    def has(self, package: str) -> bool:
        """Whether the files of a skill are here."""
        return self._package(package).is_dir()

    async def keep(self, package: str, data: bytes) -> None:
        """Keep the files of a skill.

        Raises:
            CisError: they are not what they should be.
        """
        target = self._package(package)
        if target.is_dir():
            return
        fresh = target.with_name(f"{package}.{uuid.uuid4().hex}")
        try:
            await asyncio.to_thread(unpack, data, package, fresh)
            with suppress(OSError):  # another call was faster
                fresh.rename(target)
        finally:
            await asyncio.to_thread(shutil.rmtree, fresh, ignore_errors=True)

    async def close(self) -> None:
        """End everything."""
        self._processes.hurry()
        await self.end(self._running, "the worker ends")
        await self._processes.close()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    def _package(self, digest: str) -> Path:
        return self._folder / "packages" / digest

    def _room(self) -> Path:
        """A new folder for one attempt."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(dir=self._folder))
        (room / "work").mkdir()
        return room

    def _fence(self, key: str) -> bool:
        """Whether `key` comes for the first time."""
        if key in self._begun:
            return False
        self._begun[key] = None
        if len(self._begun) > _REMEMBERED:
            self._begun.popitem(last=False)
        return True

    async def _watched(self, running: _Running, work: asyncio.Task[Outcome], wanted: Callable[[], bool]) -> Outcome:
        while not work.done():
            await asyncio.wait({work}, timeout=_LOOK)
            silent = self._is_silent(running.invocation.session)
            if silent or not wanted():
                self._give_up(running, _SILENT if silent else "nobody waits for it")
        if work.cancelled():
            return Outcome(False, None, error=running.why or "ended")
        error = work.exception()
        if error is not None:
            message = error.message if isinstance(error, CisError) else f"{type(error).__name__}: {error}"
            return Outcome(False, None, error=message)
        return work.result()

    async def _attempt(self, running: _Running, folder: Path) -> Outcome:
        invocation = running.invocation
        root = Path(invocation.project) if invocation.project else folder / "work"
        cwd = root / invocation.work_dir
        if not invocation.project:
            cwd.mkdir(parents=True, exist_ok=True)
        if not cwd.is_dir():
            return Outcome(False, None, error=f"the worker has no folder {cwd}", final=True)
        manifest = invocation.manifest
        if manifest is not None:
            manifest = replace(manifest, folder=self._package(invocation.package))
        call = Call(invocation.line, manifest, invocation.args, invocation.input, {}, cwd, invocation.timeout)
        output = _Spooled(running, self._tell)
        setting = Setting(
            str(root),
            invocation.run,
            invocation.task,
            self._env(invocation, root),
            self._processes,
            NativeSkills(Home(root / _NO_HOME), self._processes),
        )
        try:
            return await attempt(call, setting, output)
        finally:
            output.close()
            running.size = running.spool.stat().st_size  # less than was printed, if the disk was full

    def _env(self, invocation: Invocation, root: Path) -> dict[str, str]:
        """What a task is told, with the worker's own environment; a skill gets as little of that as it would elsewhere.

        `CIS_HOME` is an empty one: memory is not to be had here.
        """
        told = confined_env(
            invocation.skill,
            project=str(root),
            run=invocation.run,
            task=invocation.task,
            attempt=invocation.attempt,
        )
        if invocation.manifest is None or invocation.manifest.is_own_shell:
            own = {name: value for name, value in os.environ.items() if not name.startswith(("CIS_", "DASK_"))}
            told = {**own, **told, "CIS_HOME": str(root / _NO_HOME)}
        return {**told, **invocation.env}

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _found(self, session: str, known: Mapping[str, int]) -> dict[str, News]:
        found: dict[str, News] = {}
        room = _MAX_NEWS
        for key, running in self._running.items():
            if running.invocation.session != session or room <= 0:
                continue
            offset = known.get(key, 0)
            data = _read(running.spool, offset) if running.size > offset else b""
            end = running.end if offset + len(data) >= running.size else None
            if data or end is not None:
                found[key] = News(offset, data, end)
                room -= len(data)
        return found

    async def _forget(self, key: str) -> None:
        running = self._running.get(key)
        if running is not None and running.end is not None:
            del self._running[key]
            await asyncio.to_thread(shutil.rmtree, running.spool.parent, ignore_errors=True)


class _Spooled(Output):
    """Output that waits in a file until its engine has taken it."""

    def __init__(self, running: _Running, tell: Callable[[], None]) -> None:
        super().__init__(running.spool, lambda text: tell())
        self._running = running

    def feed(self, data: bytes) -> None:
        self._running.size += len(data)
        super().feed(data)


def _read(path: Path, offset: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(_PIECE)
