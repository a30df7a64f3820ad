"""`cis memory archive`, in the files and through a live engine."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from cis_tui.core.clock import Instant, iso_week, utc_now, weeks_before
from cis_tui.core.paths import Home
from cis_tui.memory.records import Domain, MemoryWrite
from cis_tui.memory.service import MemoryService
from tests.cli.support import cis

FIELDS = {
    "week",
    "domain",
    "size_before",
    "size_after",
    "entries",
    "carried",
    "index_entries_removed",
    "archives_deleted",
    "waiting",
}


@pytest.fixture
def old(home: Home) -> str:
    """A home with entries of a week that is due, which is named."""
    then = Instant(utc_now() - 6 * 7 * 86400)
    service = MemoryService(home, clock=lambda: then)
    service.set_many([MemoryWrite(f"tmp/{number}", f"value {number}", Domain.PUBLIC) for number in range(20)])
    service.set(MemoryWrite("user/motto", "ship on Fridays"))
    service.close()
    return iso_week(then)


@pytest.fixture
def live() -> Iterator[None]:
    yield
    cis("engine", "stop")


def test_it_says_what_it_did(home: Home, old: str) -> None:
    done = cis("memory", "archive")
    assert done.code == 0
    public, private = done.out.splitlines()
    assert public.startswith(f"Archived {old} (public): ") and "0 carried forward" in public
    assert private.startswith(f"Archived {old} (private): ") and "1 carried forward" in private
    assert cis("memory", "get", "tmp/7").out == "value 7\n"
    assert cis("memory", "get", "user/motto").out == "ship on Fridays\n"
    again = cis("memory", "archive")
    assert (again.code, again.out, again.err.split(":")[0]) == (0, "", "nothing is due")
    assert cis("memory", "archive", "--json").out == "[]\n"
    assert cis("doctor", "--json").code == 0


def test_as_json(home: Home, old: str) -> None:
    done = cis("memory", "archive", "--week", old, "--json")
    reports = json.loads(done.out)
    assert [(report["week"], report["domain"], report["entries"]) for report in reports] == [
        (old, "public", 20),
        (old, "private", 0),
    ]
    assert set(reports[0]) == FIELDS


def test_weeks_that_cannot_be_archived(home: Home, old: str) -> None:
    present = iso_week(utc_now())
    code = cis("memory", "archive", "--week", present).code
    assert code == 4 or iso_week(utc_now()) != present, "unless Monday has come"
    for week, code in ((weeks_before(present, 9), 3), ("last week", 2), ("2026-W54", 2)):
        assert cis("memory", "archive", "--week", week).code == code


def test_a_locked_private_week_waits_and_says_so(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIS_PASSPHRASE", "correct horse")
    old_entries = MemoryService(home, clock=lambda: Instant(utc_now() - 6 * 7 * 86400))
    old_entries.set(MemoryWrite("tmp/own", "x"))
    old_entries.close()
    monkeypatch.delenv("CIS_PASSPHRASE")
    waits = cis("memory", "archive")
    assert (waits.code, waits.out) == (6, "")
    assert "(private) waits: private memory is locked" in waits.err


def test_a_live_engine_archives_at_its_start_what_was_missed(home: Home, old: str, live: None) -> None:
    assert cis("engine", "start").code == 0
    # Whether the engine has done it already or this has: it is done when this returns.
    assert cis("memory", "archive").code == 0
    assert [path.name for path in (home.memory / "archives" / "public").iterdir()] == [f"{old}.db.gz"]
    assert not (home.memory / "public" / f"memory-{old}.db").exists()
    assert cis("memory", "get", "tmp/7").out == "value 7\n"
    assert cis("memory", "archive", "--week", old).code == 3
