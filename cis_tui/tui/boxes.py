"""A DAG as boxes in layers from left to right, with lines between them: where everything lies, as plain values.

Every line leaves a box in an odd row and arrives in an even one, so that no two of them ever lie on each other: between
two layers each way has a column of its own, where it goes up or down, and what it crosses there is not touched.

    ╭───────────╮    ╭──────────╮
    │ ✓ lint    │─╮  │ ○ build  │
    │ done 4.0s │ ╰─▸│ pending  │
    ╰───────────╯    ╰──────────╯
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cis_tui.tui.lanes import draw_order

HEIGHT, SMALL = 4, 2
"""Rows of a box, and of a small one; what only passes a layer takes two."""
POINT = 2
"""Cells of a task that is only a sign."""
MAX_LINES = 4_000
"""Lines from one layer to the next; of a DAG with more, only the boxes are shown."""
SWEEPS = 4
"""How often the order within the layers is improved."""

LEFT, RIGHT, UP, DOWN = 1, 2, 4, 8
SIGNS: Mapping[int, str] = {
    LEFT | RIGHT: "─",
    UP | DOWN: "│",
    LEFT | DOWN: "╮",
    LEFT | UP: "╯",
    RIGHT | DOWN: "╭",
    RIGHT | UP: "╰",
    LEFT | RIGHT | DOWN: "┬",
    LEFT | RIGHT | UP: "┴",
    LEFT | UP | DOWN: "┤",
    RIGHT | UP | DOWN: "├",
    LEFT | RIGHT | UP | DOWN: "┼",
}
BROKEN: Mapping[int, str] = {LEFT | RIGHT: "╌", UP | DOWN: "┆"}
"""Of a way to a task that runs only after a failure."""


class Way(NamedTuple):
    """What leaves a task: to those that need it, or to the one that runs if it fails."""

    task: str
    failure: bool


class Spot(NamedTuple):
    """A place in a layer: a box, or a way that passes."""

    task: str
    passing: Way | None = None


class Cell(NamedTuple):
    """A piece of a line."""

    sides: int
    """Where it goes on."""
    broken: bool


@dataclass(slots=True)
class Picture:
    """Boxes and lines."""

    boxes: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """Column and row of the left upper corner of each."""
    rows: dict[str, int] = field(default_factory=dict[str, int])
    """The height of each."""
    door: int = 2
    """The row of a box at which lines arrive."""
    layers: list[list[str]] = field(default_factory=list[list[str]])
    """The boxes of each layer from top to bottom."""
    lines: dict[int, dict[int, Cell]] = field(default_factory=dict[int, dict[int, Cell]])
    """By row and column."""
    box_width: int = 0
    width: int = 0
    height: int = 0
    whole: bool = True
    """Whether all lines are there."""


def draw_boxes(
    deps: Mapping[str, Sequence[str]], calls: Mapping[str, Sequence[str]], box_width: int, *, small: bool = False
) -> Picture:
    """The picture of the tasks in `deps`, each with what it needs; `calls`: who is called when it fails."""
    edges = _edges(deps, calls)
    depth = _depths(deps, edges)
    ways = _ways(edges, depth)
    reach = {way: max(depth[target] for target in targets) for way, targets in ways.items()}
    lines = sum(reach[way] - depth[way.task] for way in ways) + sum(map(len, ways.values()))
    if lines > MAX_LINES:
        ways, reach = {}, {}
    spots = _ordered(_spots(deps, depth, reach), ways, depth)
    return _Drawer(spots, ways, depth, box_width, small=small, whole=lines <= MAX_LINES).draw()


def draw_points(deps: Mapping[str, Sequence[str]], calls: Mapping[str, Sequence[str]], rows: int) -> Picture:
    """The tasks as signs without lines, layer by layer from left to right, in blocks of at most so many rows."""
    edges = _edges(deps, calls)
    depth = _depths(deps, edges)
    ways = _ways(edges, depth)
    layers = _ordered(_spots(deps, depth, {}), ways, depth) if len(edges) <= MAX_LINES else _spots(deps, depth, {})
    picture = Picture(box_width=POINT, door=0)
    left = 0
    for spots in layers:
        picture.layers.append([spot.task for spot in spots])
        for number, spot in enumerate(spots):
            picture.boxes[spot.task] = left + number // max(1, rows) * POINT, number % max(1, rows)
            picture.rows[spot.task] = 1
        left += -(-len(spots) // max(1, rows)) * POINT + 1
    picture.width = max(0, left - 1)
    picture.height = max((y + 1 for _, y in picture.boxes.values()), default=0)
    return picture


def _edges(deps: Mapping[str, Sequence[str]], calls: Mapping[str, Sequence[str]]) -> list[tuple[Way, str]]:
    """Every edge that leads forward; those of a cycle that lead back are no edges."""
    edges = [(Way(dep, False), id) for id, given in deps.items() for dep in dict.fromkeys(given) if dep in deps]
    edges += [(Way(id, True), to) for id, called in calls.items() if id in deps for to in called if to in deps]
    merged: dict[str, list[str]] = {id: [] for id in deps}
    for way, id in edges:
        merged[id].append(way.task)
    place = {id: number for number, id in enumerate(draw_order(merged))}
    return [(way, id) for way, id in edges if place[way.task] < place[id]]


def _depths(deps: Mapping[str, Sequence[str]], edges: Iterable[tuple[Way, str]]) -> dict[str, int]:
    """The layer of each task: one more than the deepest before it."""
    before: dict[str, list[str]] = {id: [] for id in deps}
    for way, id in edges:
        before[id].append(way.task)
    depth: dict[str, int] = {}
    for id in draw_order(before):
        depth[id] = max((depth[source] + 1 for source in before[id] if source in depth), default=0)
    return depth


def _ways(edges: Iterable[tuple[Way, str]], depth: Mapping[str, int]) -> dict[Way, list[str]]:
    found: dict[Way, list[str]] = {}
    for way, id in edges:
        if depth[id] > depth[way.task]:
            found.setdefault(way, []).append(id)
    return found


def _spots(deps: Iterable[str], depth: Mapping[str, int], reach: Mapping[Way, int]) -> list[list[Spot]]:
    layers: list[list[Spot]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for id in deps:
        layers[depth[id]].append(Spot(id))
    for way, last in reach.items():
        for layer in range(depth[way.task] + 1, last):
            layers[layer].append(Spot("", way))
    return layers


def _ordered(layers: list[list[Spot]], ways: Mapping[Way, Sequence[str]], depth: Mapping[str, int]) -> list[list[Spot]]:
    """Each layer such that what belongs together stands near together."""
    sources: dict[str, list[Way]] = {}
    for way, targets in ways.items():
        for target in targets:
            sources.setdefault(target, []).append(way)
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        numbers = range(1, len(layers)) if forward else range(len(layers) - 2, -1, -1)
        for number in numbers:
            other = layers[number - 1] if forward else layers[number + 1]
            place = {spot: index for index, spot in enumerate(other)}
            wish = _CameFrom(number - 1, sources, depth) if forward else _GoesTo(number + 1, ways, depth)
            layers[number] = _by_wish(layers[number], wish, place)
    return layers


class _CameFrom:
    """The spots of the layer before from which lines come into a spot."""

    def __init__(self, layer: int, sources: Mapping[str, Sequence[Way]], depth: Mapping[str, int]) -> None:
        self._layer, self._sources, self._depth = layer, sources, depth

    def __call__(self, spot: Spot) -> Iterator[Spot]:
        for way in [spot.passing] if spot.passing else self._sources.get(spot.task, ()):
            yield Spot(way.task) if self._depth[way.task] == self._layer else Spot("", way)


class _GoesTo:
    """The spots of the layer behind into which lines go from a spot."""

    def __init__(self, layer: int, ways: Mapping[Way, Sequence[str]], depth: Mapping[str, int]) -> None:
        self._layer, self._ways, self._depth = layer, ways, depth

    def __call__(self, spot: Spot) -> Iterator[Spot]:
        for way in [spot.passing] if spot.passing else [Way(spot.task, False), Way(spot.task, True)]:
            for target in self._ways.get(way, ()):
                yield Spot(target) if self._depth[target] == self._layer else Spot("", way)


def _by_wish(spots: list[Spot], wish: _CameFrom | _GoesTo, place: Mapping[Spot, int]) -> list[Spot]:
    keys: dict[Spot, float] = {}
    for index, spot in enumerate(spots):
        near = [place[other] for other in wish(spot) if other in place]
        keys[spot] = sum(near) / len(near) if near else float(index)
    return sorted(spots, key=keys.__getitem__)


class _Arrival(NamedTuple):
    """Where a way turns towards a spot of the next layer."""

    column: int
    failure: bool
    only: bool
    """It leads to no other one of that layer."""


class _Net(NamedTuple):
    """Lines between two layers that come together in one column."""

    starts: Sequence[int]
    ends: Sequence[int]
    failure: bool


class _Drawer:
    """Puts the spots in their places, and the lines between them."""

    def __init__(
        self,
        layers: list[list[Spot]],
        ways: Mapping[Way, Sequence[str]],
        depth: Mapping[str, int],
        box_width: int,
        *,
        small: bool,
        whole: bool,
    ) -> None:
        self._layers, self._ways, self._depth = layers, ways, depth
        self._rows: dict[tuple[int, Spot], int] = {}
        self._small = small
        self._picture = Picture(box_width=box_width, door=0 if small else 2, whole=whole)

    def draw(self) -> Picture:
        picture, x = self._picture, 0
        for number, spots in enumerate(self._layers):
            y = 0
            for spot in spots:
                self._rows[number, spot] = y
                y += 2 if spot.passing else self._height(spot.task)
            picture.height = max(picture.height, y)
        for number, spots in enumerate(self._layers):
            picture.layers.append([spot.task for spot in spots if not spot.passing])
            for spot in spots:
                y = self._rows[number, spot]
                if spot.passing:
                    self._pass(spot.passing, x, y)
                else:
                    picture.boxes[spot.task] = (x, y)
                    picture.rows[spot.task] = self._height(spot.task)
            x += picture.box_width
            picture.width = x
            if number + 1 < len(self._layers):
                x += self._channel(number, x)
        return picture

    def _height(self, task: str) -> int:
        """Rows of a box: one that two kinds of lines leave is never small."""
        return HEIGHT if not self._small or Way(task, True) in self._ways else SMALL

    def _pass(self, way: Way, x: int, y: int) -> None:
        """The line of a way through a layer: it arrives in the upper row and leaves in the lower one."""
        self._put(x, y, LEFT | DOWN, way.failure)
        self._put(x, y + 1, UP | RIGHT, way.failure)
        for column in range(x + 1, x + self._picture.box_width):
            self._put(column, y + 1, LEFT | RIGHT, way.failure)

    def _channel(self, layer: int, x: int) -> int:
        """The lines from `layer` to the next one, from column `x` on; the columns that they take."""
        nets = self._nets(layer)
        columns: list[int] = []
        """The lowest row that is taken in each column."""
        place: list[int] = []
        for net in nets:
            top, bottom = min(*net.starts, *net.ends), max(*net.starts, *net.ends)
            column = next((index for index, low in enumerate(columns) if low < top), len(columns))
            columns[column:] = [bottom, *columns[column + 1 :]]
            place.append(x + 1 + column)
        width = len(columns) + 3 if nets else 3
        turns: dict[int, list[_Arrival]] = {}
        for net, column in zip(nets, place, strict=True):
            self._upright(column, net)
            for end in net.ends:
                turns.setdefault(end, []).append(_Arrival(column, net.failure, len(net.ends) == 1))
        for net, column in zip(nets, place, strict=True):
            for start in net.starts:
                for each in range(x, column):
                    self._put(each, start, LEFT | RIGHT, net.failure, over=False)
        for row, arrivals in turns.items():
            self._arrive(row, arrivals, x + width)
        return width

    def _nets(self, layer: int) -> list[_Net]:
        """The ways that leave `layer`, from the top; those that lead to the same are one."""
        found: dict[tuple[tuple[int, ...], bool], list[int]] = {}
        for spot in self._layers[layer]:
            for way in [spot.passing] if spot.passing else [Way(spot.task, False), Way(spot.task, True)]:
                targets = [id for id in self._ways.get(way, ()) if self._depth[id] > layer]
                if not targets:
                    continue
                y = self._rows[layer, spot]
                start = y + 3 if way.failure and not spot.passing else y + 1
                door = self._picture.door
                near = {self._rows[layer + 1, Spot(id)] + door for id in targets if self._depth[id] == layer + 1}
                if any(self._depth[id] > layer + 1 for id in targets):
                    near.add(self._rows[layer + 1, Spot("", way)])
                found.setdefault((tuple(sorted(near)), way.failure), []).append(start)
        nets = [_Net(sorted(starts), ends, failure) for (ends, failure), starts in found.items()]
        return sorted(nets, key=lambda net: min(net.starts[0], net.ends[0]))

    def _upright(self, column: int, net: _Net) -> None:
        starts, ends = set(net.starts), set(net.ends)
        top, bottom = min(starts | ends), max(starts | ends)
        for row in range(top, bottom + 1):
            sides = (UP if row > top else 0) | (DOWN if row < bottom else 0)
            sides |= LEFT if row in starts else 0
            sides |= RIGHT if row in ends else 0
            self._put(column, row, sides, net.failure)

    def _arrive(self, row: int, arrivals: Sequence[_Arrival], end: int) -> None:
        """The line into a spot, which those that arrive further right join.

        One that leads to others, too, is not touched: it would look as if this line led there.
        """
        joins = {arrival.column for arrival in arrivals if arrival.only}
        first = min(arrival.column for arrival in arrivals)
        solid = min((arrival.column for arrival in arrivals if not arrival.failure), default=end)
        line = self._picture.lines.setdefault(row, {})
        for column in range(first + 1, end):
            broken = column < solid
            if column in joins:
                line[column] = Cell(line[column].sides | LEFT, broken and line[column].broken)
            elif column not in line:
                line[column] = Cell(LEFT | RIGHT, broken)

    def _put(self, x: int, y: int, sides: int, failure: bool, *, over: bool = True) -> None:
        line = self._picture.lines.setdefault(y, {})
        if over or x not in line:
            line[x] = Cell(sides, failure)


def sign(cell: Cell) -> str:
    """How a piece of a line is written."""
    return (BROKEN.get(cell.sides) if cell.broken else None) or SIGNS.get(cell.sides, "─")
