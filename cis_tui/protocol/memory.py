"""`EngineApi`: memory."""

from __future__ import annotations

from typing import Protocol

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


class MemoryApi(Protocol):
    """What `EngineApi` has of memory."""

    async def memory_set(self, write: MemoryWrite, *, project: str = "") -> MemoryItem:
        """Durable when it returns."""
        ...

    async def memory_set_many(self, writes: tuple[MemoryWrite, ...], *, project: str = "") -> int: ...
    async def memory_get(self, key: str, *, public_only: bool = False) -> MemoryItem | None:
        """`public_only`: Refused (CIS-SKILL-060) where it is private."""
        ...

    async def memory_delete(self, key: str, *, run: str = "") -> bool:
        """Whether there was an entry. `run`: the run that does it, here and in all that follow."""
        ...

    async def memory_list(
        self, prefix: str = "", *, domain: Domain | None = None, limit: int = 1000, offset: int = 0, cut: int = 0
    ) -> MemoryPage:
        """`cut`: of a value no more than so many characters, and nothing of a Sensitive one; 0 for all of it."""
        ...

    async def memory_tree(self, prefix: str = "", *, domain: Domain | None = None) -> MemoryTree:
        """How many entries' keys begin with `prefix`, and how these keys go on up to their next `/`."""
        ...

    async def memory_history(self, key: str) -> tuple[MemoryItem, ...]:
        """Newest first; empty when the key was never written."""
        ...

    async def memory_stats(self) -> MemoryStats:
        """What memory holds, where it lies, and how its layers do."""
        ...

    async def memory_growth(self, *, days: int = 28) -> MemoryGrowth:
        """How much was written on each of the last days."""
        ...

    async def memory_export(
        self, prefix: str = "", *, after: str = "", include_private: bool = False, include_sensitive: bool = False
    ) -> ExportPage:
        """The next part of an export; Sensitive entries are passed over unless they are asked for."""
        ...

    async def memory_archive(self, week: str = "") -> tuple[ArchiveReport, ...]:
        """Archive `week`, or all that is due; returns when it is done, which may take long."""
        ...

    async def memory_pin(self, key: str, *, pinned: bool = True, run: str = "") -> MemoryItem: ...
    async def memory_classify(
        self, key: str, kind: IndexType, *, declassify: bool = False, run: str = ""
    ) -> MemoryItem:
        """Overrule what an entry was taken as; `declassify` is needed for one that is Sensitive."""
        ...

    async def memory_undo(self, *, run: str = "") -> MemoryUndo:
        """Take back the last change of this node; NotFound when there is none, Refused when others wrote since."""
        ...

    async def memory_conflicts(self, *, limit: int = 100) -> tuple[MemoryConflict, ...]: ...
    async def memory_resolve(self, key: str, *, keep: str = "", run: str = "") -> MemoryItem:
        """`keep` is the name of a version (`version_name`); empty keeps the winner."""
        ...

    async def memory_search(self, query: Query) -> SearchResult:
        """By words and by meaning; best first."""
        ...

    async def memory_index_status(self) -> IndexStatus: ...
    async def memory_reindex(self) -> tuple[str, ...]:
        """Begin the index anew, and fill it in the background; gives what was wrong with it, a sentence each."""
        ...

    async def memory_key_state(self) -> KeyState: ...
    async def memory_unlock(self, passphrase: str = "") -> None:
        """Have private memory at hand, by its passphrase if its key is kept by one."""
        ...

    async def memory_lock(self) -> None:
        """Forget the key of private memory until it is unlocked."""
        ...

    async def memory_rekey(self, kept: str = "", *, current: str = "", new: str = "") -> RekeyReport:
        """A new key for private memory, kept by `passphrase`, `keyring` or `file`, or as before (empty); `current` and
        `new` are the passphrases of the present key and of the new one."""
        ...
