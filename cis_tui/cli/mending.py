"""What `cis doctor --repair` does, before it looks at everything again."""

from __future__ import annotations

import os
from pathlib import Path

from cis_tui.cli.checks import open_to_others
from cis_tui.cli.context import Context
from cis_tui.core.lock import take_lock
from cis_tui.core.paths import Home
from cis_tui.memory.data_key import borrowed
from cis_tui.memory.repair import Repair, repair_memory


def mend(context: Context) -> list[Repair]:
    """Close what others can read and mend memory, with engines kept away meanwhile.

    Raises:
        Unavailable: an engine is live (CIS-ENG-001).
    """
    home = context.home
    if not home.root.is_dir():
        return []
    lock = take_lock(home)
    try:
        with borrowed(home) as key:
            return [*_close(home), *repair_memory(home, key.get)]
    finally:
        os.close(lock)


def _close(home: Home) -> list[Repair]:
    """Let nobody but the owner of the home get at it."""
    repairs: list[Repair] = []
    for path in dict.fromkeys([*open_to_others(home), *_open_below(home.memory)]):
        try:
            path.chmod(path.stat().st_mode & 0o700)
        except OSError as error:
            repairs.append(Repair(str(path), "left", f"{path} cannot be closed to others: {error.strerror}"))
        else:
            repairs.append(Repair(str(path), "closed", f"{path} could be read by other users"))
    return repairs


def _open_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o077]
