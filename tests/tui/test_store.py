"""The model behind the screens, and the bridge that feeds it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from cis_tui.core.codec import encode
from cis_tui.core.events import Event
from cis_tui.dag.views import DecisionKind, DecisionStatus, RunStatus, TaskStatus
from cis_tui.tui.bridge import BATCH, Bridge
from cis_tui.tui.store import KEPT_ACTIVITY, KEPT_STATES, Store, as_run, summary_of
from tests.tui.helpers import NOW, ROOT, Story, decision, definition, half_way


def test_events_make_a_run_and_say_what_changed() -> None:
    store = Store(ROOT)
    story = half_way()
    changes = store.apply(story.events)
    assert [run.id for run in store.runs] == [story.run]
    assert ("5f3a9c21", "wheel") in changes.tasks
    assert changes.decisions
    state = store.run(story.run)
    assert state is not None and state.tasks["test"].attempts == 2
    assert store.runs[0].tasks_ended == 3


def test_the_most_urgent_decision_comes_first_and_held_ones_last() -> None:
    store = Store("")
    story = Story()
    story.asked(1, decision("wheel", DecisionKind.RECOMMENDED, deadline=None, remaining=3.0))
    story.asked(1, decision("publish", DecisionKind.CONFIRMED, left=300))
    store.apply(story.events)
    other = Story("beef").asked(2, decision("lint", DecisionKind.CONFIRMED, run="beef", left=20))
    store.apply(replace(event, seq=event.seq + 50) for event in other.events)
    assert [pending.task for pending in store.pending] == ["lint", "publish", "wheel"]


def test_an_answered_decision_is_not_pending() -> None:
    store = Store("")
    asked = decision("publish", DecisionKind.CONFIRMED)
    story = Story().asked(1, asked)
    store.apply(story.events)
    assert store.pending == [asked]
    store.take_decision(replace(asked, status=DecisionStatus.APPROVED))
    assert store.pending == []


def test_a_run_that_ended_asks_nothing_and_needs_no_clock() -> None:
    store = Store("")
    story = Story().asked(1, decision("publish", DecisionKind.CONFIRMED))
    store.apply(story.events)
    assert store.ticking
    story.at(2, "RunFailed", status="cancelled", error="")
    store.apply(story.events[-1:])
    assert not store.ticking
    assert store.pending == [] and store.active_runs == []
    assert store.runs[0].status is RunStatus.CANCELLED


def test_a_paused_run_is_not_active_until_it_is_resumed() -> None:
    store = Store("")
    story = half_way()
    view = replace(story.state.view(), status=RunStatus.PAUSED, interrupted=True)
    store.load_run(view, [decision("wheel", DecisionKind.RECOMMENDED)])
    assert store.runs[0].status is RunStatus.PAUSED
    assert store.active_runs == [] and store.pending == [] and not store.ticking
    story.at(20, "RunStarted", resumed=True)
    store.apply(story.events[-1:])
    assert [run.status for run in store.active_runs] == [RunStatus.RUNNING]


def test_a_run_that_a_person_paused_still_asks_and_goes_on() -> None:
    store = Store("")
    story = half_way()
    store.load_run(story.state.view(), [decision("wheel", DecisionKind.RECOMMENDED)])
    story.at(20, "RunPaused", by="did:key:z6Mk")
    store.apply(story.events[-1:])
    assert [run.status for run in store.active_runs] == [RunStatus.PAUSED]
    assert len(store.pending) == 1
    story.at(21, "RunResumed", by="did:key:z6Mk")
    store.apply(story.events[-1:])
    assert [run.status for run in store.active_runs] == [RunStatus.RUNNING]


def test_only_the_open_projects_runs_are_listed_unless_they_still_go_on() -> None:
    store = Store("/projects/other")
    story = half_way()
    store.apply(story.events)
    assert [run.id for run in store.runs] == [story.run]
    story.at(30, "RunCompleted", status="completed")
    store.apply(story.events[-1:])
    assert store.runs == []


def test_an_older_answer_does_not_undo_newer_events() -> None:
    store = Store("")
    story = half_way()
    old = Story().state.view()
    store.apply(story.events)
    assert store.load_run(old).tasks["lint"].status is TaskStatus.COMPLETED


def test_a_run_that_nobody_told_of_is_to_be_read() -> None:
    changes = Store("").apply([Event(5, NOW, "TaskStarted", {"run": "unheard", "task": "x"})])
    assert changes.unknown == {"unheard"}


def test_activity_is_bounded_and_says_what_it_lost() -> None:
    store = Store("")
    store.apply(Event(seq, NOW, "MemorySet", {"key": "k"}) for seq in range(KEPT_ACTIVITY + 7))
    assert len(store.activity) == KEPT_ACTIVITY
    assert store.activity_dropped == 7
    store.apply([Event(9999, NOW, "TaskOutput", {"run": "r", "task": "t", "text": "x"})])
    assert store.activity_dropped == 7


def test_of_many_runs_only_the_tasks_of_the_last_are_kept() -> None:
    store = Store("")
    runs = [f"run-{number:02d}" for number in range(KEPT_STATES + 5)]
    for run in runs:
        store.apply(Story(run).at(30, "RunCompleted", status="completed").events)
    assert [run for run in runs if store.run(run) is not None] == runs[-KEPT_STATES:]
    assert len(store.runs) == len(runs), "one can still choose them"
    store.load_run(Story(runs[0]).at(30, "RunCompleted", status="completed").state.view())
    assert store.run(runs[0]) is not None
    assert not any("tasks" in event.data for event in store.activity)


def test_a_definition_is_drawn_as_a_run_that_has_not_begun() -> None:
    run = as_run(definition("release"))
    assert {task.status for task in run.tasks.values()} == {TaskStatus.PENDING}
    assert summary_of(run).tasks_ended == 0


class Later:
    """Calls that wait for their time."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, Callable[[], None]]] = []

    def __call__(self, delay: float, call: Callable[[], None]) -> None:
        self.calls.append((delay, call))

    def pass_time(self) -> None:
        waiting, self.calls = self.calls, []
        for _, call in waiting:
            call()


def event(seq: int, type: str = "TaskStarted", task: str = "t") -> Event:
    return Event(seq, NOW, type, {"run": "r", "task": task})


def test_events_are_gathered_and_delivered_in_order() -> None:
    got: list[Sequence[Event]] = []
    later = Later()
    bridge = Bridge(got.append, later)
    for seq in range(5):
        bridge.put(event(seq))
    assert got == [] and len(later.calls) == 1
    later.pass_time()
    assert [[one.seq for one in batch] for batch in got] == [[0, 1, 2, 3, 4]]
    assert later.calls == [], "an idle bridge keeps no timer"


def test_a_flood_of_output_is_one_mark_a_task_and_drops_nothing_else() -> None:
    got: list[Sequence[Event]] = []
    later = Later()
    bridge = Bridge(got.append, later)
    for seq in range(0, 100_000, 2):
        bridge.put(event(seq, "TaskOutput", f"t{seq % 3}"))
    bridge.put(event(100_001, "DecisionRequested"))
    later.pass_time()
    assert [one.type for one in got[0]] == ["TaskOutput"] * 3 + ["DecisionRequested"]


def test_output_after_a_delivery_is_told_again() -> None:
    got: list[Sequence[Event]] = []
    later = Later()
    bridge = Bridge(got.append, later)
    bridge.put(event(1, "TaskOutput"))
    later.pass_time()
    bridge.put(event(2, "TaskOutput"))
    later.pass_time()
    assert len(got) == 2


def test_many_events_come_in_portions_without_a_wait_between() -> None:
    got: list[Sequence[Event]] = []
    later = Later()
    bridge = Bridge(got.append, later)
    for seq in range(BATCH * 2 + 10):
        bridge.put(event(seq))
    later.pass_time()
    assert [delay for delay, _ in later.calls] == [0]
    later.pass_time()
    later.pass_time()
    assert [len(batch) for batch in got] == [BATCH, BATCH, 10]
    assert [one.seq for batch in got for one in batch] == list(range(BATCH * 2 + 10))


def test_what_waits_is_forgotten_with_its_engine() -> None:
    got: list[Sequence[Event]] = []
    later = Later()
    bridge = Bridge(got.append, later)
    bridge.put(event(1))
    bridge.clear()
    later.pass_time()
    assert got == []
    bridge.put(event(2))
    later.pass_time()
    assert [one.seq for one in got[0]] == [2]


def test_a_decision_that_is_asked_again_after_a_hold_takes_the_place_of_the_first() -> None:
    store = Store("")
    first = decision("wheel", DecisionKind.RECOMMENDED)
    held = replace(first, deadline=None, remaining=9.0)
    store.apply(Story().asked(1, first).asked(2, held).events)
    assert store.pending == [held]
    assert encode(held) != encode(first)


def test_what_happened_before_one_came_is_listed_once_and_pushes_nothing_out() -> None:
    store = Store("")
    store.apply([Event(12, NOW, "MemorySet", {"key": "new"})])
    earlier = [Event(number, NOW, "MemorySet", {"key": str(number)}) for number in (3, 7, 10, 12, 14)]
    store.take_earlier(earlier, until=10)
    assert [event.seq for event in store.activity] == [3, 7, 10, 12]
    store.take_earlier(earlier, until=10)
    assert [event.seq for event in store.activity] == [3, 7, 10, 12]
    store.apply(Event(20 + number, NOW, "MemorySet", {}) for number in range(KEPT_ACTIVITY - 5))
    store.take_earlier([Event(1, NOW, "Error"), Event(2, NOW, "Error")], until=10)
    assert (store.activity[0].seq, len(store.activity), store.activity_dropped) == (2, KEPT_ACTIVITY, 0)
