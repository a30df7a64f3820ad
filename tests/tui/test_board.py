"""The tasks of a run as rows: folded, looked for, followed by a person's eye."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.clock import Instant
from cis_tui.dag.state import RunState
from cis_tui.dag.views import TaskStatus, TaskView
from cis_tui.tui.board import FEW, FOLDS_ROOM, Board, first_interesting
from cis_tui.tui.gantt import Doing, bar_pieces, stretches
from cis_tui.tui.paint import line_width
from cis_tui.tui.task_filter import TaskFilter
from cis_tui.tui.timescale import TimeScale, time_scale
from cis_tui.tui.widgets.table_view import Sort, in_order
from tests.tui.helpers import NOW, Story, decision, task, vote, with_everything


def board(state: RunState) -> Board:
    made = Board()
    made.take(state)
    return made


def listed(state: int) -> RunState:
    """A run with a list of so many tasks."""
    items = tuple(replace(task(f"each[{number}]"), parent="each") for number in range(state))
    return Story(tasks=[task("each"), *items, task("last", "each")]).state


def test_many_are_folded_and_few_are_not() -> None:
    assert [row.id for row in board(listed(FEW + 1)).rows()] == ["each", "last"]
    rows = board(listed(2)).rows()
    assert [(row.id, row.label, row.group, row.open) for row in rows] == [
        ("each", "each", True, True),
        ("each[0]", "[0]", False, False),
        ("each[1]", "[1]", False, False),
        ("last", "last", False, False),
    ]
    assert rows[1].before == "│ ", "they stand in, beside the lanes around them"


def test_what_somebody_unfolded_stays_so_in_this_run() -> None:
    shown = board(listed(20))
    assert shown.shown_for("each[3]") == "each"
    assert shown.unfold_above("each[3]") and not shown.unfold_above("each[3]")
    assert len(shown.rows()) == 22
    other = Story("beef", tasks=[task("each")]).state
    shown.take(other)
    shown.take(listed(20))
    assert shown.shown_for("each[3]") == "each[3]"
    assert shown.fold("each", open=False) and not shown.fold("last", open=False)


def test_what_was_folded_is_found_so_the_next_time() -> None:
    shown = board(listed(20))
    shown.unfold_above("each[3]")
    again = board(listed(20))
    again.fold_as(shown.folds())
    assert again.shown_for("each[3]") == "each[3]"
    again.fold("each", open=False)
    again.fold_as(shown.folds())
    assert again.shown_for("each[3]") == "each", "what was folded since is newer"
    opened = board(listed(20))
    assert opened.more(1)
    again = board(listed(20))
    again.fold_as(opened.folds())
    assert len(again.rows()) == 22


def test_many_folds_are_kept_as_far_as_there_is_room() -> None:
    shown = board(listed(20))
    shown.fold_as(json.dumps([["run", f"task-{number}", 1] for number in range(500)]))
    kept = shown.folds()
    assert len(kept) <= FOLDS_ROOM and "task-499" in kept and 'task-1"' not in kept


@pytest.mark.parametrize("text", ["", "{", "{}", "[3]", '[["a"]]', '[["a", 1, 1]]', '[["a", "b", "c"]]', "[" * 9_000])
def test_what_was_not_written_as_folds_folds_nothing(text: str) -> None:
    shown = board(listed(20))
    shown.fold_as(text)
    assert shown.folds() == "[]"


def test_a_folded_list_says_how_far_it_is() -> None:
    shown = board(with_everything().state)
    assert shown.tally("probe") == "5 of 12 done, 1 failed"


def test_what_is_looked_for_is_shown_wherever_it_stands() -> None:
    shown = board(with_everything().state)
    shown.filter = TaskFilter.parse("failed")
    assert [(row.id, row.context) for row in shown.rows()] == [("probe", True), ("probe[6]", False), ("risky", False)]
    shown.filter = TaskFilter.parse("HOST-1 pending")
    assert [row.id for row in shown.rows()] == ["probe", "probe[10]", "probe[11]"]
    shown.filter = TaskFilter.parse("failed asks")
    assert {row.id for row in shown.rows() if not row.context} == {"risky", "probe[6]", "wheel"}


def test_the_next_that_failed_is_found_round_the_end() -> None:
    shown = board(with_everything().state)
    assert shown.next_of("", TaskStatus.FAILED) == "risky"
    assert shown.next_of("risky", TaskStatus.FAILED) == "probe[6]"
    assert shown.next_of("probe[6]", TaskStatus.FAILED) == "risky"
    assert shown.next_of("gone", TaskStatus.DEBT) == ""
    assert first_interesting(shown.tasks.values()) == "wheel"


@st.composite
def forests(draw: st.DrawFn) -> RunState:
    tasks: list[TaskView] = []
    for number in range(draw(st.integers(0, 15))):
        parent = draw(st.sampled_from(["", *(each.id for each in tasks)])) if tasks else ""
        beside = [each.id for each in tasks if each.parent == parent]
        deps = draw(st.lists(st.sampled_from(beside), unique=True, max_size=3)) if beside else []
        tasks.append(replace(task(f"t{number}", *deps), parent=parent))
    return Story(tasks=tasks).state


@given(forests(), st.sets(st.integers(0, 14)))
@settings(deadline=None, max_examples=60)
def test_every_task_has_a_row_or_is_folded_into_one(state: RunState, folded: set[int]) -> None:
    shown = board(state)
    for number in folded:
        shown.fold(f"t{number}", open=False)
    ids = [row.id for row in shown.rows()]
    assert len(ids) == len(set(ids))
    assert {shown.shown_for(id) for id in state.tasks} == set(ids)
    place = {id: index for index, id in enumerate(ids)}
    for id in ids:
        parent = state.tasks[id].parent
        assert not parent or place[parent] < place[id]


def test_a_table_is_sorted_by_what_wants_a_person_first() -> None:
    tasks = list(with_everything().state.tasks.values())
    assert in_order(tasks, Sort.FILE, NOW) == tasks
    assert [each.id for each in in_order(tasks, Sort.STATE, NOW)][:3] == ["wheel", "risky", "probe[6]"]
    assert in_order(tasks, Sort.TRIES, NOW)[0].id == "test"
    assert in_order(tasks, Sort.LEVEL, NOW)[0].id == "announce"
    assert in_order(tasks, Sort.TIME, Instant(NOW + 13))[0].id == "types"
    assert in_order(tasks, Sort.NAME, NOW, reverse=True)[0].id == "wheel"


def test_a_bar_tells_waiting_asking_running_failing_and_undoing_apart() -> None:
    state = with_everything().state
    found = stretches(state.tasks["test"], state, (), ())
    assert [(each.doing, each.start - NOW, each.end and each.end - NOW) for each in found] == [
        (Doing.WAITED, 4, 4),
        (Doing.PAUSED, 7, 8),
        (Doing.RAN, 8, 12),
        (Doing.FAILED, 4, 7),
    ]
    asked = [replace(decision("wheel", decision_kind), asked_at=Instant(NOW + 12)) for decision_kind in [vote().kind]]
    (waited, asks) = stretches(state.tasks["wheel"], state, asked, ())
    assert (waited.doing, asks.doing, asks.start - NOW, asks.end) == (Doing.WAITED, Doing.ASKED, 12, None)
    bar = "".join(text for text, _ in bar_pieces(found, TimeScale(NOW, 20), 20, NOW, live=False))
    assert bar == "    ×××┄━━━━" + " " * 8


@given(st.floats(0.5, 5000), st.integers(1, 120))
@settings(deadline=None, max_examples=40)
def test_a_bar_is_as_wide_as_it_may_be(now: float, width: int) -> None:
    state = with_everything().state
    scale = time_scale(NOW, None, Instant(NOW + now))
    for each in state.tasks.values():
        found = stretches(each, state, (), ())
        assert line_width(bar_pieces(found, scale, width, Instant(NOW + now), live=True)) == width


def test_what_runs_after_a_failure_has_waited_since_that() -> None:
    story = with_everything().done("rescue", 9, 10)
    found = stretches(story.state.tasks["rescue"], story.state, callers=["risky"])
    assert [(each.doing, each.start - NOW) for each in found] == [(Doing.WAITED, 6), (Doing.RAN, 9)]


def test_what_was_taken_over_has_no_time_in_this_run() -> None:
    state = with_everything().state
    assert stretches(replace(state.tasks["lint"], taken="1111"), state, (), ()) == []
