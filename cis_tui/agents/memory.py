"""The memory that agents see: what is public, and private prefixes that the person named; Sensitive entries never."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from cis_tui.core.errors import CisError, NotFound, Refused
from cis_tui.core.text import clean_line
from cis_tui.memory.queries import Query, SearchResult
from cis_tui.memory.records import HIDDEN, Domain, IndexType, MemoryItem, MemoryPage, MemoryWrite

MAX_SHOWN = 20_000
"""Characters of one value that an agent is shown."""
MAX_LISTED = 200
PATIENCE = 0.5
"""Seconds that a search waits for the model of meaning; without it words are searched."""


class Memory(Protocol):
    """What it is made of; see `MemoryService`. May block."""

    def get(self, key: str, *, public_only: bool = False) -> MemoryItem | None: ...
    def set(self, write: MemoryWrite, *, default_domain: Domain | None = None) -> MemoryItem: ...
    def search(self, query: Query) -> SearchResult: ...
    def list(self, prefix: str = "", *, domain: Domain | None = None, limit: int = 1000) -> MemoryPage: ...


def may_read(item: MemoryItem, granted: Sequence[str]) -> bool:
    """Whether an entry, or a version of one, may be shown to an agent or an MCP client at all: the one rule.

    `granted`: prefixes of private keys that may be read.
    """
    if item.index_type is IndexType.SENSITIVE or item.deleted:
        return False
    return item.domain is Domain.PUBLIC or item.key.startswith(tuple(granted))


def sides(prefix: str, domain: Domain | None, granted: Sequence[str]) -> list[tuple[Domain, str]]:
    """What may be looked through for keys that begin with `prefix`: domains, each with the prefix of the keys there."""
    found = [(Domain.PUBLIC, prefix)] if domain is not Domain.PRIVATE else []
    for each in granted if domain is not Domain.PUBLIC else ():
        longest = max(prefix, each, key=len)
        if longest.startswith(prefix) and longest.startswith(each):
            found.append((Domain.PRIVATE, longest))
    return found


class AgentMemory:
    """Memory for agents; may block, and be used on any thread."""

    def __init__(self, memory: Memory, granted: Sequence[str], denied: Callable[[str], bool] = lambda _: False) -> None:
        """`granted`: prefixes of private keys that may be read; `denied`: whether a key may not, whatever it is."""
        self._denied = denied
        self._memory = memory
        self._granted = tuple(prefix for prefix in granted if prefix)
        self.given: list[str | bytes] = []
        """Private values that were read; what is kept in clear must not repeat them."""

    def may_read(self, item: MemoryItem) -> bool:
        """See `may_read`; what the policy denies may not."""
        return not self._denied(item.key) and may_read(item, self._granted)

    def get(self, key: str) -> MemoryItem:
        """The entry `key`.

        Raises:
            NotFound: there is none that may be read; whether there is another one is not said (CIS-AGENT-024).
        """
        try:
            item = self._memory.get(key, public_only=not key.startswith(self._granted))
        except Refused as error:
            if error.code != HIDDEN:
                raise
            item = None
        if item is None or not self.may_read(item):
            hint = "agents read public memory, and what [agent] memory_read names"
            raise NotFound("CIS-AGENT-024", f"there is no entry {clean_line(key)} that may be read", hint=hint)
        return self._noted(item)

    def has(self, key: str) -> bool:
        """Whether there is anything at `key`, also what no agent may read: for the person alone."""
        try:
            return self._memory.get(key) is not None
        except Refused as error:
            return error.code == HIDDEN
        except CisError:
            return False  # it is locked, and cannot be written either

    def search(self, text: str, *, limit: int = 8) -> tuple[MemoryItem, ...]:
        """Entries that fit a question, best first."""
        queries = [
            Query(text, limit=limit, domain=side, prefix=prefix, patience=PATIENCE)
            for side, prefix in sides("", None, self._granted)
        ]
        hits = [hit for query in queries for hit in self._memory.search(query).hits]
        hits.sort(key=lambda hit: -hit.score)
        found: dict[str, MemoryItem] = {}
        for hit in hits:
            if self.may_read(hit.item):
                found.setdefault(hit.item.key, self._noted(hit.item))
        return tuple(found.values())[:limit]

    def list(self, prefix: str = "", *, limit: int = MAX_LISTED) -> tuple[str, ...]:
        """Keys that may be read and begin with `prefix`, in order."""
        limit = max(1, min(limit, MAX_LISTED))
        pages = [
            self._memory.list(longest, domain=side, limit=limit) for side, longest in sides(prefix, None, self._granted)
        ]
        keys = {item.key for page in pages for item in page.items if self.may_read(item)}
        return tuple(sorted(keys))[:limit]

    def set(self, key: str, value: str, *, domain: Domain | None, default_domain: Domain | None) -> MemoryItem:
        """Keep an entry; durable when this returns."""
        return self._memory.set(MemoryWrite(key, value, domain=domain), default_domain=default_domain)

    def _noted(self, item: MemoryItem) -> MemoryItem:
        if item.domain is Domain.PRIVATE:
            self.given.append(item.value)
        return item


def shown(item: MemoryItem) -> str:
    """The value of an entry as an agent is told it."""
    if isinstance(item.value, bytes):
        return f"({len(item.value)} bytes that are not text)"
    if len(item.value) <= MAX_SHOWN:
        return item.value
    return f"{item.value[:MAX_SHOWN]}\n(… {len(item.value) - MAX_SHOWN} more characters)"
