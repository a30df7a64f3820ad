"""Warm skills: one process that answers line after line, as long as it behaves."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cis_tui.core.errors import CisError, TimedOut
from cis_tui.core.paths import Home
from cis_tui.memory.service import MemoryService
from cis_tui.skills.kernel import this_kernel
from cis_tui.skills.memory import Caller, SkillMemory
from cis_tui.skills.model import Mode, Permissions, SkillManifest, SkillResult
from cis_tui.skills.native import NativeSkills, SkillCall
from cis_tui.skills.surroundings import confined_env
from cis_tui.skills.warm import MOST
from tests.memory.support import PUBLIC, memory, put
from tests.skills.natives import processes, skill

pytestmark = pytest.mark.skipif(not this_kernel().seccomp, reason="this kernel enforces only a part")

COUNTS = """
import json, os, sys
calls = 0
for line in sys.stdin:
    calls += 1
    call = json.loads(line)
    word = (call["args"] or ["count"])[0]
    if word == "die":
        sys.exit("I give up")
    if word == "hang":
        import time
        time.sleep(1000)
    if word == "loud":
        print("x" * 3000)
    elif word == "lie":
        print("no json")
    elif word == "fail":
        print('{"success": false, "why": "asked"}')
    else:
        print(json.dumps([os.getpid(), calls, call["run"]]))
    if word == "twice":
        print('"unasked"')
    print("logged", file=sys.stderr)
    sys.stdout.flush()
"""


def warm(folder: Path, **more: object) -> SkillManifest:
    return skill(folder, COUNTS, python=True, mode=Mode.WARM, **more)


@asynccontextmanager
async def native(folder: Path, **more: object) -> AsyncGenerator[NativeSkills]:
    async with processes() as mine:
        skills = NativeSkills(Home(folder / "home"), mine, **more)  # pyright: ignore[reportArgumentType]
        try:
            yield skills
        finally:
            await skills.close()


def given(folder: Path, *args: str, run: str = "", timeout: float | None = None) -> SkillCall:
    return SkillCall(args=args, run=run, cwd=folder, env=confined_env("greet", run=run), timeout=timeout)


def told(result: SkillResult) -> list[object]:
    assert isinstance(result.output, list)
    return result.output  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - it is another process that is waited for
            await asyncio.sleep(0.01)


def lives(pid: object) -> bool:
    return os.path.exists(f"/proc/{pid}")


async def test_one_process_answers_call_after_call(tmp_path: Path) -> None:
    async with native(tmp_path) as skills:
        manifest = warm(tmp_path / "skill")
        heard = bytearray()
        first = told(await skills.run(manifest, given(tmp_path, run="r1"), on_log=heard.extend))
        second = told(await skills.run(manifest, given(tmp_path, run="r2")))
        assert first[1:] == [1, "r1"]
        assert second == [first[0], 2, "r2"]
        assert b"logged" in heard or b"[" in heard
    await until(lambda: not lives(first[0]))


async def test_calls_queue(tmp_path: Path) -> None:
    async with native(tmp_path) as skills:
        manifest = warm(tmp_path / "skill")
        results = await asyncio.gather(*(skills.run(manifest, given(tmp_path)) for _ in range(20)))
    assert [told(result)[1] for result in results] == list(range(1, 21))


async def test_another_content_project_or_environment_is_another_process(tmp_path: Path) -> None:
    async with native(tmp_path) as skills:
        manifest = warm(tmp_path / "skill")
        pid = told(await skills.run(manifest, given(tmp_path)))[0]
        elsewhere = told(await skills.run(manifest, replace(given(tmp_path), project=str(tmp_path))))[0]
        call = given(tmp_path)
        colour = told(await skills.run(manifest, replace(call, env={**call.env, "COLOUR": "blue"})))[0]
        assert len({pid, elsewhere, colour}) == 3
        changed = warm(tmp_path / "other", file=manifest.file)
        assert told(await skills.run(changed, given(tmp_path)))[1] == 1
        assert not lives(pid), "what ran the earlier content has ended"


async def test_without_calls_it_ends(tmp_path: Path) -> None:
    async with native(tmp_path, idle=0.05) as skills:
        manifest = warm(tmp_path / "skill")
        pid = told(await skills.run(manifest, given(tmp_path)))[0]
        await until(lambda: not lives(pid))
        assert told(await skills.run(manifest, given(tmp_path)))[1] == 1


async def test_a_call_that_comes_as_its_process_is_to_end_is_answered(tmp_path: Path) -> None:
    async with native(tmp_path, idle=0.05) as skills:
        manifest = warm(tmp_path / "skill")
        first = told(await skills.run(manifest, given(tmp_path)))
        come: asyncio.Future[asyncio.Future[SkillResult]] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(
            0.01, lambda: come.set_result(asyncio.ensure_future(skills.run(manifest, given(tmp_path))))
        )
        time.sleep(0.1)  # noqa: ASYNC251 - both are due in one turn of the loop
        assert told(await (await come)) == [first[0], 2, ""]


async def test_many_are_not_kept(tmp_path: Path) -> None:
    async with native(tmp_path) as skills:
        pids: list[object] = []
        for number in range(MOST + 2):
            manifest = warm(tmp_path / f"skill{number}")
            pids.append(told(await skills.run(replace(manifest, name=f"s{number}"), given(tmp_path)))[0])
        assert [lives(pid) for pid in pids] == [False] * 2 + [True] * MOST


@pytest.mark.parametrize(
    ("word", "code", "message"),
    [
        ("die", "CIS-SKILL-050", "the process of the skill greet ended before it answered, with exit code 1"),
        ("hang", "CIS-SKILL-024", "timed out after 0.3 s"),
        ("loud", "CIS-SKILL-025", "the skill greet answered more than 2 kB"),
        ("lie", "CIS-SKILL-051", "the skill greet is warm, and answered what is no JSON"),
    ],
)
async def test_what_goes_wrong_is_told_and_the_next_call_works(
    tmp_path: Path, word: str, code: str, message: str
) -> None:
    async with native(tmp_path) as skills:
        manifest = warm(tmp_path / "skill", limits={"output_kb": 2})
        await skills.run(manifest, given(tmp_path))
        with pytest.raises(CisError) as failure:
            await skills.run(manifest, given(tmp_path, word, timeout=0.3 if word == "hang" else None))
        assert (failure.value.code, failure.value.message[: len(message)]) == (code, message)
        if word == "die":
            assert failure.value.hint == "I give up"
        assert isinstance(failure.value, TimedOut) == (word == "hang")
        assert told(await skills.run(manifest, given(tmp_path)))[1] == (3 if word == "lie" else 1)


async def test_a_failure_is_an_answer(tmp_path: Path) -> None:
    async with native(tmp_path) as skills:
        result = await skills.run(warm(tmp_path / "skill"), given(tmp_path, "fail"))
    assert (result.success, result.output, result.exit_code) == (False, {"success": False, "why": "asked"}, 1)


async def test_what_it_says_unasked_is_not_the_next_answer(tmp_path: Path) -> None:
    async with native(tmp_path) as skills:
        manifest = warm(tmp_path / "skill")
        await skills.run(manifest, given(tmp_path, "twice"))
        await asyncio.sleep(0.05)
        assert told(await skills.run(manifest, given(tmp_path)))[1] == 2


async def test_a_caller_that_leaves_ends_it(tmp_path: Path) -> None:
    async with native(tmp_path) as skills:
        manifest = warm(tmp_path / "skill")
        pid = told(await skills.run(manifest, given(tmp_path)))[0]
        call = asyncio.ensure_future(skills.run(manifest, given(tmp_path, "hang")))
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert not lives(pid)


ASKS = """
import json, subprocess, sys
for line in sys.stdin:
    done = subprocess.run(["cis", "memory", "get", "project/a"], capture_output=True, text=True)
    print(json.dumps([done.returncode, done.stdout]), flush=True)
"""


async def test_memory_is_that_of_the_call_that_goes_on(home: Home, tmp_path: Path) -> None:
    runs: list[str] = []

    def see(caller: Caller) -> SkillMemory:
        runs.append(caller.run)
        return SkillMemory(service, caller, lambda kind, data: None)

    service: MemoryService
    with memory(home) as service:
        put(service, "project/a", "1", PUBLIC)
        asks = skill(
            tmp_path / "skill", ASKS, python=True, mode=Mode.WARM, permissions=Permissions(memory_read=("project/",))
        )
        async with native(tmp_path, memory=see) as skills:
            for run in ("r1", "r2"):
                result = await skills.run(asks, given(tmp_path, run=run))
                assert result.output == [0, "1\n"]
    assert runs == ["r1", "r2"]
