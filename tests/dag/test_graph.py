"""Levels, cycles and order, against a model that is too slow to be wrong."""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.dag.graph import cycles, dependants, dependencies, leaves, levels, upstream
from cis_tui.dag.model import DagSpec
from tests.dag.helpers import chain

_IDS = [f"t{index}" for index in range(8)]
_GRAPHS = st.dictionaries(st.sampled_from(_IDS), st.lists(st.sampled_from([*_IDS, "ghost"]), max_size=3), max_size=8)


def _ancestors(edges: dict[str, list[str]], start: str) -> set[str]:
    found: set[str] = set()
    open = [start]
    while open:
        for dep in edges[open.pop()]:
            if dep in edges and dep not in found:
                found.add(dep)
                open.append(dep)
    return found


def _depth(edges: dict[str, list[str]], id: str) -> int:
    return 1 + max((_depth(edges, dep) for dep in edges[id] if dep in edges), default=-1)


def _in_cycle_or_behind(edges: dict[str, list[str]], id: str) -> bool:
    return any(other in _ancestors(edges, other) for other in {id} | _ancestors(edges, id))


@given(_GRAPHS)
@settings(deadline=None, max_examples=200)
def test_a_level_is_the_longest_path_from_the_start(edges: dict[str, list[str]]) -> None:
    found = levels(chain(edges))
    assert sorted(id for level in found for id in level) == sorted(edges)
    stuck = [id for id in edges if _in_cycle_or_behind(edges, id)]
    if stuck:
        assert list(found[-1]) == stuck
        found = found[:-1]
    for depth, level in enumerate(found):
        assert list(level) == [id for id in edges if id not in stuck and _depth(edges, id) == depth]


@given(_GRAPHS)
@settings(deadline=None, max_examples=200)
def test_cycles_are_real_and_none_is_overlooked(edges: dict[str, list[str]]) -> None:
    found = cycles(chain(edges))
    on_cycles = {id for id in edges if id in _ancestors(edges, id)}
    assert bool(found) == bool(on_cycles)
    for way in found:
        assert way[0] == way[-1]
        assert len(set(way)) == len(way) - 1
        assert all(following in edges[id] for id, following in pairwise(way))
        assert way[0] == min(way, key=list(edges).index)
    assert len({tuple(way) for way in found}) == len(found)
    rings = {frozenset({id, *(b for b in _ancestors(edges, id) if id in _ancestors(edges, b))}) for id in on_cycles}
    assert all(any(set(way) <= ring for way in found) for ring in rings)


@given(_GRAPHS)
@settings(deadline=None, max_examples=100)
def test_upstream_is_every_ancestor_of_a_graph_without_cycles(edges: dict[str, list[str]]) -> None:
    before = upstream(chain(edges))
    for id in edges:
        if not _in_cycle_or_behind(edges, id):
            assert {other for other in edges if before(other, id)} == _ancestors(edges, id)


@given(_GRAPHS)
@settings(deadline=None, max_examples=100)
def test_dependants_are_dependencies_the_other_way_round(edges: dict[str, list[str]]) -> None:
    spec = chain(edges)
    forward = {(dep, id) for id, deps in dependencies(spec).items() for dep in deps}
    assert forward == {(id, waiting) for id, ids in dependants(spec).items() for waiting in ids}
    assert leaves(spec) == tuple(id for id in edges if not dependants(spec)[id])


def test_a_short_cycle_beside_a_long_one_comes_first() -> None:
    edges = {f"n{index}": [f"n{(index + 1) % 1000}"] for index in range(1000)}
    edges |= {"a": ["b"], "b": ["c"], "c": ["a", "n0"]}
    assert [len(way) for way in cycles(chain(edges))] == [4, 1001]
    assert cycles(chain(edges))[0] == ["a", "b", "c", "a"]


def test_ten_thousand_tasks_take_less_than_seconds() -> None:
    edges = {f"n{index}": [f"n{dep}" for dep in range(max(0, index - 10), index)] for index in range(10_000)}
    spec = chain(edges)
    start = time.process_time()
    assert len(levels(spec)) == 10_000
    assert upstream(spec)("n0", "n9999")
    assert time.process_time() - start < 3
    edges["n0"] = ["n9999"]
    start = time.process_time()
    assert cycles(chain(edges))[0][0] == "n0"
    assert time.process_time() - start < 10


def test_a_dag_without_a_cycle_does_not_import_networkx() -> None:
    code = (
        "import sys\nfrom cis_tui.dag.graph import cycles, levels\nfrom cis_tui.dag.model import DagSpec, TaskSpec\n"
        "spec = DagSpec('x', (TaskSpec('a'), TaskSpec('b', deps=('a',))))\n"
        "assert levels(spec) == (('a',), ('b',)) and cycles(spec) == []\n"
        "print('networkx' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_no_tasks_have_no_levels() -> None:
    assert levels(DagSpec("x", ())) == ()
    assert cycles(DagSpec("x", ())) == []
