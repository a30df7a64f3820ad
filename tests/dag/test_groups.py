"""Schedules within schedules: whatever the DAG, every task ends exactly once and in its order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from zlib import crc32

from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.dag.calls import Calls
from cis_tui.dag.expansion import Expansion
from cis_tui.dag.groups import Group, Groups
from cis_tui.dag.model import DagSpec, Policy, TaskSpec
from cis_tui.dag.record import RunRecord
from cis_tui.dag.schedule import Finish, Step
from cis_tui.dag.views import RunStatus, TaskStatus

POLICIES = st.sampled_from([Policy.ALL_SUCCESS, Policy.ALLOW_DEBT])
WELL = (TaskStatus.COMPLETED, TaskStatus.DEBT)


@st.composite
def dags(draw: st.DrawFn, name: str, others: tuple[str, ...]) -> DagSpec:
    """A DAG whose tasks may stand for `others`, for lists, or for both, and may be called after a failure."""
    size = draw(st.integers(1, 5))
    tasks: list[TaskSpec] = []
    for number in range(size):
        deps = draw(st.sets(st.integers(0, number - 1), max_size=2)) if number else set[int]()
        task = TaskSpec(f"{name}{number}", deps=tuple(f"{name}{dep}" for dep in sorted(deps)), command="x")
        if draw(st.booleans()) and number < size - 1:
            task = replace(task, on_failure=f"{name}{draw(st.integers(number + 1, size - 1))}")
        kind = draw(st.sampled_from(["plain", "plain", "list", "dag", "both"]))
        if kind in ("list", "both"):
            task = replace(task, for_each=tuple(range(draw(st.integers(0, 3)))))
        if kind in ("dag", "both") and others:
            task = replace(task, dag=draw(st.sampled_from(others)), command=None)
        tasks.append(task)
    return DagSpec(name, tuple(tasks), policy=draw(POLICIES))


@st.composite
def nested_dags(draw: st.DrawFn) -> DagSpec:
    leaf = draw(dags("leaf", ()))
    middle = draw(dags("middle", ("leaf",)))
    return replace(draw(dags("top", ("middle", "leaf"))), dags={"middle": middle, "leaf": leaf})


@dataclass
class Play:
    """What the runner does, without doing it: in any order, with any outcome."""

    groups: Groups
    luck: int
    """Which of the tasks fail."""
    ready: list[str] = field(default_factory=list[str])
    ended: dict[str, TaskStatus] = field(default_factory=dict[str, TaskStatus])
    finish: Finish | None = None

    def follow(self, group: Group, step: Step) -> None:
        for id in step.ready:
            self.check_order(id)
            assert id not in self.ready
        self.ready += step.ready
        for id, _ in step.skipped:
            self.end_once(id, TaskStatus.SKIPPED)
        if step.finish is None:
            return
        if group.task is None:
            self.finish = step.finish
            return
        status = TaskStatus.COMPLETED if step.finish.status is RunStatus.COMPLETED else TaskStatus.FAILED
        if status is TaskStatus.FAILED and self.groups.of(group.task.id).spec.policy is Policy.ALLOW_DEBT:
            status = TaskStatus.DEBT
        assert all(each.id in self.ended for each in group.spec.tasks)
        self.end(group.task.id, status)

    def end(self, id: str, status: TaskStatus) -> None:
        self.end_once(id, status)
        group = self.groups.of(id)
        self.follow(group, group.schedule.end(status, id))

    def end_once(self, id: str, status: TaskStatus) -> None:
        assert id not in self.ended
        self.ended[id] = status

    def check_order(self, id: str) -> None:
        task = self.groups.tasks[id]
        assert all(self.ended.get(dep) in WELL for dep in task.deps), f"{id} before one of its deps"
        above = self.groups.of(id).task
        assert above is None or (above.id in self.ready or above.id not in self.ended)

    def work(self, id: str) -> None:
        """A task that is ready runs, or becomes those for which it stands."""
        task = self.groups.tasks[id]
        if not task.stands_for_others:
            policy = self.groups.of(id).spec.policy
            bad = TaskStatus.DEBT if policy is Policy.ALLOW_DEBT else TaskStatus.FAILED
            self.end(id, bad if crc32(id.encode()) % 4 == self.luck else TaskStatus.COMPLETED)
            return
        items = tuple(range(len(task.for_each))) if isinstance(task.for_each, tuple) else None
        group = self.groups.open(task, Expansion(items))
        self.follow(group, group.schedule.start())


def play(spec: DagSpec, luck: int, choose: st.DataObject) -> Play:
    calls = Calls(RunRecord("r", spec), {}, lambda key: None)
    it = Play(Groups(spec, calls, {}, max_parallel=None), luck)
    it.follow(it.groups.root, it.groups.root.schedule.start())
    while it.ready and it.finish is None:
        it.work(it.ready.pop(choose.draw(st.integers(0, len(it.ready) - 1))))
    return it


@settings(deadline=None, max_examples=200)
@given(nested_dags(), st.integers(0, 4), st.data())
def test_every_task_ends_once_in_its_order_and_the_order_of_work_changes_nothing(
    spec: DagSpec, luck: int, data: st.DataObject
) -> None:
    one, other = play(spec, luck, data), play(spec, luck, data)
    for it in (one, other):
        assert it.finish is not None
        assert it.ended.keys() == it.groups.tasks.keys()
    assert one.ended == other.ended
    assert one.finish is not None
    assert other.finish is not None
    assert one.finish.status is other.finish.status


def test_who_works_on_a_group_is_found_from_below() -> None:
    inner = DagSpec("inner", (TaskSpec("a", dag="leaf"),))
    leaf = DagSpec("leaf", (TaskSpec("x"),))
    spec = DagSpec("top", (TaskSpec("t", dag="inner"), TaskSpec("u")), dags={"inner": inner, "leaf": leaf})
    groups = Groups(spec, Calls(RunRecord("r", spec), {}, lambda key: None), {}, max_parallel=2)
    middle = groups.open(groups.tasks["t"], Expansion())
    low = groups.open(groups.tasks["t/a"], Expansion())
    assert [low.lies_in(each) for each in (groups.root, middle, low)] == [True, True, True]
    assert not middle.lies_in(low)
    assert set(groups.inside(middle)) == {"t/a", "t/a/x"}
    groups.shut(middle)
    assert (groups.root.closed, middle.closed, low.closed) == (False, True, True)
    assert len(low.slots) == 1
