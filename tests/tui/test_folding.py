"""What is folded of a DAG, and what is left of it then."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.tui.board import Board
from cis_tui.tui.folding import MANY, Graph, Groups, Kind, find_groups, graft, only, quotient
from cis_tui.tui.lanes import draw_order
from tests.tui import graphs
from tests.tui.graphs import Deps, chain, diamonds, layered, pipelines, wide


def groups(deps: Deps) -> Groups:
    return find_groups(Graph(deps, {}))


def names(found: Groups) -> set[tuple[Kind, str, int]]:
    return {(group.kind, group.label, len(group.tasks)) for group in found.by_id.values()}


def test_those_that_need_the_same_and_are_needed_by_the_same_are_one() -> None:
    assert names(groups(wide(300))) == {(Kind.ALIKE, "shard-*", 298)}


def test_a_row_is_one_between_its_ends() -> None:
    assert names(groups(chain(10))) == {(Kind.CHAIN, "step001 → step008", 8)}


def test_names_that_begin_alike_are_one_and_may_stand_in_a_row() -> None:
    found = groups(pipelines(30))
    assert {(Kind.NAMES, "parse-*", 7), (Kind.CHAIN, "fetch-000 → load-006", 28)} <= names(found)
    assert found.levels(pipelines(30)) == [3, 6, 30]


def test_names_between_which_a_way_leads_out_and_back_are_none() -> None:
    deps = {"a-1": [], "a-2": [], "x": ["a-1"], "a-3": ["x"], "y": [], "z": ["y"], "w": ["z"]}
    assert not any(group.kind is Kind.NAMES for group in groups(deps).by_id.values())


def test_what_is_still_too_much_is_folded_by_layers() -> None:
    found = groups(layered(100))
    assert {group.kind for group in found.by_id.values() if not found.depth(group.id)} == {Kind.LAYER}
    assert not groups(layered(30)).by_id


def test_diamonds_are_folded_step_by_step() -> None:
    assert groups(diamonds(99)).levels(diamonds(99)) == [4, 67, 99]


@pytest.mark.parametrize(
    "deps",
    [shape(500) for shape in (layered, wide, chain, diamonds, pipelines)],
    ids=["layered", "wide", "chain", "diamonds", "pipelines"],
)
def test_five_hundred_tasks_are_few_rows_found_at_once(deps: Deps) -> None:
    began = time.process_time()
    board = Board()
    board.take(graphs.Story(tasks=graphs.views(deps)).state)
    rows = board.rows()
    assert time.process_time() - began < 0.5
    assert len(rows) <= MANY


@st.composite
def large(draw: st.DrawFn) -> Graph:
    """Layers in which names, likes and rows are to be found, with some that are called after a failure."""
    ids: list[str] = []
    deps: Deps = {}
    for layer in range(draw(st.integers(1, 6))):
        width = draw(st.integers(1, 8))
        before = list(ids)
        shared = draw(st.lists(st.sampled_from(before), unique=True, max_size=2)) if before else []
        for number in range(width):
            id = draw(st.sampled_from("abc")) + f"-{layer}-{number}"
            own = draw(st.lists(st.sampled_from(before), unique=True, max_size=2)) if before else []
            deps[id] = shared if draw(st.booleans()) else own
            ids.append(id)
    callers = draw(st.lists(st.sampled_from(ids), unique=True, max_size=2))
    calls = {id: (ids[-1],) for id in callers if id != ids[-1] and ids[-1] not in deps[id]}
    return Graph(deps, calls)


def placed(graph: Graph, found: Groups, folded: set[str]) -> dict[str, str]:
    return {id: ([group for group in found.above(id) if group in folded] or [id])[-1] for id in graph.deps}


@given(large(), st.data())
@settings(deadline=None, max_examples=60)
def test_whatever_is_folded_the_rest_is_the_same_graph_without_a_cycle(graph: Graph, data: st.DataObject) -> None:
    found = find_groups(graph)
    folded = {id for id in found.by_id if data.draw(st.booleans())}
    place = placed(graph, found, folded)
    left = quotient(graph, place)
    assert set(left.deps) == set(place.values()), "every task stands in one place"
    wanted = {(place[need], place[id]) for id, needs in graph.deps.items() for need in needs}
    assert {(need, id) for id, needs in left.deps.items() for need in needs} == {(a, b) for a, b in wanted if a != b}
    before = left.before()
    order = {id: number for number, id in enumerate(draw_order(before))}
    assert all(order[need] < order[id] for id, needs in before.items() for need in needs), "no cycle"


@given(large(), st.data())
@settings(deadline=None, max_examples=60)
def test_what_is_left_out_leaves_its_ways(graph: Graph, data: st.DataObject) -> None:
    kept = {id for id in graph.deps if data.draw(st.booleans())}
    before = graph.before()

    def reached(id: str) -> set[str]:
        return {end for need in before[id] for end in ({need} if need in kept else reached(need))}

    left = only(graph, kept).before()
    assert {id: set(needs) for id, needs in left.items()} == {id: reached(id) for id in kept}


def test_what_a_task_stands_for_begins_after_it_and_comes_before_what_needs_it() -> None:
    inner = Graph({"x": (), "y": ("x",), "z": (), "mend": ()}, {"z": ("mend",)})
    graph = graft(Graph({"a": (), "each": ("a",), "b": ("a", "each")}, {"b": ("a",)}), "each", inner)
    assert graph.deps == {
        "a": (),
        "each": ("a",),
        "x": ("each",),
        "y": ("x",),
        "z": ("each",),
        "mend": (),
        "b": ("a", "y", "z", "mend"),
    }
    assert graph.calls == {"b": ("a",), "z": ("mend",)}


@given(large(), st.data())
@settings(deadline=None, max_examples=30)
def test_every_task_has_one_row_or_is_folded_into_one(graph: Graph, data: st.DataObject) -> None:
    board = Board()
    board.take(graphs.Story(tasks=graphs.views({id: list(needs) for id, needs in graph.deps.items()})).state)
    for id in find_groups(Graph(graph.deps, {})).by_id:
        board.fold(id, open=data.draw(st.booleans()))
    rows = [row.id for row in board.rows()]
    assert len(rows) == len(set(rows))
    assert {board.shown_for(id) for id in graph.deps} == set(rows)


def test_a_run_of_a_hundred_tasks_opens_step_by_step_and_stays_as_it_was_left() -> None:
    story = graphs.release()
    board = Board()
    board.take(story.state)
    folded = [row.label for row in board.rows() if row.group]
    assert folded == ["build-*", "shard-*", "publish → announce", "tag … thank"]
    assert len(board.rows()) == 13
    assert board.more(1) and len(board.rows()) == 81
    assert board.more(-1) and len(board.rows()) == 13
    shards = next(row.id for row in board.rows() if row.label == "shard-*")
    assert board.fold(shards, open=True) and not board.fold(shards, open=True)
    board.take(graphs.Story("beef").state)
    board.take(story.state)
    assert board.is_open(shards) and len(board.rows()) == 72


def test_what_is_peeked_at_is_folded_again_after_it() -> None:
    board = Board()
    board.take(graphs.release().state)
    assert board.peek("shard-007") and board.shown_for("shard-007") == "shard-007"
    assert not board.peek("shard-008"), "it is in the same group"
    assert board.peek("checkout") and board.shown_for("shard-007") != "shard-007"
    assert not board.peek("lint")
