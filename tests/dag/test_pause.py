"""A run that is paused starts nothing, whatever happens meanwhile; a task that is cancelled has failed for the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from cis_tui.core.errors import NotFound, Refused, Unavailable
from cis_tui.dag.model import Action, Level, LevelKind, Policy, Retry, TaskSpec
from cis_tui.dag.views import DecisionStatus, RunStatus
from tests.dag.lab import OWNER, Lab, eventually, lives, open_lab, read, shell

WAIT = "until test -e go; do sleep 0.02; done"
CONFIRMED = Level(LevelKind.CONFIRMED, timeout=60)


def statuses(lab: Lab, run: str) -> dict[str, str]:
    return {task.id: task.status.value for task in lab.runs.history.show(run).tasks}


async def test_a_paused_run_lets_what_runs_end_and_starts_nothing(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("first", WAIT), shell("second", "touch second", "first"))
        await lab.running("first")
        view = await lab.runs.pause(run)
        assert (view.status, view.paused_by, view.interrupted) == (RunStatus.PAUSED, OWNER.did, False)
        (lab.project / "go").touch()
        await lab.until(lambda: ("TaskReady", "second") in lab.story())
        assert statuses(lab, run) == {"first": "completed", "second": "ready"}
        assert lab.runs.history.list()[0].status is RunStatus.PAUSED
        view = await lab.runs.resume(run)
        assert (await lab.ended(run)).status is RunStatus.COMPLETED
        assert view.paused_by == ""
        kinds = lab.types()
        assert kinds.index("RunPaused") < kinds.index("RunResumed")
        starts = [place for place, told in enumerate(lab.story()) if told == ("TaskStarted", "second")]
        assert starts[0] > kinds.index("RunResumed")


async def test_a_countdown_is_held_by_a_pause_and_goes_on_after_it(tmp_path: Path) -> None:
    level = Level(LevelKind.RECOMMENDED, timeout=1.5, default_action=Action.EXECUTE)
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("ask", "touch done", level=level), shell("held", "true", level=CONFIRMED))
        await lab.decision("ask")
        held = await lab.decision("held")
        await lab.runs.decisions.hold(held.id)
        await lab.runs.pause(run)
        (asked,) = [each for each in lab.runs.decisions.list() if each.task == "ask"]
        assert asked.deadline is None
        assert asked.remaining is not None
        assert asked.remaining <= 1.5
        await lab.runs.resume(run)
        await lab.until(lambda: ("TaskCompleted", "ask") in lab.story())
        (still,) = lab.runs.decisions.list()
        assert still.remaining is not None, "what a person held stays held"
        await lab.runs.cancel(run)


async def test_a_run_that_could_not_go_on_holds_its_countdowns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    level = Level(LevelKind.RECOMMENDED, timeout=60, default_action=Action.EXECUTE)
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("ask", "touch done", level=level))
        await lab.decision("ask")
        await lab.runs.pause(run)

        async def full(changes: object) -> None:
            raise Unavailable("CIS-DAG-041", "the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(lab.journal, "record_all", full)
            with pytest.raises(Unavailable, match="full"):
                await lab.runs.resume(run)
        (asked,) = lab.runs.decisions.list()
        assert asked.remaining is not None, "the run is paused, and so is the countdown"
        await lab.runs.resume(run)
        (asked,) = lab.runs.decisions.list()
        assert asked.remaining is None
        await lab.runs.cancel(run)


async def test_an_answer_while_paused_counts_and_the_task_waits(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("ask", "touch done", level=CONFIRMED))
        decision = await lab.decision("ask")
        await lab.runs.pause(run)
        await lab.runs.decisions.approve(decision.id)
        assert statuses(lab, run) == {"ask": "ready"}
        assert "TaskStarted" not in lab.types()
        await lab.runs.resume(run)
        assert (await lab.ended(run)).status is RunStatus.COMPLETED


async def test_a_paused_run_is_still_paused_after_its_engine(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("first", "true", level=CONFIRMED))
        await lab.decision("first")
        await lab.runs.pause(run)
    async with open_lab(tmp_path) as lab:
        view = lab.runs.history.show(run)
        assert (view.status, view.paused_by, view.interrupted) == (RunStatus.PAUSED, OWNER.did, True)
        with pytest.raises(Refused, match="its engine ended"):
            await lab.runs.pause(run)
        view = await lab.runs.resume(run)
        assert (view.paused_by, view.interrupted) == ("", False)
        await lab.runs.decisions.approve((await lab.decision("first")).id)
        assert (await lab.ended(run)).status is RunStatus.COMPLETED


async def test_a_pause_is_refused_of_what_has_ended_and_cancel_ends_a_pause(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        done = await lab.run(shell("t", "true"))
        with pytest.raises(Refused, match="already completed"):
            await lab.runs.pause(done.id)
        run = await lab.start(shell("first", WAIT), TaskSpec("join", deps=("first",)))
        await lab.running("first")
        await lab.runs.pause(run)
        assert (await lab.runs.pause(run)).status is RunStatus.PAUSED
        view = await lab.runs.cancel(run)
        assert (view.status, view.paused_by) == (RunStatus.CANCELLED, "")


async def test_a_task_that_passes_waits_for_the_end_of_a_pause(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("first", WAIT), TaskSpec("join", deps=("first",)), shell("other", "sleep 60"))
        await lab.running("first")
        await lab.runs.pause(run)
        (lab.project / "go").touch()
        await lab.until(lambda: ("TaskReady", "join") in lab.story())
        assert statuses(lab, run)["join"] == "ready"
        await lab.runs.resume(run)
        await lab.until(lambda: ("TaskCompleted", "join") in lab.story())
        await lab.runs.cancel(run)


# Cancelling one task


async def test_a_running_task_is_cancelled_with_its_processes_and_counts_as_failed(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        stubborn = "trap '' TERM; echo $$ > pid; while :; do sleep 0.05; done"
        run = await lab.start(
            shell("stuck", stubborn, retry=Retry(max=3), on_failure="notify"),
            shell("after", "true", "stuck"),
            shell("notify", "touch told"),
            shell("beside", WAIT),
        )
        await eventually(lambda: read(lab.project / "pid").strip() != "")
        await lab.runs.cancel(run, "stuck", reason="wrong\x07 host")
        assert not lives(int(read(lab.project / "pid")))
        await lab.until(lambda: ("TaskCompleted", "notify") in lab.story())
        (lab.project / "go").touch()
        view = await lab.ended(run)
        tasks = {task.id: task for task in view.tasks}
        assert {id: task.status.value for id, task in tasks.items()} == {
            "stuck": "cancelled",
            "after": "skipped",
            "notify": "completed",
            "beside": "completed",
        }
        assert tasks["stuck"].error == f"cancelled by {OWNER.did}: wrong host"
        assert tasks["stuck"].attempts == 1
        assert (view.status, view.error) == (RunStatus.FAILED, "stuck was cancelled")


async def test_tasks_that_wait_are_cancelled_in_every_state(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        retry = Retry(max=5, backoff=60, jitter=False)
        run = await lab.start(
            shell("asks", "true", level=CONFIRMED),
            shell("tries", "false", retry=retry),
            shell("first", WAIT),
            shell("later", "true", "first"),
            TaskSpec("joins", deps=("first",)),
        )
        await lab.decision("asks")
        await lab.until(lambda: ("TaskRetried", "tries") in lab.story())
        for task in ("asks", "tries", "later", "joins"):
            await lab.runs.cancel(run, task)
        assert lab.runs.decisions.list() == ()
        assert lab.runs.decisions.list(all=True)[0].status is DecisionStatus.SUPERSEDED
        with pytest.raises(Refused, match="has ended"):
            await lab.runs.cancel(run, "asks")
        with pytest.raises(NotFound, match='no task "other"'):
            await lab.runs.cancel(run, "other")
        (lab.project / "go").touch()
        view = await lab.ended(run)
        assert view.status is RunStatus.FAILED
        expected = {"asks": "cancelled", "tries": "cancelled", "first": "completed", "later": "cancelled"}
        assert statuses(lab, run) == {**expected, "joins": "cancelled"}


async def test_a_cancelled_task_is_no_debt(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("a", WAIT), shell("b", "true", "a"), policy=Policy.ALLOW_DEBT)
        await lab.running("a")
        await lab.runs.cancel(run, "a")
        assert (await lab.ended(run)).status is RunStatus.FAILED
        assert statuses(lab, run) == {"a": "cancelled", "b": "skipped"}
        assert lab.runs.history.debts() == ()


async def test_one_item_is_cancelled_and_all_of_a_list(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        each = shell("each", "until test -e {{ item }}; do sleep 0.02; done", for_each=("x", "y", "z"))
        run = await lab.start(each, shell("after", "true", "each"))
        for number in range(3):
            await lab.running(f"each[{number}]")
        await lab.runs.cancel(run, "each[1]")
        assert statuses(lab, run)["each[1]"] == "cancelled"
        await lab.runs.cancel(run, "each")
        view = await lab.ended(run)
        assert view.status is RunStatus.FAILED
        assert set(statuses(lab, run).values()) == {"cancelled", "skipped"}
        assert statuses(lab, run)["after"] == "skipped"


async def test_what_was_cancelled_stays_so_when_the_engine_ends_and_a_new_try_runs_it(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(
            shell("a", "touch a", level=CONFIRMED), shell("b", "true", "a"), shell("c", "true", level=CONFIRMED)
        )
        await lab.decision("a")
        await lab.runs.cancel(run, "a")
    async with open_lab(tmp_path) as lab:
        await lab.runs.cancel(run, "c")
        assert statuses(lab, run) == {"a": "cancelled", "b": "skipped", "c": "cancelled"}
        assert lab.runs.history.show(run).status is RunStatus.PAUSED
        await lab.runs.resume(run)
        assert (await lab.ended(run)).status is RunStatus.FAILED
        assert not (lab.project / "a").exists()
        await lab.runs.resume(run)
        for task in ("a", "c"):
            await lab.runs.decisions.approve((await lab.decision(task)).id)
        await lab.until(lambda: lab.runs.history.show(run).status is RunStatus.COMPLETED)
