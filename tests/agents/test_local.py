"""The model on this machine: a real one, small, from packages, without a key and without a network."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from cis_tui.agents.context import ProjectContext
from cis_tui.agents.conversations import Conversations
from cis_tui.agents.definitions import SMALL_MODEL, AgentDefinition, small_model
from cis_tui.agents.local import LocalProvider
from cis_tui.agents.model import AgentInfo, Block, BlockKind, Message, Role, Stop
from cis_tui.agents.provider import Finished, ProviderFailure, Request, TextPiece
from cis_tui.agents.roster import Roster
from cis_tui.core.clock import Instant, utc_now
from cis_tui.core.config import AgentSettings
from cis_tui.core.events import EventType
from cis_tui.core.paths import Home
from tests.agents.desk import Desk

PATIENCE = 60.0
LONG_STORY = "Write a very long story about a cat and all of its friends."


@pytest.fixture
async def desk(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Desk]:
    """An engine on a machine without a key."""
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)
    monkeypatch.setattr("cis_tui.agents.memory.PATIENCE", 0.0)
    async with Desk.open(home, tmp_path) as desk:
        yield desk


def own_agent(home: Home, name: str, *lines: str) -> None:
    (home.root / "agents").mkdir(exist_ok=True)
    (home.root / "agents" / f"{name}.toml").write_text("\n".join(["[agent]", *lines]))


def the_file() -> str:
    file = small_model()
    assert file is not None, "the extra local belongs to what the tests need"
    return str(file)


def half_of_a_model() -> bytes:
    return Path(the_file()).read_bytes()[:30_000_000]


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110 - nothing but the kernel tells
            await asyncio.sleep(0.02)


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def children() -> list[int]:
    """Processes of models that this process has started."""
    command = ["pgrep", "-P", str(os.getpid()), "-f", "cis_tui.agents.local_model"]
    return [int(pid) for pid in subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()]


def port_owners() -> str:
    return subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def notices(desk: Desk) -> list[str]:
    steps = (event.data for event in desk.events if event.type == EventType.AGENT_STEP)
    return [str(data["text"]) for data in steps if data["what"] == "notice"]


async def test_it_answers_without_a_key_says_what_it_is_and_shows_what_it_was_told(desk: Desk) -> None:
    id, end = await desk.ask("What is the capital of France?")
    assert end["status"] == "completed", end
    view = await desk.engine.agent_show(id)
    question, answer = view.messages
    assert "Paris" in answer.text and answer.stop == Stop.END
    assert (answer.agent, answer.model) == ("local", SMALL_MODEL) and "often wrong" in SMALL_MODEL
    assert answer.usage is not None and answer.usage.input > 20 and answer.usage.output > 2
    assert answer.window == 2048 and view.conversation.context == answer.usage.context
    assert notices(desk) == ["loading the local model …", SMALL_MODEL]
    pieces = [event for event in desk.events if event.type == EventType.AGENT_DELTA]
    assert "".join(str(each.data["text"]) for each in pieces) == answer.text
    told = {part.name: part.text for part in (await desk.engine.agent_context(id)).parts}
    assert "tools" not in told and told["base"] == "You are a helpful assistant. Be brief."
    assert "What is the capital of France?" in told["history"]
    (pid,) = children()
    assert f"pid={pid}," not in port_owners(), "it listens on no port"
    assert b"CIS_" not in environment_of(pid)
    assert question.text == "What is the capital of France?"


async def test_a_stop_ends_the_answer_within_a_token_and_the_conversation_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = (await desk.engine.agent_new("")).id
    await desk.engine.agent_send(id, LONG_STORY)
    await desk.until(lambda event: event.type == EventType.AGENT_DELTA)
    (pid,) = children()
    begun = asyncio.get_running_loop().time()
    stopped = await desk.engine.agent_stop(id)
    assert stopped.answer and asyncio.get_running_loop().time() - begun < 5
    monkeypatch.setenv("CIS_AGENT_MAX_TOKENS", "4")
    await desk.ask("And now?", id=id)
    stops = [message.stop for message in (await desk.engine.agent_show(id)).messages if message.role is Role.ASSISTANT]
    assert stops == [Stop.INTERRUPTED, Stop.MAX_TOKENS]
    assert children() == [pid], "it was not loaded again"


async def test_a_process_that_dies_in_the_middle_is_an_error_and_is_started_anew(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = (await desk.engine.agent_new("")).id
    sent = await desk.engine.agent_send(id, LONG_STORY)
    await desk.until(lambda event: event.type == EventType.AGENT_DELTA)
    (pid,) = children()
    os.kill(pid, signal.SIGKILL)
    end = await desk.ended(sent.turn)
    assert (end["status"], end["error"]["code"]) == ("failed", "CIS-AGENT-052")
    assert "with signal 9" in end["error"]["message"] and end["error"]["hint"]
    monkeypatch.setenv("CIS_AGENT_MAX_TOKENS", "4")
    await desk.ask("And now?", id=id)
    roles = [message.role for message in (await desk.engine.agent_show(id)).messages]
    assert roles == [Role.USER, Role.USER, Role.ASSISTANT], "nothing of the half answer was kept as one"
    (new,) = children()
    await desk.engine.close()
    await until(lambda: not lives(new))


async def test_what_no_longer_fits_is_left_out_and_said(desk: Desk, home: Home) -> None:
    own_agent(home, "narrow", f'file = "{the_file()}"', "window = 256", "max_tokens = 4")
    id = (await desk.engine.agent_new("", agent="narrow")).id
    for word in ("apple", "plum"):
        await desk.ask(f"Say {word}. {'well ' * 120}", id=id)
    assert "before message" in notices(desk)[-1] and "is left out" in notices(desk)[-1]
    context = await desk.engine.agent_context(id)
    history = context.parts[-1].text
    assert "plum" in history and "apple" not in history, "what is shown is what was sent"
    view = await desk.engine.agent_show(id)
    assert 0 < view.conversation.context <= 256 == view.conversation.window
    for prompt, says in (("word " * 300, "has 324 tokens"), ("word " * 70_000, "has far more tokens")):
        _, end = await desk.ask(prompt, id=id)
        assert end["error"]["code"] == "CIS-AGENT-053", end
        assert says in end["error"]["message"] and "can take 252" in end["error"]["message"]
    await desk.ask("And now?", id=id)
    assert (await desk.engine.agent_show(id)).messages[-1].role is Role.ASSISTANT, "it goes on after that"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"GGUF\x03\0\0\0" + b"\xff" * 4096, "cannot be loaded"),
        (b"no model at all", "invalid magic"),
        ("half", "corrupted or incomplete"),
    ],
    ids=["hostile", "other", "half"],
)
async def test_a_broken_file_is_a_clear_error(tmp_path: Path, content: bytes | str, says: str) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(half_of_a_model() if isinstance(content, str) else content)
    provider = provider_of(file=str(path))
    with pytest.raises(ProviderFailure) as caught:
        await provider.fit(asked("hi"), lambda _: None)
    assert (caught.value.code, caught.value.exit) == ("CIS-AGENT-051", 5)
    assert says in caught.value.message and "Traceback" not in caught.value.message
    await provider.close()
    assert children() == []


async def test_a_folder_or_nothing_is_no_model_and_memory_is_bounded(tmp_path: Path) -> None:
    with pytest.raises(ProviderFailure) as caught:
        await provider_of(file=str(tmp_path)).fit(asked("hi"), lambda _: None)
    assert caught.value.code == "CIS-AGENT-050" and "is not there" in caught.value.message
    tight = provider_of(memory_mb=100)
    with pytest.raises(ProviderFailure) as caught:
        await tight.fit(asked("hi"), lambda _: None)
    assert caught.value.code == "CIS-AGENT-051" and "alloc" in caught.value.message


async def test_it_ends_when_nobody_asks_and_the_next_question_starts_it() -> None:
    provider = provider_of(idle_seconds=0.2)
    for _ in range(2):
        request = await provider.fit(asked("Say yes."), lambda _: None)
        pid = provider.pid
        assert pid is not None
        text, finished = await answered(provider, request)
        assert text and finished.stop is Stop.END
        await until(lambda: provider.pid is None)
        assert not lives(pid)
    await provider.close()


async def test_silence_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = provider_of()
    request = await provider.fit(asked("Say yes."), lambda _: None)
    assert provider.pid is not None
    os.kill(provider.pid, signal.SIGSTOP)
    monkeypatch.setattr(provider, "_timeout", 0.3)
    with pytest.raises(ProviderFailure) as caught:
        await answered(provider, request)
    assert (caught.value.code, caught.value.exit) == ("CIS-AGENT-054", 7)
    await provider.close()
    assert children() == []


def test_its_process_can_read_its_file_and_nothing_of_yours(tmp_path: Path) -> None:
    for name in ("model.gguf", "diary.txt"):
        (tmp_path / name).write_text("x")
    (tmp_path / "folder").mkdir()
    code = f"""
import socket
from cis_tui.agents.local_model import confine
confine("{tmp_path}/model.gguf", "{tmp_path}/folder", 1 << 30)
def tried(what):
    try:
        what()
    except OSError as error:
        return type(error).__name__
    return "went"
listener = socket.socket(socket.AF_UNIX)
print(tried(lambda: open("{tmp_path}/model.gguf").read()), tried(lambda: listener.bind("{tmp_path}/folder/s")))
print(tried(lambda: open("{tmp_path}/diary.txt").read()), tried(lambda: open("{tmp_path}/model.gguf", "w")))
print(tried(lambda: socket.create_connection(("127.0.0.1", 9))), tried(lambda: socket.socket().bind(("127.0.0.1", 0))))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["went", "went", *["PermissionError"] * 4]


async def test_a_service_of_this_machine_is_ready_only_while_it_is_there(home: Home) -> None:
    unused = cast("Any", None)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://localhost:{server.getsockname()[1]}"
        roster = Roster(home, lambda: AgentSettings(base_url=url), Conversations(unused, utc_now))

        async def ollama() -> AgentInfo:
            return next(each for each in await roster.infos(ProjectContext()) if each.name == "ollama")

        assert (await ollama()).ready
    found = await ollama()
    assert not found.ready and f"nothing listens at {url}" in found.problem


async def test_who_is_asked_when_nobody_is_named(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere, unused = ProjectContext(), cast("Any", None)

    async def default(**settings: object) -> tuple[str, str]:
        asked = AgentSettings(**settings)  # pyright: ignore[reportArgumentType]
        roster = Roster(home, lambda: asked, Conversations(unused, utc_now))
        chosen = await roster.choose("", nowhere, "claude-opus-5-5")
        return chosen.name, chosen.model

    assert await default() == ("local", SMALL_MODEL), "its model is its own, whatever was named for others"
    assert (await default(default="offline"))[0] == "offline"
    assert (await default(base_url="http://127.0.0.1:9"))[0] == "claude", "a server that is named is asked"
    assert (await default(default="local", base_url="http://127.0.0.1:9")) == ("local", "claude-opus-5-5")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test")
    assert await default() == ("claude", "claude-opus-5-5")
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setattr("cis_tui.agents.definitions._SMALL_FILE", ("no_such_package", "model.gguf"))
    assert (await default())[0] == "offline"
    own_agent(home, "local", f'file = "{tmp_path}/gone.gguf"')
    assert (await default())[0] == "offline"


def asked(prompt: str) -> Request:
    return Request("", (Message(Role.USER, (Block(BlockKind.TEXT, prompt),), Instant(0)),), max_tokens=32)


def provider_of(*, file: str = "", memory_mb: int | None = None, idle_seconds: float = 60.0) -> LocalProvider:
    definition = AgentDefinition("local", "file", model="small", file=file or the_file(), memory_mb=memory_mb)
    return LocalProvider(definition, 30, idle_seconds=idle_seconds)


async def answered(provider: LocalProvider, request: Request) -> tuple[str, Finished]:
    text = ""
    async for event in provider.stream(request):
        if isinstance(event, Finished):
            return text, event
        assert isinstance(event, TextPiece)
        text += event.text
    raise AssertionError("it did not finish")
