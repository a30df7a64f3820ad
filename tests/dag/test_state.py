"""The state of a run is a fold over its events: any part of it can be taken up later."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.clock import Instant
from cis_tui.core.events import Event, EventType
from cis_tui.dag.begin import run_resumed, run_started, task_views
from cis_tui.dag.model import DagSpec, Level, LevelKind, TaskSpec
from cis_tui.dag.state import RunState
from cis_tui.dag.views import RunStatus, TaskStatus

STARTED = {"run": "r", "dag": "d", "policy": "all_success"}


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["start", "complete", "fail", "retry", "skip"]))))
def test_a_state_folded_in_two_halves_is_the_state_folded_whole(changes: list[tuple[str, str]]) -> None:
    views = [{"id": id, "status": "pending", "level": "mechanical"} for id in "ab"]
    events = [Event(1, Instant(0), EventType.RUN_STARTED, {**STARTED, "tasks": views})]
    types = {
        "start": EventType.TASK_STARTED,
        "complete": EventType.TASK_COMPLETED,
        "fail": EventType.TASK_FAILED,
        "retry": EventType.TASK_RETRIED,
        "skip": EventType.TASK_SKIPPED,
    }
    for number, (task, change) in enumerate(changes, 2):
        events.append(Event(number, Instant(number), types[change], {"run": "r", "task": task, "attempt": number}))
    whole = RunState.from_events(events)
    half = RunState.from_events(events[: len(events) // 2 + 1])
    assert whole is not None
    assert half is not None
    resumed = RunState.from_view(half.view())
    for event in events:  # those that the view includes change nothing
        resumed.apply(event)
    assert resumed.view() == whole.view()


def fold(*events: tuple[EventType, dict[str, object]]) -> RunState:
    state = RunState.from_events(
        Event(number, Instant(number), type, {"run": "r", **data}) for number, (type, data) in enumerate(events, 1)
    )
    assert state is not None
    return state


def test_a_new_run_shows_its_definition() -> None:
    spec = DagSpec("d", (TaskSpec("a", name="A"), TaskSpec("b", deps=("a",), level=Level(LevelKind.CONFIRMED))))
    state = fold((EventType.RUN_STARTED, run_started("r", spec, "/p", {"n": 1})))
    assert tuple(state.tasks.values()) == task_views(spec)
    assert (state.project, state.params, state.status) == ("/p", {"n": 1}, RunStatus.RUNNING)


def test_a_resumed_run_begins_anew_with_what_did_not_end_well() -> None:
    spec = DagSpec("d", (TaskSpec("a"), TaskSpec("b")))
    state = fold(
        (EventType.RUN_STARTED, run_started("r", spec, "", {})),
        (EventType.TASK_COMPLETED, {"task": "a", "output": "kept"}),
        (EventType.TASK_STARTED, {"task": "b", "attempt": 1}),
        (EventType.TASK_FAILED, {"task": "b", "exit_code": 1, "error": "exit code 1", "output": "oh"}),
        (EventType.RUN_FAILED, {"status": "failed", "error": "b failed"}),
        (EventType.RUN_STARTED, run_resumed("r", ["b"])),
    )
    assert (state.status, state.error, state.ended_at) == (RunStatus.RUNNING, "", None)
    assert state.tasks["a"].output == "kept"
    again = state.tasks["b"]
    assert (again.status, again.attempts, again.error, again.output) == (TaskStatus.PENDING, 1, "", "")
