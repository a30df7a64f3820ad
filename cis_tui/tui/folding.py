"""What of a DAG is shown as one: groups of tasks, and the graph that is left when some of them are folded.

Tasks are folded by what their names begin with, when they stand in a row, when they need the same and are needed by the
same, and, of what is still too much, when they are equally far from the beginning. Groups may stand in groups. Whatever
is folded, the graph that is left has no cycle unless there was one before: a cycle through a group would be a way that
leaves the group and comes back, and what has such a way is no group.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from cis_tui.tui.lanes import draw_order

MANY = 40
"""So many rows are shown without anything folded."""
LARGEST = 2_000
"""Tasks above which names are not compared."""
ROUNDS = 6
"""How often rows and likes are looked for in what they left."""
_PART = re.compile(r"[^\W\d_]+|\d+")


class Graph(NamedTuple):
    """Tasks, or groups of them, with the edges between them."""

    deps: Mapping[str, Sequence[str]]
    """What each needs; the order is that of the file."""
    calls: Mapping[str, Sequence[str]]
    """Those that run only if it fails."""

    def before(self) -> dict[str, tuple[str, ...]]:
        """What each comes after, by either kind of edge."""
        found = {id: dict.fromkeys(need for need in needs if need in self.deps) for id, needs in self.deps.items()}
        for id, called in self.calls.items():
            for each in called:
                if each in found and id in found:
                    found[each][id] = None
        return {id: tuple(needs) for id, needs in found.items()}


class Kind(StrEnum):
    """Why tasks are folded into one."""

    NAMES = "names"
    CHAIN = "chain"
    ALIKE = "alike"
    LAYER = "layer"


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks that are shown as one when they are folded."""

    id: str
    """No task has such an id."""
    kind: Kind
    label: str
    nodes: tuple[str, ...]
    """The tasks and groups of which it is made."""
    tasks: tuple[str, ...]
    """All tasks in it."""


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of a graph."""

    by_id: Mapping[str, Group] = field(default_factory=dict[str, Group])
    within: Mapping[str, str] = field(default_factory=dict[str, str])
    """The group in which a task or group stands."""

    def above(self, id: str) -> Iterable[str]:
        """The groups in which a task or group stands, the innermost first."""
        while id in self.within:
            id = self.within[id]
            yield id

    def depth(self, group: str) -> int:
        """In how many others a group stands."""
        return sum(1 for _ in self.above(group))

    def levels(self, tasks: Iterable[str]) -> list[int]:
        """How many rows there are with nothing opened, with the outermost groups opened, and so on to all."""
        chains = [(id, *self.above(id)) for id in tasks]
        deepest = max((len(chain) for chain in chains), default=1)
        return [len({chain[max(0, len(chain) - 1 - level)] for chain in chains}) for level in range(deepest)]


def first_of(id: str) -> str:
    """A task, or the first one of a group."""
    return id.split(" ", 2)[2] if id.startswith("\0") else id


def find_groups(graph: Graph) -> Groups:
    """What can be folded in a graph."""
    finder = _Finder(graph)
    if len(graph.deps) <= LARGEST:
        finder.names()
    for _ in range(ROUNDS):
        before = len(finder.groups)
        finder.alike()
        finder.chains()
        if len(finder.groups) == before:
            break
    finder.dissolve_pairs()
    if len(finder.before) > MANY:
        finder.layers()
    within = {node: group.id for group in finder.groups.values() for node in group.nodes}
    return Groups(finder.groups, within)


def quotient(graph: Graph, place: Mapping[str, str]) -> Graph:
    """The graph in which each task stands at its `place`: edges between two places become one, those within one go."""
    deps: dict[str, dict[str, None]] = {place[id]: {} for id in graph.deps}
    calls: dict[str, dict[str, None]] = {}
    for id, needs in graph.deps.items():
        for need in needs:
            if need in place and place[need] != place[id]:
                deps[place[id]][place[need]] = None
    for id, called in graph.calls.items():
        for each in called:
            if id in place and each in place and place[each] != place[id]:
                calls.setdefault(place[id], {})[place[each]] = None
    return Graph({id: tuple(needs) for id, needs in deps.items()}, {id: tuple(to) for id, to in calls.items()})


def graft(graph: Graph, at: str, inner: Graph) -> Graph:
    """`graph` with the tasks for which `at` stands: they begin after it, and what needs it comes after their last."""
    before = inner.before()
    needed = {need for needs in inner.deps.values() for need in needs}
    last = tuple(id for id in inner.deps if id not in needed)
    deps: dict[str, tuple[str, ...]] = {}
    for id, needs in graph.deps.items():
        deps[id] = tuple(each for need in needs for each in (last if need == at else (need,)))
        if id == at:
            deps |= {each: tuple(inner.deps[each]) if needs else (at,) for each, needs in before.items()}
    return Graph(deps, {**graph.calls, **inner.calls})


def only(graph: Graph, kept: frozenset[str] | set[str]) -> Graph:
    """The graph of the tasks in `kept`; a way through tasks that are left out becomes an edge."""
    came: dict[str, dict[tuple[str, bool], None]] = {}
    calls: dict[str, dict[str, None]] = {}
    deps: dict[str, tuple[str, ...]] = {}
    callers: dict[str, list[str]] = {}
    for id, called in graph.calls.items():
        for each in called:
            callers.setdefault(each, []).append(id)
    for id in draw_order(graph.before()):
        ways: dict[tuple[str, bool], None] = {}
        edges = [(need, False) for need in graph.deps[id]] + [(caller, True) for caller in callers.get(id, ())]
        for source, failure in edges:
            if source in kept:
                ways[source, failure] = None
            else:
                ways |= {(first, failure or failed): None for first, failed in came.get(source, ())}
        came[id] = ways
        if id in kept:
            deps[id] = tuple(source for source, failure in ways if not failure)
            for source, failure in ways:
                if failure:
                    calls.setdefault(source, {})[id] = None
    ordered = {id: deps[id] for id in graph.deps if id in deps}
    return Graph(ordered, {id: tuple(to) for id, to in calls.items()})


_Edges = dict[str, set[tuple[str, bool]]]
"""For each node the others with which it is joined, and whether by a way that is gone after a failure."""


class _Finder:
    """Finds groups in a graph that shrinks with each of them."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._number = {id: number for number, id in enumerate(graph.deps)}
        self.groups: dict[str, Group] = {}
        self._take(graph)

    def _take(self, graph: Graph) -> None:
        self.before: _Edges = {
            id: {(need, False) for need in graph.deps[id] if need in graph.deps} for id in graph.deps
        }
        self._behind: _Edges = {id: set() for id in graph.deps}
        for id, called in graph.calls.items():
            for each in called:
                if id in self.before and each in self.before:
                    self.before[each].add((id, True))
        for id, edges in self.before.items():
            for need, failure in edges:
                self._behind[need].add((id, failure))

    # The ways to find some

    def names(self) -> None:
        """Tasks whose names begin alike, if they are no more than half of all."""
        parts = {id: _PART.findall(id) for id in self._graph.deps}
        for length in (1, 2, 3):
            found: dict[tuple[str, ...], list[str]] = {}
            for id, words in parts.items():
                if id in self.before and len(words) > length:
                    found.setdefault(tuple(words[:length]), []).append(id)
            for nodes in found.values():
                if 3 <= len(nodes) <= len(parts) // 2 and not self._comes_back(nodes):
                    self._contract(Kind.NAMES, nodes)

    def alike(self) -> None:
        """Those that need the same and are needed by the same."""
        found: dict[object, list[str]] = {}
        for id, edges in self.before.items():
            found.setdefault((frozenset(edges), frozenset(self._behind[id])), []).append(id)
        for nodes in found.values():
            if 2 <= len(nodes) < len(self.before):
                self._contract(Kind.ALIKE, nodes)

    def chains(self) -> None:
        """Those that stand in a row, of which nothing branches off; the ends of a DAG that is one row stay."""
        follows = {id: next(iter(edges))[0] for id, edges in self._behind.items() if self._leads_on(edges)}
        led = set(follows.values())
        for start in [id for id in follows if id not in led]:
            nodes = [start]
            while nodes[-1] in follows:
                nodes.append(follows[nodes[-1]])
            if len(nodes) == len(self.before):
                nodes = nodes[1:-1]
            if len(nodes) >= 3:
                self._contract(Kind.CHAIN, nodes)

    def _leads_on(self, edges: set[tuple[str, bool]]) -> bool:
        if len(edges) != 1:
            return False
        ((other, failure),) = edges
        return not failure and len(self.before[other]) == 1

    def dissolve_pairs(self) -> None:
        """Two tasks are worth a group only inside of another one."""
        inside = {node for group in self.groups.values() for node in group.nodes}
        self.groups = {id: group for id, group in self.groups.items() if len(group.tasks) > 2 or id in inside}
        within = {node: group.id for group in self.groups.values() for node in group.nodes}
        groups = Groups(self.groups, within)
        self._take(quotient(self._graph, {id: [id, *groups.above(id)][-1] for id in self._graph.deps}))

    def layers(self) -> None:
        """Those that are equally far from the beginning."""
        far: dict[str, int] = {}
        found: dict[int, list[str]] = {}
        for id in draw_order({id: tuple(need for need, _ in edges) for id, edges in self.before.items()}):
            far[id] = max((far[need] + 1 for need, _ in self.before[id] if need in far), default=0)
            found.setdefault(far[id], []).append(id)
        if len(found) > 1:
            for layer, nodes in found.items():
                if len(nodes) > 1:
                    self._contract(Kind.LAYER, nodes, f"layer {layer + 1}")

    # Contraction

    def _comes_back(self, nodes: Sequence[str]) -> bool:
        """Whether a way leads out of these and back."""
        inner = set(nodes)
        seen: set[str] = set()
        open = [other for id in nodes for other, _ in self._behind[id] if other not in inner]
        while open:
            id = open.pop()
            if id in inner:
                return True
            if id not in seen:
                seen.add(id)
                open += [other for other, _ in self._behind[id]]
        return False

    def _contract(self, kind: Kind, nodes: Sequence[str], label: str = "") -> None:
        inner = set(nodes)
        tasks = [task for node in nodes for task in (self.groups[node].tasks if node in self.groups else (node,))]
        if kind is not Kind.CHAIN:
            tasks.sort(key=self._number.__getitem__)
        group = Group(
            f"\0{kind} {len(tasks)} {tasks[0]}", kind, label or _label(kind, tasks), tuple(nodes), tuple(tasks)
        )
        for edges, others in ((self.before, self._behind), (self._behind, self.before)):
            joined = {edge for id in nodes for edge in edges[id] if edge[0] not in inner}
            for other, failure in joined:
                others[other] = {edge for edge in others[other] if edge[0] not in inner or edge[1] != failure}
                others[other].add((group.id, failure))
            edges[group.id] = joined
        for id in nodes:
            del self.before[id], self._behind[id]
        self.groups[group.id] = group


def _label(kind: Kind, tasks: Sequence[str]) -> str:
    """What these are called together."""
    if kind is Kind.CHAIN:
        return f"{tasks[0]} → {tasks[-1]}"
    first, last = min(tasks), max(tasks)
    length = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    shared = first[:length].rstrip("0123456789")
    return f"{shared}*" if len(shared) > 1 else f"{tasks[0]} … {tasks[-1]}"
