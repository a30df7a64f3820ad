"""The processes that run WASM skills, seen from the engine: started when needed, ended when idle, killed when stuck.

Each works on one call at a time. A module that brings down the compiler, or the machine code made of it, ends its own
call and nothing else; so does one that cannot be interrupted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

from cis_tui.core.errors import Unavailable
from cis_tui.core.text import clean
from cis_tui.skills.wasm.cache import CompiledCache
from cis_tui.skills.wasm.frames import HEAD, NUMBER, BadFrame, Frame, frame, lengths, pack
from cis_tui.skills.wasm.source import Source

MAX_WORKERS = 16
"""Calls that are worked on at the same time; more wait."""
IDLE_SECONDS = 60.0
LOAD_SECONDS = 120.0
"""Within which a module has to be compiled: a component made of Python takes 20 s, on a busy machine more."""
STOP_SECONDS = 2.0
"""Within which a call that is told to end has to; then its process is killed."""
MODULES = 8
"""Modules that a process keeps loaded."""
MAX_TALK = 16_384
"""Lines of the log of one call that are listened to; a worker of ours says fewer."""
_LAST_WORDS = 65_536
log = logging.getLogger(__name__)


class Lost(Exception):
    """The process of a call has ended; says how."""


class TooSlow(Exception):
    """The module was not compiled in time."""


@dataclass(frozen=True, slots=True)
class Job:
    """One call of a module."""

    source: Source
    input: bytes
    memory: int
    """Bytes."""
    fuel: int
    output: int
    """Bytes of the answer."""
    timeout: float
    """Seconds, from when the module is loaded."""


class Host(Protocol):
    """What a guest may ask of the engine. Nothing here may raise."""

    async def answer(self, question: Frame) -> tuple[int, bytes]:
        """The answer to a question: a number, and bytes."""
        ...

    def log(self, level: int, line: bytes) -> None:
        """Take a line of the log; -1 and -2 for what was written to stdout and stderr."""
        ...


class Pool:
    """The workers of one engine; for its event loop."""

    def __init__(self, cache: CompiledCache, *, limit: int = MAX_WORKERS, idle_seconds: float = IDLE_SECONDS) -> None:
        self._cache = cache
        self._slots = asyncio.Semaphore(limit)
        self._idle_seconds = idle_seconds
        self._idle: list[_Worker] = []
        """The one used last at the end."""
        self._all: set[_Worker] = set()
        self._compiling: dict[str, asyncio.Lock] = {}
        self._reaper: asyncio.TimerHandle | None = None
        self._closed = False

    async def run(self, job: Job, host: Host) -> Frame:
        """The frame with which a call ends: `done`, or `failed` and why. When the caller is cancelled the call ends.

        Raises:
            Lost: the process of the call has ended.
            TooSlow: the module was not compiled in time.
            Unavailable: no process can be started, or the engine is stopping (CIS-SKILL-065).
        """
        async with self._slots:
            worker = await self._take(job.source.digest)
            try:
                ended = await self._load(worker, job) or await worker.call(job, host)
            except BaseException:
                await self._drop(worker)
                raise
            if worker.stuck:
                await self._drop(worker)
            else:
                self._put_back(worker)
            return ended

    async def close(self) -> None:
        """End every process."""
        self._closed = True
        if self._reaper is not None:
            self._reaper.cancel()
        await asyncio.gather(*(worker.end() for worker in self._all))
        self._all.clear()
        self._idle.clear()

    @property
    def pids(self) -> list[int]:
        """The processes that live."""
        return [worker.pid for worker in self._all]

    async def _take(self, digest: str) -> _Worker:
        if self._closed:
            raise Unavailable("CIS-SKILL-065", "the engine is stopping")
        while self._idle:
            ready = next((each for each in reversed(self._idle) if digest in each.loaded), self._idle[-1])
            self._idle.remove(ready)
            if ready.alive:
                return ready
            await self._drop(ready)
        try:
            worker = await _Worker.start()
        except OSError as error:
            raise Unavailable("CIS-SKILL-065", f"no process for WASM skills can be started: {error}") from error
        self._all.add(worker)
        return worker

    async def _load(self, worker: _Worker, job: Job) -> Frame | None:
        """Have the module of `job` loaded; the frame that says why not, if that cannot be."""
        digest = job.source.digest
        if digest in worker.loaded:
            worker.loaded.move_to_end(digest)
            return None
        compiling = self._compiling.setdefault(digest, asyncio.Lock())
        try:
            async with compiling:
                cached = await asyncio.to_thread(self._cache.get, digest)
                ended = await worker.load(job, cached) if cached is not None else None
                if ended is None or ended.kind != "loaded":  # of another processor, or of a library built otherwise
                    ended = await worker.load(job, None)
                    if ended.kind == "loaded":
                        await asyncio.to_thread(self._cache.put, digest, ended.data)
        finally:
            if not compiling.locked():
                self._compiling.pop(digest, None)
        return None if ended.kind == "loaded" else ended

    def _put_back(self, worker: _Worker) -> None:
        worker.since = asyncio.get_running_loop().time()
        self._idle.append(worker)
        if self._reaper is None:
            self._reap_later()

    async def _drop(self, worker: _Worker) -> None:
        self._all.discard(worker)
        await worker.end()

    def _reap_later(self) -> None:
        self._reaper = asyncio.get_running_loop().call_later(self._idle_seconds, self._reap)

    def _reap(self) -> None:
        """End the processes that nobody has used for long."""
        self._reaper = None
        before = asyncio.get_running_loop().time() - self._idle_seconds
        for worker in [each for each in self._idle if each.since <= before]:
            self._idle.remove(worker)
            self._all.discard(worker)
            worker.leave()
        if self._idle:
            self._reap_later()


class _Worker:
    """One process."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.loaded: OrderedDict[str, None] = OrderedDict()
        """The modules that it has, by digest, the one used last at the end."""
        self.since = 0.0
        """When it became idle, in the time of the event loop."""
        self.stuck = False
        """It did not end a call when it was told to."""
        self._process = process
        self._reader = reader
        self._writer = writer
        self._number = 0

    @classmethod
    async def start(cls) -> _Worker:
        """Start a process.

        Raises:
            OSError: it cannot be started.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-I", "-m", "cis_tui.skills.wasm.worker", str(theirs.fileno())),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.PIPE,
                    cwd="/",
                    env={"PATH": os.defpath},
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            reader, writer = await asyncio.open_connection(sock=ours)
        except BaseException:
            ours.close()
            raise
        return cls(process, reader, writer)

    @property
    def alive(self) -> bool:
        return self._process.returncode is None and not self._reader.at_eof()

    @property
    def pid(self) -> int:
        return self._process.pid

    async def load(self, job: Job, compiled: bytes | None) -> Frame:
        """Load a module, compiled or not; `loaded` with what was compiled, or `failed` and why.

        Raises:
            Lost: the process has ended.
            TooSlow: it was not done in time.
        """
        dropped = [self.loaded.popitem(last=False)[0]] if len(self.loaded) >= MODULES else []
        what = {"digest": job.source.digest, "drop": dropped, "memory_mb": job.memory >> 20}
        await self._send(pack("load", compiled or job.source.data, compiled=compiled is not None, **what))
        try:
            async with asyncio.timeout(LOAD_SECONDS):
                ended = await self._receive()
        except TimeoutError:
            raise TooSlow from None
        if ended.kind == "loaded":
            self.loaded[job.source.digest] = None
        return ended

    async def call(self, job: Job, host: Host) -> Frame:
        """Call a module that is loaded; `done`, or `failed` and why.

        Raises:
            Lost: the process has ended.
        """
        self._number += 1
        limits = {"memory": job.memory, "fuel": job.fuel, "output": job.output}
        await self._send(pack("call", job.input, digest=job.source.digest, number=self._number, **limits))
        talk = asyncio.ensure_future(self._talk(host))
        try:
            ended, _ = await asyncio.wait({talk}, timeout=job.timeout)
            if not ended:
                self._tell_to_stop()
                ended, _ = await asyncio.wait({talk}, timeout=STOP_SECONDS)
            if not ended:
                self.stuck = True
                return Frame({"kind": "failed", "why": "interrupted", "detail": ""})
            return await talk
        finally:
            talk.cancel()

    def _tell_to_stop(self) -> None:
        """Have the process end its call at the next loop or function that it comes to."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(NUMBER.pack(self._number))

    async def _talk(self, host: Host) -> Frame:
        """Answer what a guest asks until it ends."""
        lines = 0
        while True:
            said = await self._receive()
            if said.kind in ("done", "failed"):
                return said
            if said.kind == "log":
                lines += 1
                if lines > MAX_TALK:
                    raise Lost("it said too much")
                host.log(int(said.table.get("level", 1)), said.data)
            else:
                code, value = await host.answer(said)
                await self._send(pack("answer", value, code=code))

    async def _send(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise await self._lost() from error

    async def _receive(self) -> Frame:
        try:
            table, data = lengths(await self._reader.readexactly(HEAD.size))
            return frame(await self._reader.readexactly(table), await self._reader.readexactly(data))
        except (OSError, EOFError, BadFrame) as error:
            raise await self._lost() from error

    async def _lost(self) -> Lost:
        self._kill()
        code = await self._process.wait()
        how = f"exit code {code}"
        if code < 0:
            with contextlib.suppress(ValueError):
                how = f"ended by {signal.Signals(-code).name}"
        assert self._process.stderr is not None
        said = clean((await self._process.stderr.read(_LAST_WORDS)).decode("utf-8", "replace")).strip()
        log.warning("a process for WASM skills was lost: %s\n%s", how, said)
        return Lost(": ".join(filter(None, (how, said.rpartition("\n")[2][:200]))))

    def leave(self) -> None:
        """Let it end by itself."""
        self._writer.close()
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def end(self) -> None:
        """Kill it, and wait until it has ended."""
        self._kill()
        self.leave()
        await asyncio.shield(asyncio.ensure_future(self._process.wait()))

    def _kill(self) -> None:
        # Not `self._process.kill()`: that may reap the process, and then nobody learns how it ended.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
