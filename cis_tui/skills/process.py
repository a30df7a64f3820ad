"""Processes of tasks and skills: started in their own session, ended with everything that they started."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from cis_tui.core.cancelling import started, uncancelled
from cis_tui.core.errors import Unavailable
from cis_tui.skills.guardian import marked, send
from cis_tui.skills.jail.order import Order
from cis_tui.skills.launch import Confined, Launcher, Sink
from cis_tui.skills.lifeline import Lifeline

__all__ = ["GRACE", "Command", "Ended", "Processes", "Sink"]

GRACE = 3.0
"""Seconds between SIGTERM and SIGKILL."""
_LAST_WORDS = 1.0
"""Seconds to wait for the end of the output once the process has ended."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    input: bytes | None = b""
    """What it reads on stdin; None for a stdin that stays open, of a program with an order."""
    timeout: float | None = None
    """Seconds."""
    order: Order | None = None
    """What it is held to; None for a command of the person's own. The order's program, folder and environment count."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended."""

    exit_code: int | None
    """128 and the signal's number when a signal ended it, as a shell says it; None when the time was up."""
    duration: float
    """Seconds."""
    signal: str = ""
    """Name of the signal that ended it."""
    timed_out: bool = False
    reason: str = ""
    """What of its limits it overstepped, see `jail.watch.excess`; `launcher` if that was killed."""


class Processes:
    """All processes that one engine starts."""

    def __init__(self) -> None:
        self._engine = uuid.uuid4().hex
        self._calls = 0
        self._lifeline = Lifeline(f"CIS_ENGINE={self._engine}")
        self._launcher: Launcher | None = None
        self._temporary: Path | None = None
        self._grace = GRACE
        self._closed = False

    async def run(
        self,
        command: Command,
        on_output: Sink,
        on_error: Sink | None = None,
        *,
        on_start: Callable[[Confined], None] | None = None,
    ) -> Ended:
        """Run a program to its end; what it leaves running in its process group is ended too.

        `on_output` gets stdout, and stderr in its order unless `on_error` is given. When the caller is cancelled, or
        the time is up, everything that the program started is ended: SIGTERM, after three seconds SIGKILL. `on_start`
        gets the process of a program with an order, to talk to.

        Raises:
            OSError: it cannot be started, or cannot be held to its order.
            ValueError: an argument or variable holds a null character.
            Unavailable: the engine is stopping (CIS-SKILL-030).
        """
        if self._closed:
            raise Unavailable("CIS-SKILL-030", "the engine is stopping")
        self._lifeline.hold()
        self._calls += 1
        marker = f"CIS_CALL={self._engine}.{self._calls}"
        began = time.monotonic()
        process = await self._start(command, marker, on_output, on_error)
        if on_start is not None and isinstance(process, Confined):
            on_start(process)
        timed_out = False
        try:
            async with asyncio.timeout(command.timeout):
                await asyncio.shield(process.exited)
        except TimeoutError:
            timed_out = True
        finally:
            await uncancelled(self._finish(process, marker))
        if isinstance(process, Confined) and process.failure is not None:
            raise process.failure
        ended = _ended(process.exit_code, time.monotonic() - began, timed_out=timed_out)
        return replace(ended, reason=process.reason) if isinstance(process, Confined) else ended

    def temporary(self) -> Path:
        """A new folder, closed to others, for one process that is confined; whoever asked removes it.

        Raises:
            OSError: it cannot be made.
        """
        if self._temporary is None:
            self._temporary = Path(tempfile.mkdtemp(prefix="cis-skills-"))
        self._calls += 1
        folder = self._temporary / str(self._calls)
        folder.mkdir(mode=0o700)
        return folder

    def hurry(self) -> None:
        """From now on nothing is started, and what is being ended gets half a second instead of three."""
        self._closed = True
        self._grace = 0.5

    async def close(self) -> None:
        """End what escaped, and the guardian. Call it when every `run` has returned."""
        self.hurry()
        if self._launcher is not None:
            await self._launcher.close()
        await self._lifeline.release()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    async def _start(
        self, command: Command, marker: str, on_output: Sink, on_error: Sink | None
    ) -> _Process | Confined:
        name, value = marker.split("=")
        if command.order is not None:
            return await self._confine(command.order, command.input, {name: value}, on_output, on_error or on_output)
        start = asyncio.get_running_loop().subprocess_exec(
            lambda: _Process(on_output, on_error),
            *command.argv,
            cwd=command.cwd,
            env={**command.env, "CIS_ENGINE": self._engine, name: value},
            stdin=asyncio.subprocess.PIPE if command.input else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE if on_error else asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        _, process = await started(start, lambda made: self._finish(made[1], marker))
        process.give(command.input or b"")
        return process

    async def _confine(
        self, order: Order, data: bytes | None, marks: Mapping[str, str], on_output: Sink, on_error: Sink
    ) -> Confined:
        own = {"CIS_ENGINE": self._engine}
        if self._launcher is None:
            assert self._temporary is not None
            self._launcher = Launcher(own, self._temporary)
        order = order._replace(env=(*order.env, *own.items(), *marks.items()))
        if any("\0" in text for text in (*order.argv, *(text for pair in order.env for text in pair))):
            raise ValueError("embedded null character")
        return await self._launcher.start(order, data, on_output, on_error)

    async def _finish(self, process: _Process | Confined, marker: str) -> None:
        """End what is left of the process, read what is left of its output, and let go of it."""
        orphaned = isinstance(process, Confined) and process.reason == "launcher"  # with nobody left who ends its group
        if not process.exited.done() or process.group_lives() or orphaned:
            await self._end(process, marker)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(process.drained), _LAST_WORDS)
        process.close()

    async def _end(self, process: _Process | Confined, marker: str) -> None:
        process.signal_group(signal.SIGTERM)
        send(marked(marker), signal.SIGTERM)
        began = time.monotonic()
        pause = 0.01
        while (not process.exited.done() or marked(marker)) and time.monotonic() - began < self._grace:
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.1)
        process.signal_group(signal.SIGKILL)
        while pids := marked(marker):
            send(pids, signal.SIGKILL)
            if time.monotonic() - began > self._grace + 2 * GRACE:  # nothing but the kernel holds them now
                break
            await asyncio.sleep(0.02)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(process.exited), GRACE)


class _Process(asyncio.SubprocessProtocol):
    """One process: hands its output on as it comes, without a buffer of its own."""

    def __init__(self, on_output: Sink, on_error: Sink | None) -> None:
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[None] = loop.create_future()
        self.drained: asyncio.Future[None] = loop.create_future()
        """Set when nobody holds its stdout and stderr any more."""
        self._on_output = on_output
        self._on_error = on_error
        self._open_pipes = 1 if on_error is None else 2
        self._transport: asyncio.SubprocessTransport | None = None
        self._pid = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)
        self._pid = self._transport.get_pid()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        (self._on_error if fd == 2 and self._on_error else self._on_output)(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd != 0:
            self._open_pipes -= 1
        if self._open_pipes == 0 and not self.drained.done():
            self.drained.set_result(None)

    def process_exited(self) -> None:
        if not self.exited.done():
            self.exited.set_result(None)

    @property
    def exit_code(self) -> int | None:
        return self._transport.get_returncode() if self._transport else None

    def give(self, data: bytes) -> None:
        """Write `data` to its stdin and close that."""
        pipe = self._transport.get_pipe_transport(0) if self._transport and data else None
        if pipe is not None:
            writer = cast("asyncio.WriteTransport", pipe)
            writer.write(data)
            writer.close()

    def group_lives(self) -> bool:
        """Whether a process of its group is there, be it as a zombie."""
        return self.signal_group(0)

    def signal_group(self, number: int) -> bool:
        """Whether there was anybody to send it to."""
        try:
            os.killpg(self._pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _ended(code: int | None, duration: float, *, timed_out: bool) -> Ended:
    if timed_out or code is None:
        return Ended(None, duration, timed_out=timed_out)
    if code >= 0:
        return Ended(code, duration)
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return Ended(128 - code, duration, name)
