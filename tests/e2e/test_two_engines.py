"""Two engines never work on the same runs, whatever becomes of the files by which they find each other."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress

from cis_tui.core.paths import Home
from tests.e2e.conftest import CIS, Project

SLOW = """
[[dag.tasks]]
id = "wait"
command = "echo start >> log; until test -e go; do sleep 0.05; done; echo end >> log"
"""


@contextmanager
def an_engine(project: Project) -> Generator[int]:
    """The process of a live engine, which is gone afterwards."""
    project.cis("engine", "start")
    pid = project.json("engine", "status")["pid"]
    assert isinstance(pid, int)
    try:
        yield pid
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_a_run_beside_a_live_engine_is_worked_on_by_that_one(project: Project, home: Home) -> None:
    project.dag("slow", SLOW)
    with an_engine(project) as pid:
        commands = [
            subprocess.Popen(
                [CIS, "dag", "run", "slow", "--detach", "--json"], cwd=project.root, stdout=subprocess.PIPE
            )
            for _ in range(3)
        ]
        for command in commands:
            command.communicate(timeout=60)
            assert command.returncode == 0
        assert project.json("engine", "status")["active_runs"] == 3
        assert home.engine_lock.read_text().strip() == str(pid)
        ids = {str(run["id"]) for run in project.rows("run", "list")}
        for id in ids:
            resume = subprocess.Popen([CIS, "run", "resume", id], cwd=project.root, stdout=subprocess.PIPE)
            assert resume.stdout is not None
            assert id in resume.stdout.readline().decode(), "who resumes what goes on only follows it"
            resume.kill()
            resume.communicate()
        (project.root / "go").touch()
        for id in ids:
            project.cis("run", "resume", id)
    assert sorted((project.root / "log").read_text().split()) == ["end"] * 3 + ["start"] * 3


def test_a_second_engine_is_refused_when_lock_and_socket_of_the_first_are_gone(project: Project, home: Home) -> None:
    project.dag("slow", SLOW)
    with an_engine(project) as pid:
        run = str(project.json("dag", "run", "slow", "--detach")["id"])
        shutil.copy(home.engine_lock, home.root / "copy")
        (home.root / "copy").replace(home.engine_lock)
        home.engine_socket.unlink()
        for words in (("run", "resume", run), ("dag", "run", "slow"), ("run", "cancel", run)):
            done = subprocess.run(
                [CIS, *words], cwd=project.root, capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode == 6, (words, done.stdout)
            assert f"worked on by the engine of process {pid}" in done.stderr
        assert len(project.rows("run", "list")) == 1
        os.kill(pid, signal.SIGKILL)
        (project.root / "go").touch()
        with subprocess.Popen([CIS, "run", "resume", run, "--yes"], cwd=project.root) as resumed:
            assert resumed.wait(60) == 0
