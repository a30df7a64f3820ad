"""The way from a confined skill to memory: what its permissions name, and nothing else, whatever comes through it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from cis_tui.core.errors import CisError, Refused
from cis_tui.core.paths import Home
from cis_tui.memory.service import MemoryService
from cis_tui.skills.audit import MOST, MemoryTrail
from cis_tui.skills.doorkeeper import Doorkeeper
from cis_tui.skills.knock import Door
from cis_tui.skills.memory import Caller, SkillMemory
from cis_tui.skills.model import Permissions
from cis_tui.skills.native import NativeSkills, SkillCall
from cis_tui.skills.surroundings import confined_env
from tests.memory.support import PRIVATE, PUBLIC, SetClock, memory, put, value_of
from tests.skills.natives import processes, skill

Told = list[tuple[str, Mapping[str, object]]]
GRANTED = Permissions(memory_read=("project/", "own/secret"), memory_write=("project/m/",))


@asynccontextmanager
async def door(service: MemoryService, folder: Path, told: Told) -> AsyncGenerator[Doorkeeper]:
    caller = Caller("m", GRANTED, run="r1", task="t")
    os.mkdir(folder)
    keeper = Doorkeeper(folder, None)
    keeper.admit(SkillMemory(service, caller, lambda kind, data: told.append((kind, data))))
    try:
        yield keeper
    finally:
        await keeper.close()


def filled(service: MemoryService) -> None:
    put(service, "project/a", "1", PUBLIC)
    put(service, "project/hidden", "2", PRIVATE)
    put(service, "own/secret", "3", PRIVATE)
    put(service, "other/a", "4", PUBLIC)


def value(answer: object) -> object:
    return cast("Mapping[str, object]", answer)["value"]


def keys(answer: object) -> list[str]:
    page = cast("Mapping[str, list[Mapping[str, str]]]", answer)
    return [item["key"] for item in page["items"]]


async def test_what_is_granted_is_given_and_told(home: Home, tmp_path: Path) -> None:
    told: Told = []

    def use(path: str, token: str) -> None:
        inside = Door(path, token)
        assert value(inside.call("memory_get", {"key": "project/a"})) == "1"
        assert value(inside.call("memory_get", {"key": "own/secret"})) == "3"
        assert inside.call("memory_get", {"key": "project/none"}) is None
        assert keys(inside.call("memory_list", {"prefix": ""})) == ["own/secret", "project/a"]
        assert keys(inside.call("memory_list", {"prefix": "project/a"})) == ["project/a"]
        inside.call("memory_set", {"write": {"key": "project/m/x", "value": "n" * 300_000}})
        inside.close()

    with memory(home) as service:
        filled(service)
        async with door(service, tmp_path / "own", told) as keeper:
            await asyncio.to_thread(use, str(keeper.path), keeper.token)
        assert value_of(service, "project/m/x") == "n" * 300_000
        assert ("MemoryAccess", {"key": "project/m/x", "domain": "public", "skill": "m", "run": "r1", "task": "t"}) in [
            (kind, {name: value for name, value in data.items() if name != "write"}) for kind, data in told
        ]


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("memory_get", {"key": "other/a"}, "CIS-SKILL-061"),
        ("memory_get", {"key": "project/hidden"}, "CIS-SKILL-061"),
        ("memory_get", {"key": ["own/secret"]}, "CIS-SKILL-047"),
        ("memory_list", {"prefix": "other/"}, "CIS-SKILL-061"),
        ("memory_set", {"write": {"key": "project/a", "value": "x"}}, "CIS-SKILL-061"),
        ("memory_set", {"write": {"key": "project/m/x", "value": "x", "domain": "private"}}, "CIS-SKILL-061"),
        ("memory_set", {"write": {"key": "project/m/token", "value": "x"}}, "CIS-SKILL-061"),
        ("memory_set", {"write": {"key": "project/m/x", "value": "x", "declassify": True}}, "CIS-SKILL-049"),
        ("memory_set", {"write": 3}, "CIS-CORE-020"),
        ("memory_delete", {"key": "project/a"}, "CIS-SKILL-049"),
        ("shutdown", {}, "CIS-SKILL-049"),
        ("__init__", {}, "CIS-SKILL-049"),
    ],
)
async def test_everything_else_is_refused(
    home: Home, tmp_path: Path, method: str, params: dict[str, object], code: str
) -> None:
    told: Told = []

    def use(path: str, token: str) -> None:
        inside = Door(path, token)
        with pytest.raises(CisError) as failure:
            inside.call(method, params)
        assert failure.value.code == code
        assert inside.call("memory_get", {"key": "project/a"}) is not None, "the door stays open"
        inside.close()

    with memory(home) as service:
        filled(service)
        async with door(service, tmp_path / "own", told) as keeper:
            await asyncio.to_thread(use, str(keeper.path), keeper.token)
        assert service.get("project/m/x") is None
        assert any(data.get("denied") for _, data in told) == (code == "CIS-SKILL-061")


async def test_without_the_token_nothing_is_said(home: Home, tmp_path: Path) -> None:
    with memory(home) as service:
        filled(service)
        async with door(service, tmp_path / "own", []) as keeper:
            with pytest.raises(Refused, match="not the token of this call"):
                await asyncio.to_thread(Door, str(keeper.path), "guess")


async def test_what_is_no_pipe_of_the_skill_is_not_opened(home: Home, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("as it was")

    def mislead(path: str) -> None:
        own = Path(path).parent
        for number, kind in enumerate(("link", "file", "hard")):
            for end in (".ask", ".told"):
                target = own / f"{number}{end}"
                if kind == "link":
                    target.symlink_to(outside)
                elif kind == "file":
                    target.write_text("x")
                else:
                    target.hardlink_to(outside)
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        os.write(fd, b"0\n1\n2\n../../x\n" + b"f" * 3000 + b"\n\0\xff\nnone\n")
        os.close(fd)

    with memory(home) as service:
        filled(service)
        async with door(service, tmp_path / "own", []) as keeper:
            await asyncio.to_thread(mislead, str(keeper.path))
            inside = await asyncio.to_thread(Door, str(keeper.path), keeper.token)
            assert await asyncio.to_thread(inside.call, "memory_get", {"key": "project/a"})
            inside.close()
    assert outside.read_text() == "as it was"


@pytest.mark.parametrize("line", [b"", b"[" * 100_000, b"\xff", b'{"id": {}, "method": "hello"}', b'"x"'])
async def test_nonsense_gets_an_error(home: Home, tmp_path: Path, line: bytes) -> None:
    def talk(path: str, token: str) -> Mapping[str, Mapping[str, object]]:
        inside = Door(path, token)
        os.write(inside._requests, line + b"\n")  # pyright: ignore[reportPrivateUsage]
        answer = json.loads(inside._line())  # pyright: ignore[reportPrivateUsage]
        inside.close()
        return answer

    with memory(home) as service:
        async with door(service, tmp_path / "own", []) as keeper:
            answer = await asyncio.to_thread(talk, str(keeper.path), keeper.token)
    assert answer["error"]["message"] == "not a JSON-RPC message"


def ignored(kind: str, data: Mapping[str, object]) -> None: ...


async def test_cis_memory_works_within_a_skill(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    script = """
import subprocess
def cis(*words):
    done = subprocess.run(["cis", *words], capture_output=True, text=True)
    print(done.returncode, done.stdout.strip() or done.stderr.splitlines()[0])
cis("memory", "get", "project/a")
cis("memory", "get", "other/a")
cis("memory", "set", "project/m/x", "made")
cis("status")
"""
    manifest = skill(tmp_path / "skill", script, python=True, permissions=GRANTED)
    with memory(home) as service:
        filled(service)
        async with processes() as mine:
            native = NativeSkills(
                home, mine, memory=lambda caller: SkillMemory(service, caller, lambda kind, data: None)
            )
            result = await native.run(manifest, SkillCall(cwd=tmp_path, env=confined_env("m")))
        assert str(result.output).splitlines() == [
            "0 1",
            "4 error: the skill greet may not read other/a",
            "0 Memory saved to public domain",
            "4 error: a skill has cis memory get, set and list, and nothing else of cis",
        ]
        assert value_of(service, "project/m/x") == "made"


def test_the_trail_is_kept_and_cannot_be_drowned() -> None:
    kept: Told = []
    passing: Told = []
    clock = SetClock()
    trail = MemoryTrail(
        lambda kind, data: kept.append((kind, data)), lambda kind, data: passing.append((kind, data)), clock
    )
    for _ in range(MOST + 5):
        trail("MemoryAccess", {"skill": "loud"})
    trail("MemoryAccess", {"skill": "quiet"})
    assert (len(kept), len(passing)) == (MOST + 1, 5)
