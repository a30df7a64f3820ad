"""How much was written into memory, day by day."""

from __future__ import annotations

from cis_tui.core.paths import Home
from cis_tui.memory import growth
from tests.memory.support import MONDAY, PUBLIC, SetClock, memory, put

DAY = 86_400.0


def test_versions_are_counted_by_day_and_each_row_once(home: Home) -> None:
    clock = SetClock(MONDAY + 9 * DAY)
    with memory(home, clock) as service:
        clock.now = MONDAY + 3 * DAY
        put(service, "a", "1", PUBLIC)
        put(service, "a", "2", PUBLIC)
        clock.now = MONDAY + 8 * DAY
        put(service, "own", "x")
        service.growth(28)
        put(service, "own", "y")
        clock.now = MONDAY + 9 * DAY
        found = service.growth(28)
        assert found.days == (0, 0, 0, 2, 0, 0, 0, 0, 2, 0), "from the Monday of the oldest open log to today"
        assert found.bytes > 4096 and not found.locked
        assert service.growth(2).days == (2, 0)


def test_where_private_memory_cannot_be_opened_the_public_one_is_counted(home: Home) -> None:
    with memory(home) as service:
        put(service, "shared", "x", PUBLIC)
        put(service, "own", "x")
        assert sum(service.growth(28).days) == 2
    (home.keys / "data.json").unlink()
    with memory(home) as service:
        found = service.growth(28)
        assert sum(found.days) == 1 and "data.json" in found.locked


def test_a_log_is_counted_in_parts(home: Home) -> None:
    with memory(home) as service:
        for number in range(7):
            put(service, f"k/{number}", "x", PUBLIC)
        before, growth.ROWS = growth.ROWS, 3
        try:
            assert sum(service.growth(28).days) == 7
        finally:
            growth.ROWS = before


def test_nothing_written_is_no_day_of_anything(home: Home) -> None:
    with memory(home) as service:
        assert service.growth(28) == growth.MemoryGrowth((0,), 0)
