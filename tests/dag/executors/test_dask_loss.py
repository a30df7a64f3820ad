"""Workers and schedulers that are killed while they carry out a run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from cis_tui.core.config import DaskSettings
from cis_tui.core.errors import CisError
from cis_tui.core.retry import Retry
from cis_tui.dag.model import TaskSpec
from cis_tui.dag.views import DecisionKind, RunStatus, TaskStatus
from tests.dag.executors.clusters import DaskCluster, dask_cluster
from tests.dag.lab import Lab, eventually, lives, open_lab, read, shell

_SOON = Retry(backoff=0.05)


@pytest.fixture
def cluster(tmp_path: Path) -> Generator[DaskCluster]:
    """A scheduler with the workers one and two."""
    (tmp_path / "dask").mkdir()
    with dask_cluster(tmp_path / "dask") as made:
        made.add("one")
        made.add("two")
        yield made


@pytest.fixture
async def lab(tmp_path: Path, cluster: DaskCluster) -> AsyncGenerator[Lab]:
    async with open_lab(tmp_path, dask=DaskSettings(patience=8)) as lab:
        yield lab


async def start(lab: Lab, cluster: DaskCluster, *tasks: TaskSpec) -> str:
    """Start a run, once its workers are there."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await lab.start(*tasks, executor=cluster.executor)
            except CisError as error:
                assert error.code in ("CIS-DAG-164", "CIS-DAG-166")
                await asyncio.sleep(0.05)


def waiting(lab: Lab, id: str, *deps: str, **more: object) -> TaskSpec:
    """A task that notes that it began and its process, and waits to be let go."""
    begun, go = lab.project / f"{id}.begun", lab.project / f"{id}.go"
    line = f"echo {id} began; sleep 300 & echo $! >> {begun}; until test -e {go}; do sleep 0.05; done"
    line += f"; kill $!; echo {id} done"
    return shell(id, line, *deps, **more)


def begun(lab: Lab, id: str) -> list[int]:
    """The processes of its attempts."""
    return [int(pid) for pid in read(lab.project / f"{id}.begun").split()]


async def test_an_idempotent_task_runs_again_elsewhere_and_what_has_ended_does_not(
    lab: Lab, cluster: DaskCluster
) -> None:
    mark = lab.project / "mark"
    tasks = [
        shell("first", f"echo x >> {mark}", target_node="one"),
        waiting(lab, "long", "first", "two", idempotent=True, retry=_SOON),
    ]
    run = await start(lab, cluster, *tasks, shell("two", "true", target_node="two"))
    await eventually(lambda: len(begun(lab, "long")) == 1)
    lost = lab.task(run, "long").worker
    cluster.kill(lost)
    await eventually(lambda: len(begun(lab, "long")) == 2)
    assert not lives(begun(lab, "long")[0])
    (lab.project / "long.go").touch()
    view = await lab.ended(run)
    task = lab.task(run, "long")
    assert view.status is RunStatus.COMPLETED
    assert (task.attempts, task.output) == (2, "long began\nlong done\n")
    assert task.worker == ({"one", "two"} - {lost}).pop()
    assert (task.tried[0].worker, task.tried[0].error) == (lost, f"the worker {lost} was lost")
    assert read(mark) == "x\n"


async def test_about_any_other_task_a_person_is_asked(lab: Lab, cluster: DaskCluster) -> None:
    run = await start(lab, cluster, waiting(lab, "long", "two"), shell("two", "true", target_node="two"))
    await eventually(lambda: len(begun(lab, "long")) == 1)
    lost = lab.task(run, "long").worker
    await lab.until(lambda: any(event.data.get("text") == "long began\n" for event in lab.events))
    cluster.kill(lost)
    decision = await lab.decision("long")
    assert decision.kind is DecisionKind.INTERRUPTED
    assert f"the worker {lost} was lost" in decision.prompt and "long began" in decision.prompt
    await eventually(lambda: not lives(begun(lab, "long")[0]))
    assert len(begun(lab, "long")) == 1
    (lab.project / "long.go").touch()
    await lab.runs.decisions.approve(decision.id)
    view = await lab.ended(run)
    assert (view.status, lab.task(run, "long").attempts, len(begun(lab, "long"))) == (RunStatus.COMPLETED, 2, 2)


async def test_a_task_that_kills_its_workers_is_given_up(lab: Lab, cluster: DaskCluster) -> None:
    cluster.add("three")
    everywhere = [shell(name, "true", target_node=name) for name in ("one", "two", "three")]
    poison = shell("poison", "kill -9 $PPID; sleep 9", "one", "two", "three", idempotent=True, retry=_SOON)
    run = await start(lab, cluster, poison, *everywhere)
    view = await lab.ended(run)
    task = lab.task(run, "poison")
    assert (view.status, task.status, task.attempts) == (RunStatus.FAILED, TaskStatus.FAILED, 3)
    assert "was lost" in task.error


async def test_a_scheduler_that_comes_back_is_used_again(lab: Lab, cluster: DaskCluster) -> None:
    mark = lab.project / "mark"
    tasks = [shell("first", f"echo x >> {mark}"), waiting(lab, "long", "first", idempotent=True)]
    run = await start(lab, cluster, *tasks, shell("last", "true", "long"))
    await eventually(lambda: len(begun(lab, "long")) == 1)
    cluster.kill_scheduler()
    cluster.begin()
    cluster.add("three")
    (lab.project / "long.go").touch()
    view = await lab.ended(run)
    assert view.status is RunStatus.COMPLETED
    assert not lives(begun(lab, "long")[0])
    assert lab.task(run, "long").tried[0].error.endswith("was lost")
    assert lab.task(run, "last").worker in cluster.workers, "a worker of before may come back too"
    assert read(mark) == "x\n"


async def test_without_a_scheduler_the_run_says_so_and_goes_on_here(tmp_path: Path, cluster: DaskCluster) -> None:
    async with open_lab(tmp_path, dask=DaskSettings(patience=0.5)) as lab:
        mark = lab.project / "mark"
        tasks = [shell("first", f"echo x >> {mark}"), waiting(lab, "long", "first", idempotent=True)]
        run = await start(lab, cluster, *tasks)
        await eventually(lambda: len(begun(lab, "long")) == 1)
        cluster.kill_scheduler()
        view = await lab.ended(run)
        assert view.status is RunStatus.FAILED
        assert f"tcp://127.0.0.1:{cluster.port} does not answer" in lab.task(run, "long").error
        with pytest.raises(CisError, match="does not answer"):
            await lab.runs.resume(run)
        (lab.project / "long.go").touch()
        await lab.runs.resume(run, executor="local")
        view = await lab.ended(run)
        assert (view.status, view.executor, lab.task(run, "long").worker) == (RunStatus.COMPLETED, "local", "")
        assert read(mark) == "x\n"
