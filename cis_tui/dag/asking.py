"""What a run asks people about one of its tasks before that runs."""

from __future__ import annotations

from cis_tui.dag.calls import Call
from cis_tui.dag.carried import Carried
from cis_tui.dag.decisions import DecisionService, Question
from cis_tui.dag.model import LevelKind, TaskSpec
from cis_tui.dag.record import RunRecord
from cis_tui.dag.views import Decision


class Asking:
    """Asks about the tasks of one run."""

    def __init__(self, record: RunRecord, carried: Carried, decisions: DecisionService) -> None:
        """`carried`: what was decided before the run was resumed."""
        self._record = record
        self._carried = carried
        self._decisions = decisions

    async def about(self, task: TaskSpec, call: Call) -> Decision | None:
        """The decision about `task`, which would run `call`, once it is made; None if there is nothing to decide."""
        interrupted = task.id in self._carried.interrupted and not task.idempotent
        decision = self._carried.answered.get(task.id)
        if interrupted or (decision is None and task.level.kind is not LevelKind.MECHANICAL):
            decision = await self._decisions.ask(self._question(task, call, interrupted=interrupted))
        return decision

    def _question(self, task: TaskSpec, call: Call, *, interrupted: bool) -> Question:
        prompt = call.shown if task.work_dir == "." else f"{call.shown}\nin {call.cwd}"
        if interrupted:
            prompt = f"{self._carried.interrupted[task.id]}\nRun it again?\n\n{prompt}"
        return Question(
            run=self._record.id,
            dag=self._record.spec.name,
            task=task.id,
            prompt=prompt,
            level=task.level,
            interrupted=interrupted,
            yes=self._carried.rerun if interrupted else self._record.yes,
            stakeholders=self._record.stakeholders,
        )
