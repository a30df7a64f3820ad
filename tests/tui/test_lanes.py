"""The edges of a DAG as lanes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.tui.lanes import MAX_LANES, draw_lanes, draw_order


def drawn(deps: dict[str, list[str]]) -> str:
    return "\n".join(f"{row.before}●{row.after}".ljust(9) + row.id for row in draw_lanes(deps))


def test_a_task_stands_under_what_it_needs() -> None:
    assert drawn({"a": [], "b": ["a"], "c": ["b"]}) == "●        a\n●        b\n●        c"


def test_branches_get_lanes_of_their_own_and_come_together() -> None:
    picture = drawn({"lint": [], "test": [], "build": ["lint", "test"], "note": ["lint"]})
    assert picture == "\n".join(
        [
            "●        lint",
            "│ ●      test",
            "├─●      build",
            "●        note",
        ]
    )


def test_a_lane_that_is_only_crossed_stays_whole() -> None:
    picture = drawn({"a": [], "b": [], "c": [], "join": ["a", "c"], "end": ["b", "join"]})
    assert "●─│─╯    join" in picture


def test_the_order_of_the_file_is_kept_where_the_edges_allow_it() -> None:
    assert draw_order({"late": ["early"], "other": [], "early": []}) == ["other", "early", "late"]


def test_a_cycle_is_drawn_too() -> None:
    assert draw_order({"a": ["b"], "b": ["a"], "c": []}) == ["c", "a", "b"]
    assert len(draw_lanes({"a": ["b"], "b": ["a"]})) == 2


def test_an_unknown_dependency_is_ignored() -> None:
    assert drawn({"a": ["nobody"]}) == "●        a"


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    count = draw(st.integers(1, 25))
    names = [f"t{number}" for number in range(count)]
    return {
        name: draw(st.lists(st.sampled_from(names[:index]), unique=True, max_size=4)) if index else []
        for index, name in enumerate(names)
    }


@given(graphs())
@settings(deadline=None, max_examples=150)
def test_every_task_is_drawn_once_below_what_it_needs(deps: dict[str, list[str]]) -> None:
    place = {row.id: index for index, row in enumerate(draw_lanes(deps))}
    assert set(place) == set(deps)
    assert all(place[need] < place[id] for id, needs in deps.items() for need in needs)


@given(graphs())
@settings(deadline=None, max_examples=150)
def test_a_lane_runs_from_every_task_to_the_last_one_that_needs_it(deps: dict[str, list[str]]) -> None:
    rows = draw_lanes(deps)
    last = {id: max((i for i, row in enumerate(rows) if id in deps[row.id]), default=-1) for id in deps}
    for index, row in enumerate(rows):
        still_open = sum(1 for other in rows[: index + 1] if last[other.id] > index)
        assert row.below.count("│") == still_open


def test_a_wide_dag_costs_no_more_lanes_than_can_be_seen() -> None:
    wide = {f"root{number}": list[str]() for number in range(500)} | {"end": [f"root{number}" for number in range(500)]}
    assert max(row.width for row in draw_lanes(wide)) <= 2 * MAX_LANES + 1
