"""Killed at any moment, paused and cut short by people, a run does each of its tasks once and leaves no process behind.

`RUN_KILLS=50` kills at least as often, each round over another DAG.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from cis_tui.core.paths import Home
from cis_tui.dag.history import RunHistory
from cis_tui.skills.guardian import marked
from tests.e2e.conftest import CIS, Project

KILLS = int(os.environ.get("RUN_KILLS", "2"))
IN_ROUND = 3
"""Kills of one round, at most."""
SPREAD = 1.2
"""Seconds within which something happens to a run that goes on."""

Count = Callable[[str, object], None]


@pytest.fixture
def count(record_property: Count) -> Count:
    """Notes in the report how often something was killed."""
    return record_property


@dataclass
class Made:
    """A DAG made by chance: what its tasks print into the log, and what each needs."""

    log: Path
    text: str = "[dag]\nmax_parallel = 4\n"
    inner: str = ""
    deps: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Of the tasks that run something; those for which one stands need what that one needs."""

    def task(self, chance: random.Random, id: str, kind: str) -> None:
        """Add a task: plain, one for each item of a list, or another DAG."""
        deps = chance.sample(sorted(self.deps), min(len(self.deps), chance.randrange(3)))
        needs = sorted({dep.split("[")[0].split("/")[0] for dep in deps})
        # Whoever needs one of those for which a task stands needs that task.
        known = [other for other in self.deps if other.split("[")[0].split("/")[0] in needs]
        idempotent = str(chance.random() < 0.5).lower()
        head = f'[[dag.tasks]]\nid = "{id}"\ndeps = {needs}\n'
        if kind == "list":
            self.text += f'{head}idempotent = {idempotent}\nfor_each = ["x", "y", "z"]\n'
            self.text += f"command = '''{self.line(chance, id + '[{{ index }}]')}'''\n"
            self.deps |= {f"{id}[{index}]": known for index in range(3)}
        elif kind == "dag":
            self.text += f'{head}dag = "inner"\n'
            self.inner = "".join(
                f'[[dag.tasks]]\nid = "{name}"\ndeps = {before}\nidempotent = {idempotent}\n'
                f"command = '''{self.line(chance, f'{id}/{name}')}'''\n"
                for name, before in (("one", []), ("two", ["one"]))
            )
            self.deps |= {f"{id}/one": known, f"{id}/two": [*known, f"{id}/one"]}
        else:
            self.text += f"{head}idempotent = {idempotent}\ncommand = '''{self.line(chance, id)}'''\n"
            self.deps[id] = known

    def line(self, chance: random.Random, id: str) -> str:
        return f'echo "start {id}" >> {self.log}; sleep {chance.random() * 0.5:.2f}; echo "end {id}" >> {self.log}'

    def lines(self, what: str) -> Counter[str]:
        """How often each task said so."""
        lines = self.log.read_text().splitlines()
        return Counter(line.removeprefix(f"{what} ") for line in lines if line.startswith(f"{what} "))


def a_dag(project: Project, chance: random.Random, log: Path) -> Made:
    log.touch()
    made = Made(log)
    vote = '{ type = "arbitrated", stakeholders = ["dba", "sre"], quorum = 2, timeout = 600 }'
    made.text += f"[[dag.tasks]]\nid = \"agree\"\nlevel = {vote}\ncommand = '''{made.line(chance, 'agree')}'''\n"
    made.deps["agree"] = []
    kinds = ["list", "dag", *("plain" for _ in range(chance.randrange(2, 6)))]
    chance.shuffle(kinds)
    for number, kind in enumerate(kinds):
        made.task(chance, f"t{number}", kind)
    project.dag("inner", made.inner)
    project.dag("made", made.text)
    return made


@contextmanager
def working(project: Project, *command: str) -> Generator[subprocess.Popen[bytes]]:
    """A command that works on a run, and is killed in the end if it has not ended."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen([CIS, *command], cwd=project.root, stdin=quiet, stdout=quiet, stderr=quiet) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)


def tasks_of(project: Project, run: str) -> dict[str, str]:
    tasks = cast("list[dict[str, object]]", project.json("run", "show", run)["tasks"])
    return {str(task["id"]): str(task["status"]) for task in tasks}


def until(holds: Callable[[], object], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def asked(home: Home) -> str:
    """The decision that waits for votes."""
    decisions = RunHistory(home).decisions()
    return decisions[-1].id if decisions else ""


def disturb(project: Project, chance: random.Random, run: str, made: Made) -> str:
    """Pause the run, or cancel a task of it, from another terminal; the task that is cancelled then."""
    if chance.random() < 0.5:
        subprocess.run([CIS, "run", "pause", run], cwd=project.root, capture_output=True, timeout=60, check=False)
        return ""
    task = chance.choice(sorted(made.deps))
    command = [CIS, "run", "cancel", run, task]
    done = subprocess.run(command, cwd=project.root, capture_output=True, timeout=60, check=False)
    return task if done.returncode == 0 else ""


def behind(made: Made, lost: set[str]) -> set[str]:
    """The tasks that cannot run since those in `lost` did not end well."""
    found = set(lost)
    for id, deps in made.deps.items():  # each stands behind what it needs
        if found & set(deps):
            found.add(id)
    return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(max(KILLS // 2, 1)))
def test_each_task_is_done_once_whatever_happens(
    project: Project, home: Home, tmp_path: Path, seed: int, count: Count
) -> None:
    chance = random.Random(2000 + seed)
    made = a_dag(project, chance, tmp_path / "log")
    with working(project, "dag", "run", "made", "--yes") as process:
        assert until(lambda: asked(home)), "it was not asked for a vote"
        decision = asked(home)
        project.cis("decision", "vote", decision, "approve", "--reason", "because")
        time.sleep(chance.random() * SPREAD)
        kills = int(process.poll() is None)
    run = str(project.rows("run", "list", "--limit", "1")[0]["id"])
    cancelled = set[str]()
    for _ in range(chance.randrange(IN_ROUND)):
        check_rest(project, run, made)
        done = {id for id, status in tasks_of(project, run).items() if status == "completed"}
        before = made.lines("start")
        with working(project, "run", "resume", run, "--yes") as process:
            time.sleep(0.3 + chance.random() * SPREAD)
            if chance.random() < 0.6 and process.poll() is None:
                cancelled |= {disturb(project, chance, run, made)} - {""}
            over = process.poll() is not None
        after = made.lines("start")
        assert all(after[id] == before[id] for id in done), "what is completed is not repeated"
        if over:
            break
        kills += 1
    count("kills", kills)
    check_rest(project, run, made)
    if project.json("run", "show", run)["status"] == "paused":
        subprocess.run(
            [CIS, "run", "resume", run, "--yes"], cwd=project.root, capture_output=True, timeout=60, check=False
        )
    check_end(project, home, made, run, cancelled, decision)


def check_rest(project: Project, run: str, made: Made) -> None:
    """A killed engine leaves no process, and a run that says what is to be done."""
    assert until(lambda: not marked(f"CIS_RUN={run}"), 10), "a process was left behind"
    view = project.json("run", "show", run)
    if view["status"] == "paused":
        assert view["interrupted"]
        assert "its engine ended before it did" in project.cis("run", "show", run)


def check_end(project: Project, home: Home, made: Made, run: str, cancelled: set[str], decision: str) -> None:
    statuses = tasks_of(project, run)
    view = project.json("run", "show", run)
    lost = {id for id in made.deps if statuses.get(id) == "cancelled"}
    assert cancelled <= lost | {id for id, status in statuses.items() if status == "completed"}
    gone = behind(made, lost)
    starts, ends = made.lines("start"), made.lines("end")
    attempts = {
        str(task["id"]): cast("int", task["attempts"]) for task in cast("list[dict[str, object]]", view["tasks"])
    }
    assert view["status"] == ("failed" if lost else "completed"), statuses
    for id in made.deps.keys() - gone:
        assert statuses[id] == "completed", (id, statuses)
        assert ends[id] >= 1, "none is skipped"
        assert starts[id] <= attempts[id], "every start is recorded first"
    for id in gone - lost:
        assert starts[id] == 0, (id, "it needs what was cancelled")
    lines = made.log.read_text().splitlines()
    first: dict[str, int] = {}
    last = {line: place for place, line in enumerate(lines)}
    for place, line in enumerate(lines):
        first.setdefault(line, place)
    for id, deps in made.deps.items():
        for dep in deps:
            if f"start {id}" in first and statuses[dep] == "completed":
                assert last[f"end {dep}"] < first[f"start {id}"], (dep, id)
    (made_by,) = [each for each in RunHistory(home).decisions() if each.id == decision]
    assert [ballot.stakeholder for ballot in made_by.ballots] == ["dba", "sre"]
    assert {ballot.reason for ballot in made_by.ballots} == {"because"}
    assert made_by.status.value == "approved"
