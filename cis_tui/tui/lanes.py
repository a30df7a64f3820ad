"""The edges of a DAG drawn beside its tasks, one row a task, as `git log --graph` draws commits.

    ●        lint
    │ ●      test
    ├─●      build   needs lint and test
    │ ●╌╮    push
    ● │ ┆    note    needs lint
      ● ┆    check   needs push
        ●    tell    runs if push failed

Each task that still has dependants to come keeps a lane open below it; a task joins the lanes of the tasks it needs.
The way to a task that runs only after a failure is a broken line, which opens with a corner.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

MAX_LANES = 32
"""Lanes open at once; edges beyond that are not drawn, so that a wide DAG costs no more than a narrow one."""


class Holder(NamedTuple):
    """What a lane leads away from."""

    task: str
    failure: bool
    """It leads to the task that runs if this one fails."""


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


def draw_lanes(deps: Mapping[str, Sequence[str]], handlers: Mapping[str, str] | None = None) -> list[LaneRow]:
    """The rows of a DAG given as task id to the ids it needs, in the order in which they are drawn.

    `handlers`: for a task the one that runs only if it fails, which stands below it.
    """
    calls = {id: handler for id, handler in (handlers or {}).items() if id in deps and handler in deps}
    watched: dict[str, list[str]] = {}
    for id, handler in calls.items():
        watched.setdefault(handler, []).append(id)
    order = draw_order({id: (*needs, *watched.get(id, ())) for id, needs in deps.items()})
    drawer = _Drawer(deps, calls, watched, order)
    return [drawer.row(id) for id in order]


class _Drawer:
    """The lanes that are open while the rows are drawn from top to bottom."""

    def __init__(
        self,
        deps: Mapping[str, Sequence[str]],
        calls: Mapping[str, str],
        watched: Mapping[str, Sequence[str]],
        order: Iterable[str],
    ) -> None:
        self._joins: dict[str, set[Holder]] = {}
        """The lanes that each task joins."""
        self._open_edges: dict[Holder, int] = {}
        self._lanes: list[Holder | None] = []
        seen: set[str] = set()
        for id in order:
            normal = {Holder(dep, False) for dep in deps[id] if dep in seen}
            broken = {Holder(source, True) for source in watched.get(id, ()) if source in seen}
            self._joins[id] = normal | broken
            for holder in self._joins[id]:
                self._open_edges[holder] = self._open_edges.get(holder, 0) + 1
            seen.add(id)

    def row(self, id: str) -> LaneRow:
        wanted = self._joins[id]
        joined = [column for column, holder in enumerate(self._lanes) if holder in wanted]
        for holder in wanted:
            self._open_edges[holder] -= 1
        ending = {column for column in joined if not self._open_edges[self._lanes[column] or _NOBODY]}
        slot = min(ending) if ending else self._free_lane()
        to_come = [holder for holder in (Holder(id, False), Holder(id, True)) if self._open_edges.get(holder)]
        opened = self._free_lane(besides=slot) if len(to_come) > 1 else None
        cells = self._cells(slot, joined, ending, opened)
        for column in ending:
            self._lanes[column] = None
        self._hold(slot, to_come[0] if to_come else None)
        if opened is not None:
            self._hold(opened, to_come[1])
        while self._lanes and self._lanes[-1] is None:
            self._lanes.pop()
        below = "".join(f"{_upright(holder)} " for holder in self._lanes)
        return LaneRow(id, "".join(cells[: 2 * slot]), "".join(cells[2 * slot + 1 :]).rstrip(), below.rstrip())

    def _free_lane(self, besides: int = -1) -> int:
        free = (column for column, holder in enumerate(self._lanes) if holder is None and column != besides)
        return next(free, max(len(self._lanes), besides + 1))

    def _hold(self, column: int, holder: Holder | None) -> None:
        if column >= MAX_LANES:
            return
        self._lanes += [None] * (column + 1 - len(self._lanes))
        self._lanes[column] = holder

    def _cells(self, slot: int, joined: Sequence[int], ending: set[int], opened: int | None) -> list[str]:
        """The row's characters: a lane stands in every even column, what joins lanes in the odd ones."""
        opened = None if opened is not None and opened >= MAX_LANES else opened
        reach = [slot, *joined, *(() if opened is None else (opened,))]
        first, last = min(reach), max(reach)
        cells = [" "] * (2 * max(len(self._lanes), last + 1))
        for column, holder in enumerate(self._lanes):
            cells[2 * column] = _upright(holder)
        whole = [slot, *(column for column in joined if not (self._lanes[column] or _NOBODY).failure)]
        for index in range(2 * first + 1, 2 * last):
            if cells[index] == " ":
                cells[index] = "─" if 2 * min(whole) < index < 2 * max(whole) else "╌"
        for column in joined:
            if column != slot:
                cells[2 * column] = _junction(column, first, last, column in ending)
        if opened is not None:
            cells[2 * opened] = "╭" if opened == first else "╮" if opened == last else "┬"
        cells[2 * slot] = "●"
        return cells


_NOBODY = Holder("", False)


def _upright(holder: Holder | None) -> str:
    if holder is None:
        return " "
    return "┆" if holder.failure else "│"


def _junction(column: int, first: int, last: int, ends: bool) -> str:
    """How a lane meets the line that leads to the task: at its left end, its right end, or between."""
    if column == first:
        return "╰" if ends else "├"
    if column == last:
        return "╯" if ends else "┤"
    return "┴" if ends else "┼"
