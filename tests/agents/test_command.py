"""`cis agent` from outside: what a script sees, what a kill leaves."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from asyncio.subprocess import PIPE, Process

import pytest

from cis_tui.core.paths import Home
from tests import zygote
from tests.agents import far_end as wire
from tests.agents.desk import Desk
from tests.agents.far_end import FarEnd, Reply
from tests.cli.support import CIS


async def cis(*words: str, stdin: str = "", **env: str) -> tuple[int, str, str]:
    """The exit code, stdout and stderr of a command."""
    environment = {**os.environ, **env}
    done = await asyncio.to_thread(zygote.run, *words, input=stdin.encode(), env=environment, also=("anthropic",))
    return done.returncode, done.stdout.decode(), done.stderr.decode()


async def started(*words: str, **env: str) -> Process:
    return await asyncio.create_subprocess_exec(
        CIS, *words, stdin=PIPE, stdout=PIPE, stderr=PIPE, env={**os.environ, **env}
    )


@pytest.fixture(autouse=True)
def far(end: FarEnd, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", end.url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test-key")
    monkeypatch.setenv("CIS_AGENT_TIMEOUT", "5")


async def test_a_script_gets_the_answer_and_nothing_else(end: FarEnd) -> None:
    overloaded = Reply(status=529, body=wire.error("overloaded_error", "busy"))
    end.script = [overloaded, Reply(wire.text("from", " stdin"))]
    code, out, err = await cis("agent", "ask", "-", "--json", stdin="a question")
    answer = json.loads(out)
    assert (code, answer["text"], answer["model"]) == (0, "from stdin", wire.MODEL)
    assert "overloaded, again in" in err
    id = answer["conversation"]
    code, out, _ = await cis("agent", "ask", "and?", "--conversation", id)
    assert (code, out) == (0, "ok\n")
    assert len(end.messages[-1].body["messages"]) == 3
    listed = json.loads((await cis("agent", "conversations", "--search", "STDIN", "--json"))[1])
    assert [(each["id"], each["messages"]) for each in listed] == [(id, 4)]
    assert "from stdin" in (await cis("agent", "show", id[:6]))[1]
    assert (await cis("agent", "delete", id))[0] == 0
    assert (await cis("agent", "show", id))[0] == 3
    end.script = [Reply(wire.text("no", stop="refusal"))]
    code, out, _ = await cis("agent", "ask", "and?", "--json")
    assert code == 4 and json.loads(out)["error"]["code"] == "CIS-AGENT-021"


async def test_retries_are_told_on_stderr(end: FarEnd) -> None:
    end.script = [Reply(wire.text("half")[:3]), Reply(wire.text("whole"))]
    code, out, err = await cis("agent", "ask", "what?")
    assert (code, out) == (0, "whole\n")
    assert "cut short, again in" in err and "(2/5)" in err


@pytest.mark.parametrize(
    ("reply", "code", "says"),
    [
        (Reply(status=401, body=wire.error("authentication_error", "bad")), 6, "ANTHROPIC_API_KEY"),
        (Reply(wire.text("no", stop="refusal")), 4, "declined"),
        (Reply(wire.text("so far", stop="max_tokens")), 1, "Go on exactly where you stopped"),
        (Reply(status=404, body=wire.error("not_found_error", "gone")), 3, "does not know this model"),
    ],
)
async def test_a_failure_prints_no_half_answer(end: FarEnd, reply: Reply, code: int, says: str) -> None:
    end.script = [reply]
    exit, out, err = await cis("agent", "ask", "what?")
    assert (exit, out) == (code, "") and says in err


async def test_without_a_key_memory_answers_and_says_so(monkeypatch: pytest.MonkeyPatch, end: FarEnd) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.delenv("ANTHROPIC_BASE_URL")
    monkeypatch.setenv("CIS_AGENT_DEFAULT", "offline")  # what answers by itself where no model is installed
    await cis("memory", "set", "notes/coffee", "the machine is in room 5", "--domain", "public")
    code, out, _ = await cis("agent", "ask", "where is the coffee machine?")
    assert code == 0 and out.startswith("No model is configured") and "room 5" in out
    code, out, err = await cis("agent", "ask", "hi", "--agent", "claude")
    assert (code, out) == (6, "") and "ANTHROPIC_API_KEY" in err
    code, out, err = await cis("agent", "ask", "hi", "--agent", "cluade")
    assert code == 3 and 'did you mean "claude"' in err
    code, out, _ = await cis("agent", "list", "--json")
    by_name = {agent["name"]: agent for agent in json.loads(out)}
    assert by_name["offline"]["default"] and not by_name["claude"]["ready"]
    assert (await cis("agent", "ask", " "))[0] == 2
    assert end.asked == []


async def test_an_interrupt_stops_the_answer(end: FarEnd) -> None:
    end.script = [Reply(wire.text("so far")[:3], end="stall")]
    process = await started("agent", "ask", "what?")
    await asyncio.wait_for(end.told.wait(), 40)
    process.send_signal(signal.SIGINT)
    out, _ = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, out) == (130, b"")
    await asyncio.wait_for(end.aborted.wait(), 10)


async def test_a_kill_loses_at_most_the_unfinished_message(end: FarEnd, home: Home) -> None:
    end.script = [
        Reply(wire.calls(("t1", "memory_list", {}))),
        Reply(wire.text("a", "b", "c")[:4], end="stall"),
    ]
    process = await started("agent", "ask", "tell me")
    await end.until_asked(2)
    process.kill()
    await process.wait()
    async with Desk.open(home, home.root) as desk:
        (conversation,) = await desk.engine.agent_conversations()
        messages = await desk.messages(conversation.id)
        assert [(each.role.value, bool(each.calls)) for each in messages] == [
            ("user", False),
            ("assistant", True),
            ("user", False),
        ]
        _, done = await desk.ask("again", id=conversation.id)
        assert done["status"] == "completed" and await desk.last(conversation.id) == "ok"
