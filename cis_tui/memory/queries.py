"""What a search takes and gives, and how much can be found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cis_tui.memory.ranking import Parts
from cis_tui.memory.records import Domain, IndexType, MemoryItem

PATIENCE = 10.0
"""Seconds that a search waits for the model unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for."""

    text: str
    limit: int = 10
    domain: Domain | None = None
    """Both when None."""
    prefix: str = ""
    category: str = ""
    index_type: IndexType | None = None
    patience: float = PATIENCE
    """Seconds to wait for the model while it loads; without it, words alone are searched."""


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that was found; of a Sensitive one the value is left out."""

    item: MemoryItem
    score: float
    parts: Parts
    snippet: str
    """The part of the value that fits best, on one line."""
    marks: tuple[tuple[int, int], ...]
    """Where in the snippet words of the question are: start and end."""
    why: str
    """One line for a person."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The hits, best first, and what they do not show."""

    hits: tuple[Hit, ...]
    semantic: str = ""
    """Why nothing was searched by meaning; empty when it was."""
    waiting: int = 0
    """Entries that cannot be found by meaning yet."""
    locked: str = ""
    """Why private memory was left out; empty when it was not."""


@dataclass(frozen=True, slots=True)
class DomainStatus:
    """How much of a domain can be found."""

    entries: int
    """Entries that words find."""
    behind: int
    """Versions written that the index has not looked at."""
    meant: int
    """Entries that are to be found by meaning; of the rest some kinds never are."""
    waiting: int
    """Those of them that have no vector yet."""


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """How much of memory can be found."""

    domains: Mapping[str, DomainStatus]
    semantic: str
    """Why there is no search by meaning; empty while nothing speaks against it."""
