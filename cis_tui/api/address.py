"""Names of unix sockets, however deep their folder lies."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager

_LIMIT = 107
"""Bytes of a socket's path (unix(7), `sun_path`, without its closing zero)."""


@contextmanager
def socket_address(path: str) -> Generator[str]:
    """A path that names the socket `path` and is short enough to bind or connect to, while the block runs."""
    if len(os.fsencode(path)) <= _LIMIT:
        yield path
        return
    folder, name = os.path.split(path)
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{name}"
    finally:
        os.close(descriptor)
