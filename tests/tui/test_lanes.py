"""The edges of a DAG as lanes."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.tui.lanes import MAX_LANES, THICK, LaneRow, draw_lanes, draw_order


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
@settings(deadline=None, max_examples=60)
def test_every_task_is_drawn_once_below_what_it_needs(deps: dict[str, list[str]]) -> None:
    place = {row.id: index for index, row in enumerate(draw_lanes(deps))}
    assert set(place) == set(deps)
    assert all(place[need] < place[id] for id, needs in deps.items() for need in needs)


@given(graphs())
@settings(deadline=None, max_examples=60)
def test_a_lane_runs_from_every_task_to_the_last_one_that_needs_it(deps: dict[str, list[str]]) -> None:
    rows = draw_lanes(deps)
    last = {id: max((i for i, row in enumerate(rows) if id in deps[row.id]), default=-1) for id in deps}
    for index, row in enumerate(rows):
        still_open = sum(1 for other in rows[: index + 1] if last[other.id] > index)
        assert row.below.count("│") == still_open


class Tracer:
    """Reads the edges off a picture, as an eye does: down a lane, and along the line that leads to a mark."""

    def __init__(self) -> None:
        self.lanes: dict[int, tuple[str, bool]] = {}
        self.edges: set[tuple[str, str, bool]] = set()

    def row(self, row: LaneRow) -> None:
        cells = f"{row.before}●{row.after}"
        slot = len(row.before) // 2
        assert cells[::2].count("●") == 1 and len(row.before) % 2 == 0
        joined = self._joined(cells, slot)
        for column, holder in self.lanes.items():
            upright = "┆" if holder[1] else "│"
            assert column == slot or column in joined or cells[2 * column] == upright, "a lane is never broken"
        for column in joined:
            source, failure = self.lanes[column]
            self.edges.add((source, row.id, failure))
            if cells[2 * column] in "╰╯┴":
                del self.lanes[column]
        if slot in self.lanes:
            source, failure = self.lanes.pop(slot)
            self.edges.add((source, row.id, failure))
        below = row.below.ljust(2 * slot + 1)
        if below[2 * slot] != " ":
            self.lanes[slot] = (row.id, below[2 * slot] == "┆")
        for column, sign in enumerate(cells[::2]):
            if sign in "╭╮┬":
                assert column not in self.lanes, "no two lanes in one place"
                self.lanes[column] = (row.id, True)
        assert {column for column, sign in enumerate(row.below[::2]) if sign != " "} == set(self.lanes)

    def _joined(self, cells: str, slot: int) -> list[int]:
        found: list[int] = []
        for step in (-1, 1):
            index = 2 * slot + step
            while 0 <= index < len(cells) and cells[index] != " ":
                if index % 2 == 0 and cells[index] in "├┤┼╰╯┴":
                    found.append(index // 2)
                index += step
        return found


@st.composite
def with_handlers(draw: st.DrawFn) -> tuple[dict[str, list[str]], dict[str, str]]:
    deps = draw(graphs())
    names = list(deps)
    handlers = {
        name: draw(st.sampled_from(names[index + 1 :]))
        for index, name in enumerate(names[:-1])
        if draw(st.integers(0, 4)) == 0
    }
    return deps, handlers


@given(with_handlers())
@settings(deadline=None, max_examples=60)
def test_every_edge_can_be_read_off_the_picture_and_no_other(
    graph: tuple[dict[str, list[str]], dict[str, str]],
) -> None:
    deps, handlers = graph
    tracer = Tracer()
    for row in draw_lanes(deps, {id: [handler] for id, handler in handlers.items()}):
        tracer.row(row)
    normal = {(need, id, False) for id, needs in deps.items() for need in needs}
    assert tracer.edges == normal | {(id, handler, True) for id, handler in handlers.items()}


def test_the_way_to_what_runs_after_a_failure_is_a_broken_line() -> None:
    rows = draw_lanes({"push": [], "check": ["push"], "other": [], "tell": []}, {"push": ["tell"], "other": ["tell"]})
    picture = [f"{row.before}●{row.after}" for row in rows]
    assert [row.id for row in rows] == ["push", "check", "other", "tell"]
    assert picture == ["●╌╮", "● ┆", "● ┆", "●╌╯"]


def test_ten_thousand_tasks_are_drawn_in_bounded_time() -> None:
    layers = {
        f"t{number}": [f"t{need}" for need in range((number // 100 - 1) * 100, number // 100 * 100, 10) if need >= 0]
        for number in range(10_000)
    }
    began = time.process_time()
    draw_lanes(layers)
    assert time.process_time() - began < 5


def test_a_wide_dag_costs_no_more_lanes_than_can_be_seen() -> None:
    wide = {f"root{number}": list[str]() for number in range(500)} | {"end": [f"root{number}" for number in range(500)]}
    assert max(row.width for row in draw_lanes(wide)) <= 2 * MAX_LANES + 1 + len("500")


def test_what_has_no_room_is_one_thick_line_with_its_number() -> None:
    rows = draw_lanes({**{name: list[str]() for name in "abcde"}, "end": ["a", "e"], "last": list("bcde")}, lanes=2)
    assert [f"{row.before}●{row.after}" for row in rows] == [
        "●",
        "│ ●",
        "│ │ ●1",
        "│ │ ●2",
        "│ │ ●3",
        "●─│─┫3",
        "  ●─┛",
    ]


@given(with_handlers(), st.integers(1, 4))
@settings(deadline=None, max_examples=60)
def test_every_lane_is_drawn_or_counted(graph: tuple[dict[str, list[str]], dict[str, str]], lanes: int) -> None:
    deps, handlers = graph
    rows = draw_lanes(deps, {id: [handler] for id, handler in handlers.items()}, lanes)
    edges = [(need, id, False) for id, needs in deps.items() for need in needs]
    edges += [(id, handler, True) for id, handler in handlers.items()]
    place = {row.id: index for index, row in enumerate(rows)}
    for index, row in enumerate(rows):
        still_open = {(source, bad) for source, end, bad in edges if place[source] <= index < place[end]}
        drawn, _, counted = row.below.partition(THICK)
        assert sum(sign in "│┆" for sign in drawn) + int(counted or 0) == len(still_open)
        assert len(row.before) <= 2 * lanes and row.width <= 2 * lanes + 3


def test_what_belongs_together_stands_near_in_a_large_dag_only() -> None:
    def stages(count: int) -> dict[str, list[str]]:
        names = [[f"{stage}{number}" for number in range(count)] for stage in "abc"]
        return {
            id: [names[at - 1][number]] if at else [] for at, row in enumerate(names) for number, id in enumerate(row)
        }

    assert [row.id for row in draw_lanes(stages(3))][:4] == ["a0", "a1", "a2", "b0"]
    rows = draw_lanes(stages(30))
    assert [row.id for row in rows][:4] == ["a0", "b0", "c0", "a1"] and max(row.width for row in rows) == 1
