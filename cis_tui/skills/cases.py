"""The tests of a skill: calls, and what has to come of them, in `tests.toml` beside its manifest."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cis_tui.core.codec import dumps
from cis_tui.core.document import is_list, is_table, load_toml
from cis_tui.core.errors import CisError
from cis_tui.core.problems import Problem
from cis_tui.core.tables import Table
from cis_tui.core.text import clean_line
from cis_tui.skills.model import SkillResult

CASES = "tests.toml"
SHOWN = 300
"""Characters of an answer in a complaint."""


@dataclass(frozen=True, slots=True)
class Case:
    """One call in a project of its own, and what has to come of it; those of a skill share a memory, in their order."""

    name: str
    args: tuple[str, ...] = ()
    input: Mapping[str, object] = field(default_factory=dict[str, object])
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    """Texts that lie in the project, by path."""
    setup: str = ""
    """A line of shell that is run in the project before the call, with all rights of whoever tests."""
    memory: Mapping[str, str] = field(default_factory=dict[str, str])
    """Public entries."""
    private: Mapping[str, str] = field(default_factory=dict[str, str])
    """Private entries."""
    output: object = None
    """Of an object the fields that are named here are compared; None: any."""
    contains: str = ""
    """A part of the output, or of the error."""
    lacks: str = ""
    """What is in neither."""
    success: bool = True
    exit_code: int | None = None
    error: str = ""
    """A part of the error, or its code, of a call that has to end with one."""
    remembers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Entries that memory has to hold after the call."""
    present: tuple[str, ...] = ()
    """Files that have to be there after the call."""
    absent: tuple[str, ...] = ()
    """Files that must not."""


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
        files=_texts(table, "files"),
        setup=table.text("setup"),
        memory=_texts(table, "memory"),
        private=_texts(table, "private"),
        output=table.get("output"),
        contains=table.text("contains"),
        lacks=table.text("lacks"),
        success=table.flag("success", table.get("exit_code") in (None, 0)),
        exit_code=table.whole("exit_code", 0, 255),
        error=table.text("error"),
        remembers=_texts(table, "remembers"),
        present=_paths(table, "present"),
        absent=_paths(table, "absent"),
    )
    for path in case.files:
        _check_path(table, "files", path)
    table.finish()
    return case


def _texts(table: Table, name: str) -> dict[str, str]:
    """A table of texts by names that may be paths."""
    texts: dict[str, str] = {}
    inner = table.table(name)
    for key in inner.data:
        texts[key] = inner.text(key)
    return texts


def _paths(table: Table, name: str) -> tuple[str, ...]:
    paths = table.texts(name)
    for path in paths:
        _check_path(table, name, path)
    return paths


def _check_path(table: Table, name: str, path: str) -> None:
    inside = os.path.normpath(path)
    if os.path.isabs(path) or inside.split(os.sep)[0] == ".." or inside == ".":
        table.notes.error(table.at(name), f'"{clean_line(path, limit=60)}" is no path inside of the project')


def failure(case: Case, came: SkillResult | CisError) -> str:
    """Why what came of a call is not what `case` says; empty when it is."""
    said = f"{came.message} ({came.code})" if isinstance(came, CisError) else _shown(came.output, limit=1_000_000)
    if case.lacks and case.lacks in said:
        return f"expected nothing of {_shown(case.lacks)}, got {said[:SHOWN]}"
    if isinstance(came, CisError):
        return "" if _foretold(case, came, said) else said
    if case.error:
        return f"it was to fail with {case.error}; it answered {_shown(came.output)}"
    if came.success is not case.success or case.exit_code not in (None, came.exit_code):
        return f"it {'succeeded' if came.success else f'failed with exit code {came.exit_code}'}: {_shown(came.output)}"
    if case.contains not in said:
        return f"expected {_shown(case.contains)} in it, got {said[:SHOWN]}"
    if case.output is not None and not _fits(case.output, came.output):
        return f"expected {_shown(case.output)}, got {_shown(came.output)}"
    return ""


def _foretold(case: Case, error: CisError, said: str) -> bool:
    return bool(case.error) and (case.error in error.message or case.error == error.code) and case.contains in said


def _fits(expected: object, found: object) -> bool:
    if is_table(expected):
        return is_table(found) and all(name in found and _fits(value, found[name]) for name, value in expected.items())
    if is_list(expected):
        return is_list(found) and len(expected) == len(found) and all(map(_fits, expected, found))
    return isinstance(expected, bool) is isinstance(found, bool) and expected == found


def _shown(value: object, *, limit: int = SHOWN) -> str:
    text = value if isinstance(value, str) else dumps(value)
    return text if len(text) <= limit else f"{text[:limit]}…"
