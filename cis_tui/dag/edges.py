"""Order that stands beside the tasks, or at the task before, becomes `deps` of the task after."""

from __future__ import annotations

import re

from cis_tui.core.document import as_list, is_list, is_table
from cis_tui.core.tables import describe
from cis_tui.dag.draft import Draft

LISTS = ("edges", "links", "connections", "transitions")
"""Names of a list of edges."""
_PAIRS = (("from", "to"), ("source", "target"), ("src", "dst"), ("upstream", "downstream"), ("before", "after"))
_ONWARD = ("next", "downstream", "then", "successors")
"""Fields of a task that name those after it."""
_SAYS_NOTHING = frozenset({"id", "name", "label", "type", "weight", "color", "style", "description"})
_PLAIN_TYPES = frozenset({"", "default", "success", "on_success", "dependency", "depends_on", "data", "control"})
_ARROW = re.compile(r"\s*(.+?)\s*(?:->|=>|→)\s*(.+?)\s*")


class _Order:
    """What was found out about the order of tasks."""

    def __init__(self, tasks: list[dict[str, object]]) -> None:
        self.tasks = {id: task for task in tasks if isinstance(id := task.get("id"), str)}
        self._before: dict[str, dict[str, None]] = {}

    def add(self, first: str, second: str) -> None:
        """`second` needs `first`."""
        self._before.setdefault(second, {})[first] = None

    def write(self) -> None:
        """Put it into the `deps` of the tasks."""
        for id, before in self._before.items():
            deps = self.tasks[id].get("deps")
            if deps is None or is_list(deps):
                known = {dep for dep in as_list(deps) if isinstance(dep, str)}
                self.tasks[id]["deps"] = [*as_list(deps), *(dep for dep in before if dep not in known)]


def read_edges(top: Draft, dag: Draft) -> None:
    """Turn lists of edges, and what tasks say about those after them, into their `deps`."""
    tasks = [task for task in as_list(dag.data.get("tasks")) if is_table(task)]
    order = _Order(tasks)
    for holder in (dag, top):
        for name in LISTS:
            if name in holder.data:
                _lists(holder, name, order)
    for index, task in enumerate(tasks):
        for field in _ONWARD:
            if field in task:
                _onward(dag, index, task, field, order)
    order.write()


def _lists(holder: Draft, name: str, order: _Order) -> None:
    place = (*holder.source, name)
    edges = holder.data[name]
    if not is_list(edges):
        holder.notes.error(place, f'"{name}" is {describe(edges)}, expected a list of {{ from, to }}', _HINT)
        return
    for index, edge in enumerate(edges):
        pair = _ends(edge)
        if pair is None:
            message = f"an edge is {_shown(edge)}, which is not understood: without it the order would be another one"
            holder.notes.error((*place, index), message, _HINT)
        elif pair[1] not in order.tasks:
            holder.notes.error((*place, index), f'an edge leads to "{pair[1]}", which does not exist')
        else:
            order.add(*pair)
    del holder.data[name]
    holder.notes.warn(place, f'"{name}" are read as "deps" of the tasks to which they lead')


_HINT = 'write { from = "a", to = "b" }, or deps = ["a"] at the task b'


def _ends(edge: object) -> tuple[str, str] | None:
    """From where to where an edge leads, if that is all that it says."""
    if isinstance(edge, str):
        match = _ARROW.fullmatch(edge)
        return (match[1], match[2]) if match else None
    if is_list(edge):
        one, other = edge if len(edge) == 2 else (None, None)
    elif is_table(edge):
        names = next((names for names in _PAIRS if names[0] in edge and names[1] in edge), None)
        if names is None or edge.keys() - {*names, *_SAYS_NOTHING}:
            return None
        if str(edge.get("type", "")).lower() not in _PLAIN_TYPES:
            return None
        one, other = edge[names[0]], edge[names[1]]
    else:
        return None
    return (one, other) if isinstance(one, str) and isinstance(other, str) else None


def _shown(edge: object) -> str:
    return (
        ", ".join(f"{name} = {describe(value)}" for name, value in edge.items()) if is_table(edge) else describe(edge)
    )


def _onward(dag: Draft, index: int, task: dict[str, object], field: str, order: _Order) -> None:
    place = (*dag.path, "tasks", index, field)
    id = task.get("id")
    after = [task[field]] if isinstance(task[field], str) else task[field]
    if not isinstance(id, str) or not is_list(after) or not all(isinstance(each, str) for each in after):
        dag.notes.error(place, f'"{field}" is {describe(task[field])}, expected ids of the tasks after this one', _HINT)
        return
    for each in map(str, after):
        if each in order.tasks:
            order.add(id, each)
        else:
            dag.notes.error(place, f'there is no task "{each}" after this one')
    del task[field]
    dag.notes.warn(place, f'"{field}" is read as "deps" of the tasks that it names')
