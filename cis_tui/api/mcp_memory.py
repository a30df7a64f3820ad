"""The memory that an MCP client sees: what is public, and private prefixes that the person named; Sensitive never."""

from __future__ import annotations

from collections.abc import Sequence

from cis_tui.agents.memory import may_read, sides
from cis_tui.core.errors import NotFound, Refused
from cis_tui.core.text import clean_line
from cis_tui.memory.queries import Hit, Query
from cis_tui.memory.records import HIDDEN, Domain, MemoryItem, MemoryWrite
from cis_tui.protocol import EngineApi

MAX_LISTED = 200
MAX_FOUND = 50
CUT = 200
"""Characters of a value in a list."""
PATIENCE = 0.5
"""Seconds that a search waits for the model of meaning; without it, words are searched."""


class ClientMemory:
    """Memory for one client."""

    def __init__(self, engine: EngineApi, granted: Sequence[str], project: str) -> None:
        """`granted`: prefixes of private keys that may be read."""
        self._engine = engine
        self._granted = tuple(granted)
        self._project = project

    async def get(self, key: str) -> MemoryItem:
        """The entry `key`.

        Raises:
            NotFound: there is none that may be read; whether there is another one is not said (CIS-MCP-001).
        """
        item = await self._look(key)
        if item is None or not may_read(item, self._granted):
            hint = "clients read public memory, and what [agent] memory_read names"
            raise NotFound("CIS-MCP-001", f"there is no entry {clean_line(key)} that may be read", hint=hint)
        return item

    async def covers(self, key: str) -> bool:
        """Whether there is something at `key` that the client may not read, and so would write over unseen."""
        try:
            item = await self._engine.memory_get(key, public_only=not self._named(key))
        except Refused as error:
            if error.code != HIDDEN:
                raise
            return True
        return item is not None and not may_read(item, self._granted)

    async def set(self, write: MemoryWrite) -> MemoryItem:
        """Keep an entry; durable when this returns."""
        return await self._engine.memory_set(write, project=self._project)

    async def list(self, prefix: str, domain: Domain | None, limit: int) -> tuple[MemoryItem, ...]:
        """Entries that may be read and whose keys begin with `prefix`, by key, with the beginning of their values."""
        limit = max(1, min(limit, MAX_LISTED))
        pages = [
            await self._engine.memory_list(longest, domain=side, limit=limit, cut=CUT)
            for side, longest in sides(prefix, domain, self._granted)
        ]
        found = {item.key: item for page in pages for item in page.items if may_read(item, self._granted)}
        return tuple(found[key] for key in sorted(found))[:limit]

    async def search(self, text: str, domain: Domain | None, limit: int) -> tuple[tuple[Hit, ...], str]:
        """Hits that may be read, best first; and why nothing was searched by meaning, empty when it was."""
        limit = max(1, min(limit, MAX_FOUND))
        results = [
            await self._engine.memory_search(Query(text, limit=limit, domain=side, prefix=longest, patience=PATIENCE))
            for side, longest in sides("", domain, self._granted)
        ]
        hits = {hit.item.key: hit for result in results for hit in result.hits if may_read(hit.item, self._granted)}
        best = sorted(hits.values(), key=lambda hit: -hit.score)
        return tuple(best[:limit]), next((result.semantic for result in results if result.semantic), "")

    async def history(self, key: str) -> tuple[MemoryItem, ...]:
        """The versions of an entry that may be read, newest first; a version that was private stays so."""
        await self.get(key)
        return tuple(item for item in await self._engine.memory_history(key) if may_read(item, self._granted))

    async def _look(self, key: str) -> MemoryItem | None:
        try:
            return await self._engine.memory_get(key, public_only=not self._named(key))
        except Refused as error:
            if error.code != HIDDEN:
                raise
            return None

    def _named(self, key: str) -> bool:
        return bool(self._granted) and key.startswith(self._granted)
