"""Who gets what, and how much may come in a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import Protocol

from cis_tui.core.clock import Clock
from cis_tui.core.errors import Refused
from cis_tui.core.latest import Latest

DAY = 86_400.0
_KEPT = 4096
"""Peers of which it is counted what they bring."""


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
    forgeries: int = 1_000
    """Versions that nobody can have made, or that their author has not signed; then one more each second."""
    held_entries: int = 500
    """Versions of a peer that nobody has decided about."""
    held_bytes: int = 2 * 1024 * 1024
    held_peers: int = 16


class Quota:
    """Counts what each of the peers that came last brings; since the program started, and for a day at most."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = Lock()
        self._used: Latest[str, tuple[float, int, int]] = Latest(_KEPT)
        self._forged: Latest[str, tuple[float, float]] = Latest(_KEPT)

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

    def forged(self, peer: str, entries: int) -> None:
        """Count forgeries that a peer has brought."""
        with self._lock:
            self._forged[peer] = float(self._clock()), self._forgeries(peer) + entries

    def check(self, peer: str) -> None:
        """See that what a peer brings is worth to be looked at.

        Raises:
            Refused: too much of it was forged (CIS-SYNC-034).
        """
        with self._lock:
            count = self._forgeries(peer)
        if count > self._limits.forgeries:
            raise Refused(
                "CIS-SYNC-034",
                f"too much of what {peer} brings is forged; it is looked at again later",
                retryable=True,
            )

    def _forgeries(self, peer: str) -> float:
        now = float(self._clock())
        at, count = self._forged.get(peer, (now, 0.0))
        return max(0.0, count - abs(now - at))
