"""Which log a version goes to, and logs that an earlier version of the program has left."""

from __future__ import annotations

from cis_tui.core.clock import next_week
from cis_tui.core.paths import Home
from cis_tui.memory.database import Database
from cis_tui.memory.records import Domain
from tests.memory.support import MONDAY, PUBLIC, WEEK, SetClock, keys_of, memory, put, value_of

FORM_1 = (
    """CREATE TABLE log_entries (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL, value ANY, category TEXT NOT NULL, index_type TEXT NOT NULL,
        version TEXT NOT NULL, origin TEXT NOT NULL, hlc INTEGER NOT NULL, created_at REAL NOT NULL,
        pinned INTEGER NOT NULL, tombstone INTEGER NOT NULL, access_count INTEGER NOT NULL DEFAULT 0,
        last_accessed_at REAL
    ) STRICT""",
    "CREATE INDEX log_entries_key ON log_entries(key)",
    "PRAGMA user_version=1",
)


def test_a_log_of_the_first_form_is_brought_up_to_date(home: Home) -> None:
    folder = home.ensure().memory / "public"
    folder.mkdir(parents=True, mode=0o700)
    path = folder / "memory-2026-W47.db"
    path.touch(0o600)
    log = Database(path)
    for statement in FORM_1:
        log.run(statement)
    entry = (
        "project/motto",
        "ship",
        "project",
        "ProjectConfig",
        '{"a":2,"b":1}',
        "a",
        int(MONDAY * 1000) << 16,
        MONDAY,
    )
    log.run(
        "INSERT INTO log_entries (key, value, category, index_type, version, origin, hlc, created_at, pinned,"
        " tombstone, access_count) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 7)",
        entry,
    )
    log.close()

    with memory(home) as service:
        item = service.get("project/motto")
        assert item is not None
        assert (item.value, item.version, item.uses) == ("ship", {"a": 2, "b": 1}, 8)
        put(service, "project/motto", "ship on Fridays", PUBLIC)
        assert [version.value for version in service.history("project/motto")] == ["ship on Fridays", "ship"]


def test_a_version_of_an_archived_week_goes_to_the_next_log_that_is_open(home: Home) -> None:
    clock = SetClock(MONDAY)
    with memory(home, clock) as service:
        put(service, "first", "1", PUBLIC)
        archive = home.memory / "archives" / "public"
        archive.mkdir(parents=True)
        for week in ("2026-W47", "2026-W48"):
            (archive / f"{week}.db.gz").touch()
        item = put(service, "late", "2", PUBLIC)
        assert item.week == "2026-W47"
        assert value_of(service, "late") == "2"
        assert keys_of(service, "late") == ["late"]
        assert [version.week for version in service.history("late")] == ["2026-W47"]
    assert (home.memory / "public" / "memory-2026-W49.db").exists()


def test_the_log_of_a_week_that_somebody_replaced_takes_what_is_written_next(home: Home) -> None:
    clock = SetClock(MONDAY + WEEK)
    with memory(home, clock) as service:
        put(service, "first", "1", Domain.PUBLIC)
        path = home.memory / "public" / "memory-2026-W48.db"
        copy = path.with_name("copy.db")
        log = Database(path)
        log.run("VACUUM INTO ?", (str(copy),))
        log.close()
        copy.rename(path)
        put(service, "second", "2", Domain.PUBLIC)
    with memory(home, clock) as service:
        assert keys_of(service) == ["first", "second"]


def test_weeks_follow_each_other_over_the_years() -> None:
    assert next_week("2026-W47") == "2026-W48"
    assert next_week("2026-W53") == "2027-W01"
    assert next_week("2027-W52") == "2028-W01"
