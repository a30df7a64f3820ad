"""The weekly archive: what is moved, what is carried forward, what a read finds afterwards."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest

from cis_tui.core.codec import dumps
from cis_tui.core.errors import CisError, NotFound, Refused, UsageError
from cis_tui.core.paths import Home
from cis_tui.memory.database import Database
from cis_tui.memory.queries import Query
from cis_tui.memory.records import Domain, IndexType, MemoryRecord, MemoryWrite
from cis_tui.memory.service import MemoryService
from tests.memory.support import MONDAY, PRIVATE, PUBLIC, WEEK, SetClock, files_below, keys_of, memory, put, value_of


def archives(home: Home, domain: str) -> list[str]:
    return sorted(path.name for path in (home.memory / "archives" / domain).iterdir())


def logs(home: Home, domain: str) -> list[str]:
    return sorted(path.name for path in (home.memory / domain).glob("memory-*"))


def test_a_week_that_left_the_hot_window_is_archived_and_still_read(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        for domain in (PUBLIC, PRIVATE):
            for number in range(3):
                put(service, f"{domain}/tmp/{number}", f"value {number} of {domain}", domain)
            put(service, f"{domain}/tmp/2", "changed", domain)
        assert service.archive() == (), "nothing is due"
        clock.now += 4 * WEEK
        reports = service.archive()
        assert [(report.week, report.domain, report.carried) for report in reports] == [
            ("2026-W47", PUBLIC, 0),
            ("2026-W47", PRIVATE, 0),
        ]
        assert all(report.entries == 4 and 0 < report.size_after < report.size_before for report in reports)
        assert archives(home, "public") == archives(home, "private") == ["2026-W47.db.gz"]
        assert logs(home, "public") == logs(home, "private") == []
        assert value_of(service, "public/tmp/0") == "value 0 of public"
    with memory(home, clock) as service:
        assert value_of(service, "private/tmp/1") == "value 1 of private"
        assert [item.value for item in service.history("private/tmp/2")] == ["changed", "value 2 of private"]
        found = service.get("public/tmp/2")
        assert found is not None and (found.week, found.value) == ("2026-W47", "changed")
        assert len(keys_of(service)) == 6
        assert value_of(service, "no/such/key") is None
        assert service.check() == []
        assert service.archive() == ()


def test_what_is_needed_is_carried_forward_as_it_was(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        kept = {
            "user/api-key": "abc123",
            "user/preference/editor": "vi",
            "project/port": "8080",
            "decision/database": "sqlite",
        }
        for key, value in kept.items():
            put(service, key, value)
        service.set(MemoryWrite("tmp/pinned", "x", pinned=True))
        put(service, "tmp/used", "y")
        put(service, "tmp/noise", "z")
        put(service, "project/gone", "1")
        service.delete("project/gone")
        put(service, "project/changed", "old")
        clock.now += 2 * WEEK
        put(service, "project/changed", "new")
        for _ in range(12):
            service.get("tmp/used")
        before = {key: service.get(key) for key in (*kept, "tmp/pinned", "tmp/used", "tmp/noise")}
        clock.now += 2 * WEEK
        (report,) = service.archive()
        assert report.carried == len(kept) + 2
        for key, item in before.items():
            after = service.get(key)
            assert after is not None and item is not None
            assert after.access_count > item.access_count
            assert (after.value, after.version, after.created_at, after.week, after.pinned, after.index_type) == (
                item.value,
                item.version,
                item.created_at,
                item.week,
                item.pinned,
                item.index_type,
            )
            assert len(service.history(key)) == 1, "it is one version, wherever it lies"
        assert service.get("project/gone") is None
        assert [item.value for item in service.history("project/changed")] == ["new", "old"]
        assert service.check() == []
        (home.memory / "archives" / "private" / "2026-W47.db.gz").unlink()
    with memory(home, clock) as service:
        assert set(keys_of(service)) == {*kept, "tmp/pinned", "tmp/used", "project/changed"}
        (problem,) = service.check()
        assert "is gone, and with it 1 current entry" in problem, "the noise, and nothing that is needed"


def test_a_carried_entry_takes_its_vector_along(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        put(service, "project/kept", "x", PUBLIC)
        put(service, "tmp/noise", "y", PUBLIC)
    log = Database(home.memory / "public" / "memory-2026-W47.db")
    log.many("INSERT INTO vectors VALUES (?, 'm', ?)", [(1, b"one"), (2, b"two")])
    log.close()
    clock.now += 4 * WEEK
    with memory(home, clock) as service:
        (report,) = service.archive()
        assert (report.carried, report.index_entries_removed) == (1, 1)
    log = Database(home.memory / "public" / "memory-2026-W51.db")
    assert log.all("SELECT row, model, vector FROM vectors") == [(1, "m", b"one")]
    log.close()


def test_gunzip_gives_a_database_that_anybody_can_read(home: Home, tmp_path: Path) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        service.set_many([MemoryWrite(f"tmp/{number}", "text " * 50, PUBLIC) for number in range(2000)])
        clock.now += 4 * WEEK
        service.archive()
    packed = (home.memory / "archives" / "public" / "2026-W47.db.gz").read_bytes()
    image = tmp_path / "image.db"
    image.write_bytes(gzip.decompress(packed))
    database = sqlite3.connect(image)
    assert database.execute("SELECT count(*), count(DISTINCT key) FROM log_entries").fetchone() == (2000, 2000)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def test_writing_goes_on_when_the_clock_is_set_back_into_an_archived_week(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        put(service, "tmp/note", "1", PUBLIC)
        put(service, "tmp/other", "1", PUBLIC)
        clock.now += 5 * WEEK
        service.archive()
        clock.now -= 5 * WEEK
        item = put(service, "tmp/note", "2", PUBLIC)
        assert item.week == "2026-W47"
        assert logs(home, "public")[0] == "memory-2026-W48.db"
        assert value_of(service, "tmp/note") == "2"
        assert value_of(service, "tmp/other") == "1"
        assert [found.value for found in service.history("tmp/note")] == ["2", "1"]
        assert service.check() == []


def test_at_most_so_many_archives_are_kept(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock, total_weeks=3) as service:
        for number in range(10):
            put(service, f"tmp/{number}", "x", PUBLIC)
            put(service, "project/kept", str(number // 5), PUBLIC)
            clock.now += WEEK
        reports = service.archive()
        assert [report.archives_deleted for report in reports] == [0, 0, 0, 1, 1, 1, 1]
        assert len(archives(home, "public")) == 3
        assert keys_of(service, "tmp/") == [f"tmp/{number}" for number in range(4, 10)]
        assert value_of(service, "tmp/0") is None
        assert value_of(service, "tmp/4") == "x"
        assert value_of(service, "project/kept") == "1"
        assert service.check() == []


def test_fewer_archives_are_kept_when_a_person_says_so(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        for number in range(6):
            put(service, f"tmp/{number}", "x", PUBLIC)
            clock.now += WEEK
        clock.now += 4 * WEEK
        service.archive()
    assert len(archives(home, "public")) == 6
    with memory(home, clock, total_weeks=2) as service:
        assert service.archive() == ()
        assert keys_of(service) == ["tmp/4", "tmp/5"]
        assert service.check() == []
    assert len(archives(home, "public")) == 2


def test_where_nothing_was_ever_written_nothing_is_made(home: Home) -> None:
    with memory(home) as service:
        assert service.archive() == ()
    assert files_below(home.root) == []


def test_an_archived_entry_leaves_the_search_and_one_carried_forward_does_not(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        for domain in (PUBLIC, PRIVATE):
            put(service, f"tmp/{domain}/walrus", "the walrus sleeps on the ice", domain)
            put(service, f"project/{domain}/walrus", "a walrus is our mascot", domain)
        assert {hit.item.key for hit in service.search(Query("walrus")).hits} == {
            "tmp/public/walrus",
            "tmp/private/walrus",
            "project/public/walrus",
            "project/private/walrus",
        }
        clock.now += 4 * WEEK
        service.archive()
        kept = {"project/public/walrus", "project/private/walrus"}
        assert {hit.item.key for hit in service.search(Query("walrus")).hits} == kept
    with memory(home, clock) as service:
        assert {hit.item.key for hit in service.search(Query("walrus")).hits} == kept
        assert service.check() == []


def test_a_deleted_value_does_not_come_back_with_the_retention(home: Home) -> None:
    clock = SetClock(MONDAY + 6 * WEEK)
    with memory(home, clock, total_weeks=2) as service:
        put(service, "project/secret-plan", "x", PUBLIC)
        # The tombstone lies in an older log than the value: carried forward since, and the clock was set back.
        clock.now = MONDAY + 12 * WEEK
        service.archive()
        clock.now = MONDAY + 9 * WEEK
        service.delete("project/secret-plan")
        for _ in range(12):
            clock.now += WEEK
            put(service, "tmp/noise", str(clock.now), PUBLIC)
            service.archive()
            assert service.get("project/secret-plan") is None
            assert service.check() == []
            for path in (home.memory / "public").glob("catalogue-*"):
                path.unlink()
            assert service.get("project/secret-plan") is None


def test_a_named_week_is_archived_when_it_is_over(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        put(service, "tmp/old", "x", PUBLIC)
        clock.now += WEEK
        put(service, "tmp/new", "y", PUBLIC)
        for week, kind in (
            ("2026-W48", Refused),
            ("2026-W46", NotFound),
            ("2026-W54", UsageError),
            ("W47", UsageError),
        ):
            with pytest.raises(kind):
                service.archive(week)
        assert [report.week for report in service.archive("2026-W47")] == ["2026-W47"]
        with pytest.raises(NotFound, match="archived already"):
            service.archive("2026-W47")
        assert (value_of(service, "tmp/old"), value_of(service, "tmp/new")) == ("x", "y")


def test_private_weeks_wait_while_private_memory_is_locked(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIS_PASSPHRASE", "correct horse")
    clock = SetClock()
    with memory(home, clock) as service:
        put(service, "tmp/own", "x")
        put(service, "tmp/open", "y", PUBLIC)
    monkeypatch.delenv("CIS_PASSPHRASE")
    clock.now += 4 * WEEK
    with memory(home, clock) as service:
        public, private = service.archive()
        assert (public.domain, public.waiting) == (PUBLIC, "")
        assert private.domain is PRIVATE and "locked" in private.waiting
        assert logs(home, "private") == ["memory-2026-W47.db"]
    monkeypatch.setenv("CIS_PASSPHRASE", "correct horse")
    with memory(home, clock) as service:
        assert [report.waiting for report in service.archive()] == [""]
        assert value_of(service, "tmp/own") == "x"


def test_a_private_archive_says_nothing_in_clear(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        service.set_many([MemoryWrite(f"tmp/planted-name-{number}", "planted value " * 9) for number in range(500)])
        clock.now += 4 * WEEK
        service.archive()
    for path in home.root.rglob("*"):
        if path.is_file():
            assert b"planted" not in path.read_bytes(), path
    packed = (home.memory / "archives" / "private" / "2026-W47.db.gz").read_bytes()
    with pytest.raises(gzip.BadGzipFile):
        gzip.decompress(packed)


@pytest.mark.parametrize("domain", [PUBLIC, PRIVATE])
@pytest.mark.parametrize("damage", ["flip", "truncate", "garbage", "empty", "another"])
def test_a_damaged_archive_is_named_and_hinders_no_other_week(home: Home, domain: Domain, damage: str) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        for number in range(3):
            put(service, f"tmp/{number}", "value", domain)
            clock.now += WEEK
        clock.now += 4 * WEEK
        service.archive()
    bad = home.memory / "archives" / domain / "2026-W48.db.gz"
    data = bytearray(bad.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
    elif damage == "truncate":
        del data[-7:]
    elif damage == "another":
        data = bytearray((bad.parent / "2026-W47.db.gz").read_bytes())
    else:
        data = bytearray(b"garbage" * 1000 if damage == "garbage" else b"")
    bad.write_bytes(data)
    with memory(home, clock) as service:
        assert value_of(service, "tmp/0") == value_of(service, "tmp/2") == "value"
        if not (damage == "another" and domain is PUBLIC):
            with pytest.raises(CisError) as caught:
                service.get("tmp/1")
            assert "2026-W48.db.gz" in caught.value.message
            assert [str(bad) in problem for problem in service.check()] == [True]
        for path in (home.memory / domain).glob("catalogue-*"):
            path.unlink()
        assert value_of(service, "tmp/0") == "value"
        put(service, "tmp/3", "goes on", domain)


def test_the_lost_key_is_not_replaced_while_there_are_archives(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        put(service, "tmp/own", "x")
        clock.now += 4 * WEEK
        service.archive()
    (home.keys / "data.json").unlink()
    with memory(home, clock) as service, pytest.raises(CisError, match=r"data\.json is missing"):
        put(service, "tmp/new", "y")


def test_the_event_tells_what_was_done(home: Home) -> None:
    told: list[tuple[str, Mapping[str, object]]] = []
    clock = SetClock()
    service = MemoryService(home, node="n", clock=clock, on_event=lambda name, data: told.append((name, data)))
    put(service, "tmp/x", "x", PUBLIC)
    clock.now += 4 * WEEK
    service.archive()
    service.close()
    name, data = told[-1]
    assert name == "WeekArchived"
    assert json.loads(dumps(data))["week"] == "2026-W47"


def test_a_disk_that_takes_nothing_leaves_everything_as_it_was(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        put(service, "tmp/x", "x", PUBLIC)
        clock.now += 4 * WEEK
        in_the_way = home.memory / "archives" / "public" / ".2026-W47.db.gz.tmp"
        in_the_way.mkdir(parents=True)
        (report,) = service.archive()
        assert "cannot archive" in report.waiting
        assert logs(home, "public")[0] == "memory-2026-W47.db"
        assert value_of(service, "tmp/x") == "x"
        in_the_way.rmdir()
        assert [report.waiting for report in service.archive()] == [""]
        assert value_of(service, "tmp/x") == "x"


def test_a_damaged_log_waits_and_the_other_weeks_go_on(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        for number in range(3):
            put(service, f"tmp/{number}", "x", PUBLIC)
            clock.now += WEEK
    (home.memory / "public" / "memory-2026-W48.db").write_bytes(b"garbage" * 5000)
    clock.now += 5 * WEEK
    with memory(home, clock) as service:
        reports = service.archive()
        assert [(report.week, bool(report.waiting)) for report in reports] == [
            ("2026-W47", False),
            ("2026-W48", True),
            ("2026-W49", False),
        ]
        assert "is damaged" in reports[1].waiting
    with memory(home, clock) as service:
        assert value_of(service, "tmp/0") == value_of(service, "tmp/2") == "x"
        with pytest.raises(CisError, match=r"memory-2026-W48\.db is damaged"):
            service.get("tmp/1")


def test_what_was_written_at_once_stays_a_conflict_until_it_is_settled(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        put(service, "project/port", "mine", PUBLIC)
        theirs = MemoryRecord(
            "project/port", "theirs", "project", IndexType.PROJECT_CONFIG, {"did:b": 2}, "did:b", int(clock.now) << 16
        )
        service.merge([theirs])
        for _ in range(3):
            clock.now += 4 * WEEK
            service.archive()
            (conflict,) = service.revisions.conflicts()
            assert (conflict.winner.value, [item.value for item in conflict.others]) == ("theirs", ["mine"])
            assert len(service.history("project/port")) == 2
        assert sum(len(service.history(key)) for key in keys_of(service)) == 2
        service.revisions.resolve("project/port")
        clock.now += 4 * WEEK
        service.archive()
        assert service.revisions.conflicts() == ()
        assert service.check() == []
