"""Commits a group of writes: one transaction a domain for all of them, in the order that `plan` needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from cis_tui.core.clock import Instant, iso_week
from cis_tui.core.errors import CisError
from cis_tui.memory.appender import Appender
from cis_tui.memory.catalogue import Head
from cis_tui.memory.epochs import Epochs
from cis_tui.memory.merge import leaps
from cis_tui.memory.plan import Current, Entry, Plan, Version, plan, sweep
from cis_tui.memory.records import Domain
from cis_tui.memory.vault import Vault
from cis_tui.memory.versions import Vector, newest

MAX_BRANCHES = 32
"""Concurrent versions of a key; so many nodes do not write the same one at once."""
Outcome = Plan | CisError | None
"""What became of a write: what it added, why it could not be done, or None: it deleted what is not there."""


class Merged(NamedTuple):
    """What a merge did."""

    added: list[Version]
    crowded: list[int]
    """What was left out, since its key has too many concurrent versions."""
    forged: list[int]
    """What was left out, since it counts more versions than there can be."""
    heads: dict[str, Head]
    """The current versions of the keys, after it."""


class Committer:
    """Writes groups to the logs of both domains; one thread at a time."""

    def __init__(self, vaults: Mapping[Domain, Vault], epochs: Epochs, node: Callable[[], str]) -> None:
        self._public, self._private = (Appender(vaults[domain], epochs) for domain in (Domain.PUBLIC, Domain.PRIVATE))
        self._node = node
        self._last = 0

    def commit(self, group: Sequence[Entry]) -> list[Outcome]:
        """Make `group` durable, in its order; say what became of each write.

        A group whose entries belong to several weeks takes a round of transactions for each of them.
        """
        outcomes: dict[int, Outcome] = {}
        left = dict(enumerate(group))
        week = iso_week(group[0].at) if group else ""
        while left:
            try:
                done = self._commit_week(week, left)
            except CisError as error:
                outcomes.update(dict.fromkeys(left, error))
                break
            self._last = done.last
            outcomes.update(done.outcomes)
            left, week = done.later, done.later_week
        return [outcomes[position] for position in range(len(group))]

    def merge(self, versions: Mapping[int, Version], now: Instant) -> Merged:
        """Make versions that were made elsewhere, by their numbers, durable in public memory, each once.

        Each goes into the log of its own week if there is one, else into the next later one, at most the present one:
        neither what comes late nor what says that it comes from the future opens a log.

        Raises:
            CisError: it could not be done; those of earlier weeks than the failure may be there.
        """
        present = iso_week(now)
        open_weeks = [*self._public.vault.weeks(), present]
        by_week: dict[str, dict[int, Version]] = {}
        for number, version in versions.items():
            later = min((week for week in open_weeks if week >= version.week), default=present)
            by_week.setdefault(later, {})[number] = version
        merged = Merged([], [], [], {})
        for week, group in sorted(by_week.items()):
            try:
                self._public.begin(week)
                self._merge_week(week, group, merged)
                self._public.commit()
            finally:
                self._public.rollback()
        return merged

    def _merge_week(self, week: str, group: Mapping[int, Version], merged: Merged) -> None:
        keys = sorted({version.key for version in group.values()})
        known = self._public.known(keys)
        newest_of = {key: [*head.newest] for key, head in self._public.heads(keys).items()}
        added: list[Version] = []
        for number, version in group.items():
            name = (version.key, sum(version.vector.values()), version.origin)
            before = newest_of.get(version.key, [])
            after = newest([*before, version.vector], lambda vector: vector)
            # What is superseded belongs to the history of its own week, if that is still open.
            late = len(after) == len(before) and version.vector not in after
            if name in known or version.vector in before or (late and version.week != week):
                continue
            if leaps(version.vector, before):
                merged.forged.append(number)
                continue
            if len(after) > MAX_BRANCHES:
                merged.crowded.append(number)
                continue
            known.add(name)
            newest_of[version.key] = after
            added.append(version)
        self._public.append(added)
        merged.added.extend(added)
        merged.heads.update(self._public.heads(keys))

    def dot_old(self) -> int:
        """Give dots to what this node wrote into open logs of public memory before there were any; how many there were.

        Raises:
            CisError: a log could not be written.
        """
        count = 0
        for week in self._public.vault.weeks():
            try:
                self._public.begin(week)
                count += self._public.dot_old(self._node())
                self._public.commit()
            finally:
                self._public.rollback()
        return count

    def close(self) -> None:
        """Let go of the files."""
        self._private.close()
        self._public.close()

    def close_private(self) -> None:
        """Let go of the files of private memory; the next write opens them again."""
        self._private.close()

    def _commit_week(self, week: str, entries: Mapping[int, Entry], *, needs_private: bool = False) -> _Round:
        needs_private = needs_private or any(entry.needs_private for entry in entries.values())
        try:
            private, locked = self._lock(week, needs_private)
            keys = list({entry.key for entry in entries.values()})
            heads = {Domain.PUBLIC: self._public.heads(keys), Domain.PRIVATE: private.heads(keys) if private else {}}
            node = self._node()
            last = max(self._last, *(side.last_time(node) for side in (self._public, private) if side))
            lost = [side.lost_vectors(keys) for side in (self._public, private) if side]
            taken = {key: [vector for vectors in lost for vector in vectors.get(key, ())] for key in keys}
            done = _Round(week, node, heads, locked, last, taken)
            for position, entry in entries.items():
                done.take(position, entry)
            if done.added[Domain.PRIVATE] and not private:
                # What is Sensitive because it was before goes there too.
                self._public.rollback()
                return self._commit_week(week, entries, needs_private=True)
            if private:
                private.append(done.added[Domain.PRIVATE])
            self._public.append(self._public.dotted(done.added[Domain.PUBLIC]))
            if private:
                private.commit()
            self._public.commit()
        finally:
            self._private.rollback()
            self._public.rollback()
        if done.moved:
            self._sweep(week, done.moved)
        return done

    def _lock(self, week: str, needs_private: bool) -> tuple[Appender | None, CisError | None]:
        """Begin both transactions, always in the same order, so that no two processes wait for each other.

        Returns:
            The private side, None if there is no private memory, or the reason why it cannot be had.
        """
        private: Appender | None = None
        locked: CisError | None = None
        if needs_private or self._private.vault.exists():
            try:
                self._private.begin(week)
                private = self._private
            except CisError as error:
                locked = error
        self._public.begin(week)
        if private is None and locked is None and self._private.vault.exists():
            # Another process has begun private memory since we looked; its entries count.
            self._public.rollback()
            return self._lock(week, needs_private=True)
        return private, locked

    def _sweep(self, week: str, moved: Mapping[str, Version]) -> None:
        """End what is left in private memory of keys that are public now; a later write of the key does it else."""
        with suppress(CisError):
            try:
                self._private.begin(week)
                heads = self._private.heads(list(moved))
                ends = (sweep(version, heads.get(key)) for key, version in moved.items())
                self._private.append([end for end in ends if end is not None])
                self._private.commit()
            finally:
                self._private.rollback()


@dataclass(slots=True)
class _Round:
    """What the writes of a group add to the logs of one week."""

    week: str
    node: str
    heads: Mapping[Domain, dict[str, Head]]
    """The current versions, kept up to date with what is added."""
    locked: CisError | None
    last: int
    """The hybrid time of the version that this node made last, as far as is known here."""
    taken: Mapping[str, Sequence[Vector]]
    """By key, vectors of versions that are gone, which no other may have."""
    added: dict[Domain, list[Version]] = field(default_factory=lambda: {Domain.PUBLIC: [], Domain.PRIVATE: []})
    moved: dict[str, Version] = field(default_factory=dict[str, Version])
    """Keys that went from private to public."""
    outcomes: dict[int, Outcome] = field(default_factory=dict[int, Outcome])
    later: dict[int, Entry] = field(default_factory=dict[int, Entry])
    """Entries whose version belongs to another week, and those that come after them on the same key."""
    later_week: str = ""

    def take(self, position: int, entry: Entry) -> None:
        """Add what `entry` adds, or put it off."""
        if any(entry.key == other.key for other in self.later.values()):
            self.later[position] = entry
            return
        try:
            made = plan(entry, self._current(entry.key), self.node, self.last, self.taken.get(entry.key, ()))
        except CisError as error:
            self.outcomes[position] = error
            return
        if made is not None and made.version.week != self.week:
            self.later_week = self.later_week or made.version.week
            self.later[position] = entry
            return
        self.outcomes[position] = made
        if made is not None:
            self.last = made.version.hlc
            self._add(made)

    def _add(self, made: Plan) -> None:
        key = made.version.key
        for domain, version in made.added.items():
            self.added[domain].append(version)
            before = self.heads[domain].get(key)
            self.heads[domain][key] = version.head(self.week, before.branches if before else ())
        if made.sweeps:
            self.moved[key] = made.version

    def _current(self, key: str) -> Current:
        return Current(self.heads[Domain.PUBLIC].get(key), self.heads[Domain.PRIVATE].get(key), self.locked)
