"""The way to other nodes, as votes and tasks need it; whoever makes it proves who is at the other end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cis_tui.core.text import clean_line

LASTS = 600.0
"""Seconds for which a question can be taken, at most."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What a question is about, for lines that keep questions until they are answered, and that people read."""

    what: str = ""
    """The kind of question, as in `Said`."""
    key: str = ""
    """Two questions of one key to one node are the same: one of them is on its way at a time. Empty: like no other."""
    lasts: float = LASTS
    """Seconds after which it is of no use any more."""
    subject: str = ""
    """What people may have an opinion on, by a name of who asks."""
    told: str = ""
    """What people are told of it, once for each subject."""


UNNAMED = Topic()


class Line(Protocol):
    """Requests to other nodes, and what is known of them here."""

    def admits(self, did: str) -> bool:
        """Whether the node may be spoken to."""
        ...

    def is_own(self, did: str) -> bool:
        """Whether it is one of this person's own nodes."""
        ...

    def name(self, did: str) -> str:
        """What it is called here; empty if it has no name. Others choose names: they prove nothing."""
        ...

    def named(self, name: str) -> tuple[str, ...]:
        """The DIDs of the admitted nodes with this name, or with this DID."""
        ...

    def pace(self, did: str) -> float:
        """Seconds that should lie between two words to the node; 0 where words cost nothing.

        Where they do, nothing is asked that was not changed, and news are gathered before they are told.
        """
        ...

    async def request(self, did: str, protocol: str, body: bytes, *, timeout: float, topic: Topic = UNNAMED) -> bytes:
        """Its answer.

        Raises:
            Unavailable: it is away, or does not answer in `timeout` seconds.
        """
        ...


def called(line: Line, did: str) -> str:
    """A node for people, by its name, or by the end of its DID."""
    return clean_line(line.name(did), limit=60) or short(did)


def short(did: str) -> str:
    """A DID that is cut, for people."""
    return f"{did[:16]}…{did[-4:]}" if len(did) > 24 else clean_line(did)
