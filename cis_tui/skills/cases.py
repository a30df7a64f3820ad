"""The tests of a skill: calls, and what has to come of them, in `tests.toml` beside its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cis_tui.core.codec import dumps
from cis_tui.core.document import is_list, is_table, load_toml
from cis_tui.core.errors import CisError
from cis_tui.core.problems import Problem
from cis_tui.core.tables import Table
from cis_tui.skills.model import SkillResult

CASES = "tests.toml"


@dataclass(frozen=True, slots=True)
class Case:
    """One call, and what has to come of it."""

    name: str
    args: tuple[str, ...] = ()
    input: Mapping[str, object] = field(default_factory=dict[str, object])
    output: object = None
    """Of an object the fields that are named here are compared; None: any."""
    success: bool = True
    error: str = ""
    """A part of the error, or its code, of a call that has to end with one."""


def read_cases(path: Path) -> tuple[tuple[Case, ...], tuple[Problem, ...]]:
    """The cases in the file `path`, and what is wrong with it; if something is, there are none."""
    data, notes = load_toml(path)
    top = Table(data, (), notes)
    cases = tuple(_case(table, number) for number, table in enumerate(top.tables("tests"), 1))
    if not cases and not notes.broken:
        notes.error((), "there is no [[tests]]", "such as name, input and output")
    top.finish()
    return () if notes.broken else cases, notes.problems


def _case(table: Table, number: int) -> Case:
    given = table.get("input")
    if given is not None and not is_table(given):
        table.wrong(("input",), given, "a table")
    case = Case(
        name=table.line("name") or f"test {number}",
        args=table.texts("args"),
        input=given if is_table(given) else {},
        output=table.get("output"),
        success=table.flag("success", True),
        error=table.text("error"),
    )
    table.finish()
    return case


def failure(case: Case, came: SkillResult | CisError) -> str:
    """Why what came of a call is not what `case` says; empty when it is."""
    if isinstance(came, CisError):
        if case.error and (case.error in came.message or case.error == came.code):
            return ""
        return f"{came.message} ({came.code})"
    if case.error:
        return f"it was to fail with {case.error}; it answered {_shown(came.output)}"
    if came.success is not case.success:
        return f"it {'succeeded' if came.success else 'failed'}: {_shown(came.output)}"
    if case.output is not None and not _fits(case.output, came.output):
        return f"expected {_shown(case.output)}, got {_shown(came.output)}"
    return ""


def _fits(expected: object, found: object) -> bool:
    if is_table(expected):
        return is_table(found) and all(name in found and _fits(value, found[name]) for name, value in expected.items())
    if is_list(expected):
        return is_list(found) and len(expected) == len(found) and all(map(_fits, expected, found))
    return isinstance(expected, bool) is isinstance(found, bool) and expected == found


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else dumps(value)
    return text if len(text) <= 300 else f"{text[:300]}…"
