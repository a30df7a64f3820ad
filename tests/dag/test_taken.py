"""A rerun from a task: what it takes over, what it runs again."""

from __future__ import annotations

from pathlib import Path

import pytest

from cis_tui.core.errors import NotFound, Refused
from cis_tui.core.retry import Retry
from cis_tui.dag.history import RunHistory
from cis_tui.dag.model import DagSpec, Level, LevelKind, TaskSpec, UndoStep
from cis_tui.dag.state import RunState
from cis_tui.dag.views import RunStatus, RunView, TaskStatus, UndoKind
from tests.dag.lab import Lab, open_lab, read, shell

S = TaskStatus
SAID = "echo {id} >> log; echo out of {id}"


def say(id: str, *deps: str, **more: object) -> TaskSpec:
    return shell(id, SAID.format(id=id), *deps, **more)


async def rerun(lab: Lab, run: str, start: str) -> RunView:
    return await lab.ended((await lab.runs.rerun(run, start)).id)


def ran(lab: Lab) -> list[str]:
    found = read(lab.project / "log").split()
    (lab.project / "log").unlink(missing_ok=True)
    return found


def taken(view: RunView) -> set[str]:
    return {task.id for task in view.tasks if task.taken}


async def test_what_completed_before_is_taken_over_and_the_rest_runs(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        old = await lab.run(
            say("a"), say("b", "a"), shell("c", "echo c {{ tasks.b.output }} >> log; test -e ok", "b"), say("d", "c")
        )
        assert (old.status, ran(lab)) == (RunStatus.FAILED, ["a", "b", "c", "out", "of", "b"])
        (lab.project / "ok").touch()
        new = await rerun(lab, old.id, "c")
        assert (new.status, new.rerun_of) == (RunStatus.COMPLETED, old.id)
        assert ran(lab) == ["c", "out", "of", "b", "d"]
        assert taken(new) == {"a", "b"}
        assert {task.id: task.status for task in new.tasks} == dict.fromkeys("abcd", S.COMPLETED)
        assert lab.runs.history.logs(new.id, "b").text == "out of b\n", "read from where it was printed"
        (summary, _) = lab.runs.history.list()
        assert (summary.tasks_total, summary.tasks_ended, summary.tasks_failed) == (4, 4, 0)
        seen = RunState.from_events(event for event in lab.events if event.data.get("run") == new.id)
        assert seen is not None
        assert seen.view() == new == RunHistory(lab.home).show(new.id)
        assert lab.runs.history.show(old.id) == old, "the old run is as it was"


async def test_a_completed_task_runs_again_with_all_behind_it_only(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        old = await lab.run(say("a"), say("b", "a"), say("c", "b"), say("aside", "a"))
        ran(lab)
        new = await rerun(lab, old.id, "b")
        assert ran(lab) == ["b", "c"]
        assert taken(new) == {"a", "aside"}
        again = await rerun(lab, new.id, "c")
        assert ran(lab) == ["c"]
        assert {task.id: task.taken for task in again.tasks} == {"a": old.id, "aside": old.id, "b": new.id, "c": ""}
        assert lab.runs.history.logs(again.id, "a").text == "out of a\n"


async def test_what_did_not_complete_runs_again_too_and_handlers_with_it(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        old = await lab.run(
            shell("bad", "echo bad >> log; test -e ok", on_failure="tell"), say("tell"), say("a"), say("b", "a")
        )
        assert sorted(ran(lab)) == ["a", "b", "bad", "tell"]
        (lab.project / "ok").touch()
        new = await rerun(lab, old.id, "b")
        assert (new.status, sorted(ran(lab))) == (RunStatus.COMPLETED, ["b", "bad"])
        assert {task.id: task.status for task in new.tasks}["tell"] is S.SKIPPED


async def test_of_a_list_the_items_that_completed_are_kept(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        each = shell("each", "echo {{ item }} >> log; test -e ok || test {{ item }} != y", for_each=("x", "y", "z"))
        old = await lab.run(say("first"), each, say("last", "each"))
        ran(lab)
        (lab.project / "ok").touch()
        new = await rerun(lab, old.id, "last")
        assert (new.status, ran(lab)) == (RunStatus.COMPLETED, ["y", "last"])
        assert taken(new) == {"first", "each[0]", "each[2]"}
        inner = await rerun(lab, new.id, "each[2]")
        assert (inner.status, ran(lab)) == (RunStatus.COMPLETED, ["z", "last"])
        whole = await rerun(lab, inner.id, "each")
        assert (taken(whole), sorted(ran(lab))) == ({"first"}, ["last", "x", "y", "z"])


async def test_who_decides_about_a_whole_is_asked_again(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        sure = Level(LevelKind.CONFIRMED, timeout=60)
        inner = DagSpec("inner", (say("p"), say("q", "p")))
        run = await lab.start(TaskSpec("ship", dag="inner", level=sure), dags={"inner": inner})
        await lab.runs.decisions.approve((await lab.decision("ship")).id)
        old = await lab.ended(run)
        ran(lab)
        lab.events.clear()
        new = await lab.runs.rerun(old.id, "ship/q")
        await lab.runs.decisions.approve((await lab.decision("ship")).id)
        view = await lab.ended(new.id)
        assert (view.status, taken(view), ran(lab)) == (RunStatus.COMPLETED, set(), ["p", "q"])


async def test_a_rollback_takes_back_only_what_the_new_run_did(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        back = {"rollback": (UndoStep(command="echo undo $CIS_TASK >> log"),)}
        old = await lab.run(say("a", **back), say("b", "a", **back))
        ran(lab)
        new = await rerun(lab, old.id, "b")
        assert [(item.kind, item.id) for item in lab.runs.undo_plan(new.id)] == [(UndoKind.COMMAND, "b#1")]
        assert [item.id for item in lab.runs.undo_plan(old.id)] == ["b#1", "a#1"]
        await lab.runs.roll_back(new.id)
        assert (await lab.ended(new.id)).status is RunStatus.ROLLED_BACK
        assert ran(lab) == ["b", "undo", "b"]


async def test_a_rerun_survives_its_engine(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        old = await lab.run(say("a"), shell("b", "test -e go && echo b >> log", "a"))
        ran(lab)
    async with open_lab(tmp_path) as lab:
        sleeper = await lab.runs.rerun(old.id, "b")
        await lab.ended(sleeper.id)
    async with open_lab(tmp_path) as lab:
        (lab.project / "go").touch()
        await lab.runs.resume(sleeper.id)
        view = await lab.ended(sleeper.id)
        assert (view.status, ran(lab), taken(view)) == (RunStatus.COMPLETED, ["b"], {"a"})


async def test_a_run_that_goes_on_and_an_unknown_task_are_refused(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("a", "until test -e go; do sleep 0.02; done"))
        with pytest.raises(Refused, match="has not ended"):
            await lab.runs.rerun(run, "a")
        (lab.project / "go").touch()
        await lab.ended(run)
        with pytest.raises(NotFound, match="no task"):
            await lab.runs.rerun(run, "zz")


async def test_the_attempts_before_the_last_one_are_told(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        again = Retry(max=2, backoff=0.01, jitter=False)
        view = await lab.run(shell("a", "echo $CIS_ATTEMPT; exit 1$CIS_ATTEMPT", retry=again))
        (task,) = view.tasks
        assert (task.attempts, task.exit_code) == (3, 13)
        assert [(tried.number, tried.exit_code, tried.error) for tried in task.tried] == [
            (1, 11, "exit code 11"),
            (2, 12, "exit code 12"),
        ]
        assert all(tried.ended_at is not None and tried.started_at <= tried.ended_at for tried in task.tried)
        await lab.runs.resume(view.id)
        (task,) = (await lab.ended(view.id)).tasks
        assert [tried.number for tried in task.tried] == [1, 2, 3, 4, 5]
