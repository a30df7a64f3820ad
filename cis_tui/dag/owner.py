"""Who writes a journal: noted in the journal itself, so that two engines never do, whatever becomes of lock files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from cis_tui.core.errors import Unavailable

if TYPE_CHECKING:
    from cis_tui.dag.store import Connection

SCHEMA = """
CREATE TABLE IF NOT EXISTS owner(one INTEGER PRIMARY KEY CHECK(one = 1), pid INTEGER NOT NULL, life TEXT NOT NULL);
"""


def claim(connection: Connection, path: Path) -> None:
    """Note this process as the one that writes the journal at `path`; to be called inside of a transaction.

    Raises:
        Unavailable: another process that is alive does (CIS-DAG-182).
    """
    row = connection.execute("SELECT pid, life FROM owner").fetchone()
    if row is not None and row[0] != os.getpid() and row[1] and life_of(row[0]) == row[1]:
        raise Unavailable(
            "CIS-DAG-182",
            f"the runs of {path.parent} are worked on by the engine of process {row[0]}, whose lock file is gone",
            hint=f"kill {row[0]} ends it; what it ran can be resumed then",
            retryable=False,
        )
    connection.execute("INSERT OR REPLACE INTO owner VALUES(1, ?, ?)", (os.getpid(), life_of(os.getpid())))


def release(connection: Connection) -> None:
    """Note that nobody writes the journal any more."""
    connection.execute("DELETE FROM owner WHERE pid = ?", (os.getpid(),))


def life_of(pid: int) -> str:
    """What tells one life of a process number from the next: boot and start; empty if it is not alive, or cannot be
    known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else f"{boot}/{fields[19]}"
