"""A remote engine: memory."""

from __future__ import annotations

from cis_tui.api.client.channel import Calls
from cis_tui.memory.branches import MemoryTree
from cis_tui.memory.growth import MemoryGrowth
from cis_tui.memory.queries import IndexStatus, Query, SearchResult
from cis_tui.memory.records import (
    ArchiveReport,
    Domain,
    ExportPage,
    IndexType,
    KeyState,
    MemoryConflict,
    MemoryItem,
    MemoryPage,
    MemoryUndo,
    MemoryWrite,
    RekeyReport,
)
from cis_tui.memory.stats import MemoryStats


class MemoryCalls(Calls):
    """What `EngineApi` has of memory."""

    async def memory_set(self, write: MemoryWrite, *, project: str = "") -> MemoryItem:
        """See `EngineApi`."""
        return await self._call("memory_set", write=write, project=project)

    async def memory_set_many(self, writes: tuple[MemoryWrite, ...], *, project: str = "") -> int:
        """See `EngineApi`."""
        return await self._call("memory_set_many", writes=writes, project=project)

    async def memory_get(self, key: str, *, public_only: bool = False) -> MemoryItem | None:
        """See `EngineApi`."""
        return await self._call("memory_get", key=key, public_only=public_only)

    async def memory_delete(self, key: str, *, run: str = "") -> bool:
        """See `EngineApi`."""
        return await self._call("memory_delete", key=key, run=run)

    async def memory_list(
        self, prefix: str = "", *, domain: Domain | None = None, limit: int = 1000, offset: int = 0, cut: int = 0
    ) -> MemoryPage:
        """See `EngineApi`."""
        return await self._call("memory_list", prefix=prefix, domain=domain, limit=limit, offset=offset, cut=cut)

    async def memory_tree(self, prefix: str = "", *, domain: Domain | None = None) -> MemoryTree:
        """See `EngineApi`."""
        return await self._call("memory_tree", prefix=prefix, domain=domain)

    async def memory_history(self, key: str) -> tuple[MemoryItem, ...]:
        """See `EngineApi`."""
        return await self._call("memory_history", key=key)

    async def memory_stats(self) -> MemoryStats:
        """See `EngineApi`."""
        return await self._call("memory_stats")

    async def memory_growth(self, *, days: int = 28) -> MemoryGrowth:
        """See `EngineApi`."""
        return await self._call("memory_growth", days=days)

    async def memory_export(
        self, prefix: str = "", *, after: str = "", include_private: bool = False, include_sensitive: bool = False
    ) -> ExportPage:
        """See `EngineApi`."""
        return await self._call(
            "memory_export",
            prefix=prefix,
            after=after,
            include_private=include_private,
            include_sensitive=include_sensitive,
        )

    async def memory_archive(self, week: str = "") -> tuple[ArchiveReport, ...]:
        """See `EngineApi`."""
        return await self._call("memory_archive", week=week)

    async def memory_pin(self, key: str, *, pinned: bool = True, run: str = "") -> MemoryItem:
        """See `EngineApi`."""
        return await self._call("memory_pin", key=key, pinned=pinned, run=run)

    async def memory_classify(
        self, key: str, kind: IndexType, *, declassify: bool = False, run: str = ""
    ) -> MemoryItem:
        """See `EngineApi`."""
        return await self._call("memory_classify", key=key, kind=kind, declassify=declassify, run=run)

    async def memory_undo(self, *, run: str = "") -> MemoryUndo:
        """See `EngineApi`."""
        return await self._call("memory_undo", run=run)

    async def memory_conflicts(self, *, limit: int = 100) -> tuple[MemoryConflict, ...]:
        """See `EngineApi`."""
        return await self._call("memory_conflicts", limit=limit)

    async def memory_resolve(self, key: str, *, keep: str = "", run: str = "") -> MemoryItem:
        """See `EngineApi`."""
        return await self._call("memory_resolve", key=key, keep=keep, run=run)

    async def memory_search(self, query: Query) -> SearchResult:
        """See `EngineApi`."""
        return await self._call("memory_search", query=query)

    async def memory_index_status(self) -> IndexStatus:
        """See `EngineApi`."""
        return await self._call("memory_index_status")

    async def memory_reindex(self) -> tuple[str, ...]:
        """See `EngineApi`."""
        return await self._call("memory_reindex")

    async def memory_key_state(self) -> KeyState:
        """See `EngineApi`."""
        return await self._call("memory_key_state")

    async def memory_unlock(self, passphrase: str = "") -> None:
        """See `EngineApi`."""
        await self._call("memory_unlock", passphrase=passphrase)

    async def memory_lock(self) -> None:
        """See `EngineApi`."""
        await self._call("memory_lock")

    async def memory_rekey(self, kept: str = "", *, current: str = "", new: str = "") -> RekeyReport:
        """See `EngineApi`."""
        return await self._call("memory_rekey", kept=kept, current=current, new=new)
