"""The engine's side of the launcher (see `jail.launcher`): orders go out, and how each process ended comes back."""

from __future__ import annotations

import array
import asyncio
import errno
import marshal
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from cis_tui.skills.jail.order import Order

_IN_MESSAGE = 64 * 1024
"""Bytes of an order; a longer one lies in a file of its own."""
_CHUNK = 64 * 1024
_PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from cis_tui.skills.jail.launcher import main; main()"
_ROOT = str(Path(__file__).resolve().parent.parent.parent)

Sink = Callable[[bytes], object]
"""Takes output as it comes; False ends a process that is confined, for it says too much."""


class Confined:
    """One process in its jail: hands its output on as it comes, without a buffer of its own."""

    def __init__(self, launcher: Launcher, id: int, on_output: Sink, on_error: Sink) -> None:
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[None] = loop.create_future()
        """Set when nothing of it is left."""
        self.drained: asyncio.Future[None] = loop.create_future()
        """Set when nobody holds its stdout and stderr any more."""
        self.exit_code: int | None = None
        self.reason = ""
        """Why the launcher ended it, see `jail.watch.excess`."""
        self.failure: OSError | None = None
        """Why it was not started."""
        self._launcher = launcher
        self._id = id
        self._sinks = {1: on_output, 2: on_error}
        self._open: dict[int, int] = {}
        """Our ends of its pipes."""
        self._unsent = b""

    def pipes(self, *, reads: bool) -> tuple[int, int, int]:
        """Make its stdin, stdout and stderr; the ends that are its own. Its stdin is empty unless it `reads`."""
        ours: list[int] = []
        its: list[int] = []
        for number in (0, 1, 2):
            if number == 0 and not reads:
                its.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
                continue
            reading, writing = os.pipe2(os.O_CLOEXEC)
            mine, its_end = (writing, reading) if number == 0 else (reading, writing)
            os.set_blocking(mine, False)
            ours.append(mine)
            its.append(its_end)
            self._open[number] = mine
        loop = asyncio.get_running_loop()
        for number in (1, 2):
            loop.add_reader(self._open[number], self._read, number)
        return its[0], its[1], its[2]

    def give(self, data: bytes, *, close: bool = True) -> None:
        """Write `data` to its stdin, and close that unless more is to come."""
        self._unsent += data
        self._closes = close
        self._write()

    def close_input(self) -> None:
        """Close its stdin once everything is written."""
        self.give(b"")

    def begin(self) -> None:
        """From now on count what it writes to a disk from nothing: it works on something new."""
        self._launcher.send_signal(self._id, 0)

    def group_lives(self) -> bool:
        """Whether anything of it is there: it ends together."""
        return not self.exited.done()

    def signal_group(self, number: int) -> bool:
        """Send a signal to all of it."""
        if not self.exited.done():
            self._launcher.send_signal(self._id, number)
        return not self.exited.done()

    def close(self) -> None:
        """Let go of its pipes."""
        for number in tuple(self._open):
            self._close(number)

    def ended(self, code: int, reason: str = "", failure: OSError | None = None) -> None:
        """Nothing of it is left."""
        self.exit_code, self.reason, self.failure = code, reason, failure
        if not self.exited.done():
            self.exited.set_result(None)

    def _read(self, number: int) -> None:
        try:
            data = os.read(self._open[number], _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(number)
        elif self._sinks[number](data) is False:
            self.signal_group(signal.SIGKILL)
            self._close(number)

    def _write(self) -> None:
        fd = self._open.get(0)
        if fd is None:
            return
        loop = asyncio.get_running_loop()
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(fd, self._unsent) :]
        except BlockingIOError:
            loop.add_writer(fd, self._write)
            return
        except OSError:  # nobody reads it, which is its own affair
            self._unsent, self._closes = b"", True
        loop.remove_writer(fd)
        if self._closes:
            self._close(0)

    def _close(self, number: int) -> None:
        fd = self._open.pop(number, None)
        if fd is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_writer(fd) if number == 0 else loop.remove_reader(fd)
        os.close(fd)
        if not {1, 2} & self._open.keys() and not self.drained.done():
            self.drained.set_result(None)

    _closes = False


class Launcher:
    """The launcher process of one engine; started when it is first needed, and again if it was killed."""

    def __init__(self, marks: Mapping[str, str], temporary: Path) -> None:
        """`marks`: what its environment, and so that of its children, has in it; `temporary` is removed at the end."""
        self._marks = marks
        self._temporary = temporary
        self._process: subprocess.Popen[bytes] | None = None
        self._orders: socket.socket | None = None
        self._control: socket.socket | None = None
        self._running: dict[int, Confined] = {}
        self._last = 0
        self._sending = asyncio.Lock()

    async def start(self, order: Order, data: bytes | None, on_output: Sink, on_error: Sink) -> Confined:
        """Start a process; `data` is what it reads on stdin, None for a stdin that stays open.

        Raises:
            OSError: it cannot be started.
        """
        self._hold()
        self._last += 1
        process = self._running[self._last] = Confined(self, self._last, on_output, on_error)
        stdio: tuple[int, ...] = ()
        try:
            stdio = process.pipes(reads=data is None or bool(data))
            await self._send(order._replace(id=self._last).to_wire(), stdio)
        except BaseException:
            self.send_signal(self._last, signal.SIGKILL)
            self._running.pop(self._last, None)
            process.close()
            raise
        finally:
            for fd in stdio:
                os.close(fd)
        if data:
            process.give(data)
        return process

    def send_signal(self, id: int, number: int) -> None:
        """Send a signal to all processes of one call."""
        if self._control is not None:
            with suppress(OSError):
                self._control.send(marshal.dumps((id, int(number))))

    async def close(self) -> None:
        """End everything that it started, and the launcher itself."""
        self._let_go()
        while self._process is not None and self._process.poll() is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        self._process = None

    def _hold(self) -> None:
        if self._process is not None and self._control is not None and self._process.poll() is None:
            return
        self._let_go()
        if self._process is not None:  # it is at its end, or is to be: what is new has its folder
            self._process.kill()
            self._process.wait()
        orders, its_orders = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        control, its_control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its_orders, its_control:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _PROGRAM, _ROOT, str(self._temporary)],
                stdin=its_orders.fileno(),
                stdout=its_control.fileno(),
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={"PATH": os.defpath, **self._marks},
                start_new_session=True,
            )
        orders.setblocking(False)
        control.setblocking(False)
        self._orders, self._control = orders, control
        asyncio.get_running_loop().add_reader(control, self._hear)

    async def _send(self, data: bytes, stdio: tuple[int, ...]) -> None:
        spool: int | None = None
        if len(data) > _IN_MESSAGE:
            spool = os.memfd_create("order")
            os.write(spool, data)
            os.lseek(spool, 0, os.SEEK_SET)
            data, stdio = b"-", (*stdio, spool)
        try:
            async with self._sending:
                while not self._sent(self._orders, data, stdio):
                    await self._writable(self._orders)
        finally:
            if spool is not None:
                os.close(spool)

    def _sent(self, orders: socket.socket | None, data: bytes, stdio: tuple[int, ...]) -> bool:
        if orders is None:
            raise ChildProcessError(errno.ECHILD, "the launcher of skills has ended")
        try:
            passed = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", stdio))
            orders.sendmsg([data], [passed])
        except BlockingIOError:
            return False
        return True

    async def _writable(self, orders: socket.socket | None) -> None:
        """Wait until spare children have taken some of the orders."""
        assert orders is not None
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_writer(orders, lambda: ready.done() or ready.set_result(None))
        try:
            await asyncio.wait_for(ready, 1.0)
        except TimeoutError:
            self._hear()
        finally:
            loop.remove_writer(orders)

    def _hear(self) -> None:
        while self._control is not None:
            try:
                data = self._control.recv(1 << 18)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._let_go()
                return
            id, code, reason, number, text = marshal.loads(data)
            process = self._running.pop(id, None)
            if process is not None:
                process.ended(code, reason, OSError(number, text) if number else None)

    def _let_go(self) -> None:
        """Close what leads to the launcher, at which it ends what it started."""
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control)
        for end in (self._control, self._orders):
            if end is not None:
                end.close()
        self._control = self._orders = None
        for process in self._running.values():
            process.ended(-int(signal.SIGKILL), "launcher")
        self._running.clear()
