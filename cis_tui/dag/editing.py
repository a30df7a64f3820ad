"""What runs after a person has changed it: the same rules as for what the file gives, and private values kept out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from cis_tui.core.codec import dumps
from cis_tui.core.document import as_table, is_list, is_table
from cis_tui.core.errors import Invalid, Refused
from cis_tui.core.tables import is_plain
from cis_tui.dag.answers import Edit
from cis_tui.dag.calls import Call, shell_line
from cis_tui.dag.expansion import Expansion
from cis_tui.dag.model import DagSpec, TaskSpec
from cis_tui.dag.template import MASK, bind_params

MAX_EDIT = 1_000_000
"""Characters of an edit, as JSON."""


def merged(before: Edit | None, edit: Edit) -> Edit:
    """`edit`, and where it changes nothing the edit `before` it."""
    if before is None:
        return edit
    return Edit(
        command=before.command if edit.command is None else edit.command,
        args=before.args if edit.args is None else edit.args,
        input=before.input if edit.input is None else edit.input,
    )


def edited(task: TaskSpec, call: Call, edit: Edit, dags: Mapping[str, DagSpec]) -> Call:
    """`call` of `task` as it runs after `edit`; `dags`: those for which tasks can stand.

    `MASK` in an edit stands for a private value, and stays it where the text that it stands in is as it was shown.

    Raises:
        Refused: the task stands for the items of a list (CIS-DAG-140).
        Invalid: the edit is of a part that the call has not, or would not do (CIS-DAG-141), moves a private value
            (CIS-DAG-142), or gives parameters that the other DAG does not take (CIS-DAG-030).
    """
    if task.for_each is not None:
        hint = "reject it, and change the list; or give the tasks of another DAG a level of their own"
        raise Refused("CIS-DAG-140", f'"{task.id}" stands for a list of tasks, which cannot be edited', hint=hint)
    _check(edit, call, task)
    shown = call.masked or call
    if task.dag is not None:
        return _edited_dag(task, call, edit, dags[task.dag])
    real = _changed(task, call, edit, shown, call)
    return replace(real, masked=_changed(task, shown, edit, shown, shown)) if call.masked else real


def _changed(task: TaskSpec, call: Call, edit: Edit, shown: Call, real: Call) -> Call:
    """`call` with what `edit` changes, in which `MASK` stands for what `real` has where `shown` has it."""
    input = call.input if edit.input is None else _restored_table(edit.input, shown.input, real.input)
    args = call.args
    if edit.args is not None:
        args = tuple(
            str(_restored(arg, _at(shown.args, index), _at(real.args, index))) for index, arg in enumerate(edit.args)
        )
    line = call.line
    if edit.command is not None:
        line = str(_restored(edit.command, shown.line, real.line))
    elif call.manifest is None and not task.command and edit.input is not None:
        line = shell_line(args, input)
    return replace(call, line=line, args=args, input=input, masked=None)


def standing(task: TaskSpec, call: Call, edit: Edit | None, dags: Mapping[str, DagSpec]) -> Expansion:
    """What a task stands for, after an `edit` that was made of it.

    Raises:
        CisError: as `edited`.
    """
    found = edited(task, call, edit, dags).expansion if edit and task.for_each is None else call.expansion
    assert found is not None
    return found


def _edited_dag(task: TaskSpec, call: Call, edit: Edit, inner: DagSpec) -> Call:
    assert call.expansion is not None
    if edit.input is None:
        return call
    params = bind_params(inner, _restored_table(edit.input, (call.masked or call).input, call.input))
    line = f"the DAG {task.dag} {dumps(edit.input)}: {', '.join(each.id for each in inner.tasks)}"
    real = replace(call, line=line, input=params, expansion=replace(call.expansion, params=params), masked=None)
    return real if call.masked is None else replace(real, masked=replace(real, input={**params, **edit.input}))


def _check(edit: Edit, call: Call, task: TaskSpec) -> None:
    """Only what the call has can be edited, and only to what could stand in a file."""
    shell = call.manifest is None and task.dag is None
    if edit.command is not None and not shell:
        runs = f"the DAG {task.dag}" if task.dag is not None else f"the skill {task.skill}"
        raise _wrong(f'"{task.id}" runs {runs}, not a command', "edit its input")
    if edit.args is not None and (shell or task.dag is not None):
        raise _wrong(f'"{task.id}" has no arguments of its own', "edit its command" if shell else "edit its input")
    if edit.command is not None and not edit.command.strip():
        raise _wrong("the command is empty", f"cis decision reject ID --as skip leaves {task.id} out")
    parts = [edit.command or "", list(edit.args or ()), dict(edit.input or {})]
    if len(dumps(parts)) > MAX_EDIT:
        raise _wrong(f"the edit has more than {MAX_EDIT} characters", "put what is long into a file")
    if not _sound(parts):
        raise _wrong("the edit has a text or number that no program could be given", "leave out NUL, NaN and the like")


def _sound(value: object) -> bool:
    if is_table(value):
        return all(is_plain(key) and _sound(item) for key, item in value.items())
    return all(map(_sound, value)) if is_list(value) else is_plain(value)


def _restored_table(given: Mapping[str, object], shown: object, real: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", _restored(dict(given), shown, real))


def _restored(given: object, shown: object, real: object) -> object:
    """`given` with the private values of `real` where it says of them what `shown` did."""
    if isinstance(given, str):
        if MASK not in given:
            return given
        if given != shown:
            raise Invalid(
                "CIS-DAG-142",
                f"{MASK} stands for a private value, and cannot be moved or added to",
                hint="leave the text that it stands in as it is, or replace all of it",
            )
        return real
    if is_table(given):
        seen, values = as_table(shown), as_table(real)
        return {key: _restored(item, seen.get(key), values.get(key)) for key, item in given.items()}
    if is_list(given):
        return [_restored(item, _at(shown, index), _at(real, index)) for index, item in enumerate(given)]
    return given


def _at(items: object, index: int) -> object:
    if not isinstance(items, (list, tuple)):
        return None
    known = cast("list[object]", items)
    return known[index] if index < len(known) else None


def _wrong(message: str, hint: str) -> Invalid:
    return Invalid("CIS-DAG-141", message, hint=hint)
