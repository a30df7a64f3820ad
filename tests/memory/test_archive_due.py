"""When the archive runs, and for which weeks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.clock import Instant, iso_week
from cis_tui.core.errors import Unavailable
from cis_tui.memory.archive_due import LOOK, Schedule, due, is_week, next_trigger
from cis_tui.memory.records import ArchiveReport, Domain
from cis_tui.memory.weekly import WeeklyArchive

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1))


@settings(deadline=None)
@given(MOMENTS)
def test_the_trigger_is_the_next_sunday_at_23_59(now: datetime) -> None:
    trigger = next_trigger(now)
    assert (trigger.isoweekday(), trigger.hour, trigger.minute, trigger.second) == (7, 23, 59, 0)
    assert timedelta(0) < trigger - now <= timedelta(weeks=1)


def test_the_trigger_around_itself() -> None:
    at = datetime(2026, 11, 22, 23, 59)
    assert next_trigger(at - timedelta(seconds=1)) == at
    assert next_trigger(at) == at + timedelta(weeks=1)


@settings(deadline=None)
@given(MOMENTS, st.lists(st.timedeltas(timedelta(days=-30), timedelta(days=60)), max_size=40))
def test_it_fires_once_for_each_trigger_wherever_the_clock_is_set(start: datetime, steps: list[timedelta]) -> None:
    schedule = Schedule(start)
    seen = {next_trigger(start) - timedelta(weeks=1)}
    now = start
    for step in steps:
        now += step
        latest = next_trigger(now) - timedelta(weeks=1)
        assert schedule.fires(now) == (latest not in seen)
        assert not schedule.fires(now)
        seen.add(latest)
        assert 0 < schedule.wait(now) <= LOOK


def test_weeks_that_left_the_hot_window_are_due() -> None:
    logs = ["2026-W52", "2026-W53", "2027-W01", "2027-W02", "2027-W03", "2031-W01", "notes"]
    assert due(logs, [], current="2027-W03", hot_weeks=4) == ["2026-W52"]
    assert due(logs, [], current="2027-W03", hot_weeks=1) == logs[:4]
    assert due(logs, [], current="2026-W52", hot_weeks=4) == []
    assert due(logs, ["2027-W02"], current="2027-W03", hot_weeks=4) == ["2026-W52", "2027-W02"], (
        "not brought to its end"
    )


@settings(deadline=None)
@given(st.floats(0, 4e9))
def test_every_week_of_the_calendar_is_a_week(moment: float) -> None:
    assert is_week(iso_week(Instant(moment)))


@settings(deadline=None)
@given(st.text(max_size=12))
def test_little_else_is_a_week(text: str) -> None:
    assert not is_week(text) or (len(text) == 8 and text[4:6] == "-W")


FULL = Unavailable("CIS-MEM-062", "the disk is full")


class Machine:
    """A wall clock whose pauses pass at once, and an archive that notes when it was asked."""

    def __init__(
        self,
        *,
        sleeps: Sequence[float] = (),
        answers: Sequence[bool] = (),
        failure: Exception = FULL,
    ) -> None:
        self.failure = failure
        self.now = datetime(2026, 11, 18, 12, 0).timestamp()
        self.runs: list[datetime] = []
        self.pauses = 0
        self.sleeps = dict(enumerate(sleeps))
        self.answers = dict(enumerate(answers))
        self.until = self.now + 21 * 86400

    def clock(self) -> Instant:
        return Instant(self.now)

    async def pause(self, seconds: float) -> None:
        self.now += seconds + self.sleeps.get(self.pauses, 0)
        self.pauses += 1
        if self.now > self.until:
            await self.weekly.stop()

    def archive(self, week: str = "", *, cancelled: Callable[[], bool]) -> Sequence[ArchiveReport]:
        number = len(self.runs)
        self.runs.append(datetime.fromtimestamp(self.now))
        if self.answers.get(number):
            return (ArchiveReport("2026-W40", Domain.PRIVATE, waiting="private memory is locked"),)
        if number in self.answers:
            raise self.failure
        return ()

    async def live(self) -> list[datetime]:
        """The local times at which the archive was asked in three weeks."""
        self.weekly = WeeklyArchive(self.archive, self.clock, pause=self.pause)
        await self.weekly.run()
        return self.runs


async def test_it_runs_at_the_start_and_on_every_sunday() -> None:
    runs = await Machine().live()
    sundays = [datetime(2026, 11, 22, 23, 59) + timedelta(weeks=number) for number in range(3)]
    assert runs == [datetime(2026, 11, 18, 12, 0), *sundays]


async def test_a_machine_that_slept_runs_once_when_it_wakes() -> None:
    runs = await Machine(sleeps=[0, 0, 15 * 86400]).live()
    assert runs[1] == datetime(2026, 12, 3, 15, 0)
    assert runs[2:] == [datetime(2026, 12, 6, 23, 59)]


@pytest.mark.parametrize("failure", [FULL, OSError("what nobody expects")])
async def test_what_had_to_wait_is_tried_again_within_the_hour(failure: Exception) -> None:
    runs = await Machine(answers=[True, False], failure=failure).live()
    assert [run - runs[0] for run in runs[1:3]] == [timedelta(hours=1), timedelta(hours=2)]
    assert runs[3] == datetime(2026, 11, 22, 23, 59)
