"""Tasks that stand for others, one for each item of a list or all of another DAG: what they become, as plain values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar, cast

from cis_tui.core.document import is_list, is_table
from cis_tui.core.errors import Invalid
from cis_tui.core.tables import describe
from cis_tui.core.text import clean_line
from cis_tui.dag.graph import leaves
from cis_tui.dag.model import DagSpec, Level, Policy, TaskSpec

MAX_BYTES = 1_000_000
"""Of the items of one list, and of the outputs of the tasks of one list, as JSON."""
T = TypeVar("T", int, float)
Facts = Mapping[str, Mapping[str, object]]
"""Task id to `status`, `output`, `exit_code` and `error`."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """What is known of a task that stands for others once it is ready."""

    items: tuple[object, ...] | None = None
    """Of the list, which the journal keeps; None if the task stands for another DAG, whose values it does not keep."""
    params: Mapping[str, object] = field(default_factory=dict[str, object])
    """Those of the other DAG."""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the tasks of the other DAG find in their environment besides."""


class Within(Mapping[str, Mapping[str, object]]):
    """The facts about the tasks of one DAG among others, by the ids that they have in its file."""

    def __init__(self, facts: Facts, prefix: str) -> None:
        self._facts = facts
        self._prefix = prefix

    def __getitem__(self, id: str) -> Mapping[str, object]:
        return self._facts[self._prefix + id]

    def __iter__(self) -> Iterator[str]:
        return (id.removeprefix(self._prefix) for id in self._facts if id.startswith(self._prefix))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def inner_spec(task: TaskSpec, expansion: Expansion, scope: DagSpec, dags: Mapping[str, DagSpec]) -> DagSpec:
    """The tasks for which `task` of the DAG `scope` stands, as a DAG of their own whose ids begin with the task's."""
    if expansion.items is None:
        return _of_dag(task, dags[task.dag or ""])
    policy = Policy.ALLOW_DEBT if scope.policy is Policy.ALLOW_DEBT else Policy.ALL_SUCCESS
    tasks = tuple(_of_item(task, index, item) for index, item in enumerate(expansion.items))
    return DagSpec(
        task.id,
        tasks,
        file=scope.file,
        policy=policy,
        max_parallel=task.max_parallel,
        limits=scope.limits,
        timeout=task.total_timeout,
    )


def _of_item(task: TaskSpec, index: int, item: object) -> TaskSpec:
    """One of many; what decides about the many, and what comes of them, is the task's own affair."""
    return replace(
        task,
        id=f"{task.id}[{index}]",
        name=clean_line(item if isinstance(item, str) else json.dumps(item, ensure_ascii=False), limit=80),
        deps=(),
        level=Level(),
        condition=None,
        on_failure=None,
        for_each=None,
        max_parallel=None,
        total_timeout=None,
        given={"item": item, "index": index},
    )


def _of_dag(task: TaskSpec, inner: DagSpec) -> DagSpec:
    def named(id: str) -> str:
        return f"{task.id}/{id}"

    tasks = tuple(
        replace(
            each,
            id=named(each.id),
            deps=tuple(map(named, each.deps)),
            on_failure=None if each.on_failure is None else named(each.on_failure),
        )
        for each in inner.tasks
    )
    return replace(
        inner,
        tasks=tasks,
        max_parallel=lesser(inner.max_parallel, task.max_parallel),
        timeout=lesser(inner.timeout, task.total_timeout),
    )


def lesser(one: T | None, other: T | None) -> T | None:
    """The smaller of two limits, of which each may be none."""
    return min((limit for limit in (one, other) if limit is not None), default=None)


def listed(value: object, task: TaskSpec) -> tuple[object, ...]:
    """The items that `for_each` of `task` has found.

    Raises:
        Invalid: it is no list (CIS-DAG-100), or too long (CIS-DAG-101).
    """
    where = f'for_each of "{task.id}"'
    if isinstance(value, str):
        value = _structure(str(value))
    found = list(cast("Iterable[object]", value)) if isinstance(value, (tuple, range)) else value
    if not is_list(found):
        hint = 'an expression that gives one, such as tasks.find.output.splitlines() or params.names.split(",")'
        raise Invalid("CIS-DAG-100", f"{where} is {_shown(found)}, expected a list", hint=hint)
    if len(found) > task.max_items:
        hint = f"max_items = {len(found)} allows so many" if len(found) <= 20_000 else "work on them in parts"
        raise Invalid("CIS-DAG-101", f"{where} has {len(found)} items, at most {task.max_items} are allowed", hint=hint)
    try:
        text = json.dumps(found, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise Invalid("CIS-DAG-100", f"{where} has an item that JSON cannot say: {clean_line(str(error))}") from error
    if len(text) > MAX_BYTES:
        raise Invalid("CIS-DAG-101", f"the items of {where} have {len(text)} characters, at most {MAX_BYTES} fit")
    return tuple(json.loads(text))


def _structure(text: str) -> object:
    try:
        return json.loads(text) if text.lstrip().startswith("[") else text
    except (ValueError, RecursionError):
        return text


def _shown(value: object) -> str:
    return "a table" if is_table(value) else describe(value)


def gathered(task: TaskSpec, inner: DagSpec, facts: Facts) -> str:
    """The output of a task whose tasks have ended.

    Of a list it is the JSON list of their outputs, null for one that did not complete. Of a DAG it is the output of its
    last task; if it has several, a JSON table of them.
    """
    if task.for_each is not None:
        return _listed_outputs([facts.get(each.id, {}) for each in inner.tasks])
    last = leaves(inner)
    if len(last) == 1:
        return str(facts.get(last[0], {}).get("output") or "")
    outputs = {id.removeprefix(f"{task.id}/"): _json_of(facts.get(id, {}), MAX_BYTES // len(last)) for id in last}
    return json.dumps(outputs, ensure_ascii=False)


def _listed_outputs(results: list[Mapping[str, object]]) -> str:
    whole = json.dumps([_json_of(result, MAX_BYTES) for result in results], ensure_ascii=False)
    if len(whole) <= MAX_BYTES:
        return whole
    # A character may take six in JSON.
    return json.dumps([_json_of(result, MAX_BYTES // len(results) // 6) for result in results], ensure_ascii=False)


def _json_of(result: Mapping[str, object], limit: int) -> object:
    """What a task gave: a JSON document as such, anything else, and what is longer than `limit`, as text."""
    if result.get("status") != "completed":
        return None
    text = str(result.get("output") or "").rstrip("\n")
    if len(text) > limit:
        return text[-limit:]
    try:
        return json.loads(text) if text.lstrip().startswith(("{", "[")) else text
    except (ValueError, RecursionError):
        return text
