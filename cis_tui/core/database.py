"""SQLite files that nobody else reads."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from cis_tui.core.errors import CisError
from cis_tui.core.paths import private_dir


def open_private(path: Path, version: int, script: Callable[[int], str], *, newer: CisError) -> sqlite3.Connection:
    """A connection to the file at `path`, which is made for its owner alone and whose commits are durable.

    `script` gives the SQL that makes a file of a version what one of `version` is; empty text: it is that. A new file
    is of version 0. The connection is in autocommit mode, and for any thread.

    Raises:
        CisError: a newer program wrote it: `newer`.
        OSError, sqlite3.Error: it cannot be used.
    """
    private_dir(path.parent)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found > version:
            raise newer
        if sql := script(found):
            connection.executescript(f"BEGIN IMMEDIATE;{sql}PRAGMA user_version={version};COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection
