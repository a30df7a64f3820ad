"""Who gets what, and how much may come in a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import Protocol

from cis_tui.core.clock import Clock
from cis_tui.core.errors import Refused

DAY = 86_400.0


class Access(StrEnum):
    """What is exchanged with a peer."""

    FULL = "full"
    """What both share."""
    HELD = "held"
    """It is given nothing, and what it gives is held aside until a person has decided about it."""
    NONE = "none"


class Policy(Protocol):
    """What a person has decided about peers. Asked often, from any thread: it must answer at once."""

    def access(self, did: str) -> Access: ...

    def prefixes(self, did: str) -> Sequence[str]:
        """Beginnings of the public keys that are given to a peer and taken from it; one empty text is all of them."""
        ...

    def denied(self, did: str) -> bool:
        """Whether nothing that this node has made is taken any more, whoever brings it."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken from one peer."""

    entries: int = 100_000
    """New versions in a day."""
    bytes: int = 512 * 1024 * 1024
    """Of new versions in a day."""
    held_entries: int = 500
    """Versions of a peer that nobody has decided about."""
    held_bytes: int = 2 * 1024 * 1024
    held_peers: int = 16


class Quota:
    """Counts what each peer brings; since the program started, and for a day at most."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = Lock()
        self._used: dict[str, tuple[float, int, int]] = {}

    def spend(self, peer: str, entries: int, size: int) -> None:
        """Count what a peer has brought.

        Raises:
            Refused: it is more than may come in a day; it may come again tomorrow (CIS-SYNC-020).
        """
        now = float(self._clock())
        with self._lock:
            since, count, total = self._used.get(peer, (now, 0, 0))
            if not 0 <= now - since < DAY:
                since, count, total = now, 0, 0
            if count + entries > self._limits.entries or total + size > self._limits.bytes:
                raise Refused(
                    "CIS-SYNC-020",
                    f"{peer} has brought {count} versions, {total} bytes, within a day; more are taken tomorrow",
                    retryable=True,
                )
            self._used[peer] = since, count + entries, total + size
