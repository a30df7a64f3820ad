"""The DAG screen on known values: what is painted, and how little."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from cis_tui.core.events import Event
from cis_tui.core.paths import Home
from cis_tui.dag.views import DecisionKind, RunStatus
from cis_tui.project.model import ProjectInfo
from cis_tui.protocol import EngineApi, EngineStatus
from cis_tui.tui.screens.dags import DagsScreen
from cis_tui.tui.widgets.lane_view import LaneView, columns
from cis_tui.tui.widgets.task_views import TaskViews
from tests.tui.conftest import Compare
from tests.tui.graphs import begun, release
from tests.tui.helpers import (
    DID,
    NOW,
    ROOT,
    HandClock,
    Story,
    decision,
    fill,
    half_way,
    show,
    task,
    text_of,
    until,
    vote,
    with_everything,
    workspace,
)

SIZES = [(80, 24), (120, 36), (200, 60)]
THEMES = ["cis-dark", "cis-light"]


def screen_of(app: object) -> DagsScreen:
    front = app.screen_stack[0]  # type: ignore[attr-defined]
    assert isinstance(front, DagsScreen)
    return front


def tasks_of(app: object) -> TaskViews:
    return screen_of(app).tasks


def here(app: object) -> str:
    return tasks_of(app).current.here


@pytest.mark.parametrize("size", SIZES[:2], ids=["80x24", "120x36"])
@pytest.mark.parametrize("view", ["lanes", "boxes", "table", "timeline"])
async def test_a_view_of_a_run(home: Home, looks_right: Compare, size: tuple[int, int], view: str) -> None:
    clock = HandClock()
    clock.forward(13)
    app = workspace(home, clock=clock)
    async with app.run_test(size=size) as pilot:
        fill(app, with_everything())
        await pilot.press("j", "j", "j", "enter")
        while screen_of(app).tasks.name != view:
            await pilot.press("v")
            await pilot.pause()
        await pilot.press("f")
        await pilot.pause()
        looks_right(app)


@pytest.mark.parametrize("size", SIZES[:2], ids=["80x24", "120x36"])
async def test_a_definition_with_errors(home: Home, looks_right: Compare, size: tuple[int, int]) -> None:
    app = workspace(home)
    async with app.run_test(size=size) as pilot:
        fill(app)
        await pilot.pause()
        looks_right(app)


async def test_a_vote_that_has_the_keys(home: Home, looks_right: Compare) -> None:
    story = half_way().asked(12, vote()).asked(12, decision("publish", DecisionKind.CONFIRMED, left=300))
    clock = HandClock()
    clock.forward(13)
    app = workspace(home, clock=clock, timer=iter(range(100)).__next__)
    async with app.run_test(size=(100, 30)) as pilot:
        fill(app, story)
        await pilot.press("d", "d", "d", "v")
        await pilot.pause()
        looks_right(app)


async def test_before_there_is_an_engine(home: Home, looks_right: Compare) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "starting engine…" in text_of(app)
        looks_right(app)


async def test_without_a_project_it_says_how_to_make_one(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "No project here." in text_of(app)


async def test_at_40x12_the_tasks_of_a_run_are_seen_and_answered(home: Home, looks_right: Compare) -> None:
    clock = HandClock()
    clock.forward(13)
    app = workspace(home, clock=clock)
    async with app.run_test(size=(40, 12)) as pilot:
        fill(app, half_way())
        await pilot.press("j", "j", "j")
        await pilot.pause()
        assert "▶ release" in text_of(app), "the list comes first"
        await pilot.press("enter")
        await pilot.pause()
        screen = text_of(app)
        assert "docs" in screen and "running" in screen and "wheel goes ahead" in screen and "y approve" in screen
        looks_right(app)
        await pilot.press("escape")
        await pilot.pause()
        assert "✗ tour" in text_of(app)


async def test_tab_goes_round_all_that_can_have_the_keys(home: Home) -> None:
    for size, stops in (((40, 12), 3), ((120, 36), 4)):
        app = workspace(home)
        async with app.run_test(size=size) as pilot:
            fill(app, half_way())
            await pilot.press("j", "j", "j")
            seen: list[str] = []
            for _ in range(stops + 1):
                await pilot.press("tab")
                await pilot.pause()
                assert app.focused is not None
                seen.append(app.focused.id or type(app.focused).__name__)
            await pilot.press("shift+tab")
            await pilot.pause()
            assert seen == [*("lanes", "DecisionPrompt", "output")[: stops - 1], "runs", "lanes"]
            assert app.focused is screen_of(app).list


async def test_a_list_of_many_is_folded_and_opened_by_a_key(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(120, 36)) as pilot:
        fill(app, with_everything())
        await pilot.press("j", "j", "j", "enter")
        await pilot.pause()
        assert "▸ probe   5 of 12 done, 1 failed" in text_of(app)
        screen_of(app).tasks.select("probe")
        await pilot.press("right")
        await pilot.pause()
        assert "▾ probe" in text_of(app) and "[6]" in text_of(app)
        await pilot.press("j", "j", "left")
        await pilot.pause()
        assert "▸ probe" in text_of(app) and screen_of(app).tasks.chosen is not None
        await pilot.press("enter")
        await pilot.pause()
        assert "▾ probe" in text_of(app)


async def test_a_change_in_a_folded_list_is_seen_on_its_row(home: Home) -> None:
    story = with_everything()
    app = workspace(home)
    async with app.run_test(size=(120, 36)) as pilot:
        fill(app, story)
        await pilot.press("j", "j", "j", "enter")
        await pilot.pause()
        before = len(story.events)
        story.done("probe[7]", 13, 14)
        show(app, app.store.apply(story.events[before:]))
        await pilot.pause()
        assert "6 of 12 done, 1 failed" in text_of(app)


async def test_tasks_are_looked_for_by_state_and_name(home: Home) -> None:
    story = with_everything()
    app = workspace(home)
    async with app.run_test(size=(120, 36)) as pilot:
        fill(app, story)
        await pilot.press("j", "j", "j", "enter", "slash", *"failed", "enter")
        await pilot.pause()
        assert "▾ probe" in text_of(app) and "[6]" in text_of(app) and "publish" not in text_of(app)
        assert "2 of 24" in text_of(app)
        before = len(story.events)
        story.failed("probe[8]", 12, 13)
        show(app, app.store.apply(story.events[before:]))
        await pilot.pause()
        assert "[8]" in text_of(app), "what fails now is found now"
        await pilot.press("w")
        await pilot.pause()
        assert screen_of(app).tasks.chosen == app.store.run(story.run).tasks["wheel"]  # type: ignore[union-attr]
        assert "publish" in text_of(app), "to go to what is not looked for ends the search"
        await pilot.press("slash", *"nothing like it")
        await pilot.pause()
        assert "No task is like this." in text_of(app)
        await pilot.press("escape")
        await pilot.pause()
        assert "publish" in text_of(app) and screen_of(app).tasks.has_keys


async def test_f_goes_from_one_that_failed_to_the_next(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(120, 36)) as pilot:
        fill(app, with_everything())
        await pilot.press("j", "j", "j", "enter")
        seen: list[str] = []
        for _ in range(3):
            await pilot.press("f")
            await pilot.pause()
            chosen = screen_of(app).tasks.chosen
            assert chosen is not None
            seen.append(chosen.id)
        assert seen == ["risky", "probe[6]", "risky"]


async def test_the_cursor_follows_what_begins_until_it_is_moved(home: Home) -> None:
    story = with_everything()
    app = workspace(home)
    async with app.run_test(size=(120, 36)) as pilot:
        fill(app, story)
        await pilot.press("j", "j", "j", "enter", "F")
        await pilot.pause()
        assert "follows" in text_of(app)
        story.at(14, "TaskStarted", task="publish", attempt=1, command="x")
        show(app, app.store.apply(story.events[-1:]))
        await pilot.pause()
        tasks = screen_of(app).tasks
        assert tasks.chosen is not None and tasks.chosen.id == "publish"
        await pilot.press("k")
        await pilot.pause()
        assert not tasks.following and "follows" not in text_of(app)


async def test_a_run_of_a_hundred_tasks_is_folded_looked_at_in_part_and_followed(
    home: Home, looks_right: Compare
) -> None:
    shards = [f"shard-{number:03d}" for number in range(60)]
    story = begun(release(), shards)
    clock = HandClock()
    clock.forward(30)
    app = workspace(home, clock=clock)
    async with app.run_test(size=(80, 24)) as pilot:

        async def press(*keys: str) -> str:
            await pilot.press(*keys)
            await pilot.pause()
            return text_of(app)

        fill(app, story)
        await press("j", "j", "j", "enter")
        looks_right(app)
        assert "shard-017" in await press("space", "f")
        assert here(app) == "shard-017"
        assert "32 of 97" in await press("Z") and "shard-018" not in text_of(app)
        assert "32 of 97" not in await press("Z")
        assert "▸ shard-*" in await press("left")
        await press("right_square_bracket")
        assert here(app) == "report"
        await press("left_square_bracket", "left_square_bracket")
        assert here(app) == "image"
        assert "checkout" in await press("z") and "rescue" in text_of(app) and "lint" not in text_of(app)
        await press("z", "plus")
        assert len(tasks_of(app).board.rows()) == 81
        await press("minus", "F")
        assert here(app) == "shard-043" and "follows" in text_of(app)
        story.at(31, "TaskCompleted", task="shard-043", attempt=1, exit_code=0, output="", duration=3)
        show(app, app.store.apply(story.events[-1:]))
        await pilot.pause()
        assert here(app) == "shard-042", "another one that runs"
        await press("v", "space")
        assert tasks_of(app).name == "boxes" and "↓▸" not in text_of(app)
        assert "✗1" in text_of(app) or "1 failed" in text_of(app)
        await press("less_than_sign", "less_than_sign")
        assert tasks_of(app).current.remark == "points >" and "shard-017" in await press("f")


async def test_large_boxes(home: Home, looks_right: Compare) -> None:
    clock = HandClock()
    clock.forward(30)
    app = workspace(home, clock=clock)
    async with app.run_test(size=(200, 60)) as pilot:
        fill(app, begun(release(), [f"shard-{number:03d}" for number in range(60)]))
        await pilot.press("j", "j", "j", "enter", "v")
        await pilot.pause()
        looks_right(app)


async def test_the_view_and_what_is_folded_are_remembered_for_the_project(home: Home) -> None:
    home.ensure()
    kept = home.root / "workspace.json"
    app = workspace(home, project=Path(ROOT))
    async with app.run_test(size=(120, 36)) as pilot:
        fill(app, with_everything())
        await pilot.press("v")
        await until(pilot, lambda: kept.exists() and "boxes" in kept.read_text())
        await pilot.press("j", "j", "j", "enter")
        screen_of(app).tasks.current.select("probe")
        await pilot.press("space")
        await until(pilot, lambda: "probe" in kept.read_text())
    app = workspace(home, project=Path(ROOT))
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: screen_of(app).tasks.name == "boxes")
        fill(app, with_everything())
        await pilot.press("j", "j", "j")
        await until(pilot, lambda: screen_of(app).tasks.board.is_open("probe"))


async def test_a_table_is_sorted_by_a_key(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(120, 36)) as pilot:
        fill(app, with_everything())
        await pilot.press("j", "j", "j", "enter", "v", "v", "s", "g")
        await pilot.pause()
        assert "state▾" in text_of(app)
        assert "? wheel " in text_of(app), "the name is cut"
        tasks = screen_of(app).tasks
        assert tasks.chosen is not None and tasks.chosen.id == "wheel", "what asks comes first"
        await pilot.press("S", "g")
        await pilot.pause()
        assert "state▴" in text_of(app) and tasks.chosen.status == "completed"


@pytest.mark.parametrize("size", [(40, 20), (20, 8), (10, 4)], ids=["40x20", "20x8", "10x4"])
async def test_a_narrow_terminal_is_no_reason_to_fall_over(home: Home, size: tuple[int, int]) -> None:
    app = workspace(home)
    async with app.run_test(size=size) as pilot:
        fill(app, half_way())
        for key in "23456123d":
            await pilot.press(key)
            await pilot.pause()
        await pilot.resize_terminal(90, 30)
        await pilot.pause()
        assert "release" in text_of(app)


async def test_the_filter_narrows_the_list_and_escape_brings_it_back(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(100, 30)) as pilot:
        fill(app, half_way())
        await pilot.press("slash", *"tour", "enter")
        await pilot.pause()
        assert "broken" not in text_of(app) and "tour" in text_of(app)
        await pilot.press("slash", "escape")
        await pilot.pause()
        assert "broken" in text_of(app)


async def test_letters_typed_into_the_filter_are_not_commands(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(100, 30)) as pilot:
        fill(app, half_way())
        await pilot.press("slash", *"dq1?")
        await pilot.pause()
        assert app.is_running and len(app.screen_stack) == 1
        assert not screen_of(app).pane.prompt.has_focus
        assert "dq1?" in text_of(app)


async def test_a_change_of_one_task_repaints_one_row(home: Home) -> None:
    tasks = tuple(task(f"task-{number:04d}") for number in range(1000))
    story = Story(tasks=tasks)
    app = workspace(home)
    async with app.run_test(size=(120, 36)) as pilot:
        fill(app, story)
        await pilot.press("j", "j", "j")
        await pilot.pause()
        lanes = app.screen.query_one(LaneView)
        painted: list[int] = []
        paint = lanes.render_line
        lanes.render_line = lambda y: painted.append(y) or paint(y)  # type: ignore[method-assign,func-returns-value]
        story.at(1, "TaskStarted", task="task-0005", attempt=1, command="x")
        show(app, app.store.apply(story.events[-1:]))
        await pilot.pause()
        assert painted == [5]


async def test_the_cursor_stays_on_its_task_when_a_question_appears_above(home: Home) -> None:
    story = half_way()
    app = workspace(home)
    async with app.run_test(size=(120, 36)) as pilot:
        fill(app, story)
        await pilot.press("j", "j", "j", "enter", "end")
        await pilot.pause()
        lanes = app.screen.query_one(LaneView)
        assert lanes.chosen is not None and lanes.chosen.id == "remember"
        story.asked(13, decision("test", DecisionKind.CONFIRMED))
        show(app, app.store.apply(story.events[-1:]))
        await pilot.pause()
        assert lanes.chosen.id == "remember"
        assert "asks for approval: make test" in text_of(app)


async def test_an_idle_workspace_has_no_timer(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        fill(app)
        await pilot.pause()
        assert not app.store.ticking
        assert not app._timers  # pyright: ignore[reportPrivateUsage] # there is no public way to see them


def test_columns_give_the_name_what_it_needs_and_the_bar_what_is_left() -> None:
    for width in range(1, 220):
        parts = columns(width, lanes=9, longest_name=14)
        assert parts.bar == 0 or parts.bar >= 6
        assert parts.lanes > 0 and parts.name >= 0
    assert columns(48, 5, 10).bar > 0
    assert columns(150, 5, 10).level == 13
    assert columns(100, 5, 10).said == 0 and columns(160, 5, 10).said > 30


async def test_a_definition_tells_what_its_tasks_ask_for_and_are_for(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        fill(app)
        await pilot.press("j")
        await until(pilot, lambda: "by vote" in text_of(app))
        assert "pending" not in text_of(app), "all of them are, so it tells nothing"


async def test_where_there_is_room_a_task_says_what_it_is_for_and_why_it_failed(home: Home) -> None:
    error = "the pages cannot be built"
    app = workspace(home)
    async with app.run_test(size=(200, 40)) as pilot:
        fill(app, half_way().at(14, "TaskFailed", task="docs", attempt=1, exit_code=2, error=error, debt=False))
        await until(pilot, lambda: " failed " in text_of(app))
        await pilot.press("j", "j", "j")
        await until(pilot, lambda: error in text_of(app))


async def test_a_run_that_ended_shows_how(home: Home) -> None:
    story = half_way().at(14, "TaskFailed", task="docs", attempt=1, exit_code=2, error="exit 2", output="", debt=False)
    story.at(14, "TaskSkipped", task="publish", reason="needs docs, which failed")
    story.at(15, "TaskSkipped", task="wheel", reason="the run ended", cancelled=True)
    story.at(15, "RunFailed", status="failed", error="docs failed")
    app = workspace(home)
    async with app.run_test(size=(120, 36)) as pilot:
        fill(app, story)
        await pilot.press("j", "j", "j", "enter")
        await pilot.pause()
        screen = text_of(app)
        assert "✗" in screen and "failed" in screen and "⊘" in screen
        assert "why      exit 2" in screen
        assert app.store.runs[0].status is RunStatus.FAILED
        assert "decision" not in screen


async def test_events_of_a_run_are_folded_only_once(home: Home) -> None:
    story = half_way()
    app = workspace(home)
    async with app.run_test(size=(120, 36)) as pilot:
        fill(app, story)
        again = [replace(event) for event in story.events]
        show(app, app.store.apply(again))
        await pilot.pause()
        state = app.store.run(story.run)
        assert state is not None and state.tasks["test"].attempts == 2
        assert isinstance(again[0], Event)


class Halting:
    """An engine that has started, and takes its time to read the project."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def status(self) -> EngineStatus:
        return EngineStatus("0.1.0", 4242, NOW, "/home/demo/.cis", DID, False, 1, 0, 0, {}, 0)

    async def project_open(self, root: str) -> ProjectInfo:
        self.asked.set()
        return await asyncio.Future[ProjectInfo]()

    async def close(self) -> None:
        pass


async def test_while_the_dags_are_read_it_does_not_say_that_there_are_none(home: Home, tmp_path: Path) -> None:
    engine = Halting()

    async def connect() -> EngineApi:
        return cast("EngineApi", engine)

    app = workspace(home, connect=connect, project=tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await engine.asked.wait()
        for keys in ((), ("1", "2"), ("slash", "x"), ("escape",)):
            await pilot.press(*keys)
            await pilot.pause()
            assert "what is here is known" in text_of(app), text_of(app)
