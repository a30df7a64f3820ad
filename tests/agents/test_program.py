"""Agents that are programs, through the official SDK on both sides."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from cis_tui.agents.program import ProgramProvider
from cis_tui.core.events import EventType
from cis_tui.core.paths import Home
from cis_tui.skills.guardian import marked
from tests.agents import program
from tests.agents.desk import Desk


@pytest.fixture
async def desk(home: Home, tmp_path: Path) -> AsyncGenerator[Desk]:
    folder = home.root / "agents"
    folder.mkdir()
    (folder / "mine.toml").write_text(f'[agent]\ncommand = ["{sys.executable}", "{program.__file__}"]\n')
    (folder / "mute.toml").write_text('[agent]\ncommand = ["cat", "/dev/null"]\n')
    async with Desk.open(home, tmp_path) as desk:
        yield desk


async def ask(desk: Desk, text: str, *, agent: str = "mine", id: str = "") -> tuple[str, dict[str, object]]:
    id = id or (await desk.engine.agent_new("", agent=agent)).id
    return await desk.ask(text, id=id)


async def test_a_program_answers_and_keeps_its_session(desk: Desk) -> None:
    id, done = await ask(desk, "hello")
    assert done["status"] == "completed", done
    assert (await desk.last(id)).endswith("heard 1: hello")
    await ask(desk, "more", id=id)
    assert await desk.last(id) == "heard 2: more"
    thought = [event.data for event in desk.events if event.data.get("kind") == "thinking"]
    assert thought[0]["text"] == "hm"


@pytest.mark.parametrize(("approve", "said"), [(True, "got yes"), (False, "got no")])
async def test_what_it_asks_is_a_decision(desk: Desk, approve: bool, said: str) -> None:
    id = (await desk.engine.agent_new("", agent="mine")).id
    sent = await desk.engine.agent_send(id, "permission")
    await desk.until(lambda event: event.type == EventType.DECISION_REQUESTED)
    (decision,) = await desk.engine.decision_list()
    assert decision.task == "program_mine" and "write a.txt" in decision.prompt
    await (desk.engine.decision_approve if approve else desk.engine.decision_reject)(decision.id)
    await desk.ended(sent.turn)
    assert await desk.last(id) == said


async def test_nobody_there_means_no(desk: Desk) -> None:
    id = (await desk.engine.agent_new("", agent="mine")).id
    await desk.ask("permission", id=id, attended=False)
    assert await desk.last(id) == "got no"


async def test_a_stop_reaches_it_and_an_end_leaves_nothing(desk: Desk) -> None:
    id = (await desk.engine.agent_new("", agent="mine")).id
    sent = await desk.engine.agent_send(id, "sleep")
    await desk.until(lambda event: event.type == EventType.AGENT_DELTA)
    assert (await desk.engine.agent_stop(id)).answer
    assert (await desk.ended(sent.turn))["status"] == "cancelled"
    assert await desk.last(id) == "sleeping"
    (provider,) = desk.engine._agents._around.roster._providers.values()  # pyright: ignore[reportPrivateUsage]
    assert isinstance(provider, ProgramProvider)
    mark = provider.mark
    assert len(marked(mark)) == 2
    await desk.engine.close()
    assert marked(mark) == []


async def test_one_that_dies_is_an_error_and_is_started_again(desk: Desk) -> None:
    id, done = await ask(desk, "die")
    assert done["status"] == "failed" and "mine" in str(done["error"])
    _, done = await ask(desk, "hello again", id=id)
    assert done["status"] == "completed"
    assert "Earlier in this conversation" in await desk.last(id)


async def test_one_that_does_not_speak_acp_says_so(desk: Desk) -> None:
    _, done = await ask(desk, "hello", agent="mute")
    assert "CIS-AGENT-040" in str(done["error"]) and "does not speak ACP" in str(done["error"])


async def test_those_that_are_shipped_say_how_they_are_installed(desk: Desk) -> None:
    agents = {agent.name: agent for agent in await desk.engine.agent_list("")}
    for name in ("claude-code", "codex", "gemini", "goose", "opencode"):
        assert agents[name].kind == "program" and (agents[name].ready or "not on the PATH" in agents[name].problem)
