"""The timeline of a run: what happened when, what decided how long it took, and what holds it up now."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.clock import Instant
from cis_tui.core.codec import encode
from cis_tui.core.paths import Home
from cis_tui.dag.state import RunState
from cis_tui.dag.views import DecisionKind, DecisionStatus
from cis_tui.tui.app import CisApp
from cis_tui.tui.board import Board
from cis_tui.tui.critical_path import Edges, Spell, critical_path
from cis_tui.tui.gantt import HEAD, ON_PATH, PATH, Doing, Stretch, bar_pieces, joined, shares, stretches
from cis_tui.tui.gantt import NOW as NOW_LINE
from cis_tui.tui.paint import Line, line_width
from cis_tui.tui.run_times import RunTimes
from cis_tui.tui.screens.dags import DagsScreen
from cis_tui.tui.timescale import SHORTEST, TimeScale, axis, ticks, time_mark, time_scale
from cis_tui.tui.widgets.timeline import Timeline
from tests.tui.graphs import begun, expanded, release
from tests.tui.helpers import (
    NOW,
    HandClock,
    Story,
    decision,
    fill,
    half_way,
    show,
    task,
    text_of,
    with_everything,
    workspace,
)

if TYPE_CHECKING:
    from textual.pilot import Pilot


def at(seconds: float) -> Instant:
    return Instant(NOW + seconds)


# The scale


@pytest.mark.parametrize(
    ("seconds", "mark"),
    [
        (0, "0"),
        (0.5, "0.5s"),
        (20, "20s"),
        (90, "1:30"),
        (90.25, "1:30.25"),
        (7200, "2h"),
        (7500, "2h05m"),
        (7205, "2h00:05"),
        (3 * 86_400, "3d"),
        (59.999, "1:00"),
    ],
)
def test_a_mark_is_as_short_as_it_is_exact(seconds: float, mark: str) -> None:
    assert time_mark(seconds) == mark


@pytest.mark.parametrize(
    ("seconds", "width", "marks"),
    [
        (12, 40, ["0", "2s", "4s", "6s", "8s", "10s"]),
        (5400, 60, ["0", "20:00", "40:00", "1h", "1h20m"]),
        (300_000, 60, ["0", "10h", "20h", "30h", "40h", "50h", "60h", "70h", ""]),
    ],
)
def test_marks_stand_at_round_times_since_the_start(seconds: float, width: int, marks: list[str]) -> None:
    assert [word for _, word in ticks(TimeScale(NOW, seconds), width)] == marks


def test_the_present_is_marked_and_a_mark_gives_way_to_it() -> None:
    scale = TimeScale(NOW, 12)
    assert axis(scale, 24) == "╷0        ╷5s       ╷10s"
    assert axis(scale, 24, at(4)) == "╷0      ▼ ╷5s       ╷10s"
    assert axis(scale, 24, at(5.5)) == "╷0        ╷▼        ╷10s"
    assert axis(replace(scale, since=20), 24, at(7)) == "╷20s      ╷25s      ╷30s"


@given(st.floats(SHORTEST, 1e8), st.floats(0, 1), st.integers(0, 300))
@settings(deadline=None, max_examples=200)
def test_marks_never_overlap_and_are_whole(seconds: float, part: float, width: int) -> None:
    scale = TimeScale(NOW, seconds, part * 1e7)
    text = axis(scale, width)
    assert len(text) == width
    words = re.findall(r"╷([^╷ ]*)", text)
    assert words == [word for _, word in ticks(scale, width)], "each is there as it was meant"
    for (cell, word), (following, _) in pairwise(ticks(scale, width)):
        assert following > cell + len(word) + 1


@given(st.floats(0, 1e7))
@settings(max_examples=100)
def test_a_run_that_goes_on_fills_most_of_its_scale(passed: float) -> None:
    scale = time_scale(NOW, None, at(passed))
    assert passed <= scale.seconds + 1e-3
    assert scale.seconds <= max(10.0, passed * 1.5)


@given(st.floats(1, 1e6), st.floats(-1e6, 2e6), st.floats(0.1, 1e7))
@settings(max_examples=100)
def test_a_part_of_the_time_stays_within_it(whole: float, middle: float, seconds: float) -> None:
    scale = TimeScale(NOW, whole)
    part = scale.around(at(middle), seconds)
    assert min(whole, SHORTEST) <= part.seconds <= whole
    assert -1e-6 <= part.since <= whole - part.seconds + 1e-6


# Bars


def bar(found: list[Stretch], scale: TimeScale, width: int, now: Instant | None = None, **more: bool) -> str:
    pieces = bar_pieces(found, scale, width, now or at(99), live=now is not None, **more)
    assert line_width(pieces) == width
    return "".join(text for text, _ in pieces)


def test_what_goes_on_ends_at_the_present_and_is_no_plain_run() -> None:
    scale = TimeScale(NOW, 20)
    ran, runs = Stretch(Doing.RAN, at(2), at(6)), Stretch(Doing.RAN, at(2), None)
    assert bar([ran], scale, 20, at(10)) == "  ━━━━    │         "
    assert bar([ran], scale, 20) == "  ━━━━              "
    assert bar([runs], scale, 20, at(10)) == "  ━━━━━━━━▶         "
    assert bar([runs], scale, 20, at(10), on_path=True) == "  ████████▶         "
    assert bar([Stretch(Doing.ASKED, at(2), None)], scale, 20, at(10)) == "  ?????????         "
    assert bar([Stretch(Doing.PAUSED, at(2), None)], scale, 20, at(10)) == "  ┄┄┄┄┄┄┄┄┄         "


def test_what_is_out_of_sight_says_where_it_is() -> None:
    part = TimeScale(NOW, 20, 50)
    assert bar([Stretch(Doing.RAN, at(2), at(6))], part, 8) == "◂       "
    assert bar([Stretch(Doing.RAN, at(90), at(96))], part, 8) == "       ▸"
    assert bar([Stretch(Doing.RAN, at(2), at(96))], part, 8) == "━━━━━━━━"
    assert bar([], part, 8, at(99)) == " " * 8


def test_each_kind_of_waiting_has_a_sign_of_its_own() -> None:
    story = half_way(
        tasks=[task("lint"), task("types"), task("test", "lint"), task("docs"), task("wheel"), task("sure")]
    )
    story.asked(13, decision("sure", DecisionKind.CONFIRMED))
    state = story.at(14, "TaskStarted", task="lint", attempt=1, command="x").state

    def doing(id: str, *more: object) -> set[Doing]:
        asked = [each for each in state.decisions.values() if each.task == id]
        return {each.doing for each in stretches(state.tasks[id], state, asked)}

    assert Doing.COUNTED in doing("wheel") and Doing.ASKED not in doing("wheel")
    assert Doing.ASKED in doing("sure") and Doing.COUNTED not in doing("sure")
    assert {Doing.FAILED, Doing.PAUSED, Doing.RAN} <= doing("test")
    held = replace(decision("wheel", DecisionKind.RECOMMENDED), deadline=None, remaining=9.0)
    assert Doing.ASKED in {each.doing for each in stretches(state.tasks["wheel"], state, [held])}, "a person holds it"


def test_a_retry_that_is_awaited_goes_on_until_it_comes_or_the_task_ends() -> None:
    story = Story(tasks=[task("flaky")]).at(0, "TaskStarted", task="flaky", attempt=1, command="x")
    story.at(3, "TaskRetried", task="flaky", attempt=1, exit_code=1, error="exit 1", output="", delay=60)

    def of(state: RunState) -> list[tuple[Doing, float, float | None]]:
        found = stretches(state.tasks["flaky"], state)
        return [(each.doing, each.start - NOW, None if each.end is None else each.end - NOW) for each in found][1:]

    assert of(story.state) == [(Doing.PAUSED, 3, None), (Doing.FAILED, 0, 3)]
    story.at(9, "TaskSkipped", task="flaky", cancelled=True, reason="cancelled")
    assert of(story.state) == [(Doing.PAUSED, 3, 9), (Doing.FAILED, 0, 3)]


@st.composite
def many_stretches(draw: st.DrawFn) -> list[Stretch]:
    moments = st.integers(0, 30)
    found: list[Stretch] = []
    for _ in range(draw(st.integers(0, 8))):
        start = draw(moments)
        end = draw(st.one_of(st.none(), st.integers(start, 30)))
        found.append(Stretch(draw(st.sampled_from(Doing)), at(start), None if end is None else at(end)))
    return found


@given(many_stretches())
@settings(max_examples=100)
def test_joined_stretches_cover_what_they_covered_before(found: list[Stretch]) -> None:
    def covers(stretches: list[Stretch], doing: Doing, second: int) -> bool:
        return any(each.doing is doing and each.start <= at(second + 0.5) <= each.until(at(40)) for each in stretches)

    result = joined(found)
    for doing in Doing:
        assert all(covers(found, doing, second) == covers(result, doing, second) for second in range(40))
        own = [each for each in result if each.doing is doing]
        assert all(one.until(at(40)) < other.start for one, other in pairwise(own))


@given(many_stretches(), st.integers(0, 30), st.integers(0, 30))
@settings(max_examples=100)
def test_every_second_is_spent_on_one_thing(found: list[Stretch], start: int, length: int) -> None:
    spent = shares(found, at(start), at(start + length), at(40))
    assert abs(sum(spent.values()) - length) < 1e-6
    assert all(seconds > 0 for seconds in spent.values())


# The critical path


@st.composite
def runs(draw: st.DrawFn) -> tuple[dict[str, Spell], Edges]:
    """Tasks that begin some time after all that they need had ended, some of which go on."""
    before: dict[str, list[str]] = {}
    spells: dict[str, Spell] = {}
    for number in range(draw(st.integers(0, 12))):
        id = f"t{number}"
        before[id] = draw(st.lists(st.sampled_from(list(before)), unique=True, max_size=3)) if before else []
        if all(need in spells and not spells[need].open for need in before[id]) and draw(st.integers(0, 9)):
            begin = max((spells[need].end for need in before[id]), default=0.0) + draw(st.integers(0, 5))
            open = draw(st.integers(0, 5)) == 0
            spells[id] = Spell(begin, float("inf") if open else begin + draw(st.integers(0, 9)), open)
    return spells, Edges(before)


@given(runs())
@settings(deadline=None, max_examples=200)
def test_the_critical_path_goes_from_the_beginning_along_edges_to_what_ends_last(
    run: tuple[dict[str, Spell], Edges],
) -> None:
    spells, edges = run
    heights = edges.heights()
    path = critical_path(spells, edges, heights)
    assert bool(path) == bool(spells)
    for one, other in pairwise(path):
        assert one in edges.before[other], "each comes after the one before it"
        assert spells[one].end <= spells[other].begin
        assert all(spells[need].end <= spells[one].end for need in edges.before[other]), "nothing released it later"
    if path:
        assert not edges.before[path[0]]
        assert spells[path[-1]].end == max(spell.end for spell in spells.values())
        open = [id for id, spell in spells.items() if spell.open]
        assert not open or heights[path[-1]] == max(heights[id] for id in open)


@given(runs(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=50)
def test_the_order_of_the_file_does_not_move_the_end_of_the_path(
    run: tuple[dict[str, Spell], Edges], chance: random.Random
) -> None:
    spells, edges = run
    ids = list(spells)
    chance.shuffle(ids)
    mixed = critical_path({id: spells[id] for id in ids}, edges, edges.heights())
    path = critical_path(spells, edges, edges.heights())
    assert [spells[id].end for id in mixed[-1:]] == [spells[id].end for id in path[-1:]]


def times(state: RunState) -> RunTimes:
    board = Board()
    board.take(state)
    found = RunTimes(board)
    found.read()
    return found


def test_the_path_of_a_run_goes_through_lists_and_failures() -> None:
    story = expanded(3).done("each[0]", 1, 3).done("each[1]", 1, 7).done("each[2]", 1, 5)
    story.at(7, "TaskCompleted", task="each", attempt=1, exit_code=0, output="", duration=6).done("sum", 8, 9)
    found = times(story.state)
    assert found.path == ["find", "each[1]", "sum"]
    assert found.on_path == {"find", "each", "each[1]", "sum"}
    assert found.spent(at(99)) == {Doing.RAN: 8, Doing.WAITED: 1}
    rescued = times(with_everything().done("rescue", 9, 30).state)
    assert rescued.path == ["types", "docs"], "what goes on holds up more than what has ended"


def test_what_was_left_out_or_cancelled_is_not_what_a_run_waited_for() -> None:
    story = Story(tasks=[task("a"), task("b", "a"), task("c", "b"), task("d", "c")])
    story.done("a", 0, 4).at(4, "TaskSkipped", task="b", reason="not wanted").done("c", 5, 9)
    story.at(30, "TaskSkipped", task="d", cancelled=True, reason="cancelled").at(30, "RunFailed", status="cancelled")
    found = times(story.state)
    assert found.path == ["a", "b", "c"]
    assert found.spent(at(99)) == {Doing.RAN: 8, Doing.WAITED: 1}


@given(st.integers(0, 40))
@settings(deadline=None, max_examples=20)
def test_the_time_of_the_path_is_told_to_the_last_second(now: int) -> None:
    story = begun(release(12), [f"shard-{number:03d}" for number in range(12)])
    story.events = [event for event in story.events if event.at <= at(now)]
    found = times(story.state)
    last = found.path[-1] if found.path else ""
    end = story.state.tasks[last].ended_at if last else NOW
    until = end if end is not None else at(now)
    assert abs(sum(found.spent(at(now)).values()) - (until - NOW)) < 1e-6


# On the screen


async def open_timeline(app: CisApp, pilot: Pilot[None], *stories: Story) -> Timeline:
    if stories:
        fill(app, *stories)
    await pilot.press("j", "j", "j", "enter")
    views = screen_of(app).tasks
    await views.use("timeline")
    await pilot.pause()
    assert isinstance(views.current, Timeline)
    return views.current


def screen_of(app: CisApp) -> DagsScreen:
    front = app.screen_stack[0]
    assert isinstance(front, DagsScreen)
    return front


def rows(app: CisApp) -> list[str]:
    """The names in the rows, as they are from top to bottom."""
    view = screen_of(app).tasks.current
    assert isinstance(view, Timeline)
    return [row.id for row, _ in view.lines()]


def row_of(app: CisApp, id: str) -> str:
    """The row of a task, as it is painted; the list at the left and the edge beside it are left out."""
    found = (line.split("│", 1)[-1] for line in text_of(app).split("\n"))
    return next(
        line for line in found if re.match(rf".. (▸ )?{id} +(×\d+ +)?[\d.]+s", line[:1].replace("▌", " ") + line[1:])
    )


async def test_what_has_begun_is_listed_by_when_and_what_has_not_is_counted(home: Home) -> None:
    clock = HandClock(at(13))
    story = with_everything()
    app = workspace(home, clock=clock)
    async with app.run_test(size=(120, 36)) as pilot:
        view = await open_timeline(app, pilot, story)
        assert rows(app) == ["lint", "types", "risky", "test", "probe", "docs", "wheel"]
        assert "11 not begun" in text_of(app) and "publish" not in text_of(app)
        before = len(story.events)
        story.at(13, "DecisionMade", task="wheel", decision=encoded(story, "wheel", DecisionStatus.APPROVED))
        story.done("wheel", 13, 14).at(14, "TaskStarted", task="announce", attempt=1, command="x")
        clock.forward(2)
        show(app, app.store.apply(story.events[before:]))
        await pilot.pause()
        assert rows(app)[-2:] == ["wheel", "announce"], "what begins comes last"
        assert "10 not begun" in text_of(app)
        view.select("probe")
        await pilot.press("right")
        await pilot.pause()
        shown = rows(app)
        assert shown[shown.index("probe") + 1 :][:6] == [f"probe[{number}]" for number in range(4)] + [
            "probe[6]",
            "probe[4]",
        ], "what stands in a task is in order, too"


def encoded(story: Story, task: str, status: DecisionStatus) -> object:
    asked = next(each for each in story.state.decisions.values() if each.task == task)
    return encode(replace(asked, status=status, decided_at=at(13)))


async def test_where_nothing_has_begun_it_says_so_and_a_definition_shows_its_tasks(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await open_timeline(app, pilot, Story())
        assert "nothing has begun yet" in text_of(app)
        await pilot.press("escape", "k", "k")
        await pilot.pause()
        assert "publish" in text_of(app) and "0 not" not in text_of(app) and "╷" not in text_of(app)


async def test_it_says_what_holds_up_now_and_where_the_time_went(home: Home) -> None:
    clock = HandClock(at(14))
    app = workspace(home, clock=clock)
    async with app.run_test(size=(160, 36)) as pilot:
        story = with_everything()
        story.at(12, "TaskCompleted", task="docs", attempt=1, exit_code=0, output="", duration=3)
        await open_timeline(app, pilot, story)
        screen = text_of(app)
        assert (
            "? wheel asks you 2.0s  ◆ critical path 14s: ran 8.0s, failed 3.0s, counted down 2.0s, before a retry 1.0s"
        ) in screen
        marked = [id for id in ("lint", "test", "wheel", "types", "docs") if re.search(rf" {id} .*{PATH}", screen)]
        assert marked == ["lint", "test", "wheel"]


async def test_the_present_moves_through_the_rows_until_the_run_ends(home: Home) -> None:
    clock = HandClock(at(13))
    story = with_everything()
    app = workspace(home, clock=clock)
    async with app.run_test(size=(120, 36)) as pilot:
        await open_timeline(app, pilot, story)

        def place(id: str, sign: str) -> int:
            return row_of(app, id).rindex(sign)

        was = place("docs", HEAD)
        assert place("lint", NOW_LINE) == was
        clock.forward(0.5)
        screen_of(app).tick()
        await pilot.pause()
        assert place("lint", NOW_LINE) == place("docs", HEAD) > was
        before = len(story.events)
        story.at(14, "RunFailed", status="failed")
        show(app, app.store.apply(story.events[before:]))
        await pilot.pause()
        assert "▼" not in text_of(app) and "11 not run" in text_of(app)


async def test_a_part_of_the_time_is_looked_at_around_the_cursor(home: Home) -> None:
    app = workspace(home, clock=HandClock(at(13)))
    async with app.run_test(size=(120, 36)) as pilot:
        view = await open_timeline(app, pilot, with_everything())
        view.select("lint")
        await pilot.pause()
        whole = text_of(app)
        assert "0 whole run" not in whole
        await pilot.press("greater_than_sign")
        await pilot.pause()
        assert "2x closer" in text_of(app) and "╷0" in text_of(app) and "0 whole run" in text_of(app)
        assert "▸" in row_of(app, "docs"), "it is later than what is looked at"
        await pilot.press("L", "L")
        await pilot.pause()
        assert "╷0" not in text_of(app) and "╷12s" in text_of(app)
        await pilot.press("H", "less_than_sign")
        await pilot.pause()
        assert text_of(app) == whole
        await pilot.press("greater_than_sign", "greater_than_sign", "0")
        await pilot.pause()
        assert text_of(app) == whole


@pytest.mark.parametrize("size", [(40, 12), (40, 20), (80, 24), (200, 60)], ids=str)
async def test_it_fits_any_terminal(home: Home, size: tuple[int, int]) -> None:
    app = workspace(home, clock=HandClock(at(30)))
    async with app.run_test(size=size) as pilot:
        await open_timeline(app, pilot, begun(release(), [f"shard-{number:03d}" for number in range(60)]))
        await pilot.press("g")
        await pilot.pause()
        screen = text_of(app)
        assert "checkout" in screen and "╷" in screen and ON_PATH in screen
        assert ("critical path" in screen) == (size[0] >= 120)


async def test_the_first_that_is_tried_again_says_so_at_once(home: Home) -> None:
    clock = HandClock(at(5))
    story = Story(tasks=[task("flaky")]).at(0, "TaskStarted", task="flaky", attempt=1, command="x")
    app = workspace(home, clock=clock)
    async with app.run_test(size=(120, 36)) as pilot:
        await open_timeline(app, pilot, story)
        for event, said in (
            (("TaskRetried", {"exit_code": 1, "error": "exit 1", "output": "", "delay": 3.0}), "◌ flaky retry 3s  "),
            (("TaskStarted", {"command": "x"}), "▶ flaky running 5.0s  "),
        ):
            before = len(story.events)
            story.at(5, event[0], task="flaky", attempt=1 + (event[0] == "TaskStarted"), **event[1])
            show(app, app.store.apply(story.events[before:]))
            await pilot.pause()
            assert said in text_of(app)
        assert "×2" in row_of(app, "flaky")


async def test_a_heading_of_fewer_lines_is_painted_where_there_were_more(home: Home) -> None:
    app = workspace(home, clock=HandClock(at(13)))
    async with app.run_test(size=(120, 36)) as pilot:
        await open_timeline(app, pilot, with_everything())
        views = screen_of(app).tasks
        for name in ("table", "timeline", "lanes"):
            await views.use(name)
            assert [views.head.line(y, 80) for y in range(3)], "before the next layout, which makes room"
            await pilot.pause()


async def test_what_an_engine_left_behind_ends_where_it_was_seen_last(home: Home) -> None:
    clock = HandClock(at(90_000))
    story = Story(tasks=[task("a"), task("b", "a"), task("c", "b")]).done("a", 0, 4)
    story.at(4, "TaskStarted", task="b", attempt=1, command="x")
    story.asked(7, decision("c", DecisionKind.CONFIRMED, asked_at=at(7)))
    app = workspace(home, clock=clock)
    async with app.run_test(size=(120, 36)) as pilot:
        fill(app, story)
        state = app.store.run(story.run)
        assert state is not None
        state.interrupted = True
        await open_timeline(app, pilot)
        screen = text_of(app)
        assert "◆ critical path 7.0s" in screen and "▼" not in screen and "╷6s" in screen
        assert re.search(r"b +3.0s◆ +█+ *$", row_of(app, "b"))


async def test_what_is_looked_for_is_listed_by_when_it_began(home: Home) -> None:
    story = with_everything()
    app = workspace(home, clock=HandClock(at(13)))
    async with app.run_test(size=(120, 36)) as pilot:
        await open_timeline(app, pilot, story)
        await pilot.press("slash", *"failed", "enter")
        await pilot.pause()
        assert rows(app) == ["risky", "probe", "probe[6]"]
        before = len(story.events)
        story.at(13, "TaskFailed", task="docs", attempt=1, exit_code=2, output="", error="exit code 2")
        show(app, app.store.apply(story.events[before:]))
        await pilot.pause()
        assert rows(app) == ["risky", "probe", "probe[6]", "docs"]


async def test_of_a_thousand_tasks_only_those_in_sight_are_painted(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [f"t{number}" for number in range(1000)]
    story = Story(tasks=[task(id) for id in ids])
    for number, id in enumerate(ids[:900]):
        story.done(id, number / 10, number / 10 + 1)
    story.at(91, "TaskStarted", task="t900", attempt=1, command="x")
    clock = HandClock(at(92))
    app = workspace(home, clock=clock)
    painted: list[int] = []
    row = Timeline.row

    def count(view: Timeline, index: int, width: int) -> Line:
        painted.append(index)
        return row(view, index, width)

    async with app.run_test(size=(120, 36)) as pilot:
        view = await open_timeline(app, pilot, story)
        while screen_of(app).tasks.board.more(1):
            pass
        view.lay_out()
        await pilot.press("end")
        await pilot.pause()
        assert view.count == 901 and view.here == "t900"
        monkeypatch.setattr(Timeline, "row", count)
        view.refresh()
        await pilot.pause()
        assert 0 < len(set(painted)) <= view.size.height
        assert min(painted) == 901 - view.size.height
