"""What a skill may put off for later: calls of itself, and of the skills that its manifest says it needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from cis_tui.core.errors import Invalid, Refused
from cis_tui.core.text import clean_line
from cis_tui.skills.model import SkillManifest

MAX_TASKS = 16
"""Calls that one call may put off."""
MAX_DEPTH = 16
"""Calls that put each other off, one after the other."""
MAX_AFTER = 7 * 86_400
"""Seconds."""
MAX_WAITING = 100
"""Calls of one home that wait at the same time."""
REFUSED = "CIS-SKILL-077"
_FIELDS = frozenset({"skill", "input", "after"})


@dataclass(frozen=True, slots=True)
class Task:
    """A call of a skill for later."""

    skill: str
    input: Mapping[str, object]
    after: float
    """Seconds, from now."""


def read_task(data: bytes) -> Task:
    """What `cis_schedule_task` was given: `{"skill", "input", "after"?}`.

    Raises:
        Invalid: it is nothing of the kind (CIS-SKILL-078).
    """
    try:
        given = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise _invalid(f"it is no JSON: {error}") from error
    if not isinstance(given, dict):
        raise _invalid("it is no object")
    table = cast("dict[str, object]", given)
    skill, input, after = table.get("skill"), table.get("input", {}), table.get("after", 0)
    unknown = ", ".join(sorted(table.keys() - _FIELDS))
    if unknown:
        raise _invalid(f"there is no {clean_line(unknown, limit=80)}")
    if not isinstance(skill, str) or not skill:
        raise _invalid('"skill" is the name of one')
    if not isinstance(input, dict):
        raise _invalid('"input" is an object')
    if isinstance(after, bool) or not isinstance(after, int | float) or not 0 <= after <= MAX_AFTER:
        raise _invalid(f'"after" is 0 to {MAX_AFTER} seconds')
    return Task(skill, cast("dict[str, object]", input), float(after))


def check_task(task: Task, manifest: SkillManifest, before: int) -> None:
    """See that the skill of `manifest`, which has put off `before` calls in this one, may put off `task`.

    Raises:
        Refused: it may not (CIS-SKILL-077).
    """
    allowed = {manifest.name, *(each.name for each in manifest.dependencies)}
    if task.skill not in allowed:
        name = clean_line(task.skill, limit=80)
        message = f"the skill {manifest.name} may not schedule {name}, which is not among its [[dependencies]]"
        raise Refused(REFUSED, message)
    if before >= MAX_TASKS:
        raise Refused(REFUSED, f"the skill {manifest.name} has scheduled {MAX_TASKS} tasks in one call already")


def _invalid(why: str) -> Invalid:
    return Invalid("CIS-SKILL-078", f"cis_schedule_task was given what is no task: {why}")
