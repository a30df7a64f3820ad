"""Reads the oldest form of a DAG, one line a task: `deploy: backup, test [level:confirmed|300]`."""

from __future__ import annotations

import re

from cis_tui.core.document import Notes
from cis_tui.core.text import clean_line
from cis_tui.core.toml_lines import Path, Places
from cis_tui.dag.model import Action, LevelKind

_LINE = re.compile(r"(?P<id>[^\s:#,\[\]]+)[ \t]*:(?P<deps>[^\[\]:]*)(?:\[level:(?P<level>[^\]]*)\])?[ \t]*")
_ACTIONS = frozenset(action.value for action in Action)
_RETRY = 3
"""Attempts after a failed one of a mechanical task, as the programs had it that wrote such files."""


def looks_like_lines(text: str) -> bool:
    """Whether `text` has the form of one line a task, and says a level at least once."""
    return re.search(r"^[^\s#:]+:[^\n]*\[level:", text, re.MULTILINE) is not None


def parse_lines(text: str, file: str) -> tuple[dict[str, object], Notes]:
    """The tasks of the file as a table with the list `tasks`, and the notes for what its reader finds."""
    tasks: list[dict[str, object]] = []
    lines: dict[Path, int] = {}
    wrong: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        content = line.split("#", 1)[0].strip()
        if not content:
            continue
        match = _LINE.fullmatch(content)
        if match is None:
            wrong.append((number, content))
            continue
        lines["tasks", len(tasks)] = number
        deps = [dep for dep in re.split(r"[\s,]+", match["deps"]) if dep]
        tasks.append({"id": match["id"], "deps": deps, **_level(match["level"] or "mechanical")})
    lines |= {("lines", number): number for number, _ in wrong}
    notes = Notes(file, Places(lines))
    notes.warn((), "a file with one line a task is read as tasks that run nothing: it has no commands")
    for number, content in wrong:
        message = f'"{clean_line(content, limit=60)}" is no task'
        notes.error(("lines", number), message, "a line is: id: dep, dep [level:confirmed|300]")
    return {"tasks": tasks}, notes


def _level(text: str) -> dict[str, object]:
    """The level that stands in brackets, such as `recommended|10|skip` or `arbitrated|dba,sre`."""
    kind, *values = (part.strip() for part in text.split("|"))
    kind = kind.lower()
    level: dict[str, object] = {"type": kind}
    retry = _RETRY
    for value in filter(None, values):
        if value.isdecimal() and kind == LevelKind.MECHANICAL:
            retry = int(value[:6])
        elif value.isdecimal():
            level["timeout"] = int(value[:12])
        elif value.lower() in _ACTIONS:
            level["default_action"] = value.lower()
        else:
            level["stakeholders"] = [name for name in re.split(r"[\s,]+", value) if name]
    if kind == LevelKind.ARBITRATED:
        level.setdefault("stakeholders", ["default"])
    return {"level": level, "retry": retry} if kind == LevelKind.MECHANICAL else {"level": level}
