"""Entries of memory as lines of a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from cis_tui.core.codec import dumps
from cis_tui.core.errors import Refused
from cis_tui.memory.records import MemoryItem


def write_lines(name: str, items: Sequence[MemoryItem]) -> str:
    """Write a new file that only this person can read; gives its path.

    Raises:
        Refused: there is such a file already, or it cannot be written (CIS-TUI-021).
    """
    path = Path(name).expanduser().absolute()
    text = "".join(f"{dumps(item)}\n" for item in items)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise Refused("CIS-TUI-021", f"cannot write {path}: {error.strerror}", hint="name another file") from error
    return str(path)
