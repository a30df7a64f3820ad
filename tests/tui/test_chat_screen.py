"""The chat screen on a real engine that asks a scripted far end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from cis_tui.core.paths import Home
from cis_tui.tui.app import CisApp
from cis_tui.tui.screens.chat import ChatScreen
from tests.agents.far_end import FarEnd, Reply, calls, error, far_end, said, start, text, thought
from tests.agents.far_end import end as finish
from tests.tui.helpers import attached, text_of, until
from tests.tui.test_live import Seconds


@pytest.fixture
async def end(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[FarEnd]:
    """A far end that answers "ok" unless it is told otherwise, and is the default agent's."""
    monkeypatch.setattr("cis_tui.agents.retry._FIRST", 0.01)
    async with far_end() as end:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", end.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test-key")
        yield end


def chat(app: CisApp) -> ChatScreen:
    screen = app.screen_stack[0]
    assert isinstance(screen, ChatScreen)
    return screen


async def test_a_prompt_is_answered(home: Home, project: Path, end: FarEnd) -> None:
    end.script = [
        Reply([start(), *thought(0, "hmm, let me see"), *said(1, "Hello **you**, ", "`x` it is."), *finish()])
    ]
    async with attached(home, project, size=(80, 24)) as (app, pilot):
        await pilot.press("4")
        await pilot.press(*"hi there", "enter")
        await until(pilot, lambda: "Hello you, x it is." in text_of(app) and not chat(app).chat.busy)
        assert "❯ hi there" in text_of(app)
        assert "thought  4 words" in text_of(app)
        assert "claude-sonnet-5-5" in text_of(app)


async def test_a_tool_is_asked_about_in_place(home: Home, trusted: Path, end: FarEnd) -> None:
    first, second = ({"path": f"docs/{name}", "content": "one\ntwo\n"} for name in ("a.txt", "b.txt"))
    end.script = [
        Reply(calls(("c1", "file_write", first), ("c2", "file_write", second))),
        Reply(text("Written.")),
    ]
    async with attached(home, trusted, size=(100, 34), timer=Seconds()) as (app, pilot):
        await pilot.press("4")
        await pilot.press(*"write it", "enter")
        await until(pilot, lambda: "+one" in text_of(app))
        await pilot.press("y")
        assert not (trusted / "docs").exists()
        await pilot.press("shift+tab", "p")
        await until(pilot, lambda: "Never ask again about" in text_of(app))
        await pilot.press("down", "enter")
        await until(pilot, lambda: "Written." in text_of(app) and not chat(app).chat.busy)
        assert (trusted / "docs/a.txt").read_text() == (trusted / "docs/b.txt").read_text() == "one\ntwo\n"
        assert '"file_write:docs/*" = "mechanical"' in (home.root / "policy.toml").read_text()


async def test_what_is_said_meanwhile_waits_or_steers_and_esc_takes_it_back_then_stops(
    home: Home, project: Path, end: FarEnd
) -> None:
    end.script = [Reply([start(), *said(0, "Half an ans")], end="stall")]
    async with attached(home, project) as (app, pilot):
        await pilot.press("4")
        await pilot.press(*"go", "enter")
        await until(pilot, lambda: "Half an ans" in text_of(app))
        await pilot.press(*"and then", "tab", *"at last", "tab")
        await until(pilot, lambda: "queued (2): and then | at last" in text_of(app))
        await pilot.press("escape")
        await until(pilot, lambda: "queued (1): and then" in text_of(app) and chat(app).text.text == "at last")
        await pilot.press("escape")
        await until(pilot, lambda: "queued" not in text_of(app) and chat(app).text.text == "and then\n\nat last")
        await pilot.press("escape")
        await until(pilot, lambda: "stopped: the answer" in text_of(app) and not chat(app).chat.busy)
        assert "Half an ans" in text_of(app)
        assert "interrupted" in text_of(app)
        await asyncio.wait_for(end.aborted.wait(), 10)
        await pilot.press("escape", "1")
        await until(pilot, lambda: app.current_mode == "memory")


async def test_another_attempt_is_counted_down_and_an_unfinished_answer_goes_on(
    home: Home, project: Path, end: FarEnd
) -> None:
    busy = Reply(status=529, headers={"retry-after": "30"}, body=error("overloaded_error", "Overloaded"))
    end.script = [busy, Reply(text("It begins", stop="max_tokens")), Reply(text(" and ends."))]
    async with attached(home, project) as (app, pilot):
        await pilot.press("4")
        await pilot.press(*"go", "enter")
        left = re.compile(r"overloaded, again in \d+ s \(2/5\)")
        await until(pilot, lambda: left.search(text_of(app)))
        first = left.search(text_of(app))
        await until(pilot, lambda: first and first[0] not in text_of(app) and left.search(text_of(app)))
        await pilot.press("ctrl+o")
        await until(pilot, lambda: "cut off" in text_of(app) and "Ctrl+O go on" in text_of(app))
        await pilot.press("ctrl+o")
        await until(pilot, lambda: "and ends." in text_of(app) and not chat(app).chat.busy)
        assert "Ctrl+O" not in text_of(app) and "exactly where you stopped" in end.messages[-1].text


async def test_an_answer_that_ends_elsewhere_marks_the_tab(home: Home, project: Path, end: FarEnd) -> None:
    end.script = [Reply([start(), *said(0, "one ", "two ", "three"), *finish()], held=True)]
    async with attached(home, project) as (app, pilot):
        await pilot.press("4")
        await pilot.press(*"go", "enter")
        await until(pilot, lambda: "one" in text_of(app))
        await pilot.press("pageup", "shift+tab", "2")
        end.go.set()
        await until(pilot, lambda: "4 Chat•" in text_of(app))
        await pilot.press("4")
        await until(pilot, lambda: "one two three" in text_of(app))
        assert "Chat•" not in text_of(app)


async def test_a_conversation_is_there_again_below_what_was_seen(home: Home, project: Path, end: FarEnd) -> None:
    async with attached(home, project) as (app, pilot):
        await pilot.press("4")
        await pilot.press(*"first", "enter")
        await until(pilot, lambda: end.messages and "ok" in text_of(app) and not chat(app).chat.busy)
        id = chat(app).chat.id
        kept = home.root / "workspace.json"
        await until(pilot, lambda: kept.is_file() and f"{id} 2" in kept.read_text())
        app.action_show("dags")
        await until(pilot, lambda: '"screen": "dags"' in kept.read_text())
    async with attached(home, project) as (app, pilot):
        engine = app.link.api
        await engine.agent_send(id, "second")
        await until(pilot, lambda: "4 Chat•" in text_of(app))
        await pilot.press("4")
        await until(pilot, lambda: "❯ second" in text_of(app))
        lines = text_of(app).splitlines()
        new = next(number for number, line in enumerate(lines) if "── new" in line)
        assert any("❯ first" in line for line in lines[:new])
        assert any("❯ second" in line for line in lines[new:])


async def test_conversations_are_listed_searched_resumed_and_forked(home: Home, project: Path, end: FarEnd) -> None:
    async with attached(home, project) as (app, pilot):
        await pilot.press("4")
        for words in ("about apples", "about pears"):
            await pilot.press(*words, "enter")
            await until(pilot, lambda words=words: f"❯ {words}" in text_of(app) and not chat(app).chat.busy)
            await pilot.press(*"/new", "enter")
            await until(pilot, lambda: "Nothing was said yet" in text_of(app))
        await pilot.press(*"/sessions", "enter")
        await until(pilot, lambda: "about apples" in text_of(app) and "about pears" in text_of(app))
        await pilot.press(*"apples")
        await until(pilot, lambda: "about pears" not in text_of(app))
        await pilot.press("enter")
        await until(pilot, lambda: "❯ about apples" in text_of(app) and "ok" in text_of(app))
        before = chat(app).chat.id
        await pilot.press("escape", "home", "f")
        await until(pilot, lambda: chat(app).chat.id not in ("", before))
        await until(pilot, lambda: "❯ about apples" in text_of(app))
        assert " ok" not in text_of(app)
        await pilot.press("i", *"/export out.md", "enter")
        await until(pilot, lambda: (project / "out.md").is_file())
        assert "about apples" in (project / "out.md").read_text()
        await pilot.press(*"/export out.md", "enter")
        await until(pilot, lambda: "is there already" in text_of(app))


async def test_without_a_model_memory_answers_and_it_is_said(
    home: Home, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIS_AGENT_DEFAULT", "offline")  # what answers by itself where no model is installed
    async with attached(home, project) as (app, pilot):
        await pilot.press("4")
        await until(pilot, lambda: "no model is configured" in text_of(app))
        await pilot.press(*"# drinks = coffee with milk", "enter")
        await until(pilot, lambda: "remembered, public: drinks = coffee with milk" in text_of(app))
        await pilot.press(*"# token = sk-ant-api03-abcdefghijklmnopqrstuvwxyz012345", "enter")
        await until(pilot, lambda: "remembered, private" in text_of(app))
        assert "sk-ant" not in text_of(app)
        await pilot.press(*"coffee?", "enter")
        await until(pilot, lambda: "nobody thought about this" in text_of(app) and "coffee with milk" in text_of(app))
        assert "remembered, public: drinks" in text_of(app), "what was noted before anything was said is gone"
        await pilot.press(*"/context", "enter")
        await until(pilot, lambda: "What was sent" in text_of(app))
        await pilot.press("slash", *"with milk", "enter")
        await until(pilot, lambda: text_of(app).count("coffee with milk") > 1)


async def test_a_command_of_ones_own_and_its_output_for_the_agent(home: Home, project: Path, end: FarEnd) -> None:
    async with attached(home, project) as (app, pilot):
        await pilot.press("4")
        await pilot.press(*"! echo from-$((40+2)); exit 3", "enter")
        await until(pilot, lambda: "from-42" in text_of(app) and "Ctrl+G gives this output" in text_of(app))
        assert end.messages == []
        await pilot.press("ctrl+g")
        await until(pilot, lambda: end.messages and not chat(app).chat.busy)
        assert "from-42" in end.messages[0].text
        assert chat(app).chat.entries[0].head == "echo from-$((40+2)); exit 3"
        await pilot.press(*"! sleep 300", "enter")
        await until(pilot, lambda: "running" in text_of(app))
        await pilot.press("escape")
        await until(pilot, lambda: "stopped" in text_of(app))


async def test_what_a_skill_can_do_is_run_without_a_model(home: Home, trusted: Path, end: FarEnd) -> None:
    async with attached(home, trusted) as (app, pilot):
        await until(pilot, lambda: any(skill.name == "shell" for skill in app.store.skills))
        await pilot.press("4")
        await pilot.press(*"run shell on 'echo a-skill-spoke'")
        await until(pilot, lambda: "without a model" in text_of(app))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "Answer" in text_of(app) or "failed" in text_of(app))
        assert "a-skill-spoke" in text_of(app)
        assert end.asked == []


async def test_files_and_commands_are_completed_and_wrong_ones_refused(home: Home, project: Path, end: FarEnd) -> None:
    (project / "src").mkdir()
    (project / "src" / "main.py").write_text("")
    async with attached(home, project) as (app, pilot):
        await pilot.press("4")
        await pilot.press(*"look at @smain")
        await until(pilot, lambda: "@src/main.py" in text_of(app))
        await pilot.press("tab")
        assert chat(app).text.text == "look at @src/main.py "
        await pilot.press("ctrl+j", *"two", "enter")
        await until(pilot, lambda: end.messages and not chat(app).chat.busy)
        assert "look at @src/main.py \\ntwo" in end.messages[0].text
        await pilot.press("up")
        assert chat(app).text.text == "look at @src/main.py \ntwo"
        chat(app).text.write("/sesions")
        await pilot.press("enter")
        await until(pilot, lambda: 'did you mean "sessions"' in text_of(app))
        assert chat(app).text.text == "/sesions"
