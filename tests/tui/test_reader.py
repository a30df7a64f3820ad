"""Reading at full size: a task with its attempts, decisions, undo records and output; and looking for a text in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from cis_tui.cli.outcome import progress_line
from cis_tui.core.clock import Instant
from cis_tui.core.codec import encode
from cis_tui.core.paths import Home
from cis_tui.dag.views import (
    NO_STEPS,
    Ballot,
    Choice,
    DecisionStatus,
    RunStatus,
    TaskStatus,
    UndoItem,
    UndoKind,
    UndoStatus,
)
from cis_tui.project.trust import TrustStore
from cis_tui.tui.detail import task_lines
from cis_tui.tui.paint import Line
from cis_tui.tui.task_report import run_report, task_report
from cis_tui.tui.widgets.search_page import _marked  # pyright: ignore[reportPrivateUsage] # its cuts are what is tested
from tests.tui.helpers import (
    DID,
    HOSTILE,
    NOW,
    HandClock,
    Story,
    attached,
    fill,
    half_way,
    text_of,
    until,
    vote,
    with_everything,
    workspace,
)

LATER = Instant(NOW + 60)


def plain(lines: list[Line]) -> str:
    return "\n".join("".join(text for text, _ in line) for line in lines)


def told() -> Story:
    """A run in which a vote was cast, a step undone, another one not, and a debt is owed."""
    story = half_way()
    ballots = (Ballot("dba", Choice.APPROVE, DID, Instant(NOW + 20)), Ballot("sre", Choice.REJECT, "did:x", NOW, "no"))
    closed = replace(vote(), status=DecisionStatus.REJECTED, ballots=ballots, decided_at=Instant(NOW + 30))
    story.at(31, "DecisionMade", task="announce", decision=encode(closed))
    story.at(40, "TaskFailed", task="docs", attempt=1, exit_code=2, error="exit 2", output="", debt=True)
    story.at(41, "RunFailed", status="failed", error="announce failed").at(42, "RollbackStarted", error="x", skip=[])
    step = UndoItem(UndoKind.COMMAND, "test#1", task="test", command="make untest")
    file = UndoItem(UndoKind.FILE, "dist/app", task="wheel")
    story.at(43, "UndoPlanned", items=encode([step, file])).at(44, "UndoStarted", items=encode([step]))
    story.at(46, "UndoEnded", items=encode([replace(step, status=UndoStatus.FAILED, detail="it is gone")]))
    return story


def test_a_task_tells_its_attempts_and_what_took_it_back() -> None:
    state = told().state
    text = plain(task_report(state.tasks["test"], state, LATER))
    assert "  1  00:00:04  3.0s         exit 1" in text
    assert "  2  00:00:08  4.0s         exit 0" in text
    assert "✗ not undone  command  make untest  2.0s  it is gone" in text


def test_a_decision_tells_every_ballot() -> None:
    state = told().state
    text = plain(task_report(state.tasks["announce"], state, LATER, me=DID))
    assert "2 must vote" in text
    assert "dba approve, 00:00:20, you" in text
    assert "sre reject, 00:00:00, did:x: no" in text
    assert "rejected" in text


def test_who_ended_a_task_is_called_as_elsewhere() -> None:
    state = told().state
    state.tasks["docs"] = replace(state.tasks["docs"], error=f"skipped by {DID}")
    state.tasks["test"] = replace(state.tasks["test"], error=f"cancelled by did:key:z6Mk{'x' * 44}")
    assert "why      skipped by you" in plain(task_report(state.tasks["docs"], state, LATER, me=DID))
    assert "x" * 20 not in plain(task_report(state.tasks["test"], state, LATER, me=DID))


def test_a_run_tells_what_it_owes_and_what_was_taken_back() -> None:
    state = told().state
    text = plain(run_report(state, RunStatus.ROLLING_BACK, LATER))
    assert "△ docs  cis run settle 5f3a9c21 docs settles it" in text
    assert "○ to do       file     dist/app" in text
    state.tasks["docs"] = replace(state.tasks["docs"], settled="by hand")
    assert "docs  settled: by hand" in plain(run_report(state, RunStatus.ROLLING_BACK, LATER))


async def test_a_task_is_read_and_searched_at_full_size(home: Home) -> None:
    clock = HandClock()
    clock.forward(50)
    app = workspace(home, clock=clock)
    async with app.run_test(size=(80, 24)) as pilot:
        fill(app, told())
        await pilot.press("j", "j", "j", "enter", "g", "j", "j", "enter")
        await pilot.pause()
        assert "Attempts" in text_of(app)
        await pilot.press("slash", *"exit", "enter")
        await pilot.pause()
        await pilot.press("n")
        await pilot.pause()
        await pilot.press("escape")
        assert len(app.screen_stack) == 2, "Esc ends the search first"
        await pilot.press("escape")
        assert len(app.screen_stack) == 1


async def test_i_on_the_list_tells_of_the_run(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(100, 30)) as pilot:
        fill(app, with_everything())
        await pilot.press("j", "j", "j", "i")
        await pilot.pause()
        assert "This run" in text_of(app) and "2 failed" in text_of(app)


async def test_what_a_task_prints_is_read_as_it_comes(home: Home, project: Path) -> None:
    (project / ".cis" / "dags" / "aaa.toml").write_text(
        "[skill]\nname = 'aaa'\n[[dag.tasks]]\nid = 'talk'\nretry = { max = 1, backoff = 0.01 }\n"
        "command = 'cat evil.txt; echo attempt $CIS_ATTEMPT; until test -e go; do sleep 0.02; done; echo end; exit 3'\n"
    )
    (project / "evil.txt").write_text(HOSTILE + "\n")
    trust = TrustStore(home)
    trust.grant(project, trust.report(project).digest)
    async with attached(home, project) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: "attempt 1" in text_of(app))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: len(app.screen_stack) == 2 and "attempt 1" in text_of(app))
        assert "[b]bold[/b]" in text_of(app) and "\x1b" not in text_of(app)
        (project / "go").touch()
        await until(pilot, lambda: "attempt 2 of 2" in text_of(app) and "end" in text_of(app))
        await until(pilot, lambda: app.store.runs[0].status is RunStatus.FAILED)
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: "attempt 1 of 2" in text_of(app) and "end" in text_of(app))
        state = app.store.run(app.store.runs[0].id)
        assert state is not None and state.tasks["talk"].status is TaskStatus.FAILED


def test_a_task_of_which_there_was_nothing_to_take_back_says_so() -> None:
    story = told().at(50, "TaskRolledBack", task="test").at(51, "TaskRolledBack", task="lint")
    state = story.state
    assert "undone   1 rollback step" in plain(task_lines(state.tasks["test"], state, LATER))
    assert f"undone   {NO_STEPS}" in plain(task_lines(state.tasks["lint"], state, LATER))
    assert [progress_line(event, state) for event in story.events[-2:]] == ["rolled_back", f"rolled_back: {NO_STEPS}"]


def test_where_a_task_ran_is_told() -> None:
    state = told().state
    ran = replace(state.tasks["test"], executor="dask://gpu:8786", worker="gpu-box")
    ran = replace(
        ran, tried=tuple(replace(each, worker="plain", error="the worker plain was lost") for each in ran.tried)
    )
    text = plain(task_report(ran, state, LATER))
    assert "worker   gpu-box of dask://gpu:8786" in text
    assert "on plain  the worker plain was lost" in text and "on gpu-box" in text
    assert "worker" not in plain(task_report(state.tasks["test"], state, LATER))
    state.executor = "dask://gpu:8786"
    assert "executor dask://gpu:8786" in plain(run_report(state, RunStatus.RUNNING, LATER))


@given(st.lists(st.text(alphabet="abİ ", max_size=6), max_size=6), st.text(alphabet="ab", min_size=1, max_size=3))
@settings(deadline=None, max_examples=80)
def test_marks_cut_a_line_and_change_none_of_its_text(parts: list[str], needle: str) -> None:
    strip = Strip([Segment(part) for part in parts])
    marked = list(_marked(strip, needle, Style(reverse=True)))
    assert "".join(segment.text for segment in marked) == strip.text
    hits = "".join(segment.text for segment in marked if segment.style and segment.style.reverse)
    if len(strip.text.lower()) == len(strip.text):
        assert len(hits) == strip.text.lower().count(needle) * len(needle)
