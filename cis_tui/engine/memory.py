"""The engine: memory."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from cis_tui.core.config import load_config
from cis_tui.core.events import EventType
from cis_tui.core.paths import PROJECT_DIR, PROJECT_FILE
from cis_tui.dag.template import Private
from cis_tui.engine.parts import Parts
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
from cis_tui.memory.rekey import Rekey
from cis_tui.memory.stats import MemoryStats
from cis_tui.skills.memory import Caller, SkillMemory

log = logging.getLogger(__name__)


class Memory(Parts):
    """What `EngineApi` has of memory."""

    async def memory_set(self, write: MemoryWrite, *, project: str = "") -> MemoryItem:
        """See `EngineApi`."""
        domain = await self._in_thread(self._default_domain, project)
        return await self._in_thread(lambda: self._memory.set(write, default_domain=domain))

    async def memory_set_many(self, writes: tuple[MemoryWrite, ...], *, project: str = "") -> int:
        """See `EngineApi`."""
        domain = await self._in_thread(self._default_domain, project)
        return await self._in_thread(lambda: self._memory.set_many(writes, default_domain=domain))

    async def memory_get(self, key: str, *, public_only: bool = False) -> MemoryItem | None:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.get(key, public_only=public_only))

    async def memory_delete(self, key: str, *, run: str = "") -> bool:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.delete(key, run=run))

    async def memory_list(
        self, prefix: str = "", *, domain: Domain | None = None, limit: int = 1000, offset: int = 0, cut: int = 0
    ) -> MemoryPage:
        """See `EngineApi`."""
        return await self._in_thread(
            lambda: self._memory.list(prefix, domain=domain, limit=limit, offset=offset, cut=cut)
        )

    async def memory_tree(self, prefix: str = "", *, domain: Domain | None = None) -> MemoryTree:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.tree(prefix, domain=domain))

    async def memory_history(self, key: str) -> tuple[MemoryItem, ...]:
        """See `EngineApi`."""
        return await self._in_thread(self._memory.history, key)

    async def memory_growth(self, *, days: int = 28) -> MemoryGrowth:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.growth(days))

    async def memory_export(
        self, prefix: str = "", *, after: str = "", include_private: bool = False, include_sensitive: bool = False
    ) -> ExportPage:
        """See `EngineApi`."""
        return await self._in_thread(
            lambda: self._memory.export(
                prefix, after=after, include_private=include_private, include_sensitive=include_sensitive
            )
        )

    async def memory_stats(self) -> MemoryStats:
        """See `EngineApi`."""
        return await self._in_thread(self._memory.stats)

    async def memory_archive(self, week: str = "") -> tuple[ArchiveReport, ...]:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.archive(week, cancelled=self._weekly.stopping))

    async def memory_pin(self, key: str, *, pinned: bool = True, run: str = "") -> MemoryItem:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.revising(run).pin(key, pinned=pinned))

    async def memory_classify(
        self, key: str, kind: IndexType, *, declassify: bool = False, run: str = ""
    ) -> MemoryItem:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.revising(run).classify(key, kind, declassify=declassify))

    async def memory_undo(self, *, run: str = "") -> MemoryUndo:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.revising(run).undo())

    async def memory_conflicts(self, *, limit: int = 100) -> tuple[MemoryConflict, ...]:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.revisions.conflicts(limit=limit))

    async def memory_resolve(self, key: str, *, keep: str = "", run: str = "") -> MemoryItem:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.revising(run).resolve(key, keep=keep))

    async def memory_search(self, query: Query) -> SearchResult:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.search(query, embed_waiting=False))

    async def memory_index_status(self) -> IndexStatus:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.searcher.status())

    async def memory_reindex(self) -> tuple[str, ...]:
        """See `EngineApi`."""
        found = await self._in_thread(self._memory.reindex)
        self._index.wake()
        return tuple(found)

    def _on_memory(self, type: str, data: Mapping[str, object]) -> None:
        # What a skill reached in memory, or tried to, is kept; what a person did is told and forgotten.
        (self._trail if "skill" in data else self._journal.emit)(type, data)
        if type != EventType.MEMORY_ACCESS:
            self._index.wake()

    async def memory_key_state(self) -> KeyState:
        """See `EngineApi`."""
        return await self._in_thread(self._memory.private.state)

    async def memory_unlock(self, passphrase: str = "") -> None:
        """See `EngineApi`."""
        await self._in_thread(self._memory.private.unlock, passphrase)

    async def memory_lock(self) -> None:
        """See `EngineApi`."""
        await self._in_thread(self._memory.private.lock)

    async def memory_rekey(self, kept: str = "", *, current: str = "", new: str = "") -> RekeyReport:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._memory.private.rekey(Rekey(kept, current, new), _log_step))

    def _default_domain(self, project: str) -> Domain | None:
        project_file = Path(project) / PROJECT_DIR / PROJECT_FILE if project else None
        return Domain(load_config(self.home.config_file, project_file=project_file).settings.memory.default_domain)

    def _memory_for(self, caller: Caller) -> SkillMemory:
        """What a skill sees of memory."""
        return SkillMemory(self._memory, caller, self._on_memory, default_domain=self._default_domain)

    def _memory_text(self, key: str) -> str | None:
        """What `memory("key")` gives in a template."""
        item = self._memory.get(key)
        if item is None:
            return None
        text = item.value if isinstance(item.value, str) else item.value.decode("utf-8", "replace")
        return Private(text) if item.domain is Domain.PRIVATE else text


def _log_step(done: int, count: int, what: str) -> None:
    log.info("rekey: %s (%d of %d)", what, done, count)
