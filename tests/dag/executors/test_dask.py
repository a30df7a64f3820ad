"""Runs that workers of a Dask cluster carry out: a real scheduler, real workers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Generator
from dataclasses import replace
from pathlib import Path

import pytest

from cis_tui.core.config import DaskSettings
from cis_tui.core.errors import CisError
from cis_tui.dag.model import TaskSpec, UndoStep
from cis_tui.dag.views import RunStatus, TaskStatus, UndoStatus
from cis_tui.skills.model import Permissions, SkillManifest, SkillType
from tests.dag.executors.clusters import DaskCluster, dask_cluster
from tests.dag.lab import Lab, eventually, lives, open_lab, read, shell


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Generator[DaskCluster]:
    """A scheduler with a worker that bears the label gpu, and another."""
    with dask_cluster(tmp_path_factory.mktemp("dask")) as made:
        made.add("gpu-box", "--resources", "gpu=1,half=0.5", env={"PLANTED": "of the worker"})
        made.add("plain")
        yield made


@pytest.fixture
async def lab(tmp_path: Path, cluster: DaskCluster) -> AsyncGenerator[Lab]:
    async with open_lab(tmp_path, dask=DaskSettings(patience=5)) as lab:
        await _until_there(lab, cluster)
        yield lab


async def _until_there(lab: Lab, cluster: DaskCluster) -> None:
    """Wait until both workers have come."""
    async with asyncio.timeout(20):
        while True:
            try:
                tasks = [shell("a", "true", target_node=name) for name in ("gpu-box", "plain")]
                await lab.run(tasks[0], replace(tasks[1], id="b"), executor=cluster.executor)
                return
            except CisError as error:
                assert error.code in ("CIS-DAG-164", "CIS-DAG-166")
                await asyncio.sleep(0.1)


async def test_a_run_is_carried_out_there_and_told_as_if_here(
    lab: Lab, cluster: DaskCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTED", "of the engine")
    monkeypatch.setenv("CIS_PASSPHRASE", "of the engine")
    run = await lab.start(
        shell("env", "env; pwd", env={"OWN": "x{{ params.n }}"}, target_node="gpu"),
        shell("fails", "echo so it goes; exit 7", "env"),
        shell("reads", "echo got {{ tasks.env.exit_code }}; test -e /proc", "env"),
        params={"n": "1"},
        executor=cluster.executor,
    )
    view = await lab.ended(run)
    tasks = {task.id: task for task in view.tasks}
    assert (view.status, view.executor) == (RunStatus.FAILED, cluster.executor)
    env = tasks["env"].output
    assert "OWN=x1" in env and "PLANTED=of the worker" in env and "of the engine" not in env
    assert str(lab.home.root) not in env and str(lab.project) not in env
    assert (tasks["env"].executor, tasks["env"].worker) == (cluster.executor, "gpu-box")
    assert (tasks["fails"].exit_code, tasks["fails"].error) == (7, "exit code 7")
    assert tasks["reads"].output == "got 0\n"
    assert lab.runs.history.logs(run, "fails").text == "so it goes\n"
    started = [event.data for event in lab.events if event.type == "TaskStarted" and event.data["run"] == run]
    assert {data["executor"] for data in started} == {cluster.executor}
    assert {str(data["worker"]) for data in started} <= {"gpu-box", "plain"}


async def test_output_arrives_while_it_runs(lab: Lab, cluster: DaskCluster) -> None:
    go = lab.project / "go"
    line = f"echo early; until test -e {go}; do sleep 0.02; done; seq 1 300000; echo late"
    run = await lab.start(shell("talks", line), executor=cluster.executor)
    await lab.until(lambda: any(event.data.get("text") == "early\n" for event in lab.events))
    assert lab.task(run, "talks").status is TaskStatus.RUNNING
    assert lab.runs.history.logs(run, "talks").text == "early\n"
    go.touch()
    view = await lab.ended(run)
    assert view.tasks[0].output.endswith("300000\nlate\n")
    assert (lab.home.runs / run).stat() and len(whole_log(lab, run)) == len("early\nlate\n") + 1988895


def whole_log(lab: Lab, run: str) -> bytes:
    """The output of the only task of a run."""
    (path,) = (lab.home.runs / run).glob("*.log")
    return path.read_bytes()


async def test_a_skill_goes_there_with_its_files(lab: Lab, cluster: DaskCluster, tmp_path: Path) -> None:
    folder = tmp_path / "skill"
    folder.mkdir()
    (folder / "words.txt").write_text("zebra")
    (folder / "run.py").write_text(
        "#!/usr/bin/env python3\nimport json, pathlib, sys\nasked = json.load(sys.stdin)\n"
        "print('a word of its log', file=sys.stderr)\n"
        "word = pathlib.Path(__file__).with_name('words.txt').read_text()\n"
        "print(json.dumps({'word': word, 'n': asked['input']['n'], 'args': asked['args'], 'file': __file__}))\n"
    )
    (folder / "run.py").chmod(0o755)
    greet = SkillManifest("greet", "1", SkillType.NATIVE, "run.py", folder=folder)
    task = TaskSpec("greets", skill="greet", args=("x",), input={"n": 4})
    after = shell("after", "echo {{ tasks.greets.output.word }}", "greets")
    view = await lab.run(task, after, skills={"greet": greet}, executor=cluster.executor)
    answer = json.loads(view.tasks[0].output)
    assert (answer["word"], answer["n"], answer["args"]) == ("zebra", 4, ["x"])
    assert not answer["file"].startswith(str(folder))
    assert view.tasks[1].output == "zebra\n"
    assert "a word of its log" in lab.runs.history.logs(view.id, "greets").text


async def test_to_cancel_it_ends_everything_there(lab: Lab, cluster: DaskCluster) -> None:
    pid, bye = lab.project / "pid", lab.project / "bye"
    line = f"trap 'echo bye > {bye}; exit 0' TERM; sleep 300 & echo $! > {pid}; wait"
    run = await lab.start(shell("long", line), executor=cluster.executor)
    await eventually(lambda: read(pid) != "")
    view = await lab.runs.cancel(run)
    assert view.status is RunStatus.CANCELLED
    assert not lives(int(read(pid)))
    assert read(bye) == "bye\n"


async def test_its_time_is_kept_there(lab: Lab, cluster: DaskCluster) -> None:
    view = await lab.run(shell("long", "sleep 300", timeout=0.3), executor=cluster.executor)
    assert view.tasks[0].error == "timed out after 0.3 s"


async def test_a_label_decides_and_one_that_nobody_bears_is_refused_at_once(lab: Lab, cluster: DaskCluster) -> None:
    tasks = [shell(f"t{number}", "true", target_node="gpu") for number in range(6)]
    view = await lab.run(*tasks, executor=cluster.executor)
    assert {task.worker for task in view.tasks} == {"gpu-box"}
    for label in ("gpo", "half"):
        before = len(lab.runs.history.list())
        with pytest.raises(CisError) as caught:
            await lab.start(shell("a", "true"), shell("b", "true", target_node=label), executor=cluster.executor)
        assert caught.value.code == "CIS-DAG-164"
        assert f'"{label}" for "b"' in caught.value.message
        assert "gpu" in caught.value.hint
        assert len(lab.runs.history.list()) == before


async def test_private_memory_does_not_leave(lab: Lab, cluster: DaskCluster) -> None:
    mark = lab.project / "mark"
    view = await lab.run(
        shell("public", "echo {{ memory('project/owner') }}"),
        shell("private", f"echo {{{{ memory('own/word') }}}} > {mark}"),
        shell("asked", f"touch {mark}", condition="memory('own/word') == 'zebra-crossing'"),
        executor=cluster.executor,
    )
    tasks = {task.id: task for task in view.tasks}
    assert tasks["public"].output == "ann\n"
    for id in ("private", "asked"):
        assert tasks[id].status is TaskStatus.FAILED
        assert tasks[id].error == 'memory("own/word") is private, and does not leave this machine'
    assert not mark.exists()
    assert ("TaskStarted", "private") not in lab.story()


async def test_a_skill_that_needs_memory_is_refused(lab: Lab, cluster: DaskCluster) -> None:
    greet = SkillManifest("greet", "1", SkillType.NATIVE, "run", permissions=Permissions(memory_read=("own/",)))
    with pytest.raises(CisError, match="the skill greet needs memory, which does not leave") as caught:
        await lab.start(TaskSpec("a", skill="greet"), skills={"greet": greet}, executor=cluster.executor)
    assert caught.value.code == "CIS-DAG-162"


async def test_files_to_take_back_need_the_same_folder_there(
    lab: Lab, cluster: DaskCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = shell("makes", "echo x > made; pwd", creates=("made",), target_node="gpu-box")
    task = replace(task, rollback=(UndoStep(command="echo taken back $CIS_OUTCOME"),))
    with pytest.raises(CisError, match='"makes" creates files') as caught:
        await lab.start(task, executor=cluster.executor)
    assert caught.value.code == "CIS-DAG-163"
    (tmp_path / "shared").mkdir()
    async with open_lab(tmp_path / "shared", dask=DaskSettings(shared=True)) as shared:
        view = await shared.run(task, executor=cluster.executor)
        assert view.tasks[0].output == f"{shared.project}\n"
        assert read(shared.project / "made") == "x\n"
        await shared.runs.roll_back(view.id)
        view = await shared.ended(view.id)
        assert view.status is RunStatus.ROLLED_BACK
        assert {item.status for item in view.undo} == {UndoStatus.RESTORED}
        assert not (shared.project / "made").exists()
        assert "taken back completed" in shared.runs.history.logs(view.id, "makes#1").text


async def test_nobody_there_is_said_soon(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    async with open_lab(tmp_path / "other", dask=DaskSettings(patience=0.5)) as lab:
        with pytest.raises(CisError, match="does not answer") as caught:
            async with asyncio.timeout(20):
                await lab.start(shell("a", "true"), executor="dask://127.0.0.1:1")
        assert caught.value.code == "CIS-DAG-165"
        with pytest.raises(CisError, match="in clear") as caught:
            await lab.start(shell("a", "true"), executor="dask://192.0.2.1:8786")
        assert caught.value.code == "CIS-DAG-167"
        assert lab.runs.history.list() == ()


async def test_a_worker_without_cis_is_not_used_and_says_why(lab: Lab, cluster: DaskCluster, tmp_path: Path) -> None:
    (tmp_path / "hidden" / "cis_tui").mkdir(parents=True)
    (tmp_path / "hidden" / "cis_tui" / "__init__.py").touch()
    cluster.add("bare", env={"PYTHONPATH": str(tmp_path / "hidden")}, threads=8)
    try:
        code, message = "CIS-DAG-164", ""
        async with asyncio.timeout(20):
            while code == "CIS-DAG-164":
                with pytest.raises(CisError) as caught:
                    await lab.start(shell("a", "true", target_node="bare"), executor=cluster.executor)
                code, message = caught.value.code, caught.value.message
        assert code == "CIS-DAG-166"
        assert "bare: cis is not installed there" in message
        view = await lab.run(*[shell(f"t{number}", "true") for number in range(8)], executor=cluster.executor)
        assert {task.worker for task in view.tasks} == {"gpu-box", "plain"}
    finally:
        cluster.kill("bare")
