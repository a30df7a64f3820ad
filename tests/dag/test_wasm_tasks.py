"""Tasks that call WASM skills: as any other task, with what they write undone by a rollback."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from cis_tui.core.paths import Home
from cis_tui.dag.model import Retry, TaskSpec
from cis_tui.dag.views import RunStatus, TaskStatus
from cis_tui.skills.model import Permissions, SkillManifest, SkillType
from tests.dag.lab import open_lab, shell
from tests.memory.support import PUBLIC, memory, put, value_of
from tests.skills.wasm.support import ECHO, handling

SET = """(drop (call $set (i32.const 1024) (i32.const 9) (i32.const 1033) (i32.const 3)))
  (call $log (i32.const 2) (i32.const 1033) (i32.const 3)) (call $number (i32.const 7))"""


def skill(folder: Path, text: str, **more: object) -> dict[str, SkillManifest]:
    """The skill `guest`, by its name."""
    folder.mkdir(exist_ok=True)
    (folder / "skill.wat").write_text(text)
    manifest = SkillManifest("guest", "1", SkillType.WASM, "skill.wat", folder=folder, timeout=20)
    return {"guest": replace(manifest, **more)}  # pyright: ignore[reportArgumentType]


CALL = TaskSpec("call", skill="guest", args=("a",), input={"word": "hé"})


async def test_what_it_is_given_and_answers_is_the_tasks(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        after = shell("after", "echo {{ tasks.call.output.input.word }}", "call")
        run = await lab.run(CALL, after, skills=skill(tmp_path / "guest", ECHO))
        assert run.status is RunStatus.COMPLETED
        assert [task.output.strip() for task in run.tasks][1] == "hé"
        assert f'"run":"{run.id}"' in run.tasks[0].output


async def test_a_rollback_takes_back_what_it_wrote(tmp_path: Path) -> None:
    may = Permissions(memory_write=("project/",))
    with memory(Home(tmp_path / "home").ensure()) as service:
        put(service, "project/x", "before", PUBLIC)
        async with open_lab(tmp_path, memory=service) as lab:
            guest = skill(tmp_path / "guest", handling(SET, data="project/xnew"), permissions=may)
            seen = shell("seen", "true", "call")
            run = await lab.run(replace(CALL, input={}), seen, skills=guest)
            assert value_of(service, "project/x") == "new"
            assert run.tasks[0].output == "7"
            assert lab.runs.history.logs(run.id, "call").text == "warn: new\n"
            told = next(event.data for event in lab.events if event.type == "MemoryAccess")
            assert (told["skill"], told["run"], told["task"]) == ("guest", run.id, "call")
            await lab.runs.roll_back(run.id, skills=guest)
            await lab.until(lambda: lab.runs.history.show(run.id).status is RunStatus.ROLLED_BACK)
            assert value_of(service, "project/x") == "before"


async def test_a_failure_says_why_and_is_not_tried_again(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        task = replace(CALL, retry=Retry(max=3, backoff=0))
        run = await lab.run(task, skills=skill(tmp_path / "guest", handling("(unreachable)")))
        assert run.tasks[0].status is TaskStatus.FAILED
        assert run.tasks[0].error.startswith("the skill guest trapped: ")
        assert run.tasks[0].attempts == 1


async def test_one_that_loops_for_ever_is_cancelled_with_its_run(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        spin = handling("(loop $more (br $more)) (unreachable)")
        guest = skill(tmp_path / "guest", spin, limits={"fuel": 2**62}, timeout=1000)
        run = await lab.start(CALL, skills=guest)
        await lab.running("call")
        async with asyncio.timeout(20):
            await lab.runs.cancel(run)
        assert lab.task(run, "call").status is TaskStatus.CANCELLED


async def test_an_engine_that_stops_waits_for_none(tmp_path: Path) -> None:
    spin = handling("(loop $more (br $more)) (unreachable)")
    async with asyncio.timeout(20):
        async with open_lab(tmp_path) as lab:
            guest = skill(tmp_path / "guest", spin, limits={"fuel": 2**62}, timeout=1000)
            run = await lab.start(CALL, skills=guest)
            await lab.running("call")
        async with open_lab(tmp_path) as lab:
            assert lab.runs.history.show(run).status is RunStatus.PAUSED
