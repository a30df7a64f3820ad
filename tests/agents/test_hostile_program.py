"""Programs that break every rule: each ends in a clear error, nobody else waits, and no process is left."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from cis_tui.agents.program import ProgramProvider
from cis_tui.core.events import EventType
from cis_tui.core.paths import Home
from cis_tui.skills.guardian import marked
from tests.agents import hostile
from tests.agents.desk import Desk

MODES = ("flood", "longer", "garbage", "requests", "stubborn", "die", "deaf", "closed", "reach", "odd")


@pytest.fixture
async def desk(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Desk]:
    folder = home.root / "agents"
    folder.mkdir()
    for mode in MODES:
        command = [sys.executable, hostile.__file__, mode, str(tmp_path)]
        (folder / f"{mode}.toml").write_text(f"[agent]\ncommand = {command!r}\n")
    monkeypatch.setattr("cis_tui.agents.acp_lines.MAX_ANSWER_BYTES", 200_000)
    monkeypatch.setattr("cis_tui.agents.acp_lines.MAX_REQUESTS", 300)
    monkeypatch.setattr("cis_tui.agents.program.MAX_LINE", 100_000)
    monkeypatch.setattr("cis_tui.agents.program._START", 5.0)
    monkeypatch.setattr("cis_tui.agents.program._SETTLE", 0.2)
    async with Desk.open(home, tmp_path) as desk:
        yield desk


def mark(desk: Desk) -> str:
    (provider,) = desk.engine._agents._around.roster._providers.values()  # pyright: ignore[reportPrivateUsage]
    assert isinstance(provider, ProgramProvider)
    return provider.mark


async def gone(mark: str) -> bool:
    """Whether nothing is left of a program, within a few seconds."""
    for _ in range(200):
        if not marked(mark):
            return True
        await asyncio.sleep(0.02)
    return False


@pytest.mark.parametrize(
    ("mode", "code", "says"),
    [
        ("flood", "CIS-AGENT-060", "MB for one answer"),
        ("longer", "CIS-AGENT-060", "it sends a line of more"),
        ("garbage", "CIS-AGENT-060", "no message of the protocol"),
        ("requests", "CIS-AGENT-060", "it asks for more than"),
        ("die", "CIS-AGENT-061", "exit code 3, in the middle of an answer; it said: fatal: "),
    ],
)
async def test_what_breaks_the_rules_is_ended(desk: Desk, mode: str, code: str, says: str) -> None:
    id = (await desk.engine.agent_new("", agent=mode)).id
    asked = asyncio.create_task(desk.ask("go", id=id))
    while not asked.done():  # whatever it does, the engine answers others
        async with asyncio.timeout(10):
            await desk.engine.memory_get("anything")
        await asyncio.sleep(0.02)
    done = asked.result()[1]
    assert done["status"] == "failed" and done["error"]["code"] == code, done
    assert says in done["error"]["message"] and "\x1b" not in done["error"]["message"]
    assert await gone(mark(desk))


@pytest.mark.parametrize(("mode", "code"), [("deaf", "CIS-AGENT-040"), ("closed", "CIS-AGENT-062")])
async def test_what_never_answers_is_given_up(
    desk: Desk, mode: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cis_tui.agents.program._START", 0.5)
    id = (await desk.engine.agent_new("", agent=mode)).id
    _, done = await desk.ask("go", id=id)
    assert done["error"]["code"] == code, done
    assert await gone(mark(desk))


async def test_what_does_not_stop_is_ended_and_can_be_asked_again(desk: Desk) -> None:
    id = (await desk.engine.agent_new("", agent="stubborn")).id
    sent = await desk.engine.agent_send(id, "go")
    await desk.until(lambda event: event.type == EventType.AGENT_DELTA)
    assert (await desk.engine.agent_stop(id)).answer
    assert (await desk.ended(sent.turn))["status"] == "cancelled"
    assert await desk.last(id) == "I stay"
    assert await gone(mark(desk))


async def test_silence_is_an_error_and_is_not_asked_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIS_AGENT_TIMEOUT", "0.4")
    id = (await desk.engine.agent_new("", agent="stubborn")).id
    _, done = await desk.ask("go", id=id)
    assert done["error"]["code"] == "CIS-AGENT-014" and not desk.texts("retry")
    assert await gone(mark(desk))


async def test_files_terminals_and_other_sessions_are_out_of_reach(desk: Desk, tmp_path: Path) -> None:
    id = (await desk.engine.agent_new(desk.project(), agent="reach")).id
    _, done = await desk.ask("go", id=id)
    assert done["status"] == "completed", done
    assert await desk.last(id) == "-32601 -32601 -32601 cancelled"
    assert not (tmp_path / "outside.txt").exists()


async def test_noise_is_passed_over(desk: Desk) -> None:
    id = (await desk.engine.agent_new("", agent="odd")).id
    _, done = await desk.ask("go", id=id)
    assert done["status"] == "completed", done
    said = await desk.last(id)
    assert said.startswith("still ") and said.endswith(" here") and "\x1b" not in said
