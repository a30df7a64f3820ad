"""What decided how long a run took: from its end back, each time to what a task waited for last."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cis_tui.tui.lanes import draw_order


class Spell(NamedTuple):
    """From when to when something was done about a task; `open`: it goes on, so that its end is that of time;
    `idle`: nothing was done but to leave it out."""

    begin: float
    end: float
    open: bool = False
    idle: bool = False


@dataclass(frozen=True, slots=True)
class Edges:
    """Who comes right before whom, and what stands in what; a task is in at most one other."""

    before: Mapping[str, Sequence[str]]
    inside: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    parent: Mapping[str, str] = field(default_factory=dict[str, str])

    def heights(self) -> dict[str, int]:
        """For each task how many in a row come after it, at the most."""
        order = draw_order(self.before)
        own = dict.fromkeys(order, 0)
        for id in reversed(order):
            for other in self.before[id]:
                if other in own:
                    own[other] = max(own[other], own[id] + 1)
        return {id: sum(own.get(each, 0) for each in (id, *self.above(id))) for id in order}

    def above(self, id: str) -> Iterable[str]:
        """What a task stands in, the innermost first."""
        seen = {id}
        while (id := self.parent.get(id, "")) and id not in seen:
            seen.add(id)
            yield id


def critical_path(spells: Mapping[str, Spell], edges: Edges, heights: Mapping[str, int]) -> list[str]:
    """The tasks each of which began when the one before it had ended, up to the one that ended last.

    While tasks go on, it leads to the one of them after which most come in a row. Of a task in which others stand,
    those are given.
    """
    path: list[str] = []
    here = _last(spells, edges, heights)
    while here and here not in path:
        path.append(here)
        here = _released(here, spells, edges)
    return path[::-1]


def _last(spells: Mapping[str, Spell], edges: Edges, heights: Mapping[str, int]) -> str:
    """Where the path ends."""
    leaves = [id for id in spells if not _begun(edges.inside.get(id, ()), spells)]
    open = [id for id in leaves if spells[id].open]
    if open:
        return max(open, key=lambda task: (heights.get(task, 0), -spells[task].begin))
    return max((id for id in leaves if not spells[id].idle), key=lambda task: spells[task].end, default="")


def _released(id: str, spells: Mapping[str, Spell], edges: Edges) -> str:
    """What ended last of what a task waited for, or else of what that waited for in which it stands."""
    begin = spells[id].begin
    for at in (id, *edges.above(id)):
        known = [other for other in edges.before.get(at, ()) if other in spells]
        ended = [other for other in known if not spells[other].open and spells[other].end <= begin]
        if ended:
            return _innermost(max(ended, key=lambda other: spells[other].end), spells, edges)
    return ""


def _innermost(id: str, spells: Mapping[str, Spell], edges: Edges) -> str:
    """A task, or what ended last in it."""
    while begun := _begun(edges.inside.get(id, ()), spells):
        id = max(begun, key=lambda other: spells[other].end)
    return id


def _begun(ids: Iterable[str], spells: Mapping[str, Spell]) -> list[str]:
    return [id for id in ids if id in spells]


def with_above(path: Collection[str], edges: Edges) -> frozenset[str]:
    """The tasks of a path, and those in which they stand."""
    return frozenset(each for id in path for each in (id, *edges.above(id)))
