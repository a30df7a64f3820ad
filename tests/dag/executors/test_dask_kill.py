"""The installed command with workers elsewhere, killed while they work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cis_tui.core.paths import Home
from cis_tui.skills.guardian import marked
from tests.cli.support import CIS, cis
from tests.dag.executors.clusters import dask_cluster
from tests.dag.lab import lives, read

DAG = """
[[dag.tasks]]
id = "first"
command = "echo x >> {folder}/mark"
[[dag.tasks]]
id = "long"
command = "sleep 300 & echo $! >> {folder}/begun; until test -e {folder}/go; do sleep 0.05; done; kill $!"
deps = ["first"]
idempotent = true
"""


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until `holds` is true."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def begun(folder: Path) -> list[int]:
    """The processes of the attempts of the long task."""
    return [int(pid) for pid in read(folder / "begun").split()]


@pytest.mark.parametrize("where", ["dask", "dask://"])
def test_nothing_goes_on_without_its_engine_and_a_resumed_run_ends_right(
    tmp_path: Path, home: Home, where: str
) -> None:
    file = tmp_path / "dag.toml"
    file.write_text(DAG.format(folder=tmp_path))
    (tmp_path / "dask").mkdir()
    with dask_cluster(tmp_path / "dask") as cluster:
        if where == "dask://":
            cluster.add("one")
            planned = ("dag", "plan", str(file), "--executor", cluster.executor)
            until(lambda: cis(*planned, cwd=tmp_path).out.endswith("carry it out\n"))
        executor = "dask" if where == "dask" else cluster.executor
        engine = subprocess.Popen(
            [CIS, "dag", "run", str(file), "--executor", executor],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd=tmp_path,
        )
        try:
            until(lambda: len(begun(tmp_path)) == 1 or engine.poll() is not None)
            assert engine.poll() is None
        finally:
            os.kill(engine.pid, signal.SIGKILL)
            engine.wait()
        until(lambda: not lives(begun(tmp_path)[0]))
        (run,) = cis("run", "list", "--json", cwd=tmp_path).json
        until(lambda: not marked(f"CIS_RUN={run['id']}"))
        (tmp_path / "go").touch()
        done = cis("run", "resume", run["id"], "--json", cwd=tmp_path)
        assert done.code == 0, done
        (run,) = cis("run", "list", "--json", cwd=tmp_path).json
    assert (run["status"], run["executor"]) == ("completed", executor)
    assert [task["attempts"] for task in run["tasks"]] == [1, 2]
    assert run["tasks"][1]["worker"]
    assert read(tmp_path / "mark") == "x\n"
    assert json.loads(cis("run", "show", run["id"], "--json", cwd=tmp_path).out)["executor"] == executor
    assert not list((home.runs / run["id"]).glob("workers-*/*/*"))
