"""FrequentlyQueried, as a reader of memory sees it come and go."""

from __future__ import annotations

from cis_tui.core.paths import Home
from cis_tui.memory.earned import EARNED_BY
from cis_tui.memory.records import IndexType
from tests.memory.support import PUBLIC, WEEK, SetClock, memory, put


def test_an_entry_in_use_becomes_frequently_queried_and_is_so_no_longer_when_it_is_left_alone(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        put(service, "tmp/build-number", "7", PUBLIC)
        kinds = [item.index_type for item in (service.get("tmp/build-number") for _ in range(EARNED_BY)) if item]
        assert kinds == [IndexType.TEMPORARY] * (EARNED_BY - 1) + [IndexType.FREQUENTLY_QUERIED]
        (listed,) = service.list("tmp/").items
        assert (listed.index_type, listed.reason) == (IndexType.FREQUENTLY_QUERIED, "it was used 10 times, lately too")
        clock.now += 5 * WEEK
        assert service.list("tmp/").items[0].index_type is IndexType.TEMPORARY


def test_what_is_something_in_particular_stays_so_however_often_it_is_read(home: Home) -> None:
    with memory(home) as service:
        for key, kind in (("project/config/port", IndexType.PROJECT_CONFIG), ("user/api-key", IndexType.SENSITIVE)):
            put(service, key, "8080")
            read = [service.get(key) for _ in range(EARNED_BY + 1)]
            assert {item.index_type for item in read if item} == {kind}
