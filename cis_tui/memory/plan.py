"""What one write adds to the logs, given what is there: no file, no clock, no chance.

A key has its current version in one domain. Of two live ones, which a crash between two commits can leave, the public
one decides; so a move is ordered such that every moment in between shows either the old entry or the new one:

- into private: the private version is committed, then the public tombstone, which makes it visible;
- into public: the public version is committed, which makes it visible, then the private tombstone (`sweep`);
- a deletion: the private tombstone, then the public one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cis_tui.core.clock import Instant, iso_week
from cis_tui.core.errors import CisError
from cis_tui.memory.catalogue import Head
from cis_tui.memory.records import Domain, IndexType, MemoryItem
from cis_tui.memory.versions import advance, covers, moment, tick


class Entry(NamedTuple):
    """A checked and classified write, or a deletion, that waits to be committed."""

    key: str
    value: str | bytes | None
    """None: a deletion."""
    domain: Domain | None
    """Where the caller said it goes."""
    default_domain: Domain | None
    """Where the project's entries go by default."""
    category: str
    index_type: IndexType
    pinned: bool
    at: Instant
    reason: str = ""
    """Why it is of that kind."""
    classed: bool = False
    """A person said that it is of that kind."""
    undoes: int = 0
    """The hybrid time of the version that this takes back; 0 for none."""

    @property
    def needs_private(self) -> bool:
        """Whether it goes into private memory as far as the entry itself says."""
        if self.value is None or self.domain is not None:
            return self.domain is Domain.PRIVATE
        return self.index_type is IndexType.SENSITIVE or self.default_domain is not Domain.PUBLIC


class Version(NamedTuple):
    """One version of an entry, as it goes into a log."""

    key: str
    value: str | bytes | None
    """None: the version says that the entry is gone."""
    category: str
    index_type: IndexType
    vector: Mapping[str, int]
    origin: str
    hlc: int
    pinned: bool
    reason: str = ""
    classed: bool = False
    undoes: int = 0

    @property
    def created_at(self) -> Instant:
        return moment(self.hlc)

    @property
    def week(self) -> str:
        """The week whose log this version belongs to."""
        return iso_week(self.created_at)

    def item(self, domain: Domain) -> MemoryItem:
        """This version as callers see it."""
        return MemoryItem(
            key=self.key,
            value="" if self.value is None else self.value,
            domain=domain,
            category=self.category,
            index_type=self.index_type,
            version=self.vector,
            origin=self.origin,
            created_at=self.created_at,
            week=self.week,
            pinned=self.pinned,
            deleted=self.value is None,
            reason=self.reason,
            classed=self.classed,
            undoes=self.undoes,
        )


class Current(NamedTuple):
    """The heads of one key."""

    public: Head | None
    private: Head | None
    locked: CisError | None = None
    """Why the private head is not known."""

    @property
    def domain(self) -> Domain | None:
        """Where the key lives, None when it does not.

        Raises:
            CisError: private memory is locked, and the answer depends on it.
        """
        if alive(self.public):
            return Domain.PUBLIC
        if self.locked is not None:
            raise self.locked
        return Domain.PRIVATE if alive(self.private) else None


class Plan(NamedTuple):
    """The versions that one write adds."""

    domain: Domain
    """Where the entry is, or was, for a deletion."""
    version: Version
    added: Mapping[Domain, Version]
    """What goes into the log of each domain, in the first round of commits (private, then public)."""
    sweeps: bool
    """A private head is left, to be ended by `sweep` after the first round."""


def plan(entry: Entry, current: Current, node: str) -> Plan | None:
    """What `entry`, written by `node`, adds; None when it deletes what is not there.

    Raises:
        CisError: it needs private memory, which is locked.
    """
    if entry.value is None:
        return _plan_deletion(entry, current, node)
    domain = _destination(entry, current)
    if domain is Domain.PRIVATE and current.locked is not None:
        raise current.locked
    version = _next_version(entry, current, node)
    added = {domain: version}
    if domain is Domain.PRIVATE and alive(current.public):
        added[Domain.PUBLIC] = version._replace(value=None, pinned=False)
    return Plan(domain, version, added, sweeps=domain is Domain.PUBLIC and alive(current.private))


def sweep(moved: Version, private: Head | None) -> Version | None:
    """The tombstone that ends what is left in private memory of a key that moved to public; None if nothing is."""
    if private is None or private.deleted or not covers(moved.vector, private.vector):
        return None
    return moved._replace(value=None, pinned=False)


def alive(head: Head | None) -> bool:
    """Whether there is an entry, and not its tombstone."""
    return head is not None and not head.deleted


def _destination(entry: Entry, current: Current) -> Domain:
    """Contract, Memory, "Domain"; a key stays where it is until somebody moves it."""
    if entry.domain is not None:
        return entry.domain
    if entry.index_type is IndexType.SENSITIVE:
        return Domain.PRIVATE
    return current.domain or entry.default_domain or Domain.PRIVATE


def _plan_deletion(entry: Entry, current: Current, node: str) -> Plan | None:
    domain = current.domain
    if domain is None:
        return None
    version = _next_version(entry, current, node)
    heads = {Domain.PRIVATE: current.private, Domain.PUBLIC: current.public}
    return Plan(domain, version, {where: version for where, head in heads.items() if alive(head)}, sweeps=False)


def _next_version(entry: Entry, current: Current, node: str) -> Version:
    known = [head for head in current[:2] if head is not None]
    return Version(
        key=entry.key,
        value=entry.value,
        category=entry.category,
        index_type=entry.index_type,
        vector=advance(node, *(head.vector for head in known)),
        origin=node,
        hlc=tick(entry.at, *(head.hlc for head in known)),
        pinned=entry.pinned,
        reason=entry.reason,
        classed=entry.classed,
        undoes=entry.undoes,
    )
