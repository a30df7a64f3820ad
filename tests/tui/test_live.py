"""The workspace on a real engine: start, watch, answer, cancel, resume, quit."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from cis_tui.core.paths import Home
from cis_tui.dag.answers import Edit
from cis_tui.dag.views import DagInfo, RunStatus, RunSummary
from cis_tui.project.trust import TrustStore
from cis_tui.tui.app import CisApp
from cis_tui.tui.screens.dags import DagsScreen
from cis_tui.tui.widgets.prompt import Answer
from tests.tui.helpers import attached, text_of, until

if TYPE_CHECKING:
    import pytest


class Seconds:
    """A timer that a test moves past the time in which a prompt is deaf."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def front(app: CisApp) -> DagsScreen:
    screen = app.screen_stack[0]
    assert isinstance(screen, DagsScreen)
    return screen


def asked(app: CisApp, task: str) -> bool:
    return any(decision.task == task for decision in app.store.pending)


def status(app: CisApp) -> RunStatus | None:
    return app.store.runs[0].status if app.store.runs else None


async def test_a_run_is_started_watched_answered_and_finished_by_keys(home: Home, trusted: Path) -> None:
    async with attached(home, trusted, timer=Seconds()) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: asked(app, "soon"))
        assert "goes ahead unless stopped: echo soon" in text_of(app)
        await pilot.press("d", "space")
        await until(pilot, lambda: "held" in text_of(app))
        await pilot.press("y")
        await until(pilot, lambda: asked(app, "sure"))
        await pilot.press("d", "y")
        await until(pilot, lambda: asked(app, "agreed"))
        await pilot.press("d", "v", "a")
        await until(pilot, lambda: status(app) is RunStatus.COMPLETED)
        assert "approved by you" in text_of(app)
        assert front(app).tasks.has_keys


async def test_the_output_of_the_chosen_task_is_shown(home: Home, trusted: Path) -> None:
    async with attached(home, trusted) as (app, pilot):
        await pilot.press("j", "enter")
        await until(pilot, lambda: status(app) is RunStatus.COMPLETED)
        await until(pilot, lambda: "hello from the task" in text_of(app))


async def test_a_thousand_tasks_are_seen_to_their_end(home: Home, project: Path) -> None:
    tasks = "".join(f'[[dag.tasks]]\nid = "t{number}"\n' for number in range(1000))
    (project / ".cis" / "dags" / "aaa.toml").write_text(f"[skill]\nname = 'many'\n{tasks}")
    trust = TrustStore(home)
    trust.grant(project, trust.report(project).digest)
    async with attached(home, project) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: status(app) is RunStatus.COMPLETED)
        assert app.store.runs[0].tasks_ended == 1000


async def test_a_rejected_task_fails_the_run(home: Home, trusted: Path) -> None:
    async with attached(home, trusted, timer=Seconds()) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: asked(app, "soon"))
        await pilot.press("d", "y")
        await until(pilot, lambda: asked(app, "sure"))
        await pilot.press("d", "n")
        await until(pilot, lambda: status(app) is RunStatus.FAILED)
        assert "rejected" in text_of(app)


async def test_what_runs_is_edited_and_a_mistake_loses_nothing(home: Home, trusted: Path) -> None:
    async with attached(home, trusted, timer=Seconds()) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: asked(app, "soon"))
        await pilot.press("d", "c")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press(*"other words", "enter")
        await until(pilot, lambda: "“other words”" in text_of(app))
        await pilot.press("e")
        await until(pilot, lambda: "approve it so" in text_of(app))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "nothing was changed" in text_of(app))
        await pilot.press("ctrl+k", "ctrl+s")
        await until(pilot, lambda: "is needed" in text_of(app))
        await pilot.press(*"echo changed", "ctrl+s")
        await until(pilot, lambda: asked(app, "sure"))
        assert len(app.screen_stack) == 1
        (made,) = [made for made in await app.link.api.decision_list(all=True) if made.task == "soon"]
        assert (made.edit, made.reason) == (Edit(command="echo changed"), "other words")
        await pilot.press("d", "i")
        await until(pilot, lambda: "would run" in text_of(app) and "nothing takes it back" in text_of(app))


async def test_the_run_is_aborted_by_two_keys(home: Home, trusted: Path) -> None:
    async with attached(home, trusted, timer=Seconds()) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: asked(app, "soon"))
        await pilot.press("d", "N", "x")
        await until(pilot, lambda: status(app) is RunStatus.CANCELLED)


async def test_all_alike_are_approved_after_it_was_said_which_and_no_longer_than_wanted(
    home: Home, project: Path
) -> None:
    tasks = "".join(
        f'[[dag.tasks]]\nid = "t{number}"\ncommand = "echo same"\ndeps = {deps}\nlevel = "confirmed"\n'
        for number, deps in enumerate(([], [], ["late"]))
    )
    late = '[[dag.tasks]]\nid = "late"\ncommand = "echo late"\nlevel = "confirmed"\n'
    (project / ".cis" / "dags" / "aaa.toml").write_text(f"[skill]\nname = 'aaa'\n{tasks}{late}")
    trust = TrustStore(home)
    trust.grant(project, trust.report(project).digest)
    async with attached(home, project, timer=Seconds()) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: len(app.store.pending) == 3)
        first = app.store.pending[0].task
        assert first == "t0"
        await pilot.press("d", "A")
        await until(pilot, lambda: "is written so: echo same" in text_of(app))
        await pilot.press("n")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        assert len(app.store.pending) == 3
        await pilot.press("A")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press("y")
        await until(pilot, lambda: [decision.task for decision in app.store.pending] == ["late"])
        app.action_rules()
        await until(pilot, lambda: "Approved all alike" in text_of(app))
        assert "echo same" in text_of(app)
        await pilot.press("w")
        await until(pilot, lambda: "Nothing is approved all alike." in text_of(app))
        await pilot.press("escape", "d", "y")
        await until(pilot, lambda: asked(app, "t2"))


async def test_a_call_that_has_to_be_confirmed_is_asked_over_any_screen(home: Home, project: Path) -> None:
    folder = project / ".cis" / "skills" / "careful"
    folder.mkdir(parents=True)
    (folder / "skill.toml").write_text('[skill]\nname = "careful"\nentry = "echo"\nlevel = "confirmed"\n')
    trust = TrustStore(home)
    trust.grant(project, trust.report(project).digest)
    async with attached(home, project, timer=Seconds()) as (app, pilot):
        await pilot.press("1")
        calls = [asyncio.ensure_future(app.link.api.skill_run(str(project), "careful", (text,), {})) for text in "abc"]
        await until(pilot, lambda: len(app.store.pending) == 3)
        assert "skill / careful" in text_of(app)
        await pilot.press("d")
        await until(pilot, lambda: "May the skill careful run?" in text_of(app) and "would run" in text_of(app))
        await pilot.press("y")
        await until(pilot, lambda: sum(each.done() for each in calls) == 1 and len(app.screen_stack) == 1)
        await pilot.press("d", "n")
        await until(pilot, lambda: sum(each.done() for each in calls) == 2 and len(app.screen_stack) == 1)
        await pilot.press("d")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await app.link.api.decision_approve(app.store.pending[0].id)
        await until(pilot, lambda: len(app.screen_stack) == 1)
        assert app.current_mode == "memory", "answered elsewhere, it goes away"
        ends = await asyncio.gather(*calls, return_exceptions=True)
        assert sorted(type(end).__name__ for end in ends) == ["Refused", "SkillResult", "SkillResult"]


async def test_an_answer_that_came_too_late_is_a_notice(home: Home, trusted: Path) -> None:
    async with attached(home, trusted, timer=Seconds()) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: asked(app, "soon"))
        await pilot.press("d")
        await pilot.pause()
        prompt = front(app).pane.prompt
        late = prompt.decision
        assert late is not None
        await app.link.api.decision_approve(late.id)
        prompt.post_message(prompt.Answered(late, Answer.REJECT))
        await until(pilot, lambda: "already" in text_of(app))


async def test_d_finds_the_decision_from_another_screen(home: Home, trusted: Path) -> None:
    async with attached(home, trusted, timer=Seconds()) as (app, pilot):
        await pilot.press("enter", "5")
        await until(pilot, lambda: asked(app, "soon"))
        await until(pilot, lambda: "ask / soon" in text_of(app))
        await pilot.press("d")
        await until(pilot, lambda: front(app).pane.prompt.has_focus)
        assert app.current_mode == "dags"


async def test_nothing_of_an_untrusted_project_runs_before_it_is_trusted(home: Home, project: Path) -> None:
    async with attached(home, project, timer=Seconds()) as (app, pilot):
        assert "not trusted" in text_of(app)
        await pilot.press("j", "r")
        await until(pilot, lambda: "May the code of this project run" in text_of(app))
        await pilot.press("enter")
        await pilot.pause()
        assert "May the code of this project run" in text_of(app)
        await pilot.press("escape")
        await pilot.pause()
        assert app.store.runs == []
        await pilot.press("r")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press("c")
        await until(pilot, lambda: status(app) is RunStatus.COMPLETED)
        await until(pilot, lambda: "not trusted" not in text_of(app))


async def test_an_author_is_asked_only_once(home: Home, project: Path) -> None:
    async with attached(home, project) as (app, pilot):
        await pilot.press("t")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press("a")
        await until(pilot, lambda: "yours" in text_of(app))


async def test_a_parameter_without_a_default_is_asked_for(home: Home, trusted: Path) -> None:
    async with attached(home, trusted) as (app, pilot):
        await pilot.press("j", "j", "enter")
        await until(pilot, lambda: "Run named" in text_of(app))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "is needed" in text_of(app))
        await pilot.press(*"ada", "ctrl+s")
        await until(pilot, lambda: status(app) is RunStatus.COMPLETED)
        await until(pilot, lambda: "hello ada" in text_of(app))


async def test_a_run_is_cancelled_only_after_a_yes(home: Home, trusted: Path) -> None:
    async with attached(home, trusted) as (app, pilot):
        await pilot.press("end", "k", "k", "j", "j", "enter")
        await until(pilot, lambda: status(app) is RunStatus.RUNNING)
        await until(pilot, lambda: "started" in text_of(app))
        await pilot.press("x")
        await until(pilot, lambda: "Cancel this run" in text_of(app))
        await pilot.press("enter")
        await pilot.press("n")
        await pilot.pause()
        assert status(app) is RunStatus.RUNNING
        await pilot.press("x")
        await until(pilot, lambda: "Cancel this run" in text_of(app))
        await pilot.press("y")
        await until(pilot, lambda: status(app) is RunStatus.CANCELLED)


async def test_leaving_while_something_runs_asks_what_becomes_of_it(home: Home, trusted: Path) -> None:
    async with attached(home, trusted) as (app, pilot):
        await pilot.press("end", "enter")
        await until(pilot, lambda: status(app) is RunStatus.RUNNING)
        await pilot.press("q")
        await until(pilot, lambda: "Work is still going on" in text_of(app))
        await pilot.press("enter")
        await pilot.press("escape")
        await pilot.pause()
        assert app.is_running and status(app) is RunStatus.RUNNING
        await pilot.press("q")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press("s")
        await until(pilot, lambda: not app.is_running)
    async with attached(home, trusted) as (app, pilot):
        assert status(app) is RunStatus.CANCELLED


async def test_a_run_that_was_left_shows_as_paused_and_goes_on_by_a_key(home: Home, trusted: Path) -> None:
    async with attached(home, trusted, timer=Seconds()) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: asked(app, "soon"))
        await pilot.press("q")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press("l")
        await until(pilot, lambda: not app.is_running)
    async with attached(home, trusted, timer=Seconds()) as (app, pilot):
        assert status(app) is RunStatus.PAUSED
        await pilot.press("end", "R")
        await until(pilot, lambda: asked(app, "soon"))
        state = app.store.run(app.store.runs[0].id)
        assert state is not None and state.tasks["first"].attempts == 1
        await app.link.api.run_cancel(state.id)
        await until(pilot, lambda: status(app) is RunStatus.CANCELLED)


async def test_a_run_is_paused_and_goes_on_by_keys(home: Home, trusted: Path) -> None:
    async with attached(home, trusted, timer=Seconds()) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: asked(app, "soon"))
        await pilot.press("end", "p")
        await until(pilot, lambda: status(app) is RunStatus.PAUSED)
        run = app.store.active_runs[0].id
        await until(pilot, lambda: all(decision.remaining is not None for decision in app.store.pending))
        assert [decision.task for decision in app.store.pending] == ["soon"], "its countdown is held"
        await pilot.press("R")
        await until(pilot, lambda: status(app) in (RunStatus.RUNNING, RunStatus.WAITING))
        await app.link.api.run_cancel(run)
        await until(pilot, lambda: status(app) is RunStatus.CANCELLED)


async def test_q_leaves_at_once_when_nothing_runs(home: Home, trusted: Path) -> None:
    async with attached(home, trusted) as (app, pilot):
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)


async def test_the_palette_runs_the_dag_that_was_typed_from_any_screen(home: Home, trusted: Path) -> None:
    async with attached(home, trusted) as (app, pilot):
        await pilot.press("4", "ctrl+p")
        await until(pilot, lambda: "start this DAG" in text_of(app))
        await pilot.press(*"run hello", "enter")  # while what fits is still being looked for
        await until(pilot, lambda: status(app) is RunStatus.COMPLETED)
        await until(pilot, lambda: app.current_mode == "dags" and "hello from the task" in text_of(app))


async def test_the_palette_writes_a_dag_and_opens_it(
    home: Home, trusted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []

    async def edit_file(app: object, path: Path, line: int | None, *, private: bool) -> bool:
        opened.append(path)
        return False

    monkeypatch.setattr("cis_tui.tui.external.edit_file", edit_file)
    async with attached(home, trusted) as (app, pilot):
        await pilot.press("ctrl+p")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press(*"new dag")
        await until(pilot, lambda: "writes one to begin from" in text_of(app))
        await pilot.press("enter")
        await until(pilot, lambda: "A new DAG" in text_of(app))
        await pilot.press(*"hello", "ctrl+s")
        await until(pilot, lambda: "already" in text_of(app))
        await pilot.press("ctrl+u", *"new", "ctrl+s")
        await until(pilot, lambda: "nothing was changed" in text_of(app))
        assert opened == [trusted / ".cis" / "dags" / "new.toml"]
        await until(pilot, lambda: _name(front(app).list.chosen) == "new")


def _name(chosen: DagInfo | RunSummary | None) -> str:
    return chosen.name if isinstance(chosen, DagInfo) else ""


PARTS = """
[skill]
name = "aaa"
[[dag.tasks]]
id = "make"
command = "echo made >> log; echo x > made"
creates = ["made"]
rollback = ["echo unmade >> log"]
[[dag.tasks]]
id = "check"
command = "test -e ok"
deps = ["make"]
"""


async def test_a_part_is_run_again_and_taken_back_by_keys(home: Home, project: Path) -> None:
    (project / ".cis" / "dags" / "aaa.toml").write_text(PARTS)
    trust = TrustStore(home)
    trust.grant(project, trust.report(project).digest)
    log = project / "log"
    async with attached(home, project) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: status(app) is RunStatus.FAILED)
        (project / "ok").touch()
        await pilot.press("tab", "f", "r")
        await until(pilot, lambda: "Run aaa again from check?" in text_of(app))
        assert "takes over the results of 1 task" in text_of(app)
        await pilot.press("enter")
        await pilot.press("y")
        await until(pilot, lambda: len(app.store.runs) == 2 and status(app) is RunStatus.COMPLETED)
        await until(pilot, lambda: "taken over" in text_of(app))
        assert log.read_text() == "made\n"
        await pilot.press("escape", "j")
        await until(pilot, lambda: "1/2" in text_of(app) or "failed" in text_of(app))
        await pilot.press("u")
        await until(pilot, lambda: "Take back what this run of aaa did?" in text_of(app))
        assert "make: echo unmade >> log" in text_of(app) and "  made" in text_of(app)
        await pilot.press("n")
        await pilot.pause()
        assert (project / "made").exists()
        await pilot.press("u")
        await until(pilot, lambda: "Take back what this run" in text_of(app))
        await pilot.press("y")
        await until(pilot, lambda: app.store.runs[1].status is RunStatus.ROLLED_BACK)
        await until(pilot, lambda: "2 of 2 undone" in text_of(app))
        assert log.read_text() == "made\nunmade\n" and not (project / "made").exists()


async def test_while_a_run_is_taken_back_nothing_is_offered_that_is_refused(home: Home, project: Path) -> None:
    slow = PARTS.replace("echo unmade >> log", "until test -e go; do sleep 0.02; done")
    (project / ".cis" / "dags" / "aaa.toml").write_text(slow)
    trust = TrustStore(home)
    trust.grant(project, trust.report(project).digest)
    async with attached(home, project) as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: status(app) is RunStatus.FAILED)
        await until(pilot, lambda: "roll back" in text_of(app))
        await pilot.press("u")
        await until(pilot, lambda: "Take back" in text_of(app))
        await pilot.press("y")
        await until(pilot, lambda: status(app) is RunStatus.ROLLING_BACK and "undoing" in text_of(app))
        keys = text_of(app).splitlines()[-1]
        assert "cancel" not in keys and "resume" not in keys and "roll back" not in keys
        (project / "go").touch()
        await until(pilot, lambda: status(app) is RunStatus.ROLLED_BACK)


async def test_enter_in_the_last_field_of_a_form_is_done(home: Home, trusted: Path) -> None:
    async with attached(home, trusted) as (app, pilot):
        await pilot.press("j", "j", "enter")
        await until(pilot, lambda: "Run named" in text_of(app))
        await pilot.press(*"ada", "enter")
        await until(pilot, lambda: status(app) is RunStatus.COMPLETED)


async def test_a_changed_file_is_taken_up_and_told_on_the_screen(home: Home, trusted: Path) -> None:
    async with attached(home, trusted) as (app, pilot):
        await pilot.pause(0.3)
        file = trusted / ".cis" / "dags" / "hello.toml"
        file.write_text(file.read_text().replace("greet", "hail"))
        await until(pilot, lambda: "hello is reloaded" in text_of(app))
        await until(pilot, lambda: any(task.id == "hail" for dag in app.store.dags for task in dag.tasks))
        file.write_text("[[dag.tasks]\n")
        await until(pilot, lambda: "hello is broken" in text_of(app))
        assert "not TOML" in text_of(app)


async def test_what_a_skill_asks_to_be_shown_is_shown(home: Home, trusted: Path) -> None:
    async with attached(home, trusted) as (app, pilot):
        await app.link.api.skill_run(str(trusted), "notify", ("the build is done",), {})
        await until(pilot, lambda: "the build is done" in text_of(app))
