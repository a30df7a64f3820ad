"""Takes back what a run wrote into memory: the versions before become current again, as new versions."""

from __future__ import annotations

from typing import NamedTuple


class Restored(NamedTuple):
    """What became of one entry that the run wrote."""

    key: str
    """Empty for a private one."""
    done: bool
    """False: somebody else has written it since, and that is kept."""
    detail: str = ""
