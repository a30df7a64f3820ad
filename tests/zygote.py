"""The installed `cis` without its start-up: a process that has imported the program forks for every call of it.

What runs is what the script in `bin` runs, in a process of its own with its own arguments, folder, environment and
pipes, to its own end; only the imports, most of what a short command costs, were done before. Where it matters what is
imported, or how it stands to a terminal and to signals, tests start the script itself.
"""

from __future__ import annotations

import array
import atexit
import functools
import gc
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path

_LONGEST = 1 << 20
"""Bytes of a message."""
_ALSO = ("cis_tui.engine", "cis_tui.api.client", "cis_tui.api.launch", "cis_tui.dag.sandbox")
"""What commands import besides their own package."""


def run(
    *words: str | os.PathLike[str],
    input: bytes = b"",
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 60,
    also: tuple[str, ...] = (),
) -> subprocess.CompletedProcess[bytes]:
    """What `subprocess.run(["cis", *words], input=…, capture_output=True)` gives; `timeout` in seconds. On any thread.

    `also`: modules that the command imports late and that are to be imported before, in a process for such commands.

    Raises:
        subprocess.TimeoutExpired: it did not end in time, and was killed.
    """
    argv = [os.fspath(word) for word in words]
    order = json.dumps([argv, os.fspath(cwd or os.getcwd()), dict(env or os.environ)]).encode()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    (stdin, into), (out, stdout), (err, stderr) = os.pipe(), os.pipe(), os.pipe()
    with ours:
        with theirs:
            passed = array.array("i", (stdin, stdout, stderr, theirs.fileno()))
            _zygote(also).sendmsg([order], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)])
        for fd in (stdin, stdout, stderr):
            os.close(fd)
        said: dict[int, bytes] = {}
        threads = [threading.Thread(target=_read, args=(fd, said)) for fd in (out, err)]
        threads.append(threading.Thread(target=_write, args=(into, input)))
        for thread in threads:
            thread.start()
        pid = int(ours.recv(64))
        ours.settimeout(timeout)
        try:
            code = int(ours.recv(64))
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(["cis", *argv], timeout) from None
        finally:
            for thread in threads:
                thread.join()
    return subprocess.CompletedProcess(["cis", *argv], code, said[out], said[err])


@functools.cache
def _zygote(also: tuple[str, ...]) -> socket.socket:
    """Where the one that has imported `also` takes orders; it ends with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.zygote", str(theirs.fileno()), *also],
            stdin=subprocess.PIPE,  # the streams of every call are made over these: pipes as theirs
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=Path(__file__).parent.parent,
            pass_fds=(theirs.fileno(),),
        )

    def close() -> None:
        ours.close()
        process.communicate()

    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LONGEST)
    atexit.register(close)
    return ours


def _read(fd: int, said: dict[int, bytes]) -> None:
    with open(fd, "rb") as file:
        said[fd] = file.read()


def _write(fd: int, data: bytes) -> None:
    with suppress(BrokenPipeError), open(fd, "wb", buffering=0) as file:  # what nobody reads is nobody's failure
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]


# What follows runs in the zygote.

Order = tuple[list[str], str, dict[str, str], list[int]]
"""Arguments, folder, environment, and what is to be stdin, stdout and stderr."""


def serve(orders: socket.socket) -> Order | None:
    """Fork for every order, and tell of its end who gave it; the order in each child, None when there are no more."""
    callers: dict[int, socket.socket] = {}
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    with orders, woken, wake, selectors.DefaultSelector() as selector:
        selector.register(orders, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            ready = [key.fileobj for key, _ in selector.select()]
            if woken in ready:
                woken.recv(4096)
                _tell_ends(callers)
            if orders in ready:
                order, back = _next(orders)
                pid = os.fork() if order is not None else 0
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for caller in (*callers.values(), back):
                        caller.close()
                    return order
                callers[pid] = back
                back.send(str(pid).encode())
                for fd in order[3] if order else ():
                    os.close(fd)


def _next(orders: socket.socket) -> tuple[Order | None, socket.socket]:
    """The next order, and where its end is told."""
    fds = array.array("i")
    data, passed, _, _ = orders.recvmsg(_LONGEST, socket.CMSG_SPACE(4 * fds.itemsize))
    if not data:
        return None, socket.socket()
    fds.frombytes(passed[0][2])
    argv, cwd, env = json.loads(data)
    return (argv, cwd, env, list(fds[:3])), socket.socket(fileno=fds[3])


def _tell_ends(callers: dict[int, socket.socket]) -> None:
    for pid in tuple(callers):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with callers.pop(pid) as caller, suppress(BrokenPipeError):
                caller.send(str(os.waitstatus_to_exitcode(status)).encode())


def main() -> int:
    """The zygote, and every command that it becomes."""
    import cis_tui.cli

    parts = [module.name for module in pkgutil.walk_packages(cis_tui.cli.__path__, "cis_tui.cli.")]
    for name in (*_ALSO, *parts, *sys.argv[2:]):
        if not name.endswith("__main__"):
            import_module(name)
    gc.freeze()
    order = serve(socket.socket(fileno=int(sys.argv[1])))
    if order is None:
        return 0
    argv, cwd, env, streams = order
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
        os.close(fd)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["cis", *argv]
    return cis_tui.cli.main()


if __name__ == "__main__":
    sys.exit(main())
