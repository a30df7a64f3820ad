"""From the wish to call a skill to its call: trust first, then what it is to do, then with what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from cis_tui.skills.model import ExportedCommand, SkillInfo
from cis_tui.tui.desk import Desk
from cis_tui.tui.starting import ask_trust

if TYPE_CHECKING:
    from cis_tui.tui.screens.call import CallDialog

Open = Callable[["CallDialog", Callable[[], object]], object]
"""Opens the dialog that makes a call, and goes on with the other when that is refused."""


def call_skill(desk: Desk, skill: SkillInfo, then: Open) -> None:
    """Ask what is needed for a call of `skill`, and hand the dialog that makes it to `then`."""
    if not skill.type:
        desk.say(f"{skill.name} has errors", hint="they are listed beside it", bad=True)
    elif not skill.trusted and not _has_errors(skill):
        ask_trust(desk, lambda: _with_command(desk, skill, then))
    else:
        _with_command(desk, skill, then)


def _has_errors(skill: SkillInfo) -> bool:
    return any(problem.severity == "error" for problem in skill.problems)


def _with_command(desk: Desk, skill: SkillInfo, then: Open) -> None:
    if len(skill.exports) <= 1:
        _with_fields(desk, skill, skill.exports[0] if skill.exports else None, then)
        return
    from cis_tui.tui.screens.choice import ChoiceDialog

    options = [(command.name, command.description) for command in skill.exports]
    desk.dialog(
        ChoiceDialog(f"What shall {skill.name} do?", options),
        lambda index: _with_fields(desk, skill, skill.exports[index], then) if index is not None else None,
    )


def _with_fields(
    desk: Desk, skill: SkillInfo, command: ExportedCommand | None, then: Open, before: Mapping[str, str] | None = None
) -> None:
    """Ask what to call it with, from what was filled in `before`."""
    from cis_tui.tui.screens.call import CallDialog
    from cis_tui.tui.screens.form import FormDialog
    from cis_tui.tui.skill_form import call_of, complaint, fields_of

    def filled(answers: dict[str, str] | None) -> None:
        if answers is None:
            return
        args, input = call_of(skill, command, answers)
        given = " ".join(f"{name}={text}" for name, text in answers.items() if text)
        head = skill.name if command is None or command.name == skill.name else f"{skill.name} {command.name}"
        call = CallDialog(desk, skill.name, args, input, shown=f"{head} {given}".strip())
        then(call, lambda: _with_fields(desk, skill, command, then, answers) if answers else None)

    fields = [replace(field, value=(before or {}).get(field.name, field.value)) for field in fields_of(command)]
    if not fields:
        filled({})
        return
    title = f"Call {skill.name}" if command is None or len(skill.exports) <= 1 else f"{skill.name}: {command.name}"
    desk.dialog(FormDialog(title, fields, partial(complaint, command)), filled)
