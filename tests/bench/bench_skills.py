"""What the sandbox adds to a native skill: a call, held to its permissions, against a bare start of its program.

The reference starts the same program with the same input and reads what it prints, with nothing around it. The two take
turns, so that a busy machine is busy for both; the fastest quarter is compared. The program that does nothing shows
what the sandbox costs by itself.
"""

from __future__ import annotations

import gc
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cis_tui.core.paths import Home
from cis_tui.skills.model import Mode, SkillManifest
from cis_tui.skills.native import NativeSkills, SkillCall
from cis_tui.skills.surroundings import confined_env
from tests.skills.natives import processes, skill

pytestmark = pytest.mark.bench
ROUNDS = 60
MOST = 1.5
"""What a call may cost, as a multiple of the bare program (issue: native skills)."""
READS = """
import json, sys
call = json.load(sys.stdin)
print(json.dumps({"words": len(call["args"]), "lines": len(sys.argv)}))
"""
ANSWERS = """
import json, sys
for line in sys.stdin:
    print(json.dumps({"words": len(json.loads(line)["args"])}), flush=True)
"""


@dataclass(frozen=True)
class Cost:
    """The fastest quarter of some calls."""

    call: float
    bare: float

    @property
    def ratio(self) -> float:
        return self.call / self.bare


async def compare(manifest: SkillManifest, folder: Path) -> Cost:
    """Call and bare start of one skill, in turns."""
    given = SkillCall(args=("a",), project=str(folder), cwd=folder, env=confined_env("greet", project=str(folder)))
    document = b'{"args":["a"],"input":{},"project":"","run":""}\n'
    argv = [str(manifest.folder / manifest.entry), "a"]
    called: list[float] = []
    bare: list[float] = []
    async with processes() as mine:
        native = NativeSkills(Home(folder / "home"), mine)
        await native.run(manifest, given)
        gc.collect()
        for _ in range(ROUNDS):
            called.append(await timed(lambda: native.run(manifest, given)))
            bare.append(await timed(lambda: start(argv, document, folder, given.env)))
        await native.close()
    return Cost(quarter(called), quarter(bare))


async def start(argv: list[str], document: bytes, folder: Path, env: Mapping[str, str]) -> None:
    subprocess.run(argv, input=document, capture_output=True, cwd=folder, env=env, check=True)  # noqa: ASYNC221


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


def quarter(times: list[float]) -> float:
    """The slowest of the fastest quarter, in seconds."""
    return sorted(times)[len(times) // 4]


def show(what: str, cost: Cost) -> None:
    print(f"\n{what}: {cost.call * 1000:.2f} ms, bare {cost.bare * 1000:.2f} ms, {cost.ratio:.2f} times")


async def test_a_call_costs_little_more_than_its_program(tmp_path: Path) -> None:
    cost = await compare(skill(tmp_path / "skill", READS, python=True), tmp_path)
    show("a skill in Python", cost)
    assert cost.ratio <= MOST


async def test_what_the_sandbox_costs_by_itself(tmp_path: Path) -> None:
    cost = await compare(skill(tmp_path / "skill", "read -r line; echo done"), tmp_path)
    show("a skill for sh that does nothing", cost)
    assert cost.call - cost.bare < 0.01, "ten milliseconds on any machine"


async def test_a_warm_call_costs_less_than_its_program(tmp_path: Path) -> None:
    warm = replace(skill(tmp_path / "skill", ANSWERS, python=True), mode=Mode.WARM)
    cost = await compare(warm, tmp_path)
    show("a warm skill in Python", cost)
    assert cost.ratio < 0.5
