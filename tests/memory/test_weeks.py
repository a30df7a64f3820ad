"""Weeks: which log an entry goes into, and what a read touches."""

from __future__ import annotations

import shutil

import pytest

from cis_tui.core.errors import Unavailable
from cis_tui.core.paths import Home
from cis_tui.memory.database import Database
from cis_tui.memory.records import MemoryWrite
from tests.memory.support import MONDAY, NODE, PRIVATE, PUBLIC, WEEK, SetClock, keys_of, memory, put, value_of


def weeks(home: Home, domain: str) -> list[str]:
    return sorted(path.name for path in (home.memory / domain).glob("memory-*.db"))


def remove_catalogues(home: Home) -> None:
    for path in home.memory.glob("*/catalogue-*"):
        path.unlink()


def test_an_entry_belongs_to_the_week_of_its_own_time(home: Home) -> None:
    clock = SetClock(MONDAY - 0.001)
    with memory(home, clock) as service:
        assert put(service, "sunday", "x").week == "2026-W46"
        service.set_nowait(MemoryWrite("buffered", "x"))
        clock.now = MONDAY
        assert put(service, "monday", "x").week == "2026-W47"
        found = service.get("buffered")
        assert found is not None and found.week == "2026-W46"
        assert keys_of(service) == ["buffered", "monday", "sunday"]
    assert weeks(home, "private") == ["memory-2026-W46.db", "memory-2026-W47.db"]


def test_the_year_of_a_week_is_the_iso_year(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        for day, week in (("2024-12-30", "2025-W01"), ("2021-01-03", "2020-W53")):
            clock.now = clock().parse(f"{day}T12:00:00Z")
            assert put(service, f"on/{day}", "x", PUBLIC).week == week


def test_another_process_may_still_have_the_old_week_open(home: Home) -> None:
    old, new = SetClock(MONDAY - 1), SetClock(MONDAY + 1)
    with memory(home, old) as slow, memory(home, new) as quick:
        put(slow, "note", "1")
        put(quick, "note", "2")
        assert put(slow, "other", "x").week == "2026-W46"
        item = put(slow, "note", "3")
        assert item.week == "2026-W47", "a newer version never lies in an older week"
        assert value_of(quick, "note") == value_of(slow, "note") == "3"
        assert [found.value for found in quick.history("note")] == ["3", "2", "1"]


def test_a_clock_that_is_set_back_does_not_bring_back_old_values(home: Home) -> None:
    clock = SetClock(MONDAY + 60 * WEEK)
    with memory(home, clock) as service:
        put(service, "note", "future", PUBLIC)
        clock.now = MONDAY
        service.set_many([MemoryWrite("note", "1"), MemoryWrite("other", "x", PUBLIC), MemoryWrite("note", "2")])
        assert value_of(service, "note") == "2"
        assert service.delete("note")
        assert service.get("note") is None
        times = [item.created_at for item in service.history("note")]
        assert times[:3] == sorted(times[:3], reverse=True)
        assert times[0] - clock() < 1 < times[-1] - clock(), "the wrong time is not handed on"
        other = service.get("other")
        assert other is not None and other.week == "2026-W47"
    with memory(home, clock) as service:
        assert service.get("note") is None
        assert service.check() == []


def test_a_get_reads_one_week_and_a_missing_key_none(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        for number in range(6):
            put(service, f"week/{number}", str(number), PUBLIC)
            clock.now += WEEK
    # Whatever opens one of these now fails.
    for number in (0, 1, 3, 4):
        path = home.memory / "public" / f"memory-2026-W{47 + number}.db"
        path.write_bytes(b"not a database" * 1000)
    with memory(home, clock) as service:
        assert value_of(service, "week/2") == "2"
        assert value_of(service, "week/6") is None
        assert service.counts()["public"] == 6
        problems = service.check()
        assert len(problems) == 4
        assert all("is damaged" in problem for problem in problems)


def test_the_catalogue_can_be_deleted_at_any_time(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        for number in range(4):
            put(service, "note", str(number), PUBLIC)
            put(service, f"key/{number}", str(number))
            clock.now += WEEK
        remove_catalogues(home)
        assert put(service, "note", "4").version == {NODE: 5}, "also under a service that is open"
        assert value_of(service, "key/1") == "1"
    remove_catalogues(home)
    with memory(home, clock) as service:
        assert keys_of(service) == ["key/0", "key/1", "key/2", "key/3", "note"]
        assert [item.value for item in service.history("note")] == ["4", "3", "2", "1", "0"]
        assert service.check() == []


def test_a_damaged_catalogue_is_made_anew(home: Home) -> None:
    with memory(home) as service:
        put(service, "note", "x", PUBLIC)
        put(service, "own", "y", PRIVATE)
    for path in home.memory.glob("*/catalogue-*.db"):
        path.write_bytes(b"\0garbage" * 4000)
    with memory(home) as service:
        assert (value_of(service, "note"), value_of(service, "own")) == ("x", "y")


def test_what_a_crash_kept_from_the_catalogue_is_taken_in(home: Home) -> None:
    with memory(home) as service:
        put(service, "note", "1", PUBLIC)
    # The state between the commit of the log and that of the catalogue: the row is in the log alone.
    (catalogue,) = (home.memory / "public").glob("catalogue-*.db")
    shutil.copy(catalogue, home.root / "before.db")
    with memory(home) as service:
        put(service, "note", "2", PUBLIC)
        put(service, "new", "x", PUBLIC)
    shutil.copy(home.root / "before.db", catalogue)
    with memory(home) as service:
        assert put(service, "note", "3").version == {NODE: 3}
    with memory(home) as service:
        assert keys_of(service) == ["new", "note"]
        assert service.check() == []


def test_a_week_that_was_dropped_takes_its_entries_along(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        put(service, "old", "x", PUBLIC)
        put(service, "note", "1", PUBLIC)
        clock.now += WEEK
        put(service, "note", "2", PUBLIC)
    (home.memory / "public" / "memory-2026-W47.db").unlink()
    with memory(home, clock) as service:
        assert keys_of(service) == ["note"]
        assert [item.value for item in service.history("note")] == ["2"]


def test_a_week_that_vanishes_under_a_reader_is_named(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        put(service, "old", "x", PUBLIC)
        clock.now += WEEK
        put(service, "new", "x", PUBLIC)
        assert value_of(service, "new") == "x"
        (home.memory / "public" / "memory-2026-W47.db").unlink()
        with pytest.raises(Unavailable, match=r"memory-2026-W47\.db is missing"):
            service.get("old")


def test_a_check_finds_a_catalogue_that_says_something_else(home: Home) -> None:
    with memory(home) as service:
        put(service, "note", "x", PUBLIC)
        (path,) = (home.memory / "public").glob("catalogue-*.db")
        catalogue = Database(path)
        catalogue.run("UPDATE heads SET deleted = 1")
        catalogue.close()
        assert [str(path) in problem for problem in service.check()] == [True]
        path.unlink()
        assert service.check() == []
        assert value_of(service, "note") == "x"
