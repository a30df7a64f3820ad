"""The memory that one call of a skill sees: within its permissions, and each access told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from cis_tui.core.errors import CisError, Refused
from cis_tui.memory.records import HIDDEN, LOCKED, Domain, MemoryItem, MemoryPage, MemoryWrite
from cis_tui.skills.model import Permissions
from cis_tui.skills.permissions import may_read, may_write

EventSink = Callable[[str, Mapping[str, object]], None]
DENIED = "CIS-SKILL-061"
"""The code of the error for what the permissions do not cover."""


class Memory(Protocol):
    """What a skill's memory is made of; see `MemoryService`."""

    def get(
        self, key: str, *, public_only: bool = False, by: Mapping[str, object] | None = None
    ) -> MemoryItem | None: ...
    def set(self, write: MemoryWrite, *, default_domain: Domain | None = None) -> MemoryItem: ...
    def list(self, prefix: str = "", *, domain: Domain | None = None, limit: int = 1000) -> MemoryPage: ...


@dataclass(frozen=True, slots=True)
class Caller:
    """The call that asks."""

    skill: str
    granted: Permissions
    run: str = ""
    """The run that its writes belong to; empty outside of any."""
    task: str = ""
    project: str = ""
    """The project's folder; empty outside of any."""

    @property
    def name(self) -> Mapping[str, object]:
        """Who it is, in events."""
        named = {"skill": self.skill, "run": self.run, "task": self.task}
        return {field: value for field, value in named.items() if value}


class SkillMemory:
    """Memory for one call of a skill; may block, and be used on any thread.

    What a prefix grants is public memory: an entry that is private, or would become so, is reached only by a skill
    whose permissions name its whole key. Every access is told as a MemoryAccess event with the skill and the run, those
    that are refused with `denied`.
    """

    def __init__(
        self,
        memory: Memory,
        caller: Caller,
        on_event: EventSink,
        *,
        default_domain: Callable[[str], Domain | None] = lambda project: None,
    ) -> None:
        """`on_event` must return at once. `default_domain`: where the entries of a project go; this holds for keys that
        the permissions name whole."""
        self._memory = memory
        self._caller = caller
        self._on_event = on_event
        self._default_domain = default_domain

    def get(self, key: str) -> MemoryItem | None:
        """The entry `key`, or None.

        Raises:
            Refused: the permissions do not cover it (CIS-SKILL-061).
            CisError: memory cannot be read; private memory is locked.
        """
        granted, by = self._caller.granted, self._caller.name
        if not may_read(granted, key, Domain.PUBLIC):
            raise self._denied("read", key)
        try:
            return self._memory.get(key, public_only=not may_read(granted, key, Domain.PRIVATE), by=by)
        except Refused as error:
            raise self._refused("read", key, error) from error

    def list(self, prefix: str, *, domain: Domain | None = None, limit: int = 1000) -> MemoryPage:
        """The entries below `prefix` that may be read, by key; of private ones those that are named whole.

        Raises:
            Refused: the permissions cover nothing below it (CIS-SKILL-061).
            CisError: memory cannot be read.
        """
        named = self._caller.granted.memory_read
        wanted = {max(prefix, each, key=len) for each in named if prefix.startswith(each) or each.startswith(prefix)}
        if not wanted:
            raise self._denied("read", prefix)
        pages: list[MemoryPage] = []
        if domain is not Domain.PRIVATE:
            widest = [each for each in wanted if not any(each != other and each.startswith(other) for other in wanted)]
            pages += [self._memory.list(each, domain=Domain.PUBLIC, limit=limit) for each in widest]
        if domain is not Domain.PUBLIC:
            pages += [self._private(key, domain) for key in named if key and key.startswith(prefix)]
        self._on_event("MemoryAccess", {"prefix": prefix, **self._caller.name, "write": False})
        items = sorted((item for page in pages for item in page.items), key=lambda item: item.key)
        locked = any(page.locked for page in pages)
        return MemoryPage(tuple(items[:limit]), sum(page.total for page in pages), locked)

    def _private(self, key: str, asked: Domain | None) -> MemoryPage:
        try:
            page = self._memory.list(key, domain=Domain.PRIVATE, limit=1)
        except CisError as error:
            if asked is None and error.code == LOCKED:
                return MemoryPage((), 0, locked=True)
            raise
        items = tuple(item for item in page.items if item.key == key)
        return MemoryPage(items, len(items), page.locked)

    def set(self, key: str, value: str | bytes, *, domain: Domain | None = None) -> MemoryItem:
        """Keep an entry as the run's own, in `domain` if one is given; durable when this returns.

        Raises:
            Refused: the permissions do not cover it (CIS-SKILL-061).
            Invalid: there can be no such key or value.
            CisError: memory cannot be written; private memory is locked.
        """
        granted, caller = self._caller.granted, self._caller
        if not may_write(granted, key, Domain.PUBLIC):
            raise self._denied("write", key)
        named = may_write(granted, key, Domain.PRIVATE)
        if domain is Domain.PRIVATE and not named:
            raise self._denied("write", key, private=True)
        write = MemoryWrite(key, value, domain if named else None, run=caller.run, public_only=not named)
        try:
            default = self._default_domain(caller.project) if named else Domain.PUBLIC
            item = self._memory.set(write, default_domain=default)
        except Refused as error:
            raise self._refused("write", key, error) from error
        self._on_event("MemoryAccess", {"key": key, "domain": item.domain.value, **caller.name, "write": True})
        return item

    def _refused(self, way: str, key: str, error: Refused) -> Refused:
        return self._denied(way, key, private=True) if error.code == HIDDEN else error

    def _denied(self, way: str, key: str, *, private: bool = False) -> Refused:
        self._on_event("MemoryAccess", {"key": key, **self._caller.name, "write": way == "write", "denied": True})
        field = f"memory_{way}"
        if private:
            what = f"{key} is private, and only a skill that names it whole may {way} it"
            return Refused(DENIED, what, hint=f'{field} = ["{key}"]')
        return Refused(
            DENIED, f"the skill {self._caller.skill} may not {way} {key}", hint=f"see {field} of its manifest"
        )
