"""Native skills with `mode = "warm"`: one process that answers a line of JSON with a line of JSON, call after call."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace

from cis_tui.core.errors import TimedOut
from cis_tui.skills.cell import Cells
from cis_tui.skills.doorkeeper import Doorkeeper
from cis_tui.skills.launch import Confined, Sink
from cis_tui.skills.memory import Caller
from cis_tui.skills.model import SkillManifest
from cis_tui.skills.process import Command, Ended, Processes

IDLE = 60.0
"""Seconds without a call after which a process is ended."""
MOST = 16
"""Processes that are kept; for one more, that which has waited longest is ended."""
_FAREWELL = 0.5
"""Seconds for a process to end by itself once its stdin is closed."""
OF_A_CALL = frozenset({"CIS_RUN", "CIS_TASK", "CIS_ATTEMPT"})
"""Variables that differ from call to call; the line of the call tells the first two."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One call of a warm skill."""

    manifest: SkillManifest
    command: Command
    """How its process is started; the time-out is that of the call."""
    line: bytes
    caller: Caller
    on_answer: Sink
    """Gets the line of the answer; False ends the process, for it says too much."""
    on_log: Sink


class WarmSkills:
    """The processes of warm skills. To be used on the engine's event loop.

    Calls of one process queue. What makes it another process: other files of the skill, another project or folder,
    another environment.
    """

    def __init__(self, cells: Cells, processes: Processes, *, idle: float = IDLE) -> None:
        self._cells = cells
        self._processes = processes
        self._idle = idle
        self._known: dict[object, _Warm] = {}

    async def call(self, ask: Ask) -> Ended | None:
        """Have one call answered; None when it was, else how the process ended instead.

        Raises:
            TimedOut: it did not answer in time, and was ended (CIS-SKILL-024).
            CisError, OSError, ValueError: the process cannot be started.
        """
        key = _key(ask)
        warm = self._known.get(key)
        if warm is None:
            warm = self._known[key] = _Warm(ask.manifest, self._cells, self._processes, self._idle)
            await self._make_room(warm)
        return await warm.call(ask)

    async def close(self) -> None:
        """End all processes."""
        ending = tuple(self._known.values())
        self._known.clear()
        await asyncio.gather(*(warm.end() for warm in ending))

    async def _make_room(self, new: _Warm) -> None:
        """End what runs an earlier content of the skill, and what has waited longest if there are too many."""
        idle = [(key, warm) for key, warm in self._known.items() if warm is not new and not warm.busy]
        idle.sort(key=lambda pair: pair[1].since)
        extra = idle[: max(len(self._known) - MOST, 0)]
        earlier = [pair for pair in idle if pair[1].is_earlier(new.manifest)]
        for key, warm in dict((*extra, *earlier)).items():
            if not warm.busy:
                self._known.pop(key, None)
                await warm.retire()


class _Warm:
    """One process, while it lives; and the place of the next one once it has ended."""

    def __init__(self, manifest: SkillManifest, cells: Cells, processes: Processes, idle: float) -> None:
        self.manifest = manifest
        self.since = 0.0
        """When its last call ended, in the time of the event loop."""
        self._cells = cells
        self._processes = processes
        self._idle = idle
        self._turn = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._living: asyncio.Task[Ended] | None = None
        self._process: Confined | None = None
        self._keeper: Doorkeeper | None = None
        self._ask: Ask | None = None
        self._answered: asyncio.Future[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a call goes on."""
        return self._turn.locked()

    def is_earlier(self, manifest: SkillManifest) -> bool:
        """Whether this is the same skill as `manifest`, with other files."""
        own = self.manifest
        return (own.name, own.file) == (manifest.name, manifest.file) and own.folder != manifest.folder

    async def call(self, ask: Ask) -> Ended | None:
        """See `WarmSkills.call`."""
        async with self._turn:
            if self._timer is not None:
                self._timer.cancel()
            try:
                if self._living is None or self._living.done():
                    await self._start(ask)
                return await self._answer(ask)
            except BaseException:
                await self.end()
                raise
            finally:
                loop = asyncio.get_running_loop()
                self.since = loop.time()
                self._timer = loop.call_later(self._idle, self._expire)

    async def retire(self) -> None:
        """End the process between two calls: after one that has just come, and before the next."""
        async with self._turn:
            await self.end()

    async def end(self) -> None:
        """End the process: by closing its stdin, and else as any other."""
        if self._timer is not None:
            self._timer.cancel()
        living, self._living = self._living, None
        if living is None:
            return
        if self._process is not None and self._ask is None:
            self._process.close_input()
            await asyncio.wait({living}, timeout=_FAREWELL)
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)

    def _expire(self) -> None:
        if not self.busy:
            self._ending = asyncio.ensure_future(self.retire())

    async def _start(self, ask: Ask) -> None:
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def take(process: Confined) -> None:
            self._process = process
            started.set_result(None)

        async def live() -> Ended:
            command = replace(ask.command, input=None, timeout=None)
            async with self._cells.open(ask.manifest, command, ask.caller.project) as cell:
                self._keeper = cell.keeper
                return await self._processes.run(cell.command, self._hear, self._log, on_start=take)

        self._living = asyncio.create_task(live())
        await asyncio.wait({self._living, started}, return_when=asyncio.FIRST_COMPLETED)
        if not started.done():
            self._living.result()

    async def _answer(self, ask: Ask) -> Ended | None:
        assert self._process is not None
        assert self._living is not None
        self._ask, self._answered = ask, asyncio.get_running_loop().create_future()
        if self._keeper is not None:
            self._keeper.admit(self._cells.memory_of(ask.caller))
        try:
            self._process.begin()
            self._process.give(ask.line, close=False)
            timeout, first = ask.command.timeout, asyncio.FIRST_COMPLETED
            done, _ = await asyncio.wait({self._answered, self._living}, timeout=timeout, return_when=first)
            if self._answered in done:
                return None
            if self._living in done:
                return self._living.result()
            raise TimedOut("CIS-SKILL-024", f"timed out after {timeout:g} s", context={"skill": ask.manifest.name})
        finally:
            if self._keeper is not None:
                self._keeper.admit(None)
            if self._answered.done():
                self._ask = None

    def _hear(self, data: bytes) -> bool:
        """Take what it prints: the first line after a call is the answer, and what comes unasked is dropped."""
        if self._ask is None or self._answered is None or self._answered.done():
            return True
        line, ended, _ = data.partition(b"\n")
        fits = self._ask.on_answer(line) is not False
        if ended and fits:
            self._answered.set_result(None)
        return fits

    def _log(self, data: bytes) -> bool:
        return self._ask is None or self._ask.on_log(data) is not False

    _ending: asyncio.Future[None] | None = None


def _key(ask: Ask) -> object:
    manifest, command = ask.manifest, ask.command
    stamp: tuple[int, ...] = ()
    with suppress(OSError):
        status = (manifest.folder / manifest.entry).stat()
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
    env = frozenset(command.env.items())
    return manifest.file, str(manifest.folder), stamp, command.argv, str(command.cwd), ask.caller.project, env
