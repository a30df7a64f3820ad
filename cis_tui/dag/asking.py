"""What a run asks people about one of its tasks before that runs, and what runs after they have answered."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cis_tui.core.text import clean_line
from cis_tui.dag.alike import likeness
from cis_tui.dag.answers import Edit
from cis_tui.dag.attempt import Outcome
from cis_tui.dag.calls import Call
from cis_tui.dag.carried import Carried
from cis_tui.dag.decisions import DecisionService, Question
from cis_tui.dag.editing import edited
from cis_tui.dag.inspection import Preview
from cis_tui.dag.model import DagSpec, Level, LevelKind, TaskSpec
from cis_tui.dag.preview import preview
from cis_tui.dag.record import Asked, RunRecord
from cis_tui.dag.views import Decision
from cis_tui.skills.arguments import checked

_LAST_WORDS = 400
"""Characters of what an attempt printed."""


class Asking:
    """Asks about the tasks of one run."""

    def __init__(self, record: RunRecord, carried: Carried, decisions: DecisionService) -> None:
        """`carried`: what was decided before the run was resumed."""
        self._record = record
        self._carried = carried
        self._decisions = decisions

    async def about(self, task: TaskSpec, call: Call) -> Decision | None:
        """The decision about `task`, which would run `call`, once it is made; None if there is nothing to decide.

        Raises:
            CisError: what was changed of the task before the run was resumed does not fit any more, see `edited`.
        """
        interrupted = task.id in self._carried.interrupted and not task.idempotent
        decision = self._carried.answered.get(task.id)
        if interrupted or (decision is None and level_of(task, call).kind is not LevelKind.MECHANICAL):
            decision = await self._decisions.ask(self._question(task, call, interrupted=interrupted))
        return decision

    async def again(self, task: TaskSpec, call: Call, outcome: Outcome, number: int) -> Decision:
        """The decision about running `task` again after its attempt `number`, whose end nobody saw, once it is made."""
        story = f'{outcome.error}, while it ran the attempt {number} of "{task.id}"; nobody saw its end.'
        last = (outcome.output if outcome.shown is None else outcome.shown).strip()[-_LAST_WORDS:]
        story = f"{story}\nThe last that it printed:\n{last}" if last else story
        return await self._decisions.ask(self._question(task, call, interrupted=True, lost=story))

    def _question(self, task: TaskSpec, call: Call, *, interrupted: bool, lost: str = "") -> Question:
        """`lost`: what is known of an attempt of this run that was interrupted; else it was one before it."""
        edit = self._carried.edits.get(task.id) if interrupted and not lost else None
        shown = edited(task, call, edit, self._dags) if edit else call
        story = self._story(task, shown, lost) if interrupted else ""
        return Question(
            run=self._record.id,
            dag=self._record.spec.name,
            task=task.id,
            prompt=f"{_asked_by(self._record.asked)}{_prompt(task, shown, call, story)}",
            level=level_of(task, call),
            interrupted=interrupted,
            yes=self._carried.rerun if interrupted else self._record.yes,
            stakeholders=self._record.stakeholders,
            preview=preview(task, shown, interrupted=story),
            edited=lambda edit: self._edited(task, call, edit, story),
            edit=edit,
            likeness=likeness(replace(task, level=level_of(task, call))),
            asker=self._record.asked.did if self._record.asked else "",
        )

    def _story(self, task: TaskSpec, call: Call, lost: str) -> str:
        """What is known of an attempt whose end nobody saw, with what lies where it creates something."""
        story = lost or self._carried.interrupted[task.id]
        root = Path(self._record.project or Path(self._record.spec.file).parent)
        there = [path for path in call.creates if os.path.lexists(root / path)]
        if not call.creates:
            return story
        return f"{story}\nOf what it creates, {clean_line(', '.join(there)) or 'nothing'} is there."

    def _edited(self, task: TaskSpec, call: Call, edit: Edit, story: str) -> Preview:
        changed = edited(task, call, edit, self._dags)
        if changed.manifest is not None:
            checked(changed.manifest.name, changed.manifest.exports, changed.args, changed.input)
        return preview(task, changed, interrupted=story)

    @property
    def _dags(self) -> Mapping[str, DagSpec]:
        return self._record.spec.dags


def _asked_by(asked: Asked | None) -> str:
    return f"{clean_line(asked.name)} ({asked.did}) asks: {clean_line(asked.about)}\n\n" if asked else ""


def level_of(task: TaskSpec, call: Call) -> Level:
    """Who decides about a task: its own level, or one person if it would run by itself and its skill asks for that."""
    return Level(LevelKind.CONFIRMED) if _rises(task, call) else task.level


def _rises(task: TaskSpec, call: Call) -> bool:
    by_itself = task.level.kind in (LevelKind.MECHANICAL, LevelKind.RECOMMENDED)
    return by_itself and call.manifest is not None and bool(call.manifest.confirm)


def _prompt(task: TaskSpec, shown: Call, call: Call, story: str) -> str:
    text = shown.shown if task.work_dir == "." else f"{shown.shown}\nin {shown.cwd}"
    if call.manifest is not None and _rises(task, call):
        text = f"{text}\nasked because {call.manifest.confirm}"
    return f"{story}\nRun it again?\n\n{text}" if story else text
