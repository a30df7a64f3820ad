"""Killed at any moment, a run is finished by `cis run resume`, and nothing acknowledged is lost."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
from collections import Counter

import pytest

from tests.e2e.conftest import CIS, Open, Project
from tests.e2e.terminal import TERMINALS

WIDTH, DEPTH = 2, 3


def layered(idempotent: bool) -> str:
    """A DAG in layers whose tasks note in `log` when they start and end, and remember that they did."""
    tasks = ["[dag]", "max_parallel = 2"]
    for layer in range(DEPTH):
        for place in range(WIDTH):
            deps = [f"t{layer - 1}-{other}" for other in range(WIDTH)] if layer else []
            id = f"t{layer}-{place}"
            tasks += [
                "[[dag.tasks]]",
                f'id = "{id}"',
                f"deps = {deps}",
                f"idempotent = {str(idempotent).lower()}",
                f'command = "echo start {id} >> log; cis memory set done/{id} yes && echo end {id} >> log"',
            ]
    return "\n".join(tasks)


def kill_after_lines(project: Project, lines: int, *command: str) -> None:
    """Start a command in the project and kill it as soon as it has printed so many lines."""
    process = subprocess.Popen([CIS, *command], cwd=project.root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    for _ in range(lines):
        if not process.stdout.readline():
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("idempotent", [True, False])
def test_ten_kills_and_every_run_ends_right(project: Project, idempotent: bool) -> None:
    chance = random.Random(int(idempotent))
    project.dag("layers", layered(idempotent))
    log = project.root / "log"
    for _ in range(10):
        log.write_text("")
        kill_after_lines(project, chance.randrange(1, 2 * WIDTH * DEPTH), "dag", "run", "layers", "--yes")
        completed_before = set(log.read_text().split("end ")[1:])
        (run, *_) = project.rows("run", "list")
        if run["status"] != "completed":
            assert run["status"] == "paused"
            project.cis("run", "resume", str(run["id"]), "--yes")
        final = project.json("run", "show", str(run["id"]))
        assert final["status"] == "completed"
        ends = Counter(line.removeprefix("end ") for line in log.read_text().splitlines() if line.startswith("end"))
        assert len(ends) == WIDTH * DEPTH
        tasks = final["tasks"]
        assert isinstance(tasks, list)
        once = {str(task["id"]) for task in tasks if task["attempts"] == 1}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        assert all(ends[id] == 1 for id in once), (ends, completed_before)
        assert sum(ends.values()) <= WIDTH * DEPTH + WIDTH, "only what was in flight may run again"
        keys = {row["key"] for row in project.rows("memory", "list", "done/")}
        assert keys == {f"done/{id}" for id in ends}


@pytest.mark.parametrize("open_terminal", TERMINALS[-1:], indirect=True)
def test_a_killed_workspace_leaves_its_run_going(open_terminal: Open, project: Project) -> None:
    project.dag("slow", '[[dag.tasks]]\nid = "wait"\ncommand = "until test -e go; do sleep 0.05; done"\n')
    terminal = open_terminal(cwd=project.root)
    terminal.wait("slow")
    run = str(project.json("dag", "run", "slow", "--detach")["id"])
    terminal.wait("1 run")
    terminal.kill()
    assert project.json("run", "show", run)["status"] == "running"
    (project.root / "go").touch()
    project.cis("run", "resume", run)
    assert project.json("run", "show", run)["status"] == "completed"


def test_a_killed_engine_leaves_no_process_behind(project: Project) -> None:
    escape = "setsid sh -c 'echo escaped $$; exec sleep 1000' & wait"
    project.dag("escape", f'[[dag.tasks]]\nid = "escape"\ncommand = "{escape}"\n')
    run = str(project.json("dag", "run", "escape", "--detach")["id"])
    with subprocess.Popen([CIS, "run", "logs", run, "-f"], cwd=project.root, stdout=subprocess.PIPE, text=True) as logs:
        assert logs.stdout is not None
        line = next(line for line in logs.stdout if "escaped" in line)
        logs.kill()
    escaped = os.pidfd_open(int(line.split()[-1]))
    engine = project.json("engine", "status")["pid"]
    assert isinstance(engine, int)
    os.kill(engine, signal.SIGKILL)
    assert select.select([escaped], [], [], 20)[0], "the escaped process outlived its engine"
    os.close(escaped)
    assert project.json("run", "show", run)["status"] == "paused"
