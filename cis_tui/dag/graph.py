"""Questions about the graph of a DAG: levels, cycles, who comes before whom. Deps on unknown tasks are no edges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from cis_tui.dag.model import DagSpec

MAX_CYCLES = 20
"""Cycles that are shown."""
MAX_BACK_EDGES = 100
"""Edges that are followed in search of them."""


def dependencies(spec: DagSpec) -> dict[str, tuple[str, ...]]:
    """For each task, what must have ended before it starts, each once: its deps, and those for whose failure it is."""
    known = {task.id for task in spec.tasks}
    watched = spec.watched()
    return {
        task.id: tuple(dict.fromkeys(dep for dep in (*task.deps, *watched.get(task.id, ())) if dep in known))
        for task in spec.tasks
    }


def dependants(spec: DagSpec) -> dict[str, tuple[str, ...]]:
    """For each task, the tasks that wait for it, in the order of the file."""
    after: dict[str, list[str]] = {task.id: [] for task in spec.tasks}
    for id, deps in dependencies(spec).items():
        for dep in deps:
            after[dep].append(id)
    return {id: tuple(ids) for id, ids in after.items()}


def levels(spec: DagSpec) -> tuple[tuple[str, ...], ...]:
    """Task ids by the longest path from the start, in the order of the file within a level.

    Tasks in a cycle, or behind one, stand together in a last level.
    """
    deps = dependencies(spec)
    after = dependants(spec)
    missing = {id: len(needed) for id, needed in deps.items()}
    position = {id: index for index, id in enumerate(deps)}
    found: list[tuple[str, ...]] = []
    current = [id for id, count in missing.items() if not count]
    while current:
        found.append(tuple(current))
        released: list[str] = []
        for id in current:
            del missing[id]
            for waiting in after[id]:
                missing[waiting] -= 1
                if not missing[waiting]:
                    released.append(waiting)
        current = sorted(released, key=position.__getitem__)
    if missing:
        found.append(tuple(missing))
    return tuple(found)


def cycles(spec: DagSpec) -> list[list[str]]:
    """The shortest cycle round each back edge, every one once, as `["a", "b", "a"]`: each task needs the next.

    They begin with the task that stands first in the file; at most `MAX_CYCLES` are given, the shortest first.
    """
    deps = dependencies(spec)
    ordered = levels(spec)
    stuck = set(ordered[-1] if ordered else ())
    if not any(dep in stuck for id in stuck for dep in deps[id]):
        return []

    import networkx as nx  # a third of a second: only for a DAG that has a cycle

    position = {id: index for index, id in enumerate(deps)}
    graph: nx.DiGraph[str] = nx.DiGraph((id, dep) for id in deps if id in stuck for dep in deps[id] if dep in stuck)
    found: set[tuple[str, ...]] = set()
    for component in nx.strongly_connected_components(graph):
        ring = graph.subgraph(component)
        for source, target in islice(_back_edges(nx.dfs_labeled_edges(ring)), MAX_BACK_EDGES):
            way = nx.bidirectional_shortest_path(ring, target, source)
            first = way.index(min(way, key=position.__getitem__))
            found.add((*way[first:], *way[:first]))
    shortest = sorted(found, key=lambda way: (len(way), [position[id] for id in way]))[:MAX_CYCLES]
    return [[*way, way[0]] for way in shortest]


def _back_edges(steps: Iterable[tuple[str, str, str]]) -> Iterator[tuple[str, str]]:
    """Of a depth-first walk, the edges that lead back to a task from which the walk has not returned."""
    open: set[str] = set()
    for source, target, step in steps:
        if step == "forward":
            open.add(target)
        elif step == "reverse":
            open.discard(target)
        elif target in open:
            yield source, target


def upstream(spec: DagSpec) -> Callable[[str, str], bool]:
    """A test whether its first task has always ended before its second one starts."""
    deps = dependencies(spec)
    bit = {id: 1 << index for index, id in enumerate(deps)}
    before: dict[str, int] = {}
    for level in levels(spec):
        for id in level:
            before[id] = 0
            for dep in deps[id]:
                before[id] |= bit[dep] | before.get(dep, 0)
    return lambda first, second: bool(before.get(second, 0) & bit.get(first, 0))


def after_failure(spec: DagSpec) -> frozenset[str]:
    """The tasks that run only when something failed: those named by an `on_failure`, and all behind them."""
    after = dependants(spec)
    found = set(spec.watched()) & after.keys()
    open = list(found)
    while open:
        fresh = set(after[open.pop()]) - found
        found |= fresh
        open += fresh
    return frozenset(found)


def leaves(spec: DagSpec) -> tuple[str, ...]:
    """The tasks with which a run ends in which nothing fails."""
    aside = after_failure(spec)
    return tuple(id for id, waiting in dependants(spec).items() if id not in aside and aside.issuperset(waiting))
