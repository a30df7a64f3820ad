"""Asks a person before a skill is called outside of any run, where its manifest or what it may do wants that."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from cis_tui.core.errors import Refused
from cis_tui.dag.answers import Edit
from cis_tui.dag.calls import Call
from cis_tui.dag.decisions import DecisionService, Question
from cis_tui.dag.editing import edited
from cis_tui.dag.inspection import Preview
from cis_tui.dag.model import Level, LevelKind, TaskSpec
from cis_tui.dag.preview import preview
from cis_tui.dag.verdicts import Consequence, consequence, explain
from cis_tui.dag.views import Subject
from cis_tui.skills.arguments import checked
from cis_tui.skills.model import SkillManifest


async def confirmed(
    decisions: DecisionService,
    manifest: SkillManifest,
    args: tuple[str, ...],
    input: Mapping[str, object],
    *,
    folder: Path,
    project: str,
    call: str,
    yes: bool,
) -> tuple[tuple[str, ...], Mapping[str, object]]:
    """The arguments and the input of the call, as a person has left them who said yes; `yes` says it for them.

    Raises:
        Refused: a person, or the deadline, said no (CIS-DAG-147).
    """
    task = TaskSpec(manifest.name, skill=manifest.name)
    asked = Call("", manifest, args, input, {}, folder, None)

    def after(edit: Edit) -> Preview:
        changed = edited(task, asked, edit, {})
        checked(manifest.name, manifest.exports, changed.args, changed.input)
        return preview(task, changed)

    question = Question(
        run="",
        dag="",
        task=manifest.name,
        prompt=f"{asked.shown}\nasked because {manifest.confirm}",
        level=Level(LevelKind.CONFIRMED),
        subject=Subject.SKILL,
        project=project,
        call=call,
        yes=yes,
        preview=preview(task, asked),
        edited=after,
    )
    try:
        decision = await decisions.ask(question)
    except asyncio.CancelledError:
        await decisions.give_up(question)
        raise
    if consequence(decision) is not Consequence.RUN:
        hint = f"cis decision show {decision.id} tells all about it"
        raise Refused("CIS-DAG-147", f"{manifest.name} was not called: {explain(decision)}", hint=hint)
    if not decision.edit:
        return args, input
    changed = edited(task, asked, decision.edit, {})
    return changed.args, checked(manifest.name, manifest.exports, changed.args, changed.input)
