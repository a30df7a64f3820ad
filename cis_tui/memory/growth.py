"""How much was written into memory day by day, counted in the open logs, each row once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from cis_tui.core.clock import Instant
from cis_tui.core.errors import CisError
from cis_tui.memory.log import epoch_of, last_row
from cis_tui.memory.reader import Reader
from cis_tui.memory.records import Domain
from cis_tui.memory.survey import file_size
from cis_tui.memory.vault import Vault

DAY = 86_400
ROWS = 5_000
"""Rows that are counted while other readers wait."""
_COUNT = (
    "SELECT CAST(created_at / 86400 AS INTEGER), count(*) FROM main.log_entries WHERE id > ?1 AND id <= ?2 GROUP BY 1"
)


@dataclass(frozen=True, slots=True)
class MemoryGrowth:
    """What was written, day by day (UTC)."""

    days: tuple[int, ...]
    """Versions written on each of the last days, the last one today; no more days than the open logs reach back."""
    bytes: int
    """Of all files of the open logs and archives."""
    locked: str = ""
    """Why private memory was left out; empty when it was not."""


@dataclass
class _Counted:
    """One log, as far as it was counted."""

    epoch: str
    upto: int = 0
    days: Counter[int] = field(default_factory=Counter[int])


class Growth:
    """Remembers what it has counted, so that a further question looks at new rows alone; for any threads."""

    def __init__(self, vaults: Mapping[Domain, Vault], reading: Callable[[], AbstractContextManager[Reader]]) -> None:
        self._vaults = vaults
        self._reading = reading
        self._lock = Lock()
        self._counted: dict[tuple[Domain, str], _Counted] = {}

    def count(self, now: Instant, days: int) -> MemoryGrowth:
        """The last `days` days."""
        with self._lock:
            return self._count(now, days)

    def _count(self, now: Instant, days: int) -> MemoryGrowth:
        locked, written, size = "", Counter[int](), 0
        today, weeks = int(now // DAY), set[str]()
        for domain, vault in self._vaults.items():
            size += sum(file_size(vault.path(week)) for week in vault.weeks())
            size += sum(file_size(vault.archive(week)) for week in vault.archives())
            try:
                for week in vault.weeks():
                    written += self._days(domain, week)
            except CisError as error:
                locked = error.message
            weeks |= set(vault.weeks())
        first = max(today - days + 1, min(map(_monday, weeks), default=today))
        return MemoryGrowth(tuple(written[day] for day in range(first, today + 1)), size, locked)

    def _days(self, domain: Domain, week: str) -> Counter[int]:
        """The days of one log, once all its rows are counted."""
        while True:
            with self._reading() as reader:
                log = reader.log(domain, week)
                epoch, last = epoch_of(log), last_row(log)
                known = self._counted.get((domain, week))
                if known is None or known.epoch != epoch or known.upto > last:
                    known = self._counted[domain, week] = _Counted(epoch)
                if known.upto == last:
                    return known.days
                upto = min(known.upto + ROWS, last)
                known.days.update({int(day): int(number) for day, number in log.all(_COUNT, (known.upto, upto))})
                known.upto = upto


def _monday(week: str) -> int:
    """The first day of a week, in days since 1970-01-01."""
    with suppress(ValueError):
        return datetime.strptime(f"{week}-1", "%G-W%V-%u").toordinal() - datetime(1970, 1, 1).toordinal()
    return 1 << 31
