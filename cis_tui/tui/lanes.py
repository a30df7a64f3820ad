"""The edges of a DAG drawn beside its tasks, one row a task, as `git log --graph` draws commits.

    ●        lint
    │ ●      test
    ├─●      build   needs lint and test
    │ ●╌╮    push
    ● │ ┆    note    needs lint
      ● ┆    check   needs push
        ●    tell    runs if push failed

Each task that still has dependants to come keeps a lane open below it; a task joins the lanes of the tasks it needs.
The way to a task that runs only after a failure is a broken line, which opens with a corner. Lanes for which there is
no room are one thick line at the right, with their number.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

MAX_LANES = 24
"""Lanes beside each other; those beyond that are drawn as one, so that a wide DAG costs no more than a narrow one."""
FEW, LARGEST = 40, 300
"""Up to how many tasks the order is always that of the file, and from which number on it is so again."""
NEARER = 0.7
"""By how much lanes have to be shorter for another order than that of the file."""
THICK = "┃"
"""The lanes that are drawn as one."""


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


def draw_lanes(
    deps: Mapping[str, Sequence[str]], calls: Mapping[str, Sequence[str]] | None = None, lanes: int = MAX_LANES
) -> list[LaneRow]:
    """The rows of a DAG given as task id to the ids it needs, in the order in which they are drawn.

    `calls`: for a task those that run only if it fails, which stand below it. `lanes`: how many may stand beside each
    other; the others are drawn as one thick line at their right, with their number.
    """
    watched: dict[str, list[str]] = {}
    for id, handlers in (calls or {}).items():
        for handler in handlers:
            if id in deps and handler in deps:
                watched.setdefault(handler, []).append(id)
    order = _short_order({id: (*needs, *watched.get(id, ())) for id, needs in deps.items()})
    drawer = _Drawer(deps, watched, order, lanes)
    return [drawer.row(id) for id in order]


def _short_order(deps: Mapping[str, Sequence[str]]) -> list[str]:
    """The order of the file, or of a large DAG one in which what belongs together stands much nearer."""
    order = draw_order(deps)
    if not FEW < len(order) <= LARGEST:
        return order
    near = near_order(deps)
    return near if _length(deps, near) < NEARER * _length(deps, order) else order


def near_order(deps: Mapping[str, Sequence[str]]) -> list[str]:
    """The tasks such that each stands soon after what it needs: first always one that ends the most lanes."""
    file = draw_order(deps)
    position = {id: number for number, id in enumerate(file)}
    needs = {id: {dep for dep in deps[id] if position.get(dep, len(file)) < position[id]} for id in file}
    open: dict[str, int] = dict.fromkeys(file, 0)
    dependants: dict[str, list[str]] = {id: [] for id in file}
    for id in file:
        for dep in needs[id]:
            open[dep] += 1
            dependants[dep].append(id)
    missing = {id: len(needs[id]) for id in file}
    drawn: dict[str, int] = {}
    ready = [id for id in file if not missing[id]]

    def wish(id: str) -> tuple[int, int, int]:
        """How many lanes it leaves more than it ends; then how long ago the last that it needs was drawn."""
        ended = sum(1 for dep in needs[id] if open[dep] == 1)
        return bool(open[id]) - ended, -max((drawn[dep] for dep in needs[id]), default=-1), position[id]

    while ready:
        id = min(ready, key=wish)
        ready.remove(id)
        drawn[id] = len(drawn)
        for dep in needs[id]:
            open[dep] -= 1
        for dependant in dependants[id]:
            missing[dependant] -= 1
            if not missing[dependant]:
                ready.append(dependant)
    return list(drawn)


def _length(deps: Mapping[str, Sequence[str]], order: Sequence[str]) -> int:
    """Rows that all lanes take together."""
    place = {id: number for number, id in enumerate(order)}
    last = dict(place)
    for id, needs in deps.items():
        for dep in needs:
            if dep in last:
                last[dep] = max(last[dep], place[id])
    return sum(last[id] - place[id] for id in order)


class _Drawer:
    """The lanes that are open while the rows are drawn from top to bottom."""

    def __init__(
        self,
        deps: Mapping[str, Sequence[str]],
        watched: Mapping[str, Sequence[str]],
        order: Iterable[str],
        limit: int,
    ) -> None:
        self._joins: dict[str, set[Holder]] = {}
        """The lanes that each task joins."""
        self._open_edges: dict[Holder, int] = {}
        self._limit = limit
        self._lanes: list[Holder | None] = []
        self._bundle: set[Holder] = set()
        """Those for which there is no room, drawn in the column behind the last."""
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
        joined = {column: holder for column, holder in enumerate(self._lanes) if holder in wanted and holder}
        for holder in wanted:
            self._open_edges[holder] -= 1
        ending = {column for column, holder in joined.items() if not self._open_edges[holder]}
        slot = min(ending) if ending else self._free_lane()
        to_come = [holder for holder in (Holder(id, False), Holder(id, True)) if self._open_edges.get(holder)]
        opened = self._free_lane(besides=slot) if len(to_come) > 1 else None
        bundled = self._bundle & wanted
        cells = self._cells(slot, joined, ending, opened, bundled)
        self._bundle -= {holder for holder in bundled if not self._open_edges[holder]}
        for column in ending:
            self._lanes[column] = None
        for column, holder in zip((slot, opened), to_come, strict=False):
            self._hold(column, holder)
        while self._lanes and self._lanes[-1] is None:
            self._lanes.pop()
        below = "".join(f"{_upright(holder)} " for holder in self._lanes)
        count = str(len(self._bundle)) if self._bundle else ""
        below = f"{below:{2 * self._limit}}{THICK}{count}" if count else below.rstrip()
        return LaneRow(id, "".join(cells[: 2 * slot]), "".join(cells[2 * slot + 1 :]).rstrip() + count, below)

    def _free_lane(self, besides: int = -1) -> int:
        free = (column for column, holder in enumerate(self._lanes) if holder is None and column != besides)
        return next(free, min(self._limit, max(len(self._lanes), besides + 1)))

    def _hold(self, column: int | None, holder: Holder) -> None:
        if column is None or column >= self._limit:
            self._bundle.add(holder)
            return
        self._lanes += [None] * (column + 1 - len(self._lanes))
        self._lanes[column] = holder

    def _cells(
        self, slot: int, joined: Mapping[int, Holder], ending: set[int], opened: int | None, bundled: set[Holder]
    ) -> list[str]:
        """The row's characters: a lane stands in every even column, what joins lanes in the odd ones."""
        limit = self._limit
        to_bundle = [limit] if bundled else []
        reach = [slot, *joined, *to_bundle, *(() if opened is None else (opened,))]
        first, last = min(reach), max(reach)
        cells = [" "] * (2 * max(len(self._lanes), last + 1, limit + 1 if self._bundle else 0))
        for column, holder in enumerate(self._lanes):
            cells[2 * column] = _upright(holder)
        if self._bundle:
            cells[2 * limit] = THICK
        whole = [slot, *(column for column, holder in joined.items() if not holder.failure)]
        whole += to_bundle if any(not holder.failure for holder in bundled) else []
        for index in range(2 * first + 1, 2 * last):
            if cells[index] == " ":
                cells[index] = "─" if 2 * min(whole) < index < 2 * max(whole) else "╌"
        for column in joined:
            if column != slot:
                cells[2 * column] = _junction(column, first, last, column in ending)
        if opened is not None:
            cells[2 * opened] = "╭" if opened == first else "╮" if opened == last else "┬"
        if slot != limit and (bundled or opened == limit):
            cells[2 * limit] = self._at_bundle(bundled, opens=opened == limit)
        cells[2 * slot] = "●"
        return cells

    def _at_bundle(self, bundled: set[Holder], *, opens: bool) -> str:
        """How the line of a task meets the thick one: it begins there, ends there, or goes on."""
        if not self._bundle:
            return "┓"
        ends = not opens and all(not self._open_edges[holder] for holder in self._bundle)
        return "┛" if ends and bundled == self._bundle else "┫"


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
