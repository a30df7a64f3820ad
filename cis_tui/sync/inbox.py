"""What peers bring: held against every rule, then merged. What is refused is accounted for, so that it is not asked for
again; only what comes in too great a number is to come another day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field

from cis_tui.core.errors import CisError, Refused
from cis_tui.memory.merge import MAX_RECORDS
from cis_tui.memory.records import MemoryRecord
from cis_tui.memory.service import MemoryService
from cis_tui.sync.aside import Aside
from cis_tui.sync.entries import Arrived, check_signature, read_entry
from cis_tui.sync.heard import Heard
from cis_tui.sync.sharing import Access, Policy, Quota

OnRefused = Callable[[str, CisError], None]
"""Told of a peer and why something of it was refused; alike ones of one message once, counted in the context."""
_FORGED = {"CIS-SYNC-010", "CIS-SYNC-011"}
_WEIGHT = 600
"""Bytes that an entry takes beside its value, about."""


@dataclass(slots=True)
class Taken:
    """What became of entries that came in."""

    added: int = 0
    known: int = 0
    refused: int = 0
    waiting: list[Arrived] = field(default_factory=list[Arrived])
    """Those of which the value is still to be fetched."""


class Inbox:
    """Takes what peers bring; for any number of threads."""

    def __init__(
        self,
        memory: MemoryService,
        policy: Policy,
        quota: Quota,
        heard: Heard,
        aside: Aside,
        on_refused: OnRefused,
        is_twin: Callable[[MemoryRecord], bool] = lambda record: False,
        on_twin: Callable[[str, str], None] = lambda peer, key: None,
    ) -> None:
        """`on_twin`: told of the peer and the key of a version which `is_twin` says a copy of this node has made."""
        self._memory = memory
        self._policy = policy
        self._quota = quota
        self._heard = heard
        self._aside = aside
        self._on_refused = on_refused
        self._is_twin = is_twin
        self._on_twin = on_twin

    def take(self, peer: str, entries: Iterable[object]) -> Taken:
        """Take entries as `peer` has sent them; what was added is durable when this returns.

        Raises:
            Refused: it brings too much (CIS-SYNC-020), or too much that is forged (CIS-SYNC-034); nothing was taken.
            CisError: memory cannot be written; some may have been.
        """
        self.check(peer)
        arrived: list[Arrived] = []
        errors: list[CisError] = []
        for entry in entries:
            try:
                arrived.append(read_entry(entry))
            except CisError as error:
                errors.append(error)
        return self.take_arrived(peer, arrived, errors)

    def check(self, peer: str) -> None:
        """See that what `peer` brings is worth to be looked at.

        Raises:
            Refused: too much of it was forged (CIS-SYNC-034).
        """
        self._quota.check(peer)

    def take_arrived(self, peer: str, arrived: Sequence[Arrived], errors: Sequence[CisError] = ()) -> Taken:
        """As `take`, of what was read already; `errors`: why the rest could not be."""
        taken, problems = Taken(), list(errors)
        access = self._policy.access(peer)
        if access is Access.NONE:
            raise Refused("CIS-SYNC-033", f"{peer} is not admitted")
        new = self._new(arrived)
        taken.known = len(arrived) - len(new)
        good: list[Arrived] = []
        prefixes = tuple(self._policy.prefixes(peer)) if access is Access.FULL else ("",)
        denied = {origin for origin in {each.record.origin for each in new} if self._policy.denied(origin)}
        for each in new:
            try:
                _check(peer, each, prefixes, denied)
                good.append(each)
            except CisError as error:
                problems.append(error)
        if access is Access.HELD:
            self._aside.hold(peer, [each for each in good if each.whole])
        else:
            taken.waiting = [each for each in good if not each.whole]
            self._merge(peer, [each.record for each in good if each.whole], taken, problems)
            self._heard.note(peer, (each.dot for each in arrived if each.whole))
        taken.refused = len(problems)
        self._quota.forged(peer, sum(error.code in _FORGED for error in problems))
        self._tell(peer, problems)
        return taken

    def _new(self, arrived: Sequence[Arrived]) -> list[Arrived]:
        """Those that memory does not have, each once."""
        by_dot = {each.dot: each for each in arrived}
        return [by_dot[dot] for dot in self._memory.exchange.lacking(by_dot)]

    def _merge(self, peer: str, records: Sequence[MemoryRecord], taken: Taken, problems: list[CisError]) -> None:
        if not records:
            return
        self._quota.spend(peer, len(records), sum(_WEIGHT + len(record.value or b"") for record in records))
        for start in range(0, len(records), MAX_RECORDS):
            report = self._memory.merge(records[start : start + MAX_RECORDS])
            taken.added += report.added
            taken.known += report.known
            problems.extend(error for _, error in report.refused)
        for record in filter(self._is_twin, records):
            self._on_twin(peer, record.key)

    def _tell(self, peer: str, problems: Sequence[CisError]) -> None:
        counts = Counter(error.code for error in problems)
        for error in {error.code: error for error in reversed(problems)}.values():
            error.context |= {"peer": peer, "count": counts[error.code]}
            self._on_refused(peer, error)


def _check(peer: str, arrived: Arrived, prefixes: tuple[str, ...], denied: Container[str]) -> None:
    """See that a version may be taken from `peer`, and was made by whom it says.

    Raises:
        Refused: it may not (CIS-SYNC-012, 013), or was not (CIS-SYNC-011).
    """
    record = arrived.record
    if not record.key.startswith(prefixes):
        raise Refused("CIS-SYNC-012", f"{record.key!a:.80} is not shared with {peer}")
    if record.origin in denied:
        raise Refused("CIS-SYNC-013", f"{record.origin[:80]!a}, who made a version of {record.key!a:.80}, is denied")
    check_signature(arrived)
