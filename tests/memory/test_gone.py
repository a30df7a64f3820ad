"""A log that somebody removed is missed by name until it is back, or a person says that it is known."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import pytest

from cis_tui.core.paths import Home
from cis_tui.memory.check import Trouble, check_memory
from cis_tui.memory.keys import load_key
from cis_tui.memory.records import Domain
from cis_tui.memory.repair import repair_memory
from tests.memory.support import PRIVATE, PUBLIC, WEEK, SetClock, memory, put, value_of
from tests.memory.test_archive_crash import archive_and_die


@pytest.fixture(params=[PUBLIC, PRIVATE])
def domain(request: pytest.FixtureRequest) -> Domain:
    return request.param


@pytest.fixture
def clock(home: Home, domain: Domain) -> SetClock:
    """Three weeks were written, of which `project/often` is in each."""
    clock = SetClock()
    with memory(home, clock) as service:
        for number in range(3):
            put(service, f"tmp/{number}", str(number), domain)
            put(service, "project/often", str(number), domain)
            clock.now += WEEK
    return clock


def missed(home: Home) -> list[tuple[str, bool]]:
    """The weeks that the check misses, and whether it counts one current entry in it."""
    problems = check_memory(home, partial(load_key, home))
    assert {problem.trouble for problem in problems} <= {Trouble.GONE}, problems
    return [(problem.week, "and with it 1 current entry" in problem.message) for problem in problems]


def take_away(log: Path, aside: Path) -> None:
    log.rename(aside / log.name)


def test_a_removed_log_is_missed_until_it_is_back(home: Home, domain: Domain, clock: SetClock, tmp_path: Path) -> None:
    log = home.memory / domain / "memory-2026-W48.db"
    take_away(log, tmp_path)
    for _ in range(2):
        with memory(home, clock) as service:
            assert value_of(service, "tmp/1") is None
            assert (value_of(service, "tmp/0"), value_of(service, "project/often")) == ("0", "2")
            put(service, "tmp/later", "x", domain)
        assert missed(home) == [("2026-W48", True)]
        for path in (home.memory / domain).glob(f"{log.name}-*"):
            path.unlink()
    os.rename(tmp_path / log.name, log)
    assert missed(home) == []
    with memory(home, clock) as service:
        assert value_of(service, "tmp/1") == "1"
        assert len(service.history("project/often")) == 3
    assert missed(home) == []


def test_a_repair_names_what_was_in_it_and_misses_it_no_more(home: Home, domain: Domain, clock: SetClock) -> None:
    (home.memory / domain / "memory-2026-W49.db").unlink()
    (repair,) = repair_memory(home, partial(load_key, home))
    assert (repair.action, repair.lost_keys, repair.reverted_keys) == ("forgotten", 2, 1)
    assert repair.lost_public_keys == (("project/often", "tmp/2") if domain is PUBLIC else ())
    assert "tmp/2" not in repair.message
    assert missed(home) == []
    assert repair_memory(home, partial(load_key, home)) == []
    with memory(home, clock) as service:
        assert value_of(service, "project/often") == "1"


def test_the_only_log_is_missed_and_the_next_one_serves(home: Home, domain: Domain) -> None:
    with memory(home) as service:
        for number in range(3):
            put(service, f"tmp/{number}", "x", domain)
    (log,) = (home.memory / domain).glob("memory-*.db")
    log.unlink()
    assert len(missed(home)) == 1
    with memory(home) as service:
        put(service, "tmp/new", "new", domain)
        assert value_of(service, "tmp/new") == "new"
        assert value_of(service, "tmp/1") is None
    (problem,) = check_memory(home, partial(load_key, home))
    assert "with it 3 current entries" in problem.message
    assert "a new one has its name" in problem.message


def test_a_log_that_was_written_anew_before_anybody_looked(home: Home, domain: Domain) -> None:
    with memory(home) as service:
        for number in range(3):
            put(service, f"tmp/{number}", "x", domain)
    next((home.memory / domain).glob("memory-*.db")).unlink()
    with memory(home) as service:
        put(service, "tmp/new", "new", domain)
    with memory(home) as service:
        assert (value_of(service, "tmp/new"), value_of(service, "tmp/1")) == ("new", None)
    assert [week for week, _ in missed(home)] == ["2026-W47"]


def test_a_removed_archive_is_missed(home: Home, domain: Domain, clock: SetClock) -> None:
    with memory(home, clock, hot_weeks=1) as service:
        service.archive()
    (home.memory / "archives" / domain / "2026-W48.db.gz").unlink()
    assert missed(home) == [("2026-W48", True)]


@pytest.mark.parametrize("step", ["unlinked", "dropped"])
def test_what_retention_deletes_is_not_missed(home: Home, domain: Domain, clock: SetClock, step: str) -> None:
    clock.now += WEEK
    with memory(home, clock, hot_weeks=1) as service:
        service.archive()
    assert archive_and_die(home, clock.now, step, 1) == -signal.SIGKILL
    assert not (home.memory / "archives" / domain / "2026-W47.db.gz").exists()
    assert missed(home) == []
    with memory(home, clock) as service:
        assert value_of(service, "tmp/0") is None
    assert missed(home) == []


def test_a_loss_outlives_a_damaged_log(home: Home, domain: Domain, clock: SetClock) -> None:
    (home.memory / domain / "memory-2026-W48.db").unlink()
    damaged = home.memory / domain / "memory-2026-W47.db"
    damaged.write_bytes(bytes(100) + damaged.read_bytes()[100:])
    problems = check_memory(home, partial(load_key, home))
    assert {problem.week: problem.trouble for problem in problems} == {
        "2026-W47": Trouble.DAMAGED,
        "2026-W48": Trouble.GONE,
    }
    repairs = repair_memory(home, partial(load_key, home))
    assert [(repair.action, repair.lost_keys) for repair in repairs] == [("salvaged", 0), ("forgotten", 1)]
    with memory(home, clock) as service:
        assert value_of(service, "tmp/0") == "0"


@pytest.mark.parametrize("told", [False, True])
def test_what_is_written_meanwhile_and_what_comes_back_are_both_kept(
    home: Home, domain: Domain, clock: SetClock, tmp_path: Path, told: bool
) -> None:
    log = home.memory / domain / "memory-2026-W48.db"
    take_away(log, tmp_path)
    if told:
        repair_memory(home, partial(load_key, home))
    with memory(home, clock) as service:
        put(service, "tmp/1", "meanwhile", domain)
    os.rename(tmp_path / log.name, log)
    with memory(home, clock) as service:
        assert [item.value for item in service.history("tmp/1")] == ["meanwhile", "1"]
        assert value_of(service, "tmp/1") == "meanwhile"
    assert missed(home) == []
