"""What one write adds to the logs, given what is there: no file, no clock, no chance.

A key has its current version in one domain. Of two live ones, which a crash between two commits can leave, the public
one decides; so a move is ordered such that every moment in between shows either the old entry or the new one:

- into private: the private version is committed, then the public tombstone, which makes it visible;
- into public: the public version is committed, which makes it visible, then the private tombstone (`sweep`);
- a deletion: the private tombstone, then the public one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeGuard

from cis_tui.core.clock import Instant, iso_week
from cis_tui.core.errors import CisError, Refused
from cis_tui.memory.catalogue import Head
from cis_tui.memory.classify import default_category
from cis_tui.memory.inherit import inherited
from cis_tui.memory.records import Domain, IndexType, MemoryItem, hidden
from cis_tui.memory.versions import Vector, advance, apart, covers, moment, tick

CHANGED = "CIS-MEM-083"
"""The code of a revision that came too late."""


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
    """Empty: as before."""
    index_type: IndexType
    pinned: bool | None
    """None: as before."""
    at: Instant
    reason: str = ""
    """Why it is of that kind."""
    classed: bool = False
    """A person said that it is of that kind."""
    declassify: bool = False
    """They meant it also if it is Sensitive."""
    secret_value: bool = False
    """The value by itself, whatever the key, is Sensitive."""
    undoes: int = 0
    """The hybrid time of the version that this takes back; 0 for none."""
    run: str = ""
    """The run that writes it."""
    public_only: bool = False
    """It must not become private, nor touch what is."""
    expects: Vector | None = None
    """What whoever revises an entry has seen of it: the entry is written as it stands here, and covers all of that, but
    only if nothing else was written since."""

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
    run: str = ""
    """The run that wrote it; no part of the version, so that no other node learns of it."""
    epoch: str = ""
    seq: int = 0
    """Its dot (see `dots`); 0 for none."""
    signature: bytes | None = None
    """Of another node that wrote it."""

    @property
    def created_at(self) -> Instant:
        return moment(self.hlc)

    @property
    def week(self) -> str:
        """The week whose log this version belongs to."""
        return iso_week(self.created_at)

    def head(self, week: str, branches: Sequence[Vector]) -> Head:
        """This version as the current one, in the log of `week`; it need not cover all of `branches`."""
        return Head(
            week=week,
            row=0,
            hlc=self.hlc,
            vector=self.vector,
            deleted=self.value is None,
            category=self.category,
            index_type=self.index_type,
            classed=self.classed,
            pinned=self.pinned,
            branches=branches,
        )

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

    @property
    def live(self) -> Head | None:
        """The version that is read, as far as it is known."""
        return next((head for head in self[:2] if alive(head)), None)


class Plan(NamedTuple):
    """The versions that one write adds."""

    domain: Domain
    """Where the entry is, or was, for a deletion."""
    version: Version
    added: Mapping[Domain, Version]
    """What goes into the log of each domain, in the first round of commits (private, then public)."""
    sweeps: bool
    """A private head is left, to be ended by `sweep` after the first round."""


def plan(entry: Entry, current: Current, node: str, last: int = 0, taken: Sequence[Vector] = ()) -> Plan | None:
    """What `entry`, written by `node`, adds; None when it deletes what is not there.

    `last`: the hybrid time of what was written before it, to another key. `taken`: vectors that it must not be given.

    Raises:
        CisError: it needs private memory, which is locked; it revises what has changed since (CIS-MEM-083); it would
            make known what is Sensitive (CIS-MEM-084).
    """
    if entry.expects is not None:
        _check_unchanged(entry, current)
    if entry.value is None:
        return _plan_deletion(entry, current, node, last, taken)
    if entry.expects is None:
        entry = inherited(entry, current.live)
    domain = _destination(entry, current)
    if domain is Domain.PRIVATE:
        if entry.public_only:
            raise hidden(entry.key)
        if current.locked is not None:
            raise current.locked
    version = _next_version(entry, current, node, last, taken)
    added = {domain: version}
    if domain is Domain.PRIVATE and alive(current.public):
        added[Domain.PUBLIC] = _end(version, current.public)
    return Plan(domain, version, added, sweeps=domain is Domain.PUBLIC and alive(current.private))


def sweep(moved: Version, private: Head | None) -> Version | None:
    """The tombstone that ends what is left in private memory of a key that moved to public; None if nothing is."""
    if private is None or private.deleted or not covers(moved.vector, private.vector):
        return None
    return _end(moved, private)


def alive(head: Head | None) -> TypeGuard[Head]:
    """Whether there is an entry, and not its tombstone."""
    return head is not None and not head.deleted


def _end(moved: Version, head: Head) -> Version:
    """The tombstone of what moved to the other domain; says nothing of what it is there."""
    return moved._replace(
        value=None, category=head.category, index_type=head.index_type, reason="", classed=False, pinned=False
    )


def _check_unchanged(entry: Entry, current: Current) -> None:
    live = current.live
    if current.locked is not None and live is None:
        raise current.locked
    heads = [head for head in current[:2] if head is not None] if live is None else [live]
    if not all(covers(entry.expects or {}, head.vector) for head in heads):
        raise changed(entry.key)


def changed(key: str) -> Refused:
    """The error for a revision of what somebody has changed since."""
    return Refused(
        CHANGED,
        f"{key} was changed by somebody else since; nothing was written",
        hint="cis memory history shows every version of a key",
    )


def _destination(entry: Entry, current: Current) -> Domain:
    """Contract, Memory, "Domain"; a key stays where it is until somebody moves it."""
    if entry.domain is not None:
        return entry.domain
    if entry.index_type is IndexType.SENSITIVE:
        return Domain.PRIVATE
    return current.domain or entry.default_domain or Domain.PRIVATE


def _plan_deletion(entry: Entry, current: Current, node: str, last: int, taken: Sequence[Vector]) -> Plan | None:
    domain = current.domain
    if domain is None and entry.expects is None:
        return None
    version = _next_version(entry, current, node, last, taken)
    heads = {Domain.PRIVATE: current.private, Domain.PUBLIC: current.public}
    # A revision is written down also where there is nothing to delete: that it was made counts.
    added = {where: version for where, head in heads.items() if alive(head)}
    domain = domain or entry.domain or Domain.PRIVATE
    return Plan(domain, version, added or {domain: version}, sweeps=False)


def _next_version(entry: Entry, current: Current, node: str, last: int, taken: Sequence[Vector]) -> Version:
    known = [head for head in current[:2] if head is not None]
    others = [*taken, *(vector for head in known for vector in head.branches)]
    return Version(
        key=entry.key,
        value=entry.value,
        category=entry.category or default_category(entry.key),
        index_type=entry.index_type,
        vector=advance(node, *(head.vector for head in known), entry.expects or {}, others=others),
        origin=node,
        hlc=apart(tick(entry.at, *(head.hlc for head in known)), last),
        pinned=bool(entry.pinned),
        reason=entry.reason,
        classed=entry.classed,
        undoes=entry.undoes,
        run=entry.run,
    )
