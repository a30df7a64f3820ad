"""The fields that ask for what a skill is called with, and what they were filled with. No widget in here."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import cast

from cis_tui.skills.arguments import as_call, expected, fits, from_text
from cis_tui.skills.model import Argument, ExportedCommand, SkillInfo
from cis_tui.tui.screens.form import Field

WORDS, INPUT = "arguments", "input"
"""The fields for a skill that does not say what it takes."""
Call = tuple[tuple[str, ...], dict[str, object]]
"""Words and input."""


def fields_of(command: ExportedCommand | None) -> Sequence[Field]:
    """What is asked before `command`, or a skill that exports nothing, is called."""
    if command is None or command.args is None:
        return (Field(WORDS, note="words, as in a shell"), Field(INPUT, note="a JSON object"))
    return [_field(argument) for argument in command.args]


def _field(argument: Argument) -> Field:
    note = ", ".join(
        filter(
            None,
            (
                expected(argument),
                "any number of them" if argument.many else "",
                "" if argument.required else "may be empty",
                argument.description,
            ),
        )
    )
    return Field(argument.name, _text(argument.default), note, required=argument.required)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def complaint(command: ExportedCommand | None, name: str, text: str) -> str:
    """What is wrong with what was filled into the field `name`; empty when nothing is."""
    if command is None or command.args is None:
        return _free_complaint(name, text)
    argument = next(each for each in command.args if each.name == name)
    if not text:
        return "is needed" if argument.required else ""
    value = from_text(argument, text)
    values = cast("list[object]", value) if argument.many else [value]
    return "" if all(fits(argument, each) for each in values) else f"expected {expected(argument)}"


def _free_complaint(name: str, text: str) -> str:
    try:
        if name == WORDS:
            shlex.split(text)
        elif text and not isinstance(json.loads(text), dict):
            return "expected a JSON object"
    except ValueError as error:
        return str(error)
    return ""


def call_of(skill: SkillInfo, command: ExportedCommand | None, answers: Mapping[str, str]) -> Call:
    """The call that the answers, of which none has a complaint, stand for."""
    if command is not None and command.args is not None:
        return as_call(skill.exports, command, answers)
    head = (command.name,) if command is not None and len(skill.exports) > 1 else ()
    given = answers.get(INPUT, "")
    return (*head, *shlex.split(answers.get(WORDS, ""))), json.loads(given) if given else {}
