"""Rollbacks: what a run did is taken back in the reverse order, once, and what somebody else did is kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cis_tui.core.errors import NotFound, Refused
from cis_tui.core.retry import Retry
from cis_tui.dag.checkpoint import undo_folder
from cis_tui.dag.history import RunHistory
from cis_tui.dag.model import DagSpec, TaskSpec, UndoStep
from cis_tui.dag.state import RunState
from cis_tui.dag.views import RunStatus, RunView, TaskStatus, UndoKind, UndoStatus
from tests.dag.lab import Lab, eventually, open_lab, read, shell

S, U = TaskStatus, UndoStatus


def steps(*commands: str, **more: object) -> tuple[UndoStep, ...]:
    return tuple(UndoStep(command=command, **more) for command in commands)  # pyright: ignore[reportArgumentType]


def undone(view: RunView) -> dict[str, UndoStatus]:
    return {item.id: item.status for item in view.undo}


async def rolled_back(lab: Lab, run: str, *, skip: tuple[str, ...] = ()) -> RunView:
    view = await lab.runs.roll_back(run, skip=skip)
    assert view.status is RunStatus.ROLLING_BACK
    return await lab.ended(run)


async def test_what_completed_is_taken_back_in_reverse_when_a_task_fails(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        view = await lab.run(
            shell("a", "true", rollback=steps("echo a >> log", "echo a, then >> log")),
            shell("b", "echo said", "a", rollback=steps("echo {{ tasks.b.output }} $CIS_ROLLBACK $CIS_OUTCOME >> log")),
            shell("join", "true", "b"),
            shell("bad", "exit 3", "join", rollback=steps("echo never >> log"), on_failure="tell"),
            shell("later", "true", "bad", rollback=steps("echo never >> log")),
            shell("tell", "echo told >> log", rollback=steps("echo untold >> log")),
            rollback_on_failure=True,
        )
        assert (view.status, view.error) == (RunStatus.ROLLED_BACK, "bad failed")
        assert read(lab.project / "log").splitlines() == ["told", "untold", "said 1 completed", "a", "a, then"]
        assert {task.id: task.status for task in view.tasks} == {
            **dict.fromkeys(("a", "b", "join", "tell"), S.ROLLED_BACK),
            "bad": S.FAILED,
            "later": S.SKIPPED,
        }
        back = [task for kind, task in lab.story() if kind == "TaskRolledBack"]
        assert back == ["tell", "join", "b", "a"]
        assert undone(view) == dict.fromkeys(("tell#1", "b#1", "a#1", "a#2"), U.RESTORED)
        seen = RunState.from_events(event for event in lab.events if event.data.get("run") == view.id)
        assert seen is not None
        assert seen.view() == view == RunHistory(lab.home).show(view.id)
        (summary,) = lab.runs.history.list()
        assert summary.status is RunStatus.ROLLED_BACK


async def test_a_run_that_ended_is_rolled_back_on_demand_and_only_once(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = (await lab.run(shell("a", "touch f", creates=("f",), rollback=steps("echo back >> log")))).id
        view = await rolled_back(lab, run)
        assert (view.status, view.error, read(lab.project / "log")) == (RunStatus.ROLLED_BACK, "", "back\n")
        with pytest.raises(Refused, match="rolled back already"):
            await lab.runs.roll_back(run)
        assert await lab.runs.resume(run) == view, "it is just shown"
        assert not undo_folder(lab.home.runs, run).exists(), "what was kept is needed no more"
        with pytest.raises(NotFound):
            await lab.runs.roll_back("nothing")


async def test_no_rollback_while_it_runs_nor_a_cancel_while_it_rolls_back(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("a", "until test -e go; do sleep 0.02; done", rollback=steps("sleep 1000")))
        with pytest.raises(Refused, match=f"the run {run} is running"):
            await lab.runs.roll_back(run)
        (lab.project / "go").touch()
        await lab.ended(run)
        await lab.runs.roll_back(run)
        await lab.until(lambda: "UndoStarted" in lab.types())
        with pytest.raises(Refused, match="is being rolled back"):
            await lab.runs.cancel(run)
        with pytest.raises(Refused, match="rolling_back"):
            await lab.runs.roll_back(run)


async def test_a_step_that_fails_stops_the_rollback_which_can_be_tried_again(tmp_path: Path) -> None:
    soon = Retry(max=2, backoff=0.01, jitter=False)
    async with open_lab(tmp_path) as lab:
        flaky = steps("echo try $CIS_ATTEMPT >> log; echo no way; test -e go", retry=soon)
        run = (
            await lab.run(
                shell("a", "touch made", rollback=steps("echo a >> log"), creates=("made",)),
                shell("b", "true", "a", rollback=flaky),
                shell("c", "true", "b", rollback=steps("echo c >> log")),
            )
        ).id
        view = await rolled_back(lab, run)
        assert view.status is RunStatus.ROLLBACK_FAILED
        assert view.error == 'the rollback of "b" failed: exit code 1: no way'
        assert undone(view) == {"c#1": U.RESTORED, "b#1": U.FAILED, "a#1": U.PENDING, "made": U.PENDING}
        assert [task.status for task in view.tasks] == [S.COMPLETED, S.COMPLETED, S.ROLLED_BACK]
        assert (lab.project / "made").exists()
        (lab.project / "go").touch()
        view = await rolled_back(lab, run)
        assert (view.status, view.error) == (RunStatus.ROLLED_BACK, "")
        assert read(lab.project / "log").splitlines() == ["c", "try 1", "try 2", "try 3", "try 4", "a"]
        assert set(undone(view).values()) == {U.RESTORED}
        assert not (lab.project / "made").exists()


async def test_a_task_can_be_left_out(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = (
            await lab.run(
                shell("a", "true", rollback=steps("echo a >> log")), shell("b", "true", "a", rollback=steps("false"))
            )
        ).id
        assert (await rolled_back(lab, run)).status is RunStatus.ROLLBACK_FAILED
        with pytest.raises(NotFound):
            await lab.runs.roll_back(run, skip=("z",))
        view = await rolled_back(lab, run, skip=("b",))
        assert view.status is RunStatus.ROLLED_BACK
        assert undone(view) == {"b#1": U.SKIPPED, "a#1": U.RESTORED}
        assert [task.status for task in view.tasks] == [S.ROLLED_BACK, S.COMPLETED]


async def test_tasks_of_lists_and_of_other_dags_are_taken_back_too(tmp_path: Path) -> None:
    inner = DagSpec(
        "inner",
        (shell("x", "true", rollback=steps("echo x >> log")), shell("y", "true", "x", rollback=steps("echo y >> log"))),
    )
    async with open_lab(tmp_path) as lab:
        each = TaskSpec(
            "each",
            command="touch made-{{ item }}",
            for_each=("p", "q"),
            max_parallel=1,
            rollback=steps("echo each {{ item }} >> log"),
            creates=("made-{{ item }}",),
        )
        sub = TaskSpec("sub", dag="inner", deps=("each",), rollback=steps("echo sub >> log"))
        view = await lab.run(each, sub, shell("bad", "false", "sub"), dags={"inner": inner}, rollback_on_failure=True)
        assert view.status is RunStatus.ROLLED_BACK
        order = read(lab.project / "log").splitlines()
        assert (order[:3], sorted(order[3:])) == (["sub", "y", "x"], ["each p", "each q"])
        assert {task.id for task in view.tasks if task.status is S.ROLLED_BACK} == {
            "each", "each[0]", "each[1]", "sub", "sub/x", "sub/y",
        }  # fmt: skip
        assert os.listdir(lab.project) == ["log"]


async def test_files_are_removed_or_put_back_as_they_were(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        old, new = lab.project / "old", lab.project / "dist" / "deep" / "new"
        old.write_text("before")
        old.chmod(0o640)
        (lab.project / "link").symlink_to("old")
        (lab.project / "gone").write_text("needed")
        view = await lab.run(
            shell("one", "echo after > old; chmod 600 old; mkdir -p dist/deep; touch dist/deep/new; rm gone",
                  creates=("old", "dist/deep/new", "gone")),
            shell("two", "echo more >> old; ln -sfn elsewhere link", "one", creates=("old", "link")),
            shell("bad", "echo partly > half; exit 1", "two", creates=("half",)),
            rollback_on_failure=True,
        )  # fmt: skip
        assert view.status is RunStatus.ROLLED_BACK, view
        assert (old.read_text(), old.stat().st_mode & 0o777) == ("before", 0o640)
        assert os.readlink(lab.project / "link") == "old"
        assert (lab.project / "gone").read_text() == "needed"
        assert not new.parent.parent.exists()
        assert sorted(os.listdir(lab.project)) == ["gone", "link", "old"]
        assert undone(view) == dict.fromkeys(("old", "dist/deep/new", "gone", "link", "half"), U.RESTORED)


async def test_what_somebody_else_changed_is_kept_and_told(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        (lab.project / "out").mkdir()
        (lab.project / "out" / "a").write_text("a")
        task = shell("t", "echo 1 > out/a; echo 2 > out/b; echo 3 > alone", creates=("out", "alone"))
        run = (await lab.run(task)).id
        (lab.project / "out" / "b").write_text("mine")
        (lab.project / "out" / "c").write_text("mine too")
        view = await rolled_back(lab, run)
        assert view.status is RunStatus.ROLLED_BACK
        assert undone(view) == {"out": U.CONFLICT, "alone": U.RESTORED}
        assert view.undo[0].detail == "changed since by somebody else, and kept: out/b; out/c"
        assert view.error == "1 changed since by somebody else and kept"
        assert read(lab.project / "out" / "a") == "a"
        assert read(lab.project / "out" / "b") == "mine"
        assert not (lab.project / "alone").exists()


async def test_a_link_never_leads_a_rollback_out_of_the_project(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("precious")
    async with open_lab(tmp_path) as lab:
        (lab.project / "way").symlink_to(outside)
        view = await lab.run(shell("t", "touch ran", creates=("way/file",)))
        assert (view.status, read(lab.project / "ran")) == (RunStatus.FAILED, "")
        assert "does not lie in" in view.tasks[0].error
        run = (await lab.run(shell("t", "echo x > d/file; rm -r d; ln -s ../outside d", creates=("d/file",)))).id
        view = await rolled_back(lab, run)
        assert (outside / "file").read_text() == "precious"


async def test_a_task_does_not_start_when_too_much_would_have_to_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cis_tui.dag.checkpoint.MAX_BYTES", 10)
    async with open_lab(tmp_path) as lab:
        (lab.project / "big").write_text("x" * 20)
        view = await lab.run(shell("t", "touch ran", creates=("big",)))
        assert view.status is RunStatus.FAILED
        assert view.tasks[0].error.startswith('"big" holds more than')
        assert sorted(os.listdir(lab.project)) == ["big"]


async def test_what_was_in_flight_is_unknown_and_set_aside(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        task = shell(
            "t",
            "echo half > out; echo ready > flag; sleep 1000",
            creates=("out",),
            rollback=steps("echo $CIS_OUTCOME >> log"),
        )
        run = await lab.start(task)
        await eventually(lambda: read(lab.project / "flag") == "ready\n")
    async with open_lab(tmp_path) as lab:
        view = await rolled_back(lab, run)
        assert view.status is RunStatus.ROLLED_BACK
        assert read(lab.project / "log") == "unknown\n"
        assert not (lab.project / "out").exists()
        assert view.tasks[0].status is S.ROLLED_BACK
        assert "unfinished attempt" in view.undo[1].detail


async def test_a_rollback_goes_on_where_its_engine_ended(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        slow = steps("echo slow $CIS_ATTEMPT >> log; until test -e go; do sleep 0.02; done")
        run = (
            await lab.run(
                shell("a", "touch made", rollback=steps("echo a >> log"), creates=("made",)),
                shell("b", "true", "a", rollback=slow),
                shell("c", "true", "b", rollback=steps("echo c >> log")),
            )
        ).id
        await lab.runs.roll_back(run)
        await eventually(lambda: read(lab.project / "log") == "c\nslow 1\n")
    (lab.project / "go").touch()
    assert RunHistory(lab.home).show(run).status is RunStatus.ROLLING_BACK
    async with open_lab(tmp_path) as lab:
        assert list(lab.runs.rolling_back()) == [run]
        await lab.runs.resume(run)
        view = await lab.ended(run)
        assert view.status is RunStatus.ROLLED_BACK
        assert read(lab.project / "log").splitlines() == ["c", "slow 1", "slow 2", "a"]
        assert not (lab.project / "made").exists()
        assert only_kind(view, UndoKind.FILE) == {"made": U.RESTORED}


def only_kind(view: RunView, kind: UndoKind) -> dict[str, UndoStatus]:
    return {item.id: item.status for item in view.undo if item.kind is kind}


async def test_what_its_time_ended_is_taken_back_and_its_steps_are_heard(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        step = UndoStep(command="echo back $CIS_OUTCOME; echo $CIS_OUTCOME >> undone")
        view = await lab.run(
            shell("late", "touch half; sleep 30", timeout=1, rollback=(step,)),
            shell("said", "exit 3", rollback=(step,)),
            rollback_on_failure=True,
        )
        assert view.status is RunStatus.ROLLED_BACK
        assert read(lab.project / "undone") == "unknown\n", "who ended by an exit code said that it is not done"
        (told,) = [event for event in lab.events if event.data.get("task") == "late#1"]
        assert told.data["text"] == "back unknown\n"
