"""Resuming: what is done stays done, what was in flight is asked about, whatever ended the engine and when."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cis_tui.core.errors import NotFound, Refused
from cis_tui.core.events import Event, EventType
from cis_tui.core.paths import Home
from cis_tui.dag.calls import Calls
from cis_tui.dag.carried import again, carry, dropped
from cis_tui.dag.expansion import Expansion
from cis_tui.dag.groups import Groups
from cis_tui.dag.history import RunHistory
from cis_tui.dag.model import DagSpec, Level, LevelKind, TaskSpec
from cis_tui.dag.schedule import Schedule
from cis_tui.dag.state import RunState
from cis_tui.dag.views import DecisionKind, DecisionStatus, RunStatus, TaskStatus
from tests.dag.lab import MEMORY, eventually, lives, open_lab, read, shell

S = TaskStatus
CONFIRMED = Level(LevelKind.CONFIRMED, timeout=60)
WAIT = "until test -e go; do sleep 0.02; done"


async def test_what_was_in_flight_is_asked_about(tmp_path: Path) -> None:
    push = shell("push", f"echo pushing >> log; echo half way; {WAIT}", "build")
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("build", "echo build >> log"), push, shell("tell", "echo told >> log", "push"))
        await lab.until(lambda: EventType.TASK_OUTPUT in lab.types())
    (lab.project / "go").touch()
    async with open_lab(tmp_path) as lab:
        assert lab.runs.history.show(run).status is RunStatus.PAUSED
        view = await lab.runs.resume(run)
        assert view.status in (RunStatus.RUNNING, RunStatus.WAITING)
        decision = await lab.decision("push")
        assert (decision.kind, decision.deadline) == (DecisionKind.INTERRUPTED, None)
        for words in ('Attempt 1 of "push"', "was under way", "half way", "Run it again?", "echo pushing"):
            assert words in decision.prompt
        assert (await lab.runs.resume(run)).id == run, "a run that is live is just shown"
        await lab.runs.decisions.approve(decision.id)
        view = await lab.ended(run)
        assert view.status is RunStatus.COMPLETED
        assert [task.attempts for task in view.tasks] == [1, 2, 1]
        assert read(lab.project / "log").split() == ["build", "pushing", "pushing", "told"]
        assert await lab.runs.resume(run) == view, "a run that is completed is just shown"
        with pytest.raises(NotFound):
            await lab.runs.resume("nothing")


async def test_no_to_an_interrupted_task_fails_it(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("push", "sleep 1000"))
        await lab.running("push")
    async with open_lab(tmp_path) as lab:
        await lab.runs.resume(run)
        await lab.runs.decisions.reject((await lab.decision("push")).id)
        view = await lab.ended(run)
        assert (view.status, view.tasks[0].status) == (RunStatus.FAILED, TaskStatus.FAILED)


async def test_an_idempotent_task_and_yes_ask_nobody(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("a", WAIT, idempotent=True), shell("b", WAIT))
        await lab.running("b")
        await lab.running("a")
    (lab.project / "go").touch()
    async with open_lab(tmp_path) as lab:
        await lab.runs.resume(run, yes=True)
        view = await lab.ended(run)
        assert view.status is RunStatus.COMPLETED
        asked = [event.data["task"] for event in lab.events if event.type == EventType.DECISION_REQUESTED]
        assert asked == ["b"], "recorded, and answered by --yes"


async def test_who_approved_an_idempotent_task_is_not_asked_again_about_it(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("push", WAIT, level=CONFIRMED, idempotent=True))
        await lab.runs.decisions.approve((await lab.decision("push")).id)
        await lab.running("push")
    (lab.project / "go").touch()
    async with open_lab(tmp_path) as lab:
        await lab.runs.resume(run)
        assert (await lab.ended(run)).status is RunStatus.COMPLETED
        assert EventType.DECISION_REQUESTED not in lab.types()


async def test_open_questions_are_asked_anew_and_answered_ones_are_not(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(
            shell("open", "true", level=CONFIRMED),
            shell("answered", "test -e go", level=CONFIRMED, idempotent=True),
            max_parallel=1,
        )
        open_id = (await lab.decision("open")).id
        await lab.runs.decisions.approve((await lab.decision("answered")).id)
        await lab.until(lambda: ("TaskFailed", "answered") in lab.story())
        # As if the engine had been killed between the answer and the start: the last events are gone.
        story = [event for event in lab.events if event.data.get("task") == "answered"]
        cut = next(event.seq for event in story if event.type == EventType.TASK_STARTED)
    forget_from(lab.home, cut)
    (lab.project / "go").touch()
    async with open_lab(tmp_path) as lab:
        await lab.runs.resume(run)
        await lab.until(lambda: ("TaskCompleted", "answered") in lab.story())
        decision = await lab.decision("open")
        assert decision.id != open_id
        with pytest.raises(Refused, match=f"{open_id} is superseded"):
            await lab.runs.decisions.approve(open_id)
        (old,) = [known for known in lab.runs.decisions.list(all=True) if known.id == open_id]
        assert old.status is DecisionStatus.SUPERSEDED
        assert decision.timeout == 60
        assert decision.deadline is not None
        assert decision.asked_at is not None
        assert 59 < decision.deadline - decision.asked_at < 61, "a fresh countdown"


def forget_from(home: Home, seq: int) -> None:
    """Take the events from `seq` on out of the journal, as if they had never been committed."""
    from cis_tui.dag import store

    with store.reading(home.runs_db) as connection:
        connection.execute("DELETE FROM events WHERE seq >= ?", (seq,))


async def test_a_failed_run_is_tried_again_without_what_is_done(tmp_path: Path) -> None:
    tasks = (
        shell("done", "echo done >> log"),
        shell("bad", "echo bad >> log; test -e go", "done"),
        shell("next", "echo next >> log", "bad"),
        shell("unwanted", "true", condition="env.WANT is defined and env.WANT == 'yes'"),
    )
    async with open_lab(tmp_path) as lab:
        view = await lab.run(*tasks)
        assert view.status is RunStatus.FAILED
        (lab.project / "go").touch()
        resumed = await lab.runs.resume(view.id)
        assert resumed.tasks[0].status is TaskStatus.COMPLETED
        assert resumed.error == ""
        final = await lab.ended(view.id)
        assert final.status is RunStatus.COMPLETED
        assert [task.attempts for task in final.tasks] == [1, 2, 1, 0]
        assert read(lab.project / "log").split() == ["done", "bad", "bad", "next"]
        (summary,) = lab.runs.history.list()
        assert (summary.tasks_ended, summary.tasks_failed, summary.status) == (4, 0, RunStatus.COMPLETED)
        assert RunState.from_events(lab.events) == RunHistory(lab.home).state(view.id)


async def test_a_cancelled_run_goes_on_where_it_was(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("done", "echo done >> log"), shell("slow", WAIT, "done"))
        await lab.running("slow")
        await lab.runs.cancel(run)
        (lab.project / "go").touch()
        await lab.runs.resume(run)
        assert (await lab.ended(run)).status is RunStatus.COMPLETED
        assert read(lab.project / "log").split() == ["done"]


async def test_a_paused_run_can_be_cancelled(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("slow", "sleep 1000"), shell("next", "true", "slow"))
        await lab.running("slow")
    async with open_lab(tmp_path) as lab:
        view = await lab.runs.cancel(run)
        assert view.status is RunStatus.CANCELLED
        assert {task.status for task in view.tasks} == {TaskStatus.CANCELLED}


async def test_the_definition_of_a_run_is_the_one_it_started_with(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(
            shell("a", WAIT, idempotent=True), shell("b", "echo {{ params.v }}", "a"), params={"v": "1"}
        )
        await lab.running("a")
    (lab.project / "go").touch()
    async with open_lab(tmp_path) as lab:
        assert lab.runs.skills_of(run) == {"shell"}
        await lab.runs.resume(run)
        assert (await lab.ended(run)).tasks[1].output == "1\n"


async def test_what_a_killed_engine_left_is_ended_before_the_next_attempt(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("slow", "sleep 1000"))
        await lab.running("slow")
    env = {**os.environ, "CIS_HOME": str(lab.home.root), "CIS_RUN": run, "CIS_TASK": "slow"}
    with subprocess.Popen(["sleep", "1000"], env=env, start_new_session=True) as leftover:  # noqa: ASYNC220
        async with open_lab(tmp_path) as lab:
            await lab.runs.resume(run)
            await eventually(lambda: leftover.poll() == -signal.SIGKILL)
            await lab.runs.cancel(run)


# Any prefix of a journal


def prefixes(events: list[Event]) -> Iterator[RunState]:
    for count in range(1, len(events) + 1):
        state = RunState.from_events(events[:count])
        assert state is not None
        yield state


async def test_resumed_from_any_prefix_a_completed_task_never_starts_again(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        await lab.run(
            shell("a", "true"),
            shell("b", "exit 1", "a"),
            shell("c", "true", "b"),
            shell("d", "true", "a", level=Level(LevelKind.RECOMMENDED, timeout=0.01)),
            TaskSpec("e", deps=("d",)),
        )
        events = [event for event in lab.events if event.type not in (EventType.TASK_READY, EventType.TASK_OUTPUT)]
        spec = lab.runs.history.record(str(events[0].data["run"])).spec
    for state in prefixes(events):
        completed = {task.id for task in state.tasks.values() if task.status is TaskStatus.COMPLETED}
        anew = again(state)
        carried = carry(state, anew)
        assert not completed & {*anew, *carried.interrupted, *carried.answered}
        step = Schedule(spec, carried.ended).start()
        assert not completed & set(step.ready)
        assert step.finish is not None or step.ready, "it can go on"


async def test_resumed_from_any_prefix_tasks_stand_for_the_same_as_before(tmp_path: Path) -> None:
    inner = DagSpec("inner", (shell("x", "true"), shell("y", "true", "x", on_failure="z"), shell("z", "true")))
    async with open_lab(tmp_path) as lab:
        await lab.run(
            shell("list", "echo '[0, 1, 0]'"),
            shell("each", "exit {{ item }}", "list", for_each="tasks.list.output", on_failure="both"),
            TaskSpec("both", dag="inner", for_each=("p", "q")),
            dags={"inner": inner},
        )
        events = [event for event in lab.events if event.type not in (EventType.TASK_READY, EventType.TASK_OUTPUT)]
        record = lab.runs.history.record(str(events[0].data["run"]))
    for state in prefixes(events):
        completed = {task.id for task in state.tasks.values() if task.status is TaskStatus.COMPLETED}
        anew = again(state)
        gone = dropped(state, anew)
        carried = carry(state, anew)
        assert completed & {*anew, *gone} <= {id for id in completed if id.startswith("both")}
        groups = Groups(record.spec, Calls(record, {}, MEMORY.get), carried.ended, max_parallel=None)
        open = [groups.root]
        while open:
            group = open.pop()
            step = group.schedule.start()
            assert step.ready or step.finish, "it can go on"
            assert not {*step.ready} & (completed - {*anew, *gone})
            for id in carried.expansions.keys() & {*step.ready}:
                open.append(groups.open(groups.tasks[id], Expansion(carried.expansions[id])))
                known = [task.id for task in state.tasks.values() if task.parent == id]
                assert [task.id for task in open[-1].spec.tasks] == known, "the same as before"


# kill -9 at any moment

ENGINE = """
import asyncio, random, sys
from pathlib import Path
from cis_tui.dag.model import DagSpec, TaskSpec
from tests.dag.lab import open_lab, shell

def line(chance):
    return f"echo start $CIS_TASK >> log; sleep 0.{chance.randrange(12):02}; echo end $CIS_TASK >> log"

def inner(seed):
    chance = random.Random(seed)
    return DagSpec("inner", (shell("x", line(chance)), shell("y", line(chance), "x", for_each=(1, 2))))

def dag(seed):
    chance = random.Random(seed)
    tasks = []
    for number in range(12):
        deps = chance.sample([task.id for task in tasks], k=min(len(tasks), chance.randrange(3)))
        id = f"t{number}"
        kind = chance.choice(["empty", "list", "found", "dag", "plain", "plain", "plain", "plain"])
        if kind == "empty":
            tasks.append(TaskSpec(id, deps=tuple(deps)))
        elif kind == "list":
            tasks.append(shell(id, line(chance), *deps, for_each=("a", "b", "c")))
        elif kind == "found" and deps:
            found = f"range(tasks['{deps[0]}'].output | length + 2)"
            tasks.append(shell(id, line(chance), *deps, for_each=found))
        elif kind == "dag":
            tasks.append(TaskSpec(id, dag="inner", deps=tuple(deps)))
        else:
            tasks.append(shell(id, line(chance), *deps))
    return tasks

async def main(folder, seed):
    async with open_lab(Path(folder)) as lab:
        known = lab.runs.history.list()
        if known:
            run = (await lab.runs.resume(known[0].id, yes=True)).id
        else:
            run = await lab.start(*dag(seed), max_parallel=4, dags={"inner": inner(seed)})
        print((await lab.ended(run)).status, flush=True)

if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""
ROOT = Path(__file__).resolve().parent.parent.parent


def kill_and_resume(folder: Path, seed: int) -> int:
    """Run to the end, killed at random moments; how often it was."""
    chance = random.Random(seed)
    log = folder / "project" / "log"
    for kills in range(5):
        lines = len(read(log).splitlines()) + chance.randrange(8)
        with subprocess.Popen(
            [sys.executable, "-c", ENGINE, str(folder), str(seed)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as engine:
            while kills < 4 and engine.poll() is None and len(read(log).splitlines()) <= lines:
                pause(engine, 0.002)
            if kills < 4:
                pause(engine, chance.random() * 0.05)
                engine.kill()
            told, _ = engine.communicate(timeout=60)
            if engine.returncode == 0:
                assert told == "completed\n"
                return kills
    raise AssertionError(f"seed {seed}: the last engine ended with an error")


def pause(engine: subprocess.Popen[str], seconds: float) -> None:
    with suppress(subprocess.TimeoutExpired):
        engine.wait(seconds)


def test_killed_at_any_moment_nothing_done_is_done_again_and_nothing_is_left_out(tmp_path: Path) -> None:
    seeds = [random.randrange(1_000_000) for _ in range(6)]
    print(f"seeds {seeds}")
    until = time.monotonic() + 10
    for seed in seeds:
        if time.monotonic() > until:
            break
        folder = tmp_path / str(seed)
        folder.mkdir()
        kills = kill_and_resume(folder, seed)
        history = RunHistory(Home(folder / "home"))
        (summary,) = history.list()
        tasks = history.show(summary.id).tasks
        assert {task.status for task in tasks} == {TaskStatus.COMPLETED}, f"seed {seed}"
        starts: Counter[str] = Counter()
        ended: set[str] = set()
        inside = {
            task.id: {other.id for other in tasks if other.id.startswith((f"{task.id}[", f"{task.id}/"))}
            for task in tasks
        }
        deps = {task.id: set(task.deps) for task in tasks}
        for task in tasks:  # a task stands before those for which it stands
            deps[task.id] |= deps.get(task.parent, set())
        deps = {id: needs.union(*(inside[dep] for dep in needs)) for id, needs in deps.items()}
        shells = {task.id for task in tasks if task.command.startswith("echo")}
        for line in read(folder / "project" / "log").splitlines():
            word, id = line.split()
            if word == "end":
                ended.add(id)
                continue
            starts[id] += 1
            assert {dep for dep in deps[id] if dep in shells} <= ended, f"seed {seed}: {id} started too early"
        assert ended == shells, f"seed {seed}: left out"
        attempts = {task.id: task.attempts for task in tasks if task.id in shells}
        assert all(starts[id] <= attempts[id] for id in shells), f"seed {seed}: started without a record"
        assert sum(attempts.values()) - len(shells) <= 4 * kills, f"seed {seed}: more than what was in flight ran again"
        assert not [pid for pid in pids_of(folder) if lives(pid)]


def pids_of(folder: Path) -> list[int]:
    """Processes that still work in `folder`."""
    from cis_tui.skills.guardian import marked

    return marked(f"CIS_HOME={folder / 'home'}")


async def test_what_ran_because_of_a_failure_runs_again_after_the_next_one(tmp_path: Path) -> None:
    tasks = (
        shell("bad", "echo bad >> log; test -e go", on_failure="mend"),
        shell("mend", "echo mend >> log"),
        shell("tell", "echo tell >> log", "mend"),
    )
    async with open_lab(tmp_path) as lab:
        view = await lab.run(*tasks)
        assert [task.status for task in view.tasks] == [S.FAILED, S.COMPLETED, S.COMPLETED]
        await lab.runs.resume(view.id)
        assert [task.status for task in (await lab.ended(view.id)).tasks] == [S.FAILED, S.COMPLETED, S.COMPLETED]
        (lab.project / "go").touch()
        await lab.runs.resume(view.id)
        final = await lab.ended(view.id)
    assert read(lab.project / "log").split() == ["bad", "mend", "tell", "bad", "mend", "tell", "bad"]
    assert final.status is RunStatus.COMPLETED
    assert [task.error for task in final.tasks[1:]] == ["runs only if bad failed", "needs mend, which was skipped"]
