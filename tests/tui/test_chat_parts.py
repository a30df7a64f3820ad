"""What a conversation looks like, and the parts of its screen that need no engine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cis_tui.agents.definitions import SMALL_MODEL
from cis_tui.agents.model import (
    Activity,
    AgentInfo,
    Block,
    BlockKind,
    ContextItem,
    ContextPart,
    ContextView,
    Conversation,
    ConversationView,
    Message,
    Role,
    Usage,
)
from cis_tui.core.clock import Instant
from cis_tui.core.errors import Invalid
from cis_tui.core.events import Event
from cis_tui.core.paths import Home
from cis_tui.dag.views import DecisionKind, Subject
from cis_tui.tui.chat_context import context_lines
from cis_tui.tui.chat_head import state_line, waiting
from cis_tui.tui.chat_log import ChatLog, Heard, Kind
from cis_tui.tui.chat_words import Does, fuzzy, read_line, remembered_as, word_of
from cis_tui.tui.markdown import Markdown
from cis_tui.tui.own_command import OwnCommand
from cis_tui.tui.paint import Line, Tone, cell_len, line_width, wrap
from cis_tui.tui.screens.chat import ChatScreen
from cis_tui.tui.store import Changes
from cis_tui.tui.widgets.chat_line import ChatLine
from tests.tui.conftest import Compare
from tests.tui.helpers import NOW, ROOT, decision, fill, half_way, paste, show, text_of, until, workspace

CONVERSATION = Conversation(
    "c1",
    ROOT,
    "Why the build fails",
    "claude",
    "claude-sonnet-5-5",
    NOW,
    NOW,
    input=48_200,
    output=3_100,
    cost=0.13,
    context=51_300,
    window=200_000,
)
ANSWER = """## The cause

`main.py` imports **json5**, which is not a dependency:

| file | line |
|------|-----:|
| main.py | 12 |
| io.py | 3 |

1. add it, or
2. use the `json` of the library, see [its page](https://docs.python.org/3/library/json.html)

```python
import json
```
"""
MESSAGES = (
    Message(
        Role.USER,
        (
            Block(BlockKind.CONTEXT, "project/build = just build", keys=("project/build",)),
            Block(BlockKind.TEXT, "why does the build fail?\nlook at main.py"),
        ),
        NOW,
        1,
    ),
    Message(
        Role.ASSISTANT,
        (
            Block(BlockKind.THINKING, "The person wants to know why. I read the file."),
            Block(BlockKind.TOOL_USE, id="t1", name="file_read", input={"path": "src/main.py"}),
        ),
        NOW,
        2,
        agent="claude",
        model="claude-sonnet-5-5",
        usage=Usage(10, 20),
    ),
    Message(
        Role.USER, (Block(BlockKind.TOOL_RESULT, "import json5", id="t1", name="file_read", seconds=0.21),), NOW, 3
    ),
    Message(Role.ASSISTANT, (Block(BlockKind.TEXT, ANSWER),), NOW, 4, agent="claude", model="claude-sonnet-5-5"),
)
AGENTS = (AgentInfo("claude", "messages", "claude-sonnet-5-5", default=True),)


def heard(log: ChatLog, type: str, seconds: float = 0, **data: object) -> Heard:
    event = Event(700, Instant(NOW + seconds), type, {"conversation": "c1", "turn": "t", "project": ROOT, **data})
    return log.take(event)


async def test_a_question_within_an_answer(home: Home, looks_right: Compare) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        fill(app)
        await pilot.press("4")
        screen = app.screen_stack[0]
        assert isinstance(screen, ChatScreen)
        screen.agents = AGENTS
        working = Conversation(**{name: getattr(CONVERSATION, name) for name in CONVERSATION.__dataclass_fields__})
        object.__setattr__(working, "activity", Activity.WORKING)
        screen.chat.load(ConversationView(working, MESSAGES, turn="t"))
        heard(screen.chat, "AgentStep", what="tool", id="t2", name="file_write", state="asked", about="src/main.py")
        screen.chat.asked("t2", "file_write src/main.py\n@@ -1 +1 @@\n-import json5\n+import json")
        asked = decision(
            "file_write", DecisionKind.CONFIRMED, run="", prompt="file_write src/main.py\n@@ -1 +1 @@\n-a\n+b"
        )
        object.__setattr__(asked, "subject", Subject.TOOL)
        object.__setattr__(asked, "call", "c1/t2")
        object.__setattr__(asked, "always", ("file_write:src/main.py", "file_write:src/*"))
        app.store.reset((), (), (asked,))
        screen.show_log()
        show(app, Changes(decisions=True))
        await pilot.press(*"and the tests?")
        await pilot.pause()
        looks_right(app)


async def test_nothing_said_yet_and_no_model(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        fill(app, half_way())
        await pilot.press("4")
        screen = app.screen_stack[0]
        assert isinstance(screen, ChatScreen)
        screen.agents = (AgentInfo("offline", "offline", default=True),)
        screen.show_log()
        await pilot.press("/")
        await pilot.pause()
        assert "No model is configured" in text_of(app) and "/sessions" in text_of(app)


async def test_nothing_said_yet_and_the_small_model(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        fill(app, half_way())
        await pilot.press("4")
        screen = app.screen_stack[0]
        assert isinstance(screen, ChatScreen)
        screen.agents = (AgentInfo("local", "file", SMALL_MODEL, default=True),)
        screen.show_log()
        await pilot.pause()
        print(text_of(app))


def text_of_lines(markdown: Markdown) -> list[list[tuple[str, str]]]:
    return [list(line) for line in [*markdown.lines, *markdown.open_lines]]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["# a", "\n", "\n\n", "```", "|a|b|\n", "|-|-|\n", "**b**", "- c\n", "`d`", "> e", "x"])),
    st.lists(st.integers(0, 60), max_size=5),
)
@example(["|a|b|\n", "\n", "|-|-|\n"], [6])  # another table of as many rows
def test_markdown_looks_the_same_however_it_comes(parts: list[str], cuts: list[int]) -> None:
    text = "".join(parts)
    at_once, piecewise = Markdown(text), Markdown()
    places = sorted({0, *(min(cut, len(text)) for cut in cuts), len(text)})
    for start, end in pairwise(places):
        piecewise.add(text[start:end])
        assert text_of_lines(piecewise) == text_of_lines(Markdown(text[:end]))
    assert text_of_lines(piecewise) == text_of_lines(at_once)


def test_links_say_where_they_lead() -> None:
    assert "".join(text for text, _ in Markdown("see [this](https://x.example/a)").open_lines[0]) == (
        "see this (https://x.example/a)"
    )


def test_events_carry_the_conversation_on_and_gaps_are_seen() -> None:
    log = ChatLog()
    log.load(ConversationView(CONVERSATION, MESSAGES))
    assert [entry.kind for entry in log.entries] == [Kind.MEMORY, Kind.YOU, Kind.THINKING, Kind.TOOL, Kind.ANSWER]
    assert heard(log, "AgentStarted", agent="claude", model="m") is Heard.MORE
    assert heard(log, "AgentDelta", kind="text", at=0, text="Hel") is Heard.SOME
    assert heard(log, "AgentDelta", kind="text", at=1, text="ello") is Heard.SOME
    assert log.entries[-1].text == "Hello"
    assert heard(log, "AgentDelta", kind="text", at=9, text="x") is Heard.MORE
    assert heard(log, "AgentStep", what="message", number=5, role="assistant") is Heard.MORE
    assert log.entries[-1].text == "Hello"
    answer = Message(Role.ASSISTANT, (Block(BlockKind.TEXT, "Hello!"),), NOW, 5)
    log.load(ConversationView(CONVERSATION, (*MESSAGES, answer)))
    assert [entry.text for entry in log.entries][-1] == "Hello!"
    assert [entry.text for entry in log.entries].count("Hello") == 0


def test_the_line_of_what_goes_on_names_the_keys_that_are_bound() -> None:
    def told(intent: str = "", *, output: bool = False) -> str:
        line = state_line(log, NOW, "<{}>".format, below=False, intent=intent, output=output)
        return "".join(text for text, _ in line)

    log = ChatLog()
    assert told(output=True) == " <chat.give> gives this output to the agent"
    assert told(intent="greet") == " <chat.run> runs greet without a model, <chat.send> asks the agent"
    log.unfinished = log.unanswered = True
    assert told() == " <chat.go-on> ask again  "
    log.busy = True
    assert told().endswith("<chat.stop> stop  <chat.send> steer  <chat.queue> queue  ")


def test_a_tool_tells_how_long_it_took_and_why_it_was_refused() -> None:
    log = ChatLog()
    log.load(ConversationView(CONVERSATION, ()))
    heard(log, "AgentStep", what="tool", id="t9", name="file_read", state="running")
    heard(log, "AgentStep", 2.5, what="tool", id="t9", name="file_read", state="done")
    heard(log, "AgentStep", what="tool", id="t8", name="file_write", state="refused", why="refused by a person: no")
    first, second = log.entries
    assert (first.state, first.took) == ("done", 2.5)
    assert (second.state, second.result) == ("refused", "refused by a person: no")


def test_what_a_line_does() -> None:
    assert read_line("hello").does is Does.SAY
    assert read_line("/etc/hosts is what?").does is Does.SAY
    assert read_line("## a heading").does is Does.SAY
    assert (read_line("/rename a b").command, read_line("/rename a b").text) == ("rename", "a b")
    assert read_line("! ls").text == "ls"
    assert remembered_as("user/drink = tea") == ("user/drink", "tea")
    assert remembered_as("We ship on Friday") == ("notes/we-ship-on-friday", "We ship on Friday")
    for wrong in ("/nothing", "#", "!"):
        with pytest.raises(Invalid):
            read_line(wrong)


def test_what_is_completed() -> None:
    files = ("src/main.py", "src/domain/io.py", "README.md")
    assert fuzzy("main", files)[0] == "src/main.py"
    assert fuzzy("sdio", files) == ["src/domain/io.py"]
    assert fuzzy("zzz", files) == []
    assert word_of("look at @src/m") == "@src/m"
    assert word_of("mail me@x") == ""
    assert word_of("/se") == "/se"


def text_in(lines: Iterable[Line]) -> str:
    return "\n".join("".join(piece for piece, _ in line) for line in lines)


def test_a_wait_is_counted_down() -> None:
    said = "overloaded, again in 12 s (2/5)"
    assert waiting(said, None, NOW) == waiting(said, Instant(NOW + 12), NOW) == said
    assert waiting(said, Instant(NOW + 12), Instant(NOW + 3.5)) == "overloaded, again in 9 s (2/5)"
    assert waiting("busy, again in 10 min (2/5)", Instant(NOW + 600), NOW) == "busy, again in 10:00 (2/5)"


def test_what_was_sent_is_shown_whole_and_with_its_sizes() -> None:
    long = "x" * 9000
    sent: list[object] = [{"role": "user", "content": [{"type": "text", "text": f"look\nhere {long}\x1b[2J"}]}]
    called = [{"type": "tool_use", "id": "t1", "name": "file_read", "input": {"path": "a.py"}}]
    sent.append({"role": "assistant", "content": called})
    tools = [{"name": "file_read", "description": "Read.", "input_schema": {"type": "object"}}]
    parts = (
        ContextPart("base", "You work in CIS.", 4),
        ContextPart("tools", json.dumps(tools), 30, (ContextItem("file_read", 30),)),
        ContextPart("history", json.dumps(sent), 2266, (ContextItem("person", 2266),)),
    )
    lines = context_lines(ContextView("claude", "m", parts, (), sent=True), 200_000)
    text = text_in(lines)
    assert "about 2.3k tokens, 1.1% of 200k" in text and "file_read 30" in text and "person 2.3k" in text
    assert "    look\n    here xxx" in text and text.count("x") >= 9000 and "␛[2J" in text and '"path": "a.py"' in text
    assert max(line_width(line) for line in lines) <= 4010


@given(st.text(alphabet="ab 漢e\u0301🙂\t", max_size=300), st.integers(4, 40))
@settings(max_examples=40, deadline=None)
def test_wrapping_keeps_every_letter_within_the_width(text: str, width: int) -> None:
    rows = wrap([("│ ", Tone.DIM), (text, Tone.PLAIN)], width)
    kept = "".join("".join(piece for piece, _ in row[1:]) for row in rows)
    assert kept.replace(" ", "") == text.replace(" ", "")
    assert all(sum(cell_len(piece) for piece, _ in row) <= width for row in rows)


@pytest.mark.parametrize(
    "bomb",
    [
        "`" * 4000,
        "|" + "a|" * 1990 + "\n",
        ("|" + "a|" * 1990 + "\n") * 200,
        "[" * 4000,
        "**a*" * 1000,
        "x" * 200_000,
        "漢" * 100_000,
        "e" + "\u0301" * 50_000,
        ("#" * 4000 + "\n") * 20,
    ],
    ids=range(9),
)
def test_no_markdown_keeps_the_screen_waiting(bomb: str) -> None:
    """What took seconds a line takes none; nothing of a line that is too long is lost."""
    begun = process_time()
    text = Markdown()
    for at in range(0, len(bomb), 4000):
        text.add(bomb[at : at + 4000])
    rows = [row for line in [*text.lines, *text.open_lines] for row in wrap(line, 76)]
    assert process_time() - begun < 1.0
    if bomb[0] == "x":
        assert text_in(rows).count("x") == len(bomb)


async def test_ten_thousand_calls_are_no_burden(home: Home) -> None:
    calls = tuple(
        Block(BlockKind.TOOL_USE, id=f"t{n}", name="file_read", input={"path": f"{n}"}) for n in range(10_000)
    )
    results = tuple(Block(BlockKind.TOOL_RESULT, "x", id=f"t{n}", name="file_read", seconds=1.5) for n in range(10_000))
    messages = (Message(Role.ASSISTANT, calls, NOW, 1), Message(Role.USER, results, NOW, 2))
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        fill(app)
        await pilot.press("4")
        screen = app.screen_stack[0]
        assert isinstance(screen, ChatScreen)
        screen.chat.load(ConversationView(CONVERSATION, messages))
        screen.show_log()
        begun = process_time()
        for _ in range(10):
            screen.show_log()
        assert process_time() - begun < 1.0
        await pilot.pause()
        assert "file_read 9999  1.5s" in text_of(app)


def test_keys_that_a_command_prints_are_not_given_to_the_agent() -> None:
    command = OwnCommand("env", "")
    command.output = "HOME=/home/ada\nKEY=sk-ant-api03-Zq8Jw2Lx9Vb4Nt7Rk1Ph6Gd3Fs5Ym0\n"
    told = command.told_to_agent()
    assert "HOME=/home/ada" in told and "Zq8Jw2" not in told and "left out" in told


async def test_a_command_that_is_cancelled_while_it_starts_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    connect = loop.connect_read_pipe

    async def late(*pipe: Any) -> Any:
        while not (tmp_path / "ready").exists():  # noqa: ASYNC110 - it is another process that is waited for
            await asyncio.sleep(0.01)
        running.cancel()
        return await connect(*pipe)

    monkeypatch.setattr(loop, "connect_read_pipe", late)
    command = OwnCommand("sleep 1000 & touch ready; wait", str(tmp_path))
    running = asyncio.ensure_future(command.run(lambda: None))
    await asyncio.wait({running}, timeout=5)
    assert running.cancelled() and command.stopped


async def test_what_is_pasted_into_the_line_has_room_or_is_left_out_whole(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        fill(app)
        await pilot.press("4")
        await until(pilot, lambda: isinstance(app.focused, ChatLine))
        line = app.focused
        assert isinstance(line, ChatLine)
        paste(app, "words " * 20_000)
        await until(pilot, lambda: "too long to be written here" in text_of(app))
        assert line.text == ""
        paste(app, "few words\n" * 5_000)
        await until(pilot, lambda: line.text == "few words\n" * 5_000)
