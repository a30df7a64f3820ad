"""The order of a run, against a model that looks at everything each time."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.dag.model import DagSpec, Policy, TaskSpec
from cis_tui.dag.schedule import Schedule, Step
from cis_tui.dag.views import RunStatus, TaskStatus

WELL = {TaskStatus.COMPLETED, TaskStatus.DEBT}
Shape = dict[str, tuple[str, ...]]


BADLY = {TaskStatus.FAILED, TaskStatus.DEBT}


def dag(
    shape: Mapping[str, tuple[str, ...]],
    policy: Policy = Policy.ALL_SUCCESS,
    handlers: Mapping[str, str] | None = None,
) -> DagSpec:
    called = handlers or {}
    return DagSpec(
        "x", tuple(TaskSpec(id, deps=deps, on_failure=called.get(id)) for id, deps in shape.items()), policy=policy
    )


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    size = draw(st.integers(1, 12))
    ids = [f"t{number}" for number in range(size)]
    shape = {
        id: tuple(draw(st.lists(st.sampled_from(ids[:place]), max_size=4))) if place else ()
        for place, id in enumerate(ids)
    }
    order = draw(st.permutations(ids))
    return {id: shape[id] for id in order}


@st.composite
def called(draw: st.DrawFn, shape: Shape) -> dict[str, str]:
    """For some tasks, one that runs after their failure; never a cycle: a task has a smaller number than what waits."""
    ids = sorted(shape, key=lambda name: int(name[1:]))
    pairs = draw(st.dictionaries(st.integers(0, len(ids) - 1), st.integers(0, len(ids) - 1), max_size=5))
    return {ids[one]: ids[other] for one, other in pairs.items() if one < other}


def is_released(id: str, shape: Shape, handlers: Mapping[str, str], ended: Mapping[str, TaskStatus]) -> bool:
    watched = [one for one, handler in handlers.items() if handler == id]
    deps_well = all(ended.get(dep) in WELL for dep in shape[id])
    return (
        id not in ended
        and deps_well
        and all(one in ended for one in watched)
        and (not watched or any(ended[one] in BADLY for one in watched))
    )


def model_release(shape: Shape, ended: Mapping[str, TaskStatus], handlers: Mapping[str, str] | None = None) -> set[str]:
    return {id for id in shape if is_released(id, shape, handlers or {}, ended)}


def is_rightly_skipped(id: str, shape: Shape, handlers: Mapping[str, str], ended: Mapping[str, TaskStatus]) -> bool:
    watched = [one for one, handler in handlers.items() if handler == id]
    unneeded = bool(watched) and all(one in ended and ended[one] not in BADLY for one in watched)
    return unneeded or any(dep in ended and ended[dep] not in WELL for dep in shape[id])


def with_skips(shape: Shape, handlers: Mapping[str, str], ended: Mapping[str, TaskStatus]) -> dict[str, TaskStatus]:
    """What has ended, with all that is never to start because of it, be that recorded or not."""
    known = dict(ended)
    while new := {id for id in shape if id not in known and is_rightly_skipped(id, shape, handlers, known)}:
        known |= dict.fromkeys(new, TaskStatus.SKIPPED)
    return known


@settings(deadline=None, max_examples=300)
@given(shapes(), st.sampled_from(Policy), st.data())
def test_against_the_model(shape: Shape, policy: Policy, data: st.DataObject) -> None:
    handlers = data.draw(called(shape))
    schedule = Schedule(dag(shape, policy, handlers))
    ended: dict[str, TaskStatus] = {}
    released: set[str] = set()

    def take(step: Step) -> bool:
        assert not released & set(step.ready), "released twice"
        released.update(step.ready)
        for id, reason in step.skipped:
            assert id not in released
            assert is_rightly_skipped(id, shape, handlers, ended)
            assert reason.startswith(("needs ", "runs only if "))
            ended[id] = TaskStatus.SKIPPED
        assert released == model_release(shape, ended, handlers) | (released & ended.keys())
        return step.finish is not None

    over = take(step := schedule.start())
    while not over:
        open_tasks = sorted(released - ended.keys())
        assert open_tasks, "nothing goes on and the run has not ended"
        some = data.draw(st.lists(st.sampled_from(open_tasks), min_size=1, unique=True))
        status = data.draw(
            st.sampled_from([TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.DEBT, TaskStatus.SKIPPED])
        )
        ended.update(dict.fromkeys(some, status))
        over = take(step := schedule.end(status, *some))
    aside = set(handlers.values())
    for id in sorted(shape, key=lambda name: int(name[1:])):
        aside |= {id} if aside.intersection(shape[id]) else set()
    leaves = shape.keys() - aside - {dep for id, deps in shape.items() if id not in aside for dep in deps}
    won = any(ended.get(leaf) is TaskStatus.COMPLETED for leaf in leaves)
    assert step.finish is not None
    if policy is Policy.FIRST_SUCCESS:
        assert (step.finish.status is RunStatus.COMPLETED) == won
    else:
        assert ended.keys() == shape.keys()
        assert (step.finish.status is RunStatus.FAILED) == (TaskStatus.FAILED in ended.values())


@settings(deadline=None, max_examples=100)
@given(shapes(), st.data())
def test_resumed_after_any_prefix_it_releases_exactly_what_is_left(shape: Shape, data: st.DataObject) -> None:
    handlers = data.draw(called(shape))
    first = Schedule(dag(shape, handlers=handlers))
    ended: dict[str, TaskStatus] = {}
    waiting = list(first.start().ready)
    for _ in range(data.draw(st.integers(0, len(shape)))):
        if not waiting:
            break
        task = waiting.pop(data.draw(st.integers(0, len(waiting) - 1)))
        ended[task] = data.draw(st.sampled_from([TaskStatus.COMPLETED, TaskStatus.COMPLETED, TaskStatus.FAILED]))
        step = first.end(ended[task], task)
        waiting += step.ready
        # A crash may come before what was to be skipped is recorded.
        if data.draw(st.booleans()):
            ended.update(dict.fromkeys((id for id, _ in step.skipped), TaskStatus.SKIPPED))
    resumed = Schedule(dag(shape, handlers=handlers), ended)
    step = resumed.start()
    assert set(step.ready) == model_release(shape, with_skips(shape, handlers, ended), handlers) == set(waiting)
    assert not {*step.ready, *(id for id, _ in step.skipped)} & ended.keys()
    left = list(step.ready)
    while left:
        step = resumed.end(TaskStatus.COMPLETED, left.pop())
        assert not ended.keys() & set(step.ready)
        left += step.ready
    assert step.finish is not None


def test_first_success_ends_with_the_first_last_task() -> None:
    schedule = Schedule(dag({"a": (), "b": (), "c": ("a",)}, Policy.FIRST_SUCCESS))
    schedule.start()
    assert schedule.end(TaskStatus.COMPLETED, "a").finish is None
    finish = schedule.end(TaskStatus.COMPLETED, "b").finish
    assert finish is not None
    assert finish.status is RunStatus.COMPLETED


def test_a_failure_names_the_task_and_spares_unrelated_ones() -> None:
    schedule = Schedule(dag({"a": (), "b": ("a",), "c": ("b",), "free": ()}))
    schedule.start()
    step = schedule.end(TaskStatus.FAILED, "a")
    assert step.skipped == (("b", "needs a, which failed"), ("c", "needs b, which was skipped"))
    assert step.finish is None
    finish = schedule.end(TaskStatus.COMPLETED, "free").finish
    assert finish is not None
    assert (finish.status, finish.error) == (RunStatus.FAILED, "a failed")


@settings(deadline=None, max_examples=200)
@given(shapes(), st.sampled_from([Policy.ALL_SUCCESS, Policy.ALLOW_DEBT]), st.data())
def test_what_becomes_of_each_task_does_not_depend_on_the_order(
    shape: Shape, policy: Policy, data: st.DataObject
) -> None:
    handlers = data.draw(called(shape))
    bad = TaskStatus.FAILED if policy is Policy.ALL_SUCCESS else TaskStatus.DEBT
    fate = {id: data.draw(st.sampled_from([TaskStatus.COMPLETED, bad])) for id in shape}

    def play() -> dict[str, TaskStatus]:
        schedule = Schedule(dag(shape, policy, handlers))
        step = schedule.start()
        open = list(step.ready)
        ended = dict.fromkeys((id for id, _ in step.skipped), TaskStatus.SKIPPED)
        while step.finish is None:
            id = open.pop(data.draw(st.integers(0, len(open) - 1)))
            ended[id] = fate[id]
            step = schedule.end(fate[id], id)
            open += step.ready
            ended.update(dict.fromkeys((id for id, _ in step.skipped), TaskStatus.SKIPPED))
        assert not open
        return ended

    assert play() == play()


HANDLED = dag({"a": (), "b": (), "h": (), "after": ("h",)}, handlers={"a": "h", "b": "h"})


def test_what_is_for_a_failure_waits_for_all_that_name_it() -> None:
    schedule = Schedule(HANDLED)
    assert set(schedule.start().ready) == {"a", "b"}
    assert schedule.end(TaskStatus.FAILED, "a") == Step()
    assert schedule.end(TaskStatus.COMPLETED, "b").ready == ("h",)
    assert schedule.end(TaskStatus.FAILED, "h").skipped == (("after", "needs h, which failed"),)


def test_a_failed_handler_is_named() -> None:
    schedule = Schedule(dag({"a": (), "h": ()}, handlers={"a": "h"}))
    schedule.start()
    schedule.end(TaskStatus.FAILED, "a")
    finish = schedule.end(TaskStatus.FAILED, "h").finish
    assert finish is not None
    assert (finish.status, finish.error) == (RunStatus.FAILED, "a failed; h, called for it, failed too")


def test_without_a_failure_it_is_skipped_and_so_is_what_needs_it() -> None:
    schedule = Schedule(HANDLED)
    schedule.start()
    step = schedule.end(TaskStatus.COMPLETED, "a", "b")
    assert step.skipped == (("h", "runs only if a or b failed"), ("after", "needs h, which was skipped"))
    assert step.finish is not None
    assert step.finish.status is RunStatus.COMPLETED


def test_a_handler_is_no_success() -> None:
    schedule = Schedule(dag({"a": (), "b": (), "h": ()}, Policy.FIRST_SUCCESS, {"a": "h"}))
    schedule.start()
    schedule.end(TaskStatus.FAILED, "a")
    assert schedule.end(TaskStatus.COMPLETED, "h").finish is None, "b may still succeed"
    finish = schedule.end(TaskStatus.COMPLETED, "b").finish
    assert finish is not None
    assert finish.status is RunStatus.COMPLETED


def test_an_empty_dag_is_complete_at_once() -> None:
    finish = Schedule(dag({})).start().finish
    assert finish is not None
    assert finish.status is RunStatus.COMPLETED


@pytest.mark.parametrize("size", [100])
def test_the_cost_grows_with_the_edges_only(size: int) -> None:
    """Ten times as many layers cost about ten times as much, not a hundred times."""

    def cost(layers: int) -> float:
        shape = {
            f"{layer}-{place}": tuple(f"{layer - 1}-{other}" for other in range(10)) if layer else ()
            for layer in range(layers)
            for place in range(10)
        }
        spec = dag(shape)
        began = time.process_time()
        schedule = Schedule(spec)
        left = list(schedule.start().ready)
        while left:
            left += schedule.end(TaskStatus.COMPLETED, left.pop()).ready
        return time.process_time() - began

    assert min(cost(10 * size) for _ in range(3)) < 40 * min(cost(size) for _ in range(3))
