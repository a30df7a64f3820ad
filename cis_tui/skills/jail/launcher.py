"""Starts the processes of native skills: `python -I -S -c "…; main()" ROOT TEMPORARY`, one for an engine.

It is small and has one thread, so that it forks fast, and forks before there is anything to do: a spare child waits
with its ruleset half made, takes the next order itself, and becomes the program. The launcher is told of it, makes
another spare, and is the parent: it watches what the call uses, ends its whole process group, and tells the engine.

Its stdin brings orders, to the spares; its stdout is for the rest: signals from the engine, reports to it. When that
closes the engine is gone: everything ends, and what lay in TEMPORARY is removed.
"""

from __future__ import annotations

import array
import errno
import gc
import marshal
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from cis_tui.skills.jail import system, watch
from cis_tui.skills.jail.child import Prepared, become
from cis_tui.skills.jail.forks import Forks
from cis_tui.skills.jail.order import Limits, Order

SPARES = 2
_QUIET = 2.0
"""Milliseconds."""
_MESSAGE = 1 << 18
_NONE = Limits(0, 0, 1, 0)
"""Limits of a call that could not start."""
_LINGER = 2.0
"""Seconds to wait for the last processes of a group that was killed; longer they live in the kernel only."""


class _Call:
    """One call from its order to its end."""

    def __init__(self, id: int, limits: Limits, temporary: str) -> None:
        self.id = id
        self.limits = limits
        self.temporary = temporary
        self.forks: Forks | None = None
        """Who answers when it wants to make a process; None as long as it cannot ask."""
        self.before = 0
        """Bytes on their way to a disk that do not count any more."""
        self.failure: tuple[int, str] = (0, "")
        """Number and text of why it could not start."""
        self.reason = ""
        """Why it was ended from here."""
        self.ended: tuple[int, float] | None = None
        """Status, and when it was reaped."""


class Launcher:
    """See the module."""

    def __init__(self) -> None:
        self._orders = socket.socket(fileno=os.dup(0))
        self._control = socket.socket(fileno=os.dup(1))
        self._told, self._tell = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._told.setblocking(False)
        for standard in (0, 1):  # nobody who inherits them is to hold the engine's sockets
            os.dup2(2, standard)
        self._prepared = Prepared()
        self._spares: set[int] = set()
        self._calls: dict[int, _Call] = {}
        self._early: set[int] = set()
        """Calls that were ended before a spare had taken them."""
        self._poll = select.poll()
        self._asking: dict[int, _Call] = {}
        """By the descriptor at which they ask before they make a process."""
        self._looked = 0.0
        self._pid = os.getpid()

    def run(self) -> None:
        """Work until the engine is gone."""
        poll = self._poll
        wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        for fd in (self._control.fileno(), self._told.fileno(), wake):
            poll.register(fd, select.POLLIN)
        self._prepared.share()
        gc.freeze()
        while True:
            if not self._spares:
                self._fork()
            ready = [fd for fd, _ in poll.poll(self._pause())]
            if not ready and len(self._spares) < SPARES:
                self._fork()
            if wake in ready:
                os.read(wake, 4096)
            self._hear_children()
            for fd in self._asking.keys() & set(ready):
                self._answer(self._asking[fd])
            self._reap()
            if self._control.fileno() in ready and not self._obey():
                break
            if self._calls and time.monotonic() - self._looked >= watch.INTERVAL:
                self._look()
        for pid in self._calls:
            _kill_group(pid, signal.SIGKILL)

    def _pause(self) -> float | None:
        """Milliseconds until there is something to do by itself; a new spare is for when nothing else is."""
        if self._calls:
            return watch.INTERVAL * 1000
        return _QUIET if len(self._spares) < SPARES else None

    # The child

    def _fork(self) -> None:
        pid = os.fork()
        if pid:
            self._spares.add(pid)
            return
        id = 0
        try:
            system.die_with_parent(signal.SIGKILL)
            if os.getppid() != self._pid:
                os._exit(0)
            unfit = self._begin()
            order, stdio = self._take()
            id = order.id
            if unfit is not None:
                raise unfit
            become(order, stdio, self._prepared, lambda listener: self._taken(order, listener))
        except EOFError:
            os._exit(0)
        except BaseException as error:
            number = error.errno if isinstance(error, OSError) else None
            self._say(id, "failed", (number or errno.EIO, str(error)))
        finally:
            os._exit(127)

    def _begin(self) -> OSError | None:
        """Prepare for an order; why this cannot be, which is for whoever gives one."""
        try:
            self._prepared.begin()
        except OSError as error:
            return error
        return None

    def _take(self) -> tuple[Order, Sequence[int]]:
        """The next order and its stdin, stdout and stderr; one that is long lies in a file.

        Raises:
            EOFError: there will be no more.
        """
        data, ancillary, _, _ = self._orders.recvmsg(_MESSAGE, socket.CMSG_SPACE(4 * array.array("i").itemsize))
        fds = array.array("i")
        for _, _, passed in ancillary:
            fds.frombytes(passed)
        if not data:
            raise EOFError
        for fd in fds:
            os.set_inheritable(fd, False)
        if len(fds) == 4:
            with open(fds[3], "rb") as file:
                data = file.read()
        return Order.from_wire(data), fds[:3]

    def _taken(self, order: Order, listener: int) -> None:
        passed = (listener,) if listener >= 0 else ()
        self._say(order.id, "taken", (tuple(order.limits), order.temporary), *passed)

    def _say(self, id: int, what: str, data: tuple[object, ...], *passed: int) -> None:
        message = marshal.dumps((os.getpid(), id, what, data))  # pyright: ignore[reportArgumentType]
        socket.send_fds(self._tell, [message], passed)

    # The parent

    def _hear_children(self) -> None:
        while True:
            try:
                message, passed, _, _ = socket.recv_fds(self._told, _MESSAGE, 1)
            except BlockingIOError:
                return
            pid, id, what, data = marshal.loads(message)
            self._spares.discard(pid)
            if what == "taken":
                limits, temporary = data
                call = self._calls[pid] = _Call(id, Limits(*limits), temporary)
                if passed:
                    self._listen(call, pid, passed[0])
            elif pid not in self._calls:
                call = self._calls[pid] = _Call(id, _NONE, "")
                call.failure = data
            else:
                self._calls[pid].failure = data
            if id in self._early:
                self._early.discard(id)
                _kill_group(pid, signal.SIGKILL)

    def _listen(self, call: _Call, pid: int, listener: int) -> None:
        os.set_inheritable(listener, False)
        call.forks = Forks(listener, pid, call.limits.tasks)
        self._asking[listener] = call
        self._poll.register(listener, select.POLLIN)

    def _answer(self, call: _Call) -> None:
        """Let a call make a process, or end it when it has too many."""
        assert call.forks is not None
        if not call.forks.answer():
            self._stop(call.forks.group, call, "tasks")

    def _reap(self) -> None:
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                found = None
            if found is None:
                break
            self._hear_children()
            call = self._calls.get(found.si_pid)
            if call is not None:
                # As long as its leader is not reaped, no other group can have this number.
                _kill_group(found.si_pid, signal.SIGKILL)
            _, status = os.waitpid(found.si_pid, 0)
            self._spares.discard(found.si_pid)
            if call is not None:
                call.ended = (status, time.monotonic())
        self._report()

    def _report(self) -> None:
        """Tell of the calls of which nothing is left."""
        for pid, call in tuple(self._calls.items()):
            if call.ended is None:
                continue
            status, at = call.ended
            if _kill_group(pid, signal.SIGKILL) and time.monotonic() - at < _LINGER:
                continue
            del self._calls[pid]
            if call.forks is not None:
                self._poll.unregister(call.forks.listener)
                del self._asking[call.forks.listener]
                call.forks.close()
            code = os.waitstatus_to_exitcode(status)
            self._control.send(marshal.dumps((call.id, code, call.reason, *call.failure)))

    def _obey(self) -> bool:
        """Send the signal that the engine asks for, 0 for a new beginning; False when the engine is gone."""
        data = self._control.recv(_MESSAGE)
        if not data:
            return False
        id, number = marshal.loads(data)
        for pid, call in self._calls.items():
            if call.id == id:
                if number == 0:
                    call.before = watch.usage(watch.groups([pid])[pid]).written
                elif call.ended is None:
                    _kill_group(pid, number)
                return True
        if number == signal.SIGKILL:
            self._early.add(id)
        return True

    def _look(self) -> None:
        """End the calls that use more than they may."""
        self._looked = time.monotonic()
        running = {pid: call for pid, call in self._calls.items() if call.ended is None}
        for pid, members in watch.groups(running).items():
            call = running[pid]
            reason = watch.excess(members, call.limits, call.temporary, call.before)
            if reason or call.reason:
                self._stop(pid, call, call.reason or reason)

    def _stop(self, group: int, call: _Call, reason: str) -> None:
        """Freeze a call that uses more than it may, and end it; again and again until nothing of it is left."""
        call.reason = reason
        _kill_group(group, signal.SIGSTOP)
        _kill_group(group, signal.SIGKILL)


def _kill_group(group: int, number: int) -> bool:
    """Whether there was anybody to send it to."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


def main() -> None:
    """Be the launcher."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    system.adopt_orphans()
    with suppress(BrokenPipeError):
        Launcher().run()
    from shutil import rmtree  # not before the end, so that the children stay small

    rmtree(sys.argv[2], ignore_errors=True)
