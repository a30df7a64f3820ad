"""The lock that makes an engine the only one of its home; it dies with its owner."""

from __future__ import annotations

import fcntl
import os

from cis_tui.core.errors import Unavailable
from cis_tui.core.paths import Home


def take_lock(home: Home) -> int:
    """The descriptor that holds the home's engine lock; closing it, or dying, lets go.

    Raises:
        Unavailable: another engine is live (CIS-ENG-001).
    """
    descriptor = os.open(home.engine_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(descriptor, 32).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise Unavailable(
            "CIS-ENG-001",
            f"another engine is live in {home.root} (process {owner or 'unknown'})",
            hint="cis engine stop ends it",
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def engine_live(home: Home) -> bool:
    """Whether some process holds the home's engine lock."""
    try:
        descriptor = os.open(home.engine_lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
