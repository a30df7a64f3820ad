"""Who uses private memory, over all processes: any number at once, or one that changes its key and nobody else."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from threading import Event

from cis_tui.core.errors import Unavailable, cannot_write
from cis_tui.core.paths import Home, private_dir

USE_LOCK = "use.lock"
"""Held, shared, as long as a process has the key; alone, to change it."""
NEXT_LOCK = "next.lock"
"""Passed through on the way to the other one, so that who wants to be alone need not wait for ever new users."""
SHARE_SECONDS = 30.0
"""How long a process waits for one that changes the key."""
ALONE_SECONDS = 10.0
"""How long a process that wants to change the key waits for those that use it."""
_LOOK = 0.02


def share(home: Home, *, seconds: float = SHARE_SECONDS) -> int:
    """The descriptor that makes this process one of the users of the key; closing it, or dying, lets go.

    Raises:
        Unavailable: another process is changing the key all the time (CIS-MEM-070).
    """
    _make_folder(home)
    try:
        os.close(_take(home, NEXT_LOCK, fcntl.LOCK_SH, seconds))
        return _take(home, USE_LOCK, fcntl.LOCK_SH, seconds)
    except TimeoutError:
        raise Unavailable(
            "CIS-MEM-070",
            "the key of private memory is being changed by another process",
            hint="try again when it has finished; nothing was changed here",
        ) from None


@contextmanager
def alone(home: Home, *, seconds: float = ALONE_SECONDS) -> Generator[None]:
    """Let no process, this one included, use the key meanwhile.

    Raises:
        Unavailable: others do not let go of it (CIS-MEM-071).
    """
    _make_folder(home)
    with ExitStack() as held:
        try:
            for name in (NEXT_LOCK, USE_LOCK):
                held.callback(os.close, _take(home, name, fcntl.LOCK_EX, seconds))
        except TimeoutError:
            raise Unavailable(
                "CIS-MEM-071",
                "other processes have private memory open",
                hint="try again when they have ended; nothing was changed",
            ) from None
        yield


def _make_folder(home: Home) -> None:
    try:
        private_dir(home.ensure().keys)
    except OSError as error:
        raise cannot_write(home.keys, error) from error


def _take(home: Home, name: str, kind: int, seconds: float) -> int:
    path = home.keys / name
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise cannot_write(path, error) from error
    deadline = time.monotonic() + seconds
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return descriptor
        if time.monotonic() > deadline:
            os.close(descriptor)
            raise TimeoutError
        Event().wait(_LOOK)  # flock(2) cannot wait for a limited time
