"""Killed at any moment, forward or back, a run is taken back: files and memory are as they were before it.

`ROLLBACK_KILLS=50` makes as many rounds of each kind, over as many DAGs.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from cis_tui.core.paths import Home
from cis_tui.dag.history import RunHistory
from tests.e2e.conftest import CIS, Project

ROUNDS = range(int(os.environ.get("ROLLBACK_KILLS", "1")))
PRIVATE = "--domain private"
PUBLIC = "--domain public"


Count = Callable[[str, object], None]


@pytest.fixture
def count(record_property: Count) -> Count:
    """Notes in the report how often something was killed."""
    return record_property


@dataclass
class Made:
    """A DAG made by chance, and what it needs to be there."""

    text: str = "[dag]\nmax_parallel = 3\n"
    deps: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    files: dict[str, str] = field(default_factory=dict[str, str])
    keys: dict[str, str] = field(default_factory=dict[str, str])

    def task(self, chance: random.Random, log: Path) -> None:
        """Add a task that changes some files and some memory, and what takes it back."""
        id = f"t{len(self.deps)}"
        deps = chance.sample(sorted(self.deps), min(len(self.deps), chance.randrange(3)))
        creates: list[str] = []
        lines = [f"echo start {id} >> {log}"]
        acts = [chance.random() < 0.6 for _ in range(chance.randrange(1, 4))]
        lines += [self._file(chance, id, creates) if file else self._entry(chance, id) for file in acts]
        lines += [f"echo end {id} >> {log}"]
        step = f"echo undo {id} >> {log}; sleep 0.05; echo undone {id} >> {log}"
        rollback = [step] if chance.random() < 0.8 else []
        self.deps[id] = deps
        self.text += (
            f'[[dag.tasks]]\nid = "{id}"\ndeps = {deps}\nidempotent = true\ncreates = {creates}\n'
            f"rollback = {rollback}\ncommand = '''{'; '.join(lines)}'''\n"
        )

    def _file(self, chance: random.Random, id: str, creates: list[str]) -> str:
        name = chance.choice([f"{id}.txt", f"{id}.txt", f"out/{id}/deep.txt", "shared.txt", f"tree-{id}"])
        creates.append(name)
        if name.startswith("tree-"):
            self.files |= {f"{name}/old": "old", f"{name}/kept": "kept"} if chance.random() < 0.5 else {}
            return f"mkdir -p {name}/in; rm -f {name}/old; echo {id} > {name}/in/new; ln -sfn in {name}/link"
        if chance.random() < 0.5:
            self.files[name] = f"before {name}\n" * chance.randrange(1, 2000)
        path = Path(name)
        act = chance.choice([f"echo {id} >> {path}", f"echo {id} > {path}; chmod 700 {path}", f"rm -f {path}"])
        return f"mkdir -p {path.parent}; {act}"

    def _entry(self, chance: random.Random, id: str) -> str:
        key, domain = chance.choice(
            [(f"k/{id}", PUBLIC), (f"p/{id}", PRIVATE), ("k/shared", PUBLIC), ("p/shared", PRIVATE)]
        )
        if chance.random() < 0.5:
            self.keys[key] = domain
        if chance.random() < 0.25:
            return f"cis memory delete {key} || true"
        return f"cis memory set {key} {id} {domain}"


def a_dag(project: Project, chance: random.Random, log: Path) -> Made:
    """A DAG in the project, with what it will change."""
    made = Made()
    for _ in range(chance.randrange(4, 9)):
        made.task(chance, log)
    for name, text in made.files.items():
        path = project.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o640)
    for key, domain in made.keys.items():
        project.cis("memory", "set", key, "before", *domain.split())
    project.dag("made", made.text)
    return made


def snapshot(project: Project) -> tuple[object, object]:
    """Files with content and mode, and entries with value and domain."""
    files: dict[str, object] = {}
    for path in sorted(project.root.rglob("*")):
        name = str(path.relative_to(project.root))
        if not name.startswith(".cis"):
            what = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else "folder"
            files[name] = (what, path.lstat().st_mode)
    entries = {str(row["key"]): (row["value"], row["domain"], row["pinned"]) for row in project.rows("memory", "list")}
    return files, entries


def killed(project: Project, chance: random.Random, longest: float, *command: str) -> bool:
    """Start a command and kill it after a while; whether it had not ended before."""
    process = subprocess.Popen(
        [CIS, *command],
        cwd=project.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    try:
        process.wait(0.3 + chance.random() * longest)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    return False


def newest(project: Project) -> dict[str, object]:
    """The last run, as it is shown."""
    rows = project.rows("run", "list", "--limit", "1")
    return rows[0] if rows else {"id": "", "status": "none", "tasks": [], "undo": []}


def tasks_of(run: dict[str, object]) -> dict[str, dict[str, object]]:
    return {str(task["id"]): task for task in cast("list[dict[str, object]]", run["tasks"])}


def undo_of(run: dict[str, object]) -> list[dict[str, object]]:
    return cast("list[dict[str, object]]", run["undo"])


def check_back(made: Made, run: dict[str, object], log: Path, kills: int) -> None:
    """Every step has ended once, none was left out, and none came before the steps of what needs its task."""
    assert run["status"] == "rolled_back", run
    assert [item for item in undo_of(run) if item["status"] != "restored"] == []
    lines = log.read_text().splitlines()
    steps = {str(item["task"]): cast("int", item["attempts"]) for item in undo_of(run) if item["kind"] == "command"}
    completed = {id for id, task in tasks_of(run).items() if task["status"] == "rolled_back"}
    assert steps.keys() <= completed
    begun = Counter(line.removeprefix("undo ") for line in lines if line.startswith("undo "))
    ended = Counter(line.removeprefix("undone ") for line in lines if line.startswith("undone "))
    assert ended.keys() == steps.keys()
    assert all(begun[id] <= attempts for id, attempts in steps.items()), "each attempt is recorded first"
    assert sum(attempts - 1 for attempts in steps.values()) <= kills, "only what was in flight runs again"
    last, first = {line: place for place, line in enumerate(lines)}, dict[str, int]()
    for place, line in enumerate(lines):
        first.setdefault(line, place)
    for id, deps in made.deps.items():
        for dep in deps:
            if id in steps and dep in steps:
                assert last[f"undone {id}"] < first[f"undo {dep}"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", ROUNDS)
def test_a_run_killed_on_its_way_is_taken_back(project: Project, tmp_path: Path, seed: int, count: Count) -> None:
    chance = random.Random(seed)
    log = tmp_path / "log"
    made = a_dag(project, chance, log)
    before = snapshot(project)
    log.touch()
    kills = int(killed(project, chance, 1.5, "dag", "run", "made", "--yes"))
    run = newest(project)
    if run["status"] == "paused" and chance.random() < 0.6:
        done = {id for id, task in tasks_of(run).items() if task["status"] == "completed"}
        kills += killed(project, chance, 1.5, "run", "resume", str(run["id"]), "--yes")
        starts = Counter(line.removeprefix("start ") for line in log.read_text().splitlines() if line[:5] == "start")
        assert all(starts[id] == tasks_of(run)[id]["attempts"] for id in done), "what is completed is not repeated"
        if chance.random() < 0.5:
            project.cis("run", "resume", str(run["id"]), "--yes")
            ends = Counter(line.removeprefix("end ") for line in log.read_text().splitlines() if line[:4] == "end ")
            assert ends.keys() == made.deps.keys(), "none is skipped"
    count("kills", kills)
    if run["id"]:
        project.cis("run", "rollback", str(run["id"]))
        check_back(made, newest(project), log, kills=0)
    assert snapshot(project) == before


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", ROUNDS)
def test_a_killed_rollback_goes_on_and_undoes_nothing_twice(
    project: Project, tmp_path: Path, seed: int, count: Count
) -> None:
    chance = random.Random(1000 + seed)
    log = tmp_path / "log"
    made = a_dag(project, chance, log)
    before = snapshot(project)
    project.cis("dag", "run", "made", "--yes")
    run = str(newest(project)["id"])
    kills = int(killed(project, chance, 1.2, "run", "rollback", run))
    for _ in range(chance.randrange(3)):
        kills += killed(project, chance, 1.0, "run", "resume", run)
    status = newest(project)["status"]
    if status == "completed":
        project.cis("run", "rollback", run)
    elif status == "rolling_back":
        project.cis("run", "resume", run, exit=1)
    count("kills", kills)
    check_back(made, newest(project), log, kills)
    assert snapshot(project) == before


def test_a_vote_is_kept_through_kills_and_the_rollback(project: Project, home: Home) -> None:
    chance = random.Random(7)
    project.dag(
        "votes",
        """
        [[dag.tasks]]
        id = "agree"
        command = "echo yes > agreed"
        creates = ["agreed"]
        level = { type = "arbitrated", stakeholders = ["dba", "sre"], quorum = 2, timeout = 600 }
        [[dag.tasks]]
        id = "after"
        command = "sleep 30"
        deps = ["agree"]
        idempotent = true
        """,
    )
    with subprocess.Popen(
        [CIS, "dag", "run", "votes"], cwd=project.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None
        assert run.stdout is not None
        asked = next(line for line in run.stderr if "cis decision vote" in line).split()[3]
        project.cis("decision", "vote", asked, "approve", "--reason", "because")
        next(line for line in run.stdout if "after" in line and "started" in line)
        run.kill()
    (decision,) = RunHistory(home).decisions()
    id = str(newest(project)["id"])
    killed(project, chance, 0.5, "run", "rollback", id)
    if newest(project)["status"] == "rolling_back":
        project.cis("run", "resume", id, exit=1)
    elif newest(project)["status"] == "paused":
        project.cis("run", "rollback", id)
    assert newest(project)["status"] == "rolled_back"
    assert not (project.root / "agreed").exists()
    assert RunHistory(home).decisions() == (decision,)
    assert [ballot.stakeholder for ballot in decision.ballots] == ["dba", "sre"]
