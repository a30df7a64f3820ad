"""What a person sees of a call before it runs."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from cis_tui.core.codec import dumps
from cis_tui.core.text import clean, clean_line, visible
from cis_tui.dag.calls import Call
from cis_tui.dag.inspection import Preview
from cis_tui.dag.model import TaskSpec, UndoStep
from cis_tui.skills.model import Permissions

MAX_PART = 8000
"""Characters of the command, of the arguments together and of the input."""
MAX_NAMES = 50
"""Variables, paths or steps that are listed."""


def preview(task: TaskSpec, call: Call, *, interrupted: str = "") -> Preview:
    """What `call` of `task` does, as far as it is known; `interrupted`: what is known of an attempt without an end."""
    seen = call.masked or call
    timeout = call.timeout or (call.manifest.timeout if call.manifest else None)
    return Preview(
        text=call.shown,
        skill="" if task.dag else task.skill,
        version=call.manifest.version if call.manifest else "",
        command="" if call.manifest or call.expansion else clean(visible(seen.line), limit=MAX_PART),
        args=_args(seen.args),
        input=_json(seen.input),
        cut=_is_cut(seen),
        folder=clean_line(str(call.cwd), limit=MAX_PART),
        env=_names(call.env),
        permissions=call.manifest.permissions if call.manifest else None,
        creates=_names(call.creates),
        rollback=_names(map(_step, task.rollback)),
        idempotent=task.idempotent,
        timeout=timeout,
        stands_for_others=call.expansion is not None,
        interrupted=clean(interrupted, limit=MAX_PART),
    )


def describe_permissions(permissions: Permissions) -> tuple[tuple[str, str], ...]:
    """Each permission that is asked for, with what it covers, for people."""
    given = {
        "reads memory": permissions.memory_read,
        "writes memory": permissions.memory_write,
        "files": permissions.filesystem,
        "programs": permissions.command,
        "network": permissions.network,
    }
    everything = {"": "all that is public", "*": "any"}
    return tuple(
        (name, ", ".join(clean_line(everything.get(item, item), limit=200) for item in items))
        for name, items in given.items()
        if items
    )


def _args(args: Iterable[str]) -> tuple[str, ...]:
    left, shown = MAX_PART, list[str]()
    for arg in islice(args, 200):
        text = clean(visible(arg), limit=max(left, 1))
        left -= len(text)
        shown.append(text)
        if left <= 0:
            break
    return tuple(shown)


def _json(input: object) -> str:
    return clean(visible(dumps(input, indent=2)), limit=MAX_PART) if input else ""


def _is_cut(call: Call) -> bool:
    """Whether what is shown is not what runs letter by letter, and so cannot be edited."""
    parts = (call.line, "".join(call.args), dumps(call.input))
    return any(len(part) > MAX_PART or visible(part) != part for part in parts)


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(clean_line(name, limit=300) for name in islice(names, MAX_NAMES))


def _step(step: UndoStep) -> str:
    return step.command if step.command is not None else " ".join((step.skill, *step.args))
