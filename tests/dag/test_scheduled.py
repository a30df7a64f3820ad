"""What a WASM skill puts off for later: a run of its own, durable, bounded, within what the skill may."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.errors import Invalid, Refused
from cis_tui.core.paths import Home
from cis_tui.dag.model import TaskSpec
from cis_tui.dag.views import RunStatus, TaskStatus
from cis_tui.skills.model import Dependency, Permissions, SkillManifest, SkillType
from cis_tui.skills.scheduling import MAX_AFTER, MAX_DEPTH, MAX_TASKS, Task, check_task, read_task
from cis_tui.skills.wasm.interface import BAD, DENIED
from tests.dag.lab import Lab, eventually, open_lab
from tests.memory.support import PRIVATE, memory, put
from tests.skills.wasm.support import ECHO, handling

NAMES = st.sampled_from(("skill", "input", "after", "when"))
VALUES = st.none() | st.booleans() | st.floats() | st.text(max_size=3) | st.just({"a": 1})


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def scheduling(task: object, times: int = 1, *, then: str = "") -> str:
    """A skill that schedules `task` so many times, and answers what it is told the last time."""
    data = json.dumps(task) if not isinstance(task, str) else task
    body = f"""
      (loop $again
        (local.set $v (i64.extend_i32_s (call $schedule (i32.const 1024) (i32.const {len(data.encode())}))))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $n) (i32.const {times}))))
      {then}
      (call $number (i32.wrap_i64 (local.get $v)))"""
    return handling(body, data=escaped(data))


def shop(folder: Path, **texts: str) -> dict[str, SkillManifest]:
    """Skills by their names; `guest` needs `echo`."""
    found: dict[str, SkillManifest] = {}
    for name, text in texts.items():
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "skill.wat").write_text(text)
        found[name] = SkillManifest(name, "1", SkillType.WASM, "skill.wat", folder=folder / name, timeout=20)
    needs = (Dependency("echo"),)
    return found | {"guest": replace(found["guest"], dependencies=needs)}


CALL = TaskSpec("call", skill="guest")


async def scheduled_runs(lab: Lab, count: int) -> list[str]:
    """The ids of the runs that skills have scheduled, oldest first, once there are so many and all have ended."""

    def done() -> bool:
        found = [run for run in lab.runs.history.list(limit=100) if "scheduled by" in run.dag]
        return len(found) == count and all(run.status.ended for run in found)

    await lab.until(done)
    return [run.id for run in reversed(lab.runs.history.list(limit=100)) if "scheduled by" in run.dag]


async def test_a_task_is_a_run_of_its_own_that_begins_afterwards(tmp_path: Path) -> None:
    skills = shop(tmp_path, guest=scheduling({"skill": "echo", "input": {"word": "hé"}}), echo=ECHO)
    async with open_lab(tmp_path, skills=skills) as lab:
        caller = await lab.run(CALL, skills=skills)
        assert caller.tasks[0].output == "0"
        (id,) = await scheduled_runs(lab, 1)
        run = lab.runs.history.show(id)
        assert (run.dag, run.status) == ("echo (scheduled by guest)", RunStatus.COMPLETED)
        assert json.loads(run.tasks[0].output)["input"] == {"word": "hé"}
        order = [(kind, task) for kind, task in lab.story() if kind in ("TaskCompleted", "TaskStarted")]
        assert order == [
            ("TaskStarted", "call"),
            ("TaskCompleted", "call"),
            ("TaskStarted", "echo"),
            ("TaskCompleted", "echo"),
        ]


async def test_its_input_is_no_template(tmp_path: Path) -> None:
    word = "{{ memory('project/own') }} {{ env.HOME }} {% raw %}"
    skills = shop(tmp_path, guest=scheduling({"skill": "echo", "input": {"word": word}}), echo=ECHO)
    with memory(Home(tmp_path / "home").ensure()) as service:
        put(service, "project/own", "planted", PRIVATE)
        async with open_lab(tmp_path, skills=skills, memory=service) as lab:
            await lab.run(CALL, skills=skills)
            (id,) = await scheduled_runs(lab, 1)
            assert json.loads(lab.runs.history.show(id).tasks[0].output)["input"] == {"word": word}


async def test_it_waits_for_its_time_also_in_another_engine(tmp_path: Path) -> None:
    skills = shop(tmp_path, guest=scheduling({"skill": "echo", "after": 2}), echo=ECHO)
    async with open_lab(tmp_path, skills=skills) as lab:
        caller = await lab.run(CALL, skills=skills)
        scheduled = next(run for run in lab.runs.history.list() if run.id != caller.id)
        await lab.until(lambda: ("TaskReady", "echo") in lab.story())
        assert lab.task(scheduled.id, "echo").status is TaskStatus.READY
        await eventually(lambda: (lab.runs.active, lab.runs.busy) == (1, 0))  # an engine that is to end need not wait
        assert lab.runs.history.scheduled() == []
    async with open_lab(tmp_path, skills=skills) as lab:
        assert lab.runs.history.show(scheduled.id).status is RunStatus.PAUSED
        assert list(lab.runs.history.scheduled()) == [scheduled.id]
        await lab.runs.resume(scheduled.id, skills=skills)
        run = await lab.ended(scheduled.id)
        began = run.tasks[0].started_at
        assert run.status is RunStatus.COMPLETED
        assert began is not None
        assert caller.ended_at is not None
        assert 1.0 < float(began) - float(caller.ended_at) < 20
        assert lab.runs.history.scheduled() == []


async def test_one_that_was_cancelled_or_has_begun_is_nobodys_any_more(tmp_path: Path) -> None:
    skills = shop(tmp_path, guest=scheduling({"skill": "echo", "after": 1000}), echo=ECHO)
    async with open_lab(tmp_path, skills=skills) as lab:
        caller = await lab.run(CALL, skills=skills)
        scheduled = next(run for run in lab.runs.history.list() if run.id != caller.id)
        await lab.runs.cancel(scheduled.id)
    async with open_lab(tmp_path, skills=skills) as lab:
        assert lab.runs.history.scheduled() == []


async def test_what_a_skill_may_not_schedule(tmp_path: Path) -> None:
    tasks = {
        '{"skill": "shell", "input": {"command": "touch canary"}}': DENIED,
        '{"skill": "none"}': DENIED,
        "{nope": BAD,
        '["echo"]': BAD,
        '{"skill": "echo", "input": "x"}': BAD,
        '{"skill": "echo", "when": 3}': BAD,
        '{"skill": "echo", "after": -1}': BAD,
    }
    async with open_lab(tmp_path) as lab:
        for task, code in tasks.items():
            run = await lab.run(CALL, skills=shop(tmp_path, guest=scheduling(task)))
            assert run.tasks[0].output == str(code), task
            assert "warn: " in lab.runs.history.logs(run.id, "call").text
        assert len(lab.runs.history.list()) == len(tasks)


async def test_one_call_schedules_only_so_much(tmp_path: Path) -> None:
    skills = shop(tmp_path, guest=scheduling({"skill": "echo"}, MAX_TASKS + 3), echo=ECHO)
    async with open_lab(tmp_path, skills=skills) as lab:
        caller = await lab.run(CALL, skills=skills)
        assert caller.tasks[0].output == str(DENIED)
        assert len(await scheduled_runs(lab, MAX_TASKS)) == MAX_TASKS


async def test_what_schedules_itself_comes_to_an_end(tmp_path: Path) -> None:
    skills = shop(tmp_path, guest=scheduling({"skill": "guest"}))
    async with open_lab(tmp_path, skills=skills) as lab:
        await lab.run(CALL, skills=skills)
        runs = await scheduled_runs(lab, MAX_DEPTH)
        assert lab.runs.history.show(runs[-1]).tasks[0].output == str(DENIED)


async def test_a_scheduled_call_has_its_own_permissions_alone(tmp_path: Path) -> None:
    reads = handling("(call $number (i32.wrap_i64 (call $get (i32.const 1024) (i32.const 11))))", data="project/own")
    skills = shop(tmp_path, guest=scheduling({"skill": "echo"}), echo=reads)
    skills["guest"] = replace(skills["guest"], permissions=Permissions(memory_read=("project/own",)))
    with memory(Home(tmp_path / "home").ensure()) as service:
        put(service, "project/own", "planted", PRIVATE)
        async with open_lab(tmp_path, skills=skills, memory=service) as lab:
            await lab.run(CALL, skills=skills)
            (id,) = await scheduled_runs(lab, 1)
            assert lab.runs.history.show(id).tasks[0].output == str(DENIED)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=40) | st.dictionaries(NAMES, VALUES))
def test_anything_is_a_task_or_none(given: bytes | dict[str, object]) -> None:
    data = given if isinstance(given, bytes) else json.dumps(given).encode()
    try:
        task = read_task(data)
    except Invalid as error:
        assert error.message
    else:
        assert 0 <= task.after <= MAX_AFTER


def test_a_skill_schedules_itself_and_what_it_needs() -> None:
    manifest = SkillManifest("guest", "1", SkillType.WASM, "x", dependencies=(Dependency("echo"),))
    for name in ("guest", "echo"):
        check_task(Task(name, {}, 0), manifest, MAX_TASKS - 1)
    with pytest.raises(Refused, match="already"):
        check_task(Task("echo", {}, 0), manifest, MAX_TASKS)
    with pytest.raises(Refused, match=r"may not schedule shell, which is not among its \[\[dependencies\]\]"):
        check_task(Task("shell", {}, 0), manifest, 0)
    assert read_task(b'{"skill": "x", "after": 2.5, "input": {"a": [1]}}') == Task("x", {"a": [1]}, 2.5)
