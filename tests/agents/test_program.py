"""Agents that are programs, through the official SDK on both sides."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from cis_tui.agents.program import ProgramProvider
from cis_tui.api.client import RemoteEngine
from cis_tui.api.server import EngineServer
from cis_tui.core.events import EventType
from cis_tui.core.paths import Home
from cis_tui.skills.guardian import marked
from tests.agents import program
from tests.agents.desk import Desk
from tests.agents.far_end import FarEnd


@pytest.fixture
async def desk(home: Home, tmp_path: Path) -> AsyncGenerator[Desk]:
    folder = home.root / "agents"
    folder.mkdir()
    (folder / "mine.toml").write_text(f'[agent]\ncommand = ["{sys.executable}", "{program.__file__}"]\n')
    kept = [sys.executable, program.__file__, str(tmp_path / "sessions.json")]
    (folder / "keeper.toml").write_text(f"[agent]\ncommand = {kept!r}\n")
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
    asked, did, result = await desk.messages(id)
    assert (did.text, did.stop, [each.name for each in did.deeds]) == ("sleeping", "interrupted", ["execute"])
    assert asked.text == "sleep" and result.blocks[0].error
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


async def test_what_it_does_is_kept_and_shown_as_it_comes(desk: Desk, home: Home) -> None:
    id, done = await ask(desk, "tools")
    assert done["status"] == "completed"
    steps = [event.data for event in desk.events if event.data.get("what") == "tool"]
    states = [(step["name"], step["about"], step["state"]) for step in steps if step["state"] != "running"]
    assert states == [("read", "Read a.txt", "done"), ("execute", "Run make", "failed")]
    prompt, first, came, second, failed, last = await desk.messages(id)
    assert (prompt.text, first.text, last.text) == ("tools", "let me look", "it is 42")
    assert first.deeds[0].input == {"title": "Read a.txt", "path": "a.txt"} and not first.calls
    assert (came.blocks[0].text, came.blocks[0].error, came.blocks[0].id) == ("forty-two", False, first.deeds[0].id)
    assert came.blocks[0].seconds is not None and failed.blocks[0].error and second.deeds[0].by == "mine"
    shown = (await desk.engine.agent_conversations())[0]
    assert (shown.context, shown.window, shown.cost) == (1200, 100_000, 0.5)
    assert "Read a.txt" in await desk.engine.agent_export(id)


async def test_another_agent_goes_on_with_what_it_did(desk: Desk, end: FarEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", end.url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test-key")
    id, _ = await ask(desk, "tools")
    await desk.engine.agent_use(id, "claude")
    _, done = await desk.ask("and now?", id=id)
    assert done["status"] == "completed", done
    sent = end.messages[-1].body["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "user"]
    assert [each["text"] for each in sent[1]["content"]] == [
        "let me look",
        "[mine did: Read a.txt]",
        "[mine did: Run make]",
        "it is 42",
    ]
    # It has heard all but what the other one was told.
    await desk.engine.agent_use(id, "mine")
    await desk.ask("hello", id=id)
    said = await desk.last(id)
    assert "and now?" in said and "claude: ok" in said and "it is 42" not in said
    assert desk.texts("notice") == ["mine was not told all: what was said before is told it again"]


async def test_after_a_restart_it_takes_up_its_session_if_it_can(desk: Desk, home: Home) -> None:
    for agent in ("keeper", "mine"):
        await ask(desk, "hello", agent=agent)
    ids = {each.agent: each.id for each in await desk.engine.agent_conversations()}
    await desk.engine.close()
    async with Desk.open(home, desk.folder) as later:
        await later.ask("more", id=ids["keeper"])
        assert await later.last(ids["keeper"]) == "heard 2: more" and later.texts("notice") == []
        await later.ask("more", id=ids["mine"])
        assert "Person: hello" in await later.last(ids["mine"])
        (told,) = later.texts("notice")
        assert told == "mine cannot take up its earlier session: what was said before is told it again"
        await later.engine.close()
    (desk.folder / "sessions.json").unlink()
    async with Desk.open(home, desk.folder) as later:
        await later.ask("again", id=ids["keeper"])
        assert "Person: more" in await later.last(ids["keeper"])
        assert later.texts("notice")[0].startswith("keeper does not know its earlier session any more: ")


async def test_it_uses_our_tools_under_our_rules(desk: Desk, home: Home) -> None:
    server = EngineServer(desk.engine, home)
    await server.start()
    try:
        face = await RemoteEngine.connect(home, "command")  # as cis agent ask is, at a terminal
        id = (await face.agent_new(desk.project(), agent="mine")).id
        sent = await face.agent_send(id, "mcp")
        asked = await desk.until(lambda event: event.type == EventType.DECISION_REQUESTED)
        (decision,) = await face.decision_list()
        assert decision.call.startswith(f"{id}/") and "memory_set notes/by" in decision.prompt
        assert server.clients == 1  # what the engine started itself does not keep it alive
        await face.decision_approve(decision.id)
        assert (await desk.ended(sent.turn))["status"] == "completed", asked
        assert (await desk.last(id)).startswith("kept: ")
        item = await face.memory_get("notes/by")
        assert item is not None and item.value == "mine"
        sent = await face.agent_send(id, "mcp", attended=False)
        await desk.ended(sent.turn)
        assert "CIS-MCP-004" in await desk.last(id)
        await face.agent_allow("memory_set:notes/*", "deny")
        sent = await face.agent_send(id, "mcp")
        await desk.ended(sent.turn)
        assert "denies memory_set" in await desk.last(id)
        await face.close()
    finally:
        await server.close()


async def test_one_that_does_not_speak_acp_says_so(desk: Desk) -> None:
    _, done = await ask(desk, "hello", agent="mute")
    assert "CIS-AGENT-040" in str(done["error"]) and "does not speak ACP" in str(done["error"])


async def test_those_that_are_shipped_say_how_they_are_installed(desk: Desk) -> None:
    agents = {agent.name: agent for agent in await desk.engine.agent_list("")}
    for name in ("claude-code", "codex", "gemini", "goose", "opencode"):
        assert agents[name].kind == "program" and (agents[name].ready or "not on the PATH" in agents[name].problem)
