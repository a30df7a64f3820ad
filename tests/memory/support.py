"""What the tests of memory share: a clock that they set, and services on a home."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic

from cis_tui.core.clock import Instant
from cis_tui.core.paths import Home
from cis_tui.memory.records import Domain, MemoryItem, MemoryWrite
from cis_tui.memory.service import MemoryService

NODE = "did:key:z6MkTestNode"
MONDAY = Instant.parse("2026-11-16T00:00:00Z")
"""The first moment of the week 2026-W47."""
WEEK = 7 * 86400.0
PUBLIC, PRIVATE = Domain.PUBLIC, Domain.PRIVATE


class SetClock:
    """A clock that stands where the test puts it."""

    def __init__(self, now: float = MONDAY + 86400) -> None:
        self.now = now

    def __call__(self) -> Instant:
        return Instant(self.now)


@contextmanager
def memory(
    home: Home, clock: SetClock | None = None, *, hot_weeks: int = 4, total_weeks: int = 54
) -> Generator[MemoryService]:
    """A service on `home`, closed at the end."""
    service = MemoryService(home, node=NODE, clock=clock or SetClock(), hot_weeks=hot_weeks, total_weeks=total_weeks)
    try:
        yield service
    finally:
        service.close()


def put(service: MemoryService, key: str, value: str | bytes, domain: Domain | None = None) -> MemoryItem:
    """Set an entry."""
    return service.set(MemoryWrite(key, value, domain))


def value_of(service: MemoryService, key: str) -> str | bytes | None:
    """What `get` answers, without the rest."""
    item = service.get(key)
    return None if item is None else item.value


def keys_of(service: MemoryService, prefix: str = "", domain: Domain | None = None) -> list[str]:
    """The keys that `list` shows."""
    return [item.key for item in service.list(prefix, domain=domain).items]


def files_below(folder: Path) -> list[Path]:
    """Every file below `folder`."""
    return [path for path in folder.rglob("*") if path.is_file()]


def until(holds: Callable[[], object], seconds: float = 20) -> None:
    """Wait until something holds."""
    ends, pause = monotonic() + seconds, Event()
    while not holds():
        assert monotonic() < ends, "it never came to be"
        pause.wait(0.01)
