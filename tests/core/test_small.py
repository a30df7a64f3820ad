"""Time, waiting, paths, errors and the event bus."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_tui.core.clock import Instant, iso_week
from cis_tui.core.errors import Exit, Invalid, NotFound, Refused, Unavailable, error_from_wire, error_to_wire
from cis_tui.core.events import Event, EventBus
from cis_tui.core.latest import Latest
from cis_tui.core.lock import engine_live, take_lock
from cis_tui.core.paths import Home, find_project, private_dir, shipped, write_private
from cis_tui.core.retry import Retry


@given(st.integers(0, 4_000_000_000_000))
def test_a_moment_survives_its_text(milliseconds: int) -> None:
    moment = Instant(milliseconds / 1000)
    assert Instant.parse(moment.iso()) == pytest.approx(moment, abs=0.001)  # pyright: ignore[reportUnknownMemberType]


@pytest.mark.parametrize(
    ("day", "week"),
    [("2026-11-23", "2026-W48"), ("2026-01-01", "2026-W01"), ("2027-01-03", "2026-W53"), ("2024-12-30", "2025-W01")],
)
def test_weeks_are_those_of_iso(day: str, week: str) -> None:
    assert iso_week(Instant.parse(f"{day}T12:00:00Z")) == week


def test_a_table_keeps_what_was_set_last() -> None:
    table: Latest[int, str] = Latest(3)
    for number in (1, 2, 3, 1, 4):
        table[number] = str(number)
    assert list(table) == [3, 1, 4]


@given(st.integers(1, 1000), st.floats(0, 1))
def test_a_wait_grows_up_to_its_cap(failed: int, chance: float) -> None:
    retry = Retry(max=3, backoff=1.0, factor=2.0, max_delay=30.0)
    wait = retry.delay(failed, chance=chance)
    full = min(2.0 ** min(failed - 1, 64), 30.0)
    assert full / 2 <= wait <= full


def test_an_error_keeps_its_kind_over_the_wire() -> None:
    error = NotFound("CIS-DAG-002", "no such DAG", hint="look", context={"name": "x"})
    again = error_from_wire(error_to_wire(error))
    assert type(again) is NotFound
    assert again.to_json() == error.to_json()
    assert again.exit == Exit.NOT_FOUND
    assert type(error_from_wire(error_to_wire(Invalid("a", "b")))) is Invalid
    assert error_from_wire({"exit": "nonsense"}).exit == Exit.FAILED


def test_a_project_is_found_from_below(tmp_path: Path) -> None:
    (tmp_path / "p" / ".cis").mkdir(parents=True)
    (tmp_path / "p" / ".cis" / "project.toml").write_text("")
    (tmp_path / "p" / "a" / "b").mkdir(parents=True)
    assert find_project(tmp_path / "p" / "a" / "b") == tmp_path / "p"
    assert find_project(tmp_path) is None


def test_a_private_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write_private(path, b"one")
    write_private(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [child.name for child in path.parent.iterdir()] == ["file"]


def test_a_folder_of_something_else_is_not_taken_for_a_home(tmp_path: Path) -> None:
    used = tmp_path / "used"
    used.mkdir(mode=0o755)
    (used / "letter.txt").write_text("mine")
    with pytest.raises(Refused, match="no CIS home"):
        Home(used).ensure()
    assert used.stat().st_mode & 0o777 == 0o755
    (used / "letter.txt").rename(used / "config.toml")
    assert Home(used).ensure().root.stat().st_mode & 0o777 == 0o700


def test_a_private_folder_is_private_from_its_first_new_part_on(tmp_path: Path) -> None:
    private_dir(tmp_path / "a" / "b")
    assert {(tmp_path / part).stat().st_mode & 0o777 for part in ("a", "a/b")} == {0o700}


def test_the_program_brings_its_themes() -> None:
    assert list(shipped("themes").glob("*.toml"))
    assert (shipped(".cis") / "dags" / "tour.toml").is_file()


def test_one_engine_a_home(home: Home) -> None:
    assert not engine_live(home)
    lock = take_lock(home)
    assert engine_live(home)
    with pytest.raises(Unavailable, match="another engine is live"):
        take_lock(home)
    os.close(lock)
    assert not engine_live(home)


def test_a_late_subscriber_gets_what_it_missed_and_no_more() -> None:
    bus = EventBus(keep=3)
    bus.publish(Event(seq, Instant(0), "TaskReady") for seq in range(1, 6))
    seen: list[int] = []
    unsubscribe = bus.subscribe(lambda event: seen.append(event.seq), since=3)
    bus.publish([Event(6, Instant(0), "TaskReady")])
    unsubscribe()
    bus.publish([Event(7, Instant(0), "TaskReady")])
    assert seen == [4, 5, 6]
    assert bus.kept_since == 4
