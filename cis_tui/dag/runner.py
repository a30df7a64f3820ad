"""Works on one run: starts what is ready, waits for people and processes, and records every step before its effect."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import replace

from cis_tui.core.errors import CisError, Invalid, Refused
from cis_tui.core.events import EventType
from cis_tui.core.text import clean_line
from cis_tui.dag import endings
from cis_tui.dag.asking import Asking
from cis_tui.dag.attempt import Outcome
from cis_tui.dag.attempts import Attempts
from cis_tui.dag.begin import task_expanded, task_views
from cis_tui.dag.calls import Call, Calls, passes
from cis_tui.dag.carried import Carried
from cis_tui.dag.editing import edited, standing
from cis_tui.dag.executors.opening import RunExecutors
from cis_tui.dag.expansion import Expansion, gathered, lesser
from cis_tui.dag.gate import Gate
from cis_tui.dag.groups import Group, Groups
from cis_tui.dag.journal import Change
from cis_tui.dag.model import Policy, TaskSpec
from cis_tui.dag.record import RunRecord
from cis_tui.dag.schedule import Finish, Step
from cis_tui.dag.scheduled import Due
from cis_tui.dag.tools import Tools
from cis_tui.dag.verdicts import Consequence, consequence, explain
from cis_tui.dag.views import Decision, RunStatus, TaskStatus
from cis_tui.dag.works import Works

LOST_AGAIN = 2
"""How often an idempotent task is run again at least, when who carried it out was lost; it may be what kills them."""


class Runner:
    """One run, from its start or resumption to its end."""

    def __init__(
        self,
        record: RunRecord,
        calls: Calls,
        tools: Tools,
        executors: RunExecutors,
        *,
        carried: Carried | None = None,
        due: Due | None = None,
    ) -> None:
        """`carried`: what was known when the run is resumed. `due`: when its tasks may begin."""
        self.record = record
        self.calls = calls
        self.executors = executors
        self._tools = tools
        self._journal = tools.journal
        self._carried = carried or Carried()
        limit = lesser(record.spec.max_parallel, record.max_parallel)
        self._groups = Groups(record.spec, calls, self._carried.ended, max_parallel=limit)
        self._gate = Gate(worked=self._carried.worked, began=self._carried.began)
        self._due = due
        self._attempts = Attempts(record, self._groups, tools, executors.main, self._gate, self._carried.kept)
        self._asking = Asking(record, self._carried, tools.decisions)
        self._facts: dict[str, Mapping[str, object]] = dict(self._carried.facts)
        self._known = set(self._carried.ended)
        """The tasks whose outcome is on its way to the journal, or there."""
        self._over: asyncio.Future[Finish | None] = asyncio.get_running_loop().create_future()
        self.rolls_back = False
        """Whether the run has ended such that what it did is to be taken back, which is recorded."""
        self._works = Works(self._break_off)

    async def drive(self) -> None:
        """Work until the run has ended or is stopped; then nothing of it goes on.

        Raises:
            CisError: the journal cannot be written; the run can be resumed.
        """
        finish: Finish | None = None
        changes: list[Change] = []
        root = self._groups.root
        self._set_timer(root)
        self._works.begin(self._follow(root, root.schedule.start()), root)
        try:
            finish = await self._over
        finally:
            if finish is None:
                self._tools.decisions.drop(self.record.id)
            else:
                changes = self._tools.decisions.supersede(self.record.id)
            await self._end_all(root)
        if finish is not None:
            await self._conclude(finish, changes)

    def stop(self, finish: Finish | None) -> None:
        """End the run with `finish`; with None leave it as it is, to be resumed."""
        if not self._over.done():
            self._over.set_result(finish)

    @property
    def resting(self) -> bool:
        """Whether it waits for its time, and for nothing else."""
        return self._due is not None and self._due.resting

    # What a person does with it

    async def pause(self, by: str) -> None:
        """Let nothing start any more: what runs goes on to its end, countdowns are held. Recorded when this returns.

        Raises:
            Unavailable: the journal cannot be written; the run goes on.
        """
        if not self._gate.is_open:
            return
        self._gate.close()
        self._groups.stop_timers()
        held = self._tools.decisions.hold_all(self.record.id)
        try:
            await self._journal.record_all([(EventType.RUN_PAUSED, {"run": self.record.id, "by": by}), *held])
        except CisError:
            self._tools.decisions.release_all(self.record.id)
            self._open_gate()
            raise

    async def go_on(self, by: str) -> None:
        """Let tasks start again after a pause.

        Raises:
            Unavailable: the journal cannot be written; the run stays paused.
        """
        if self._gate.is_open:
            return
        resumed: Change = (EventType.RUN_RESUMED, {"run": self.record.id, "by": by})
        counting = self._tools.decisions.release_all(self.record.id)
        try:
            await self._journal.record_all([resumed, *counting])
        except CisError:
            self._tools.decisions.hold_all(self.record.id)
            raise
        self._open_gate()

    def _open_gate(self) -> None:
        self._gate.open()
        for group in self._groups.all():
            self._set_timer(group)

    async def cancel(self, id: str, reason: str) -> None:
        """End one task, with all for which it stands, as cancelled: for what needs it, and for the policy, it failed.

        It is not tried again. Its processes have ended, and that is recorded, when this returns.

        Raises:
            Refused: it has ended (CIS-DAG-181).
            Unavailable: the journal cannot be written.
        """
        group = self._groups.standing(id)
        if id in self._known or self._groups.of(id).closed or (group is not None and group.closed):
            raise Refused("CIS-DAG-181", f'the task "{id}" has ended, or is ending')
        if group is not None:
            group.closed = True
            await self._end_all(group)
        await self._works.end_about(id)
        if id in self._known or self._over.done():
            return
        inside = () if group is None else tuple(self._groups.inside(group))
        changes = self._tools.decisions.supersede(self.record.id, {id, *inside})
        if group is not None:
            changes += self._cancelled(group, Finish(RunStatus.CANCELLED, reason))
        changes.append(endings.cancelled(self.record.id, id, reason))
        task = self._groups.tasks[id]
        ending = self._ended(task, TaskStatus.CANCELLED, changes, endings.fact(TaskStatus.CANCELLED))
        await self._works.done(self._works.begin(ending, self._groups.of(id)))

    def _break_off(self, error: BaseException) -> None:
        if not self._over.done():
            self._over.set_exception(error)

    async def _end_all(self, group: Group) -> None:
        self._groups.shut(group)
        await self._works.end(group)

    async def _conclude(self, finish: Finish, changes: list[Change]) -> None:
        """Record the end, or that a rollback begins, with every task that had no end of its own as cancelled."""
        run = self.record.id
        changes += self._cancelled(self._groups.root, finish)
        if finish.status is RunStatus.COMPLETED:
            changes.append((EventType.RUN_COMPLETED, {"run": run, "status": finish.status.value}))
        elif self.record.spec.rollback_on_failure and (finish.aborted or finish.status is RunStatus.FAILED):
            self.rolls_back = True
            changes.append((EventType.ROLLBACK_STARTED, {"run": run, "error": finish.error}))
        else:
            end = {"run": run, "status": finish.status.value, "error": finish.error}
            changes.append((EventType.RUN_FAILED, end))
        await self._journal.record_all(changes)

    def _cancelled(self, group: Group, finish: Finish) -> list[Change]:
        """The events that end every task of `group` that has no end."""
        reason = finish.error or "another task completed first"
        open = [id for id in self._groups.inside(group) if id not in self._known]
        self._known.update(open)
        self._facts.update((id, endings.fact(TaskStatus.CANCELLED)) for id in open)
        return [endings.cancelled(self.record.id, id, reason) for id in open]

    # From one task to the next

    async def _follow(self, group: Group, step: Step) -> None:
        """Record what will never start, and start what is ready."""
        if step.skipped:
            self._known.update(id for id, _ in step.skipped)
            self._facts.update((id, endings.fact(TaskStatus.SKIPPED)) for id, _ in step.skipped)
            await self._journal.record_all(endings.skipped(self.record.id, id, reason) for id, reason in step.skipped)
        if group.closed:
            return
        self._launch(group, step.ready)
        if step.finish is not None:
            self._close(group, step.finish)

    def _launch(self, group: Group, ready: Iterable[str]) -> None:
        run = self.record.id
        passing: list[str] = []
        waiting: list[TaskSpec] = []
        for id in ready:
            if id not in self._known:
                task = self._groups.tasks[id]
                passing.append(id) if passes(task) else waiting.append(task)
        told = (*passing, *(task.id for task in waiting))
        self._journal.emit_all((EventType.TASK_READY, {"run": run, "task": id}) for id in told)
        for task in waiting:
            going_on = task.id in self._carried.expansions
            work = self._go_on_with(task) if going_on else self._work(task)
            self._works.begin(work, group, about=task.id)
        if passing:
            self._works.begin(self._pass(group, passing), group)

    async def _pass(self, group: Group, tasks: list[str]) -> None:
        """Complete tasks that have nothing to run: as nothing happens between, one commit holds start and end."""
        await self._gate.passed()
        tasks = [id for id in tasks if id not in self._known]
        changes: list[Change] = []
        for id in tasks:
            changes += endings.passed(self.record.id, id, self._carried.attempts.get(id, 0) + 1)
            self._facts[id] = endings.PASSED
        self._known.update(tasks)
        await self._journal.record_all(changes)
        await self._follow(group, group.schedule.end(TaskStatus.COMPLETED, *tasks))

    async def _ended(
        self, task: TaskSpec, status: TaskStatus, changes: list[Change], fact: Mapping[str, object]
    ) -> None:
        """Commit the outcome of a task, and only then let go what waited for it."""
        self._known.add(task.id)
        self._facts[task.id] = fact
        await self._journal.record_all(changes)
        group = self._groups.of(task.id)
        await self._follow(group, group.schedule.end(status, task.id))

    # Tasks that stand for others

    async def _expand(self, task: TaskSpec, expansion: Expansion, *, again: bool = False) -> None:
        """Let the tasks for which `task` stands begin, or with `again` go on, once it is recorded which they are."""
        try:
            group = self._groups.open(task, expansion)
        except CisError as error:
            await self._fail(task, Outcome(False, None, error=error.message), 0)
            return
        views = () if again else task_views(group.spec)
        data = task_expanded(self.record.id, task.id, expansion.items, views)
        expanded = data if expansion.items is None else await self._tools.in_thread(lambda: self._without_secrets(data))
        if again:
            self._journal.emit(EventType.TASK_EXPANDED, expanded)
        else:
            await self._journal.record(EventType.TASK_EXPANDED, expanded)
        if self._gate.is_open:
            self._set_timer(group)
        await self._follow(group, group.schedule.start())

    def _without_secrets(self, expanded: dict[str, object]) -> dict[str, object]:
        """The data of a TaskExpanded event as it may be stored: items, and the names that tasks have by them."""
        items = expanded.get("items")
        shown = self.calls.secrets.tree(items)
        if shown == items:
            return expanded
        return {**expanded, "items": shown, "tasks": self.calls.secrets.tree(expanded["tasks"])}

    async def _go_on_with(self, task: TaskSpec) -> None:
        """Go on with the tasks for which `task` stood before the run was resumed."""
        await self._gate.passed()
        calls, items = self._groups.of(task.id).calls, self._carried.expansions[task.id]
        edit = self._carried.edits.get(task.id)
        try:
            call = await self._tools.in_thread(lambda: calls.again(task, dict(self._facts), items))
            expansion = standing(task, call, edit, calls.dags)
        except CisError as error:
            await self._fail(task, Outcome(False, None, error=error.message), 0)
            return
        await self._expand(task, expansion, again=True)

    def _close(self, group: Group, finish: Finish) -> None:
        """End what goes on in `group`, and with it the task that stands for it, or the run."""
        if group.above is None:
            self.stop(finish)
        elif not group.closed:
            group.closed = True
            self._works.begin(self._end_group(group, finish), group.above)

    def _set_timer(self, group: Group) -> None:
        limit = group.spec.timeout
        if limit is not None and not group.closed:
            left = self._gate.left(limit, group.task.id if group.task else "")
            finish = Finish(RunStatus.FAILED, f"it took longer than {limit:g} s")
            group.timer = asyncio.get_running_loop().call_later(left, self._close, group, finish)

    async def _end_group(self, group: Group, finish: Finish) -> None:
        assert group.task is not None
        await self._end_all(group)
        changes = self._tools.decisions.supersede(self.record.id, set(self._groups.inside(group)))
        changes += self._cancelled(group, finish)
        if finish.status is RunStatus.COMPLETED:
            await self._complete(group.task, self._gathered(group, Outcome(True, 0)), 0, changes)
        else:
            outcome = self._gathered(group, Outcome(False, None, error=finish.error))
            await self._fail(group.task, outcome, 0, before=changes)

    def _gathered(self, group: Group, outcome: Outcome) -> Outcome:
        """`outcome` of the task for which a group stood, with what its tasks gave."""
        assert group.task is not None
        output = gathered(group.task, group.spec, self._facts)
        shown = self.calls.secrets.text(output)
        withheld = any("withheld" in self._facts.get(task.id, {}) for task in group.spec.tasks)
        return replace(outcome, output=output, shown=None if shown == output else shown, withheld=withheld)

    # One task (spec, Task Execution Flow)

    async def _work(self, task: TaskSpec) -> None:
        if self._due is not None:
            await self._due.wait(task)
        await self._gate.passed()
        try:
            call = await self._prepare(task)
        except CisError as error:
            await self._fail(task, Outcome(False, None, error=error.message), self._carried.attempts.get(task.id, 0))
            return
        if call is None:
            await self._skip(task, f"its condition is false: {clean_line(task.condition or '', limit=200)}")
            return
        decided = await self._decide(task, call)
        if decided is not None:
            call = decided
            if call.expansion is not None:
                await self._expand(task, call.expansion)
            else:
                await self._execute(task, call)

    async def _prepare(self, task: TaskSpec) -> Call | None:
        calls = self._groups.of(task.id).calls
        if calls.is_fixed(task):
            return calls.prepare(task, self._facts)
        facts = dict(self._facts)
        return await self._tools.in_thread(lambda: calls.prepare(task, facts))

    async def _decide(self, task: TaskSpec, call: Call) -> Call | None:
        """What runs of the task, as whoever decided left it; None if nothing does, and its end is recorded."""
        await self._gate.passed()
        return await self._heed(task, call, self._asking.about(task, call), self._carried.attempts.get(task.id, 0))

    async def _heed(self, task: TaskSpec, call: Call, asking: Awaitable[Decision | None], attempts: int) -> Call | None:
        """As `_decide`, once what is asked after so many attempts is decided."""
        try:
            decision = await asking
            if decision is None:
                return call
            verdict = consequence(decision)
            if verdict is Consequence.RUN:
                return edited(task, call, decision.edit, self.record.spec.dags) if decision.edit else call
        except (Invalid, Refused) as error:  # what was changed before the run was resumed does not fit any more
            await self._fail(task, Outcome(False, None, error=error.message), attempts)
            return None
        if verdict is Consequence.SKIP:
            await self._skip(task, explain(decision))
        elif verdict is Consequence.FAIL:
            refused = Outcome(False, None, error=explain(decision))
            await self._fail(task, refused, attempts, refused=True)
        else:
            self.stop(Finish(RunStatus.CANCELLED, f'aborted at "{task.id}": {explain(decision)}', aborted=True))
        return None

    async def _execute(self, task: TaskSpec, call: Call) -> None:
        """Attempt after attempt, until one succeeds or no more are due."""
        number = self._carried.attempts.get(task.id, 0)
        failures = 0
        while True:
            number += 1
            outcome = await self._attempts.run(task, call, number)
            if outcome.ok:
                await self._complete(task, outcome, number)
                return
            if outcome.lost and not task.idempotent:
                decided = await self._heed(task, call, self._asking.again(task, call, outcome, number), number)
                if decided is None:
                    return
                call = decided
                continue
            failures += 1
            most = max(task.retry.max, LOST_AGAIN) if outcome.lost else task.retry.max
            delay = task.retry.delay(failures)
            left = self._attempts.time_left(task)
            if outcome.final or failures > most or left <= delay:
                if task.total_timeout is not None and left <= delay:
                    outcome = replace(outcome, error=f"{outcome.error}; {task.total_timeout:g} s in all are over")
                await self._fail(task, outcome, number)
                return
            await self._journal.record(*endings.retried(self.record.id, task.id, outcome, number, delay))
            await asyncio.sleep(delay)

    # How a task ends

    async def _complete(self, task: TaskSpec, outcome: Outcome, number: int, before: Iterable[Change] = ()) -> None:
        change = endings.completed(self.record.id, task.id, outcome, number)
        fact = endings.fact(TaskStatus.COMPLETED, outcome)
        await self._ended(task, TaskStatus.COMPLETED, [*before, change], fact)

    async def _fail(
        self, task: TaskSpec, outcome: Outcome, number: int, *, refused: bool = False, before: Iterable[Change] = ()
    ) -> None:
        """Record a failure; a debt if the policy has such, but not when a person said no."""
        debt = not refused and self._groups.of(task.id).spec.policy is Policy.ALLOW_DEBT
        status = TaskStatus.DEBT if debt else TaskStatus.FAILED
        outcome = replace(outcome, error=self.calls.secrets.text(outcome.error))
        change = endings.failed(self.record.id, task.id, outcome, number, debt=debt, refused=refused)
        await self._ended(task, status, [*before, change], endings.fact(status, outcome))

    async def _skip(self, task: TaskSpec, reason: str) -> None:
        change = endings.skipped(self.record.id, task.id, reason)
        await self._ended(task, TaskStatus.SKIPPED, [change], endings.fact(TaskStatus.SKIPPED))
