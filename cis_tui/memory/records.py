"""The values that memory takes and gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from cis_tui.core.clock import Instant
from cis_tui.core.errors import CisError, Refused

LOCKED = "CIS-MEM-020"
"""The code of the error that says: private memory is locked."""
MAX_KEY = 512
"""Bytes of a key in UTF-8."""
MAX_RUN = 64
"""Characters of what names who writes."""
HIDDEN = "CIS-SKILL-060"
"""The code of the error that says: this entry is private, and whoever asks sees public memory only."""
UNDOING = "/undo"
"""What follows the id of a run in what takes it back."""
MAX_VALUE = 8 * 1024 * 1024
"""Bytes of a value."""


class Domain(StrEnum):
    """Who may ever see an entry."""

    PRIVATE = "private"
    """Encrypted; never leaves the machine."""
    PUBLIC = "public"
    """In clear; shared with the person's own peers."""


class IndexType(StrEnum):
    """What kind of thing an entry is (spec, Memory Write Flow, step 2)."""

    SENSITIVE = "Sensitive"
    USER_PREFERENCE = "UserPreference"
    PROJECT_CONFIG = "ProjectConfig"
    IMPORTANT_DECISION = "ImportantDecision"
    FREQUENTLY_QUERIED = "FrequentlyQueried"
    TEMPORARY = "Temporary"


@dataclass(frozen=True)
class MemoryItem:
    """One version of one entry (contract, JSON shapes)."""

    key: str
    value: str | bytes
    """Text, or bytes when it is not UTF-8 text."""
    domain: Domain
    category: str
    index_type: IndexType
    version: Mapping[str, int]
    """Version vector: node DID to counter."""
    origin: str
    """DID of the node that wrote this version."""
    created_at: Instant
    week: str
    """ISO week (UTC) of `created_at`, such as `2026-W47`."""
    access_count: int = 0
    """How often it was fetched, also by a search that only showed it."""
    last_accessed_at: Instant | None = None
    pinned: bool = False
    deleted: bool = False
    """A tombstone: this version says that the entry is gone."""
    concurrent: bool = False
    """Neither newer nor older than the current version (only in a history)."""
    uses: int = 0
    """How often it was used: read by its key, opened, copied or pinned."""
    reason: str = ""
    """Why it was taken as its `index_type`; no part of the value."""
    classed: bool = False
    """A person said so, and not `classify`."""
    undoes: int = 0
    """The hybrid time of the version that this one took back; 0 for none."""


def altered(item: MemoryItem, **fields: object) -> MemoryItem:
    """`item` with other `fields`: `dataclasses.replace` in a tenth of its time, which is most of what a read costs."""
    new = object.__new__(MemoryItem)
    new.__dict__.update(item.__dict__, **fields)
    return new


def hidden(key: str) -> Refused:
    """The error for an entry that is private, or would be, where only public memory may be reached."""
    return Refused(HIDDEN, f"{key} is private, or what it holds has to be")


@dataclass(frozen=True, slots=True)
class MemoryPage:
    """A part of a listing."""

    items: tuple[MemoryItem, ...]
    total: int
    """Entries that fit the question, of which `items` are the first."""
    locked: bool = False
    """Private memory was asked too, but is locked: these are the public entries."""


@dataclass(frozen=True, slots=True)
class MemoryWrite:
    """One entry to be written, as `set_many` takes it."""

    key: str
    value: str | bytes
    domain: Domain | None = None
    """None: decided by content, then by the project, then private (contract, Memory, "Domain")."""
    category: str = ""
    """Empty: as before, or the first part of the key."""
    pinned: bool | None = None
    """None: as before."""
    index_type: IndexType | None = None
    """What a person says that it is; None: as they said before, else `classify` decides."""
    declassify: bool = False
    """`index_type` holds also for what is found, or was, Sensitive."""
    run: str = ""
    """The run that writes it, so that its rollback can take it back; empty for none."""
    public_only: bool = False
    """Refused where it would be, or already is, private."""


@dataclass(frozen=True, slots=True)
class MemoryUndo:
    """What one undo did."""

    item: MemoryItem
    """The new current version, equal to the one before the change; a tombstone when there was none."""
    undone: MemoryItem
    """The version that was taken back."""


@dataclass(frozen=True, slots=True)
class MemoryConflict:
    """Versions of one key, each written without knowing the other."""

    key: str
    winner: MemoryItem
    """The one that is read; the same on every node."""
    others: tuple[MemoryItem, ...]


@dataclass(frozen=True, slots=True)
class MemoryRecord:
    """One version of a public entry, as nodes give it to each other."""

    key: str
    value: str | bytes | None
    """None: a tombstone."""
    category: str
    index_type: IndexType
    vector: Mapping[str, int]
    origin: str
    hlc: int
    """Hybrid time (see `versions.tick`)."""
    pinned: bool = False
    classed: bool = False
    undoes: int = 0
    epoch: str = ""
    seq: int = 0
    """Its dot (see `dots.Dot`); 0 for none."""
    signature: bytes | None = None
    """What its origin signed it with; None: not yet, or nobody did. Who gives it to memory has checked it."""


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What became of records that were to be merged."""

    added: int
    known: int
    """Those that were there already, or are superseded and long archived."""
    disputed: tuple[str, ...]
    """Keys of which versions were written without knowing each other."""
    refused: tuple[tuple[int, CisError], ...]
    """The positions of records that cannot be taken, and why."""


@dataclass(frozen=True, slots=True)
class ExportPage:
    """A part of an export."""

    items: tuple[MemoryItem, ...]
    after: str
    """The key to go on after; empty when this is the last part."""
    withheld: int
    """Sensitive entries that were passed over."""


@dataclass(frozen=True, slots=True)
class ArchiveReport:
    """What became of one week of one domain (spec, Weekly Archive Flow, step 6)."""

    week: str
    domain: Domain
    size_before: int = 0
    """Bytes of the log."""
    size_after: int = 0
    """Bytes of the archive."""
    entries: int = 0
    """Versions that lie in the archive."""
    carried: int = 0
    """Versions that were carried forward, into the log of the current week."""
    index_entries_removed: int = 0
    archives_deleted: int = 0
    """Archives beyond the limit, oldest first."""
    waiting: str = ""
    """Why the week is not archived yet; empty when it is."""


@dataclass(frozen=True, slots=True)
class KeyState:
    """How the key of private memory is kept, and whether it can be used now."""

    kept: str
    """`passphrase`, `keyring` or `file`; empty as long as there is no key."""
    locked: bool
    """Nothing private can be read or written before it is unlocked."""
    auto_lock: float = 0.0
    """Seconds without use after which it is locked again; 0 for never."""
    lock_in: float | None = None
    """Seconds until then, as things are; None when nothing of the kind is to come."""


@dataclass(frozen=True, slots=True)
class RekeyReport:
    """What became of a change of the key."""

    kept: str
    """How the new key is kept: as `KeyState.kept`."""
    files: int
    """How many files were encrypted anew."""
    seconds: float
