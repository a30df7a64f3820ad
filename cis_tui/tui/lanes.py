"""The edges of a DAG drawn beside its tasks, one row a task, as `git log --graph` draws commits.

    ●    lint
    │ ●  test
    ├─●  build      needs lint and test
    ●    note       needs lint

Each task that still has dependants to come keeps a lane open below it; a task joins the lanes of the tasks it needs.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

MAX_LANES = 32
"""Lanes open at once; edges beyond that are not drawn, so that a wide DAG costs no more than a narrow one."""


@dataclass(frozen=True, slots=True)
class LaneRow:
    """One task's row: where its mark stands, and the lines before and after it."""

    id: str
    before: str
    after: str
    below: str
    """The lanes that are open under the row."""

    @property
    def width(self) -> int:
        """Cells of the row with its mark."""
        return len(self.before) + 1 + len(self.after)


def draw_order(deps: Mapping[str, Sequence[str]]) -> list[str]:
    """The tasks with every dependency first, otherwise in the given order; tasks of a cycle come last."""
    position = {id: index for index, id in enumerate(deps)}
    known = {id: [dep for dep in needs if dep in position] for id, needs in deps.items()}
    missing = {id: len(set(needs)) for id, needs in known.items()}
    dependants: dict[str, list[str]] = {id: [] for id in deps}
    for id, needs in known.items():
        for dep in set(needs):
            dependants[dep].append(id)
    ready = [position[id] for id, needed in missing.items() if not needed]
    heapq.heapify(ready)
    names = list(deps)
    order: list[str] = []
    while ready:
        id = names[heapq.heappop(ready)]
        order.append(id)
        for dependant in dependants[id]:
            missing[dependant] -= 1
            if not missing[dependant]:
                heapq.heappush(ready, position[dependant])
    placed = set(order)
    return order + [id for id in names if id not in placed]


def draw_lanes(deps: Mapping[str, Sequence[str]]) -> list[LaneRow]:
    """The rows of a DAG given as task id to the ids it needs, in the order in which they are drawn."""
    order = draw_order(deps)
    drawer = _Drawer(deps, order)
    return [drawer.row(id) for id in order]


class _Drawer:
    """The lanes that are open while the rows are drawn from top to bottom."""

    def __init__(self, deps: Mapping[str, Sequence[str]], order: Iterable[str]) -> None:
        self._needs: dict[str, set[str]] = {}
        self._open_edges = dict.fromkeys(deps, 0)
        self._lanes: list[str | None] = []
        seen: set[str] = set()
        for id in order:
            self._needs[id] = {dep for dep in deps[id] if dep in seen}
            for dep in self._needs[id]:
                self._open_edges[dep] += 1
            seen.add(id)

    def row(self, id: str) -> LaneRow:
        joined = [column for column, holder in enumerate(self._lanes) if holder in self._needs[id]]
        for dep in self._needs[id]:
            self._open_edges[dep] -= 1
        ending = {column for column in joined if not self._open_edges[self._lanes[column] or ""]}
        slot = min(ending) if ending else self._free_lane()
        cells = self._cells(slot, joined, ending)
        for column in ending:
            self._lanes[column] = None
        if slot < MAX_LANES:
            self._hold(slot, id if self._open_edges[id] else None)
        below = "".join("  " if holder is None else "│ " for holder in self._lanes)
        return LaneRow(id, "".join(cells[: 2 * slot]), "".join(cells[2 * slot + 1 :]).rstrip(), below.rstrip())

    def _free_lane(self) -> int:
        return next((column for column, holder in enumerate(self._lanes) if holder is None), len(self._lanes))

    def _hold(self, slot: int, holder: str | None) -> None:
        if slot == len(self._lanes):
            self._lanes.append(None)
        self._lanes[slot] = holder
        while self._lanes and self._lanes[-1] is None:
            self._lanes.pop()

    def _cells(self, slot: int, joined: Sequence[int], ending: set[int]) -> list[str]:
        """The row's characters: a lane stands in every even column, what joins lanes in the odd ones."""
        columns = max(len(self._lanes), slot + 1)
        cells = [" "] * (2 * columns)
        for column, holder in enumerate(self._lanes):
            cells[2 * column] = " " if holder is None else "│"
        reach = [slot, *joined]
        first, last = min(reach), max(reach)
        for index in range(2 * first + 1, 2 * last):
            if cells[index] == " ":
                cells[index] = "─"
        for column in joined:
            if column != slot:
                cells[2 * column] = _junction(column, first, last, column in ending)
        cells[2 * slot] = "●"
        return cells


def _junction(column: int, first: int, last: int, ends: bool) -> str:
    """How a lane meets the line that leads to the task: at its left end, its right end, or between."""
    if column == first:
        return "╰" if ends else "├"
    if column == last:
        return "╯" if ends else "┤"
    return "┴" if ends else "┼"
