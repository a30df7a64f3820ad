"""Time limits count the time for which a run is worked on, over pauses and ends of engines."""

from __future__ import annotations

from pathlib import Path

from cis_tui.core.clock import Instant
from cis_tui.core.events import Event, EventType
from cis_tui.dag.model import Level, LevelKind
from cis_tui.dag.timing import Stopwatch, Worked
from cis_tui.dag.views import RunStatus
from tests.dag.lab import open_lab, shell

WAIT = "until test -e go; do sleep 0.02; done"
CONFIRMED = Level(LevelKind.CONFIRMED, timeout=60)


def test_pauses_and_ends_of_engines_do_not_count() -> None:
    worked = Worked()
    story = [
        (100, EventType.RUN_STARTED, ""),
        (103, EventType.TASK_STARTED, "a"),
        (105, EventType.RUN_PAUSED, ""),
        (150, EventType.TASK_COMPLETED, "a"),
        (200, EventType.RUN_RESUMED, ""),
        (201, EventType.TASK_EXPANDED, "b"),
        (203, EventType.TASK_STARTED, "b[0]"),
        (900, EventType.RUN_STARTED, ""),  # of the next engine
        (904, EventType.TASK_STARTED, "a"),
    ]
    for number, (at, type, task) in enumerate(story):
        worked.apply(Event(number, Instant(at), type, {"run": "r", **({"task": task} if task else {})}))
    assert worked.seconds == 5 + 3 + 4
    assert worked.began == {"a": 3, "b": 6, "b[0]": 8}


def test_a_stopwatch_goes_on_where_it_was_left() -> None:
    watch = Stopwatch(1000.0, seconds=40.0, began={"a": 10.0})
    assert watch.left(1005.0, "", 60.0) == 15.0
    assert watch.left(1005.0, "a", 60.0) == 25.0
    assert watch.left(1005.0, "fresh", 60.0) == 60.0
    watch.stop(1006.0)
    assert watch.left(2000.0, "fresh", 60.0) == 59.0
    watch.go_on(2000.0)
    assert watch.left(2100.0, "a", 60.0) == 0.0


async def test_a_resumed_run_has_what_was_left_of_its_time(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(
            shell("first", "sleep 1.5"),
            shell("then", "echo started; sleep 30", "first", idempotent=True),
            shell("all", "sleep 30", idempotent=True, total_timeout=20),
            timeout=3,
        )
        await lab.running("then")
    async with open_lab(tmp_path) as lab:
        state = lab.runs.history.show(run)
        assert state.status is RunStatus.PAUSED
        await lab.runs.resume(run)
        ended = await lab.ended(run)
        assert ended.error == "it took longer than 3 s"
        (again,) = [event for event in lab.events if event.type == EventType.RUN_STARTED]
        assert ended.ended_at is not None
        assert ended.ended_at - again.at < 2.5, "not a whole new limit"
        view = await lab.runs.resume(run)
        assert view.status is RunStatus.RUNNING, "a run that had ended begins with a whole one"
        await lab.runs.cancel(run)


async def test_a_pause_stops_the_time_of_a_run(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("ask", "true", level=CONFIRMED), timeout=1.5)
        decision = await lab.decision("ask")
        await lab.runs.pause(run)
        other = await lab.run(shell("t", "sleep 1.6"))
        assert other.status is RunStatus.COMPLETED
        assert lab.runs.history.show(run).status is RunStatus.PAUSED
        await lab.runs.resume(run)
        await lab.runs.decisions.approve(decision.id)
        assert (await lab.ended(run)).status is RunStatus.COMPLETED
