"""What a far end can do to a turn: each ends in the right text or a clear error, and the history stays valid."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterable
from typing import Any

import pytest

from cis_tui.agents.conversations import Conversations
from cis_tui.agents.history import INTERRUPTED
from cis_tui.agents.keys import KEY_FILE
from cis_tui.agents.model import BlockKind, Message, Role
from cis_tui.core.clock import utc_now
from cis_tui.core.events import EventType
from cis_tui.core.paths import Home, write_private
from tests.agents import far_end as wire
from tests.agents.desk import Desk
from tests.agents.far_end import FarEnd, Reply


async def test_an_answer_is_streamed_kept_and_counted(desk: Desk, end: FarEnd) -> None:
    end.script = [Reply(wire.text("Hel", "lo", " there"))]
    id, done = await desk.ask("hello?")
    assert done["status"] == "completed"
    assert await desk.last(id) == "Hello there"
    deltas = [event.data for event in desk.events if event.type == EventType.AGENT_DELTA]
    assert "".join(str(data["text"]) for data in deltas) == "Hello there"
    (asked,) = end.messages
    assert asked.headers["authorization"] == "Bearer sk-test-key"
    assert asked.body["stream"] is True and asked.body["model"] == wire.MODEL
    shown = (await desk.engine.agent_conversations())[0]
    assert (shown.title, shown.output, shown.context, shown.window) == ("hello?", 7, 17, 200_000)
    assert shown.cost is not None and round(shown.cost * 1_000_000) == 10 * 2 + 7 * 10


@pytest.mark.parametrize(
    ("reply", "word"),
    [
        (Reply(status=529, body=wire.error("overloaded_error", "busy")), "overloaded"),
        (
            Reply(status=429, body=wire.error("rate_limit_error", "slow"), headers={"retry-after": "0"}),
            "asked too often",
        ),
        (Reply(status=500, body=wire.error("api_error", "oops")), "the service failed"),
        (Reply(status=503), "the service failed"),
        (Reply(status=408), "the service failed"),
        (Reply(end="drop"), "cut short"),
        (Reply(wire.text("half")[:3]), "cut short"),
        (Reply(wire.text("half")[:3], end="reset"), "cut short"),
        (Reply([*wire.text("half")[:3], ("error", wire.error("overloaded_error", "busy"))]), "overloaded"),
        (Reply([*wire.text("half")[:3], ("error", wire.error("api_error", "oops"))]), "the service failed"),
        (Reply(["event: message_start\ndata: {broken\n\n"]), "cut short"),
    ],
)
async def test_what_may_go_well_again_is_asked_again(desk: Desk, end: FarEnd, reply: Reply, word: str) -> None:
    end.script = [reply, Reply(wire.text("whole"))]
    id, done = await desk.ask("go")
    assert done["status"] == "completed", done
    assert await desk.last(id) == "whole"
    (told,) = desk.texts("retry")
    assert told.startswith(word) and told.endswith("(2/5)")
    assert len(end.messages) == 2


@pytest.mark.parametrize(
    ("reply", "code", "exit"),
    [
        (Reply(status=401, body=wire.error("authentication_error", "bad key")), "CIS-AGENT-003", 6),
        (Reply(status=400, body=wire.error("invalid_request_error", "no")), "CIS-AGENT-005", 5),
        (Reply(status=402, body=wire.error("billing_error", "pay")), "CIS-AGENT-011", 6),
        (Reply(status=403, body=wire.error("permission_error", "no")), "CIS-AGENT-004", 4),
        (Reply(status=404, body=wire.error("not_found_error", "model")), "CIS-AGENT-006", 3),
        (Reply(status=413, body=wire.error("request_too_large", "big")), "CIS-AGENT-007", 5),
        (
            Reply(status=429, body=wire.error("rate_limit_error", "spent", "enforced_spend_limit_reached")),
            "CIS-AGENT-011",
            6,
        ),
        (
            Reply(status=429, body=wire.error("rate_limit_error", "slow"), headers={"retry-after": "7200"}),
            "CIS-AGENT-009",
            6,
        ),
        (Reply(wire.text("I will not", stop="refusal")), "CIS-AGENT-021", 4),
        (Reply(wire.text("so far", stop="max_tokens")), "CIS-AGENT-022", 1),
        (Reply(wire.text("so far", stop="model_context_window_exceeded")), "CIS-AGENT-020", 5),
    ],
)
async def test_what_cannot_go_well_is_not_asked_again(
    desk: Desk, end: FarEnd, reply: Reply, code: str, exit: int
) -> None:
    end.script = [reply]
    id, done = await desk.ask("go")
    assert (done["status"], done["error"]["code"], done["error"]["exit"]) == ("failed", code, exit)
    assert len(end.messages) == 1 and not desk.texts("retry")
    # The conversation goes on all the same: what is sent next is valid.
    _, done = await desk.ask("and now?", id=id)
    assert done["status"] == "completed" and await desk.last(id) == "ok"


async def test_a_key_that_was_refused_is_looked_up_again(
    desk: Desk, end: FarEnd, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")

    def put(key: str) -> None:
        write_private(home.keys / KEY_FILE, f'"{end.url}" = "{key}"\n'.encode())

    put("sk-old")
    end.script = [Reply(status=401, body=wire.error("authentication_error", "bad key"))]
    id, done = await desk.ask("go")
    assert done["error"]["code"] == "CIS-AGENT-003"
    put("sk-new")
    _, done = await desk.ask("and now?", id=id)
    assert done["status"] == "completed"
    assert [asked.headers["authorization"] for asked in end.messages] == ["Bearer sk-old", "Bearer sk-new"]


async def test_after_five_attempts_it_is_given_up(desk: Desk, end: FarEnd) -> None:
    end.script = [Reply(status=529, body=wire.error("overloaded_error", "busy"))] * 9
    _, done = await desk.ask("go")
    assert (done["status"], done["error"]["code"]) == ("failed", "CIS-AGENT-008")
    assert len(end.messages) == 5
    assert [text.rsplit("(")[-1] for text in desk.texts("retry")] == ["2/5)", "3/5)", "4/5)", "5/5)"]


async def test_a_long_wait_that_a_service_asks_for_is_seen_and_can_be_ended(desk: Desk, end: FarEnd) -> None:
    end.script = [Reply(status=429, body=wire.error("rate_limit_error", "slow"), headers={"retry-after": "900"})]
    id = (await desk.engine.agent_new("")).id
    sent = await desk.engine.agent_send(id, "go")
    told = (await desk.step("retry")).data
    assert (told["text"], told["wait"]) == ("asked too often, again in 15 min (2/5)", 900)
    view = await desk.engine.agent_show(id)
    assert view.notice == told["text"] and view.until is not None and 890 < view.until - utc_now() <= 900
    assert (await desk.engine.agent_stop(id)).answer
    assert (await desk.ended(sent.turn))["status"] == "cancelled"
    # Where nobody sees it, nothing waits so long.
    end.script = [Reply(status=429, body=wire.error("rate_limit_error", "slow"), headers={"retry-after": "900"})]
    _, done = await desk.ask("go", id=id, attended=False)
    assert done["error"]["code"] == "CIS-AGENT-009"


async def test_silence_is_an_error_after_the_limit(desk: Desk, end: FarEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIS_AGENT_TIMEOUT", "0.2")
    monkeypatch.setattr("cis_tui.agents.retry.ATTEMPTS", 2)
    end.script = [Reply(wire.text("half")[:3], end="stall")] * 2
    id, done = await desk.ask("go")
    assert (done["error"]["code"], done["error"]["exit"]) == ("CIS-AGENT-014", 7)
    assert await desk.last(id) == ""


async def test_unknown_events_blocks_and_stop_reasons_disturb_nothing(desk: Desk, end: FarEnd) -> None:
    odd: list[Any] = [
        wire.start(),
        ("ping", {"type": "ping"}),
        ("something_new", {"type": "something_new", "data": [1]}),
        *wire.block(0, {"type": "hologram", "shape": "cat"}, {"type": "hologram_delta", "x": 1}),
        *wire.said(1, "still here"),
        *wire.end("a_reason_of_tomorrow"),
    ]
    end.script = [Reply(odd)]
    id, done = await desk.ask("go")
    assert done["status"] == "completed" and await desk.last(id) == "still here"
    assert (await desk.messages(id))[-1].stop == "other"


async def test_thinking_is_kept_signed_and_sent_back(desk: Desk, end: FarEnd) -> None:
    end.script = [Reply([wire.start(), *wire.thought(0, "hm"), *wire.said(1, "yes"), *wire.end()])]
    id, _ = await desk.ask("go")
    assert [block.kind for block in (await desk.messages(id))[-1].blocks] == [BlockKind.THINKING, BlockKind.TEXT]
    await desk.ask("more", id=id)
    sent = end.messages[-1].body["messages"][1]["content"]
    assert sent[0] == {"type": "thinking", "thinking": "hm", "signature": "sig"}
    # Another model could not check the signature.
    await desk.engine.agent_use(id, "", model="claude-opus-5-5")
    await desk.ask("and you?", id=id)
    assert [each["type"] for each in end.messages[-1].body["messages"][1]["content"]] == ["text"]


async def test_a_pause_of_the_service_goes_on(desk: Desk, end: FarEnd) -> None:
    end.script = [Reply(wire.text("a moment", stop="pause_turn")), Reply(wire.text("done"))]
    id, done = await desk.ask("go")
    assert done["status"] == "completed" and await desk.last(id) == "done"
    assert end.messages[-1].body["messages"][-1]["role"] == "assistant"


async def test_tools_are_called_in_order_and_answered(desk: Desk, end: FarEnd, home: Home) -> None:
    await desk.engine.memory_set_many((wire_entry("notes/a", "first"), wire_entry("notes/b", "second")))
    end.script = [
        Reply(wire.calls(("t1", "memory_get", {"key": "notes/a"}), ("t2", "memory_get", {"key": "notes/b"}))),
        Reply(wire.text("both read")),
    ]
    id, done = await desk.ask("read them")
    assert done["status"] == "completed" and await desk.last(id) == "both read"
    results = end.messages[-1].body["messages"][-1]["content"]
    assert [(each["tool_use_id"], each["content"]) for each in results] == [("t1", "first"), ("t2", "second")]
    assert [message.number for message in (await desk.engine.agent_show(id, after=2)).messages] == [3, 4]
    await desk.engine.close()
    async with Desk.open(home, desk.folder) as later:
        results = (await later.messages(id))[2].blocks
        assert [block.seconds is not None and 0 <= block.seconds < 5 for block in results] == [True, True]


@pytest.mark.parametrize(
    ("name", "input", "says"),
    [
        ("memory_get", '{"key": "no', "not a JSON object"),
        ("memory_get", "[1, 2]", "not a JSON object"),
        ("memory_get", {}, '"key" is missing'),
        ("memory_get", {"key": 3}, "not of type string"),
        ("memory_get", {"key": "a", "extra": 1}, 'no "extra"'),
        ("memory_fetch", {"key": "a"}, "there is no tool memory_fetch"),
        ("memory_get", {"key": "gone"}, "there is no entry gone"),
    ],
)
async def test_a_wrong_call_is_told_to_the_model(
    desk: Desk, end: FarEnd, name: str, input: dict[str, Any] | str, says: str
) -> None:
    end.script = [Reply(wire.calls(("t1", name, input))), Reply(wire.text("I see"))]
    id, done = await desk.ask("go")
    assert done["status"] == "completed" and await desk.last(id) == "I see"
    (result,) = end.messages[-1].body["messages"][-1]["content"]
    assert result["is_error"] and says in result["content"]


async def test_a_call_that_is_cut_off_by_the_limit_gets_a_result(desk: Desk, end: FarEnd) -> None:
    cut = [wire.start(), *wire.call(0, "t1", "memory_get", '{"key": "no'), *wire.end("max_tokens")]
    end.script = [Reply(cut)]
    id, done = await desk.ask("go")
    assert done["error"]["code"] == "CIS-AGENT-022"
    await desk.ask("go on", id=id)
    assert end.messages[-1].body["messages"][2]["content"][0]["content"] == INTERRUPTED


async def test_a_stop_keeps_what_was_said_and_says_what_it_stopped(desk: Desk, end: FarEnd) -> None:
    end.script = [Reply(wire.text("half of it")[:3], end="stall")]
    id = (await desk.engine.agent_new("")).id
    sent = await desk.engine.agent_send(id, "go")
    waiting = await desk.engine.agent_send(id, "and then?")
    assert waiting.queued
    for text in ("one more", "the last one"):
        await desk.engine.agent_send(id, text)
    await desk.until(lambda event: event.type == EventType.AGENT_DELTA)
    assert await desk.engine.agent_take_back(id, last=1) == ("the last one",)
    assert await desk.engine.agent_take_back(id, last=1) == ("one more",)
    stopped = await desk.engine.agent_stop(id)
    assert (stopped.answer, stopped.queued) == (True, ("and then?",))
    assert (await desk.ended(sent.turn))["status"] == "cancelled"
    last = (await desk.messages(id))[-1]
    assert (last.text, last.stop) == ("half of it", "interrupted")
    async with asyncio.timeout(5):
        await end.aborted.wait()
    assert (await desk.ask("again", id=id))[1]["status"] == "completed"


async def test_a_turn_that_is_stopped_twice_is_told_once_that_it_ended(
    desk: Desk, end: FarEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    end.script = [Reply(wire.text("half of it")[:3], end="stall")]
    id = (await desk.engine.agent_new("")).id
    sent = await desk.engine.agent_send(id, "go")
    await desk.until(lambda event: event.type == EventType.AGENT_DELTA)
    keeping, again = threading.Event(), threading.Event()
    append = Conversations.append

    def slowly(self: Conversations, id: str, message: Message, *, taking: Iterable[str] = ()) -> Message:
        keeping.set()
        again.wait(10)
        return append(self, id, message, taking=taking)

    monkeypatch.setattr(Conversations, "append", slowly)
    first = asyncio.create_task(desk.engine.agent_stop(id))
    await asyncio.to_thread(keeping.wait, 10)
    second = asyncio.create_task(desk.engine.agent_stop(id))
    await asyncio.sleep(0.05)
    again.set()
    assert (await first).answer and (await second).answer
    assert (await asyncio.wait_for(desk.ended(sent.turn), 10))["status"] == "cancelled"
    assert (await desk.messages(id))[-1].text == "half of it"


async def test_a_prompt_that_was_to_steer_a_turn_that_failed_is_a_turn_of_its_own(desk: Desk, end: FarEnd) -> None:
    id = (await desk.engine.agent_new("")).id
    end.script = [Reply([*wire.text("half")[:3], ("error", wire.error("invalid_request_error", "no"))], held=True)]
    failing = await desk.engine.agent_send(id, "go")
    await asyncio.wait_for(end.told.wait(), 10)
    assert (await desk.engine.agent_send(id, "rather this way", steer=True)).steers
    end.go.set()
    assert (await desk.ended(failing.turn))["status"] == "failed"
    await desk.ask("and this", id=id)
    said = [(message.role.value, message.text) for message in await desk.messages(id)]
    assert said == [
        ("user", "go"),
        ("user", "rather this way"),
        ("assistant", "ok"),
        ("user", "and this"),
        ("assistant", "ok"),
    ]


async def test_a_prompt_that_steers_joins_at_the_next_step(desk: Desk, end: FarEnd) -> None:
    end.script = [
        Reply(wire.calls(("t1", "memory_list", {})), held=True),
        Reply(wire.text("as you say")),
        Reply(wire.text("later")),
    ]
    id = (await desk.engine.agent_new("")).id
    sent = await desk.engine.agent_send(id, "go")
    await asyncio.wait_for(end.told.wait(), 10)
    assert (await desk.engine.agent_send(id, "rather this way", steer=True)).steers
    queued = await desk.engine.agent_send(id, "afterwards")
    end.go.set()
    await desk.ended(sent.turn)
    content = end.messages[1].body["messages"][-1]["content"]
    assert [each["type"] for each in content] == ["tool_result", "text"]
    assert content[1]["text"] == "rather this way"
    assert (await desk.ended(queued.turn))["status"] == "completed" and await desk.last(id) == "later"


async def test_hostile_text_has_no_control_characters_left(desk: Desk, end: FarEnd) -> None:
    end.script = [Reply(wire.text("a\x1b]52;c;ZXZpbA==\x07b", "\x9b31mred \u202egnp"))]
    id, _ = await desk.ask("go")
    told = "".join(str(event.data["text"]) for event in desk.events if event.type == EventType.AGENT_DELTA)
    for text in (await desk.last(id), told, await desk.engine.agent_export(id)):
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(text)


async def test_what_it_knows_is_what_was_sent(desk: Desk, end: FarEnd) -> None:
    await desk.engine.memory_set(wire_entry("notes/coffee", "the coffee machine is in room 5"))
    id, _ = await desk.ask("where is the coffee machine?")
    body = end.messages[-1].body
    known = await desk.engine.agent_context(id)
    by_name = {part.name: part.text for part in known.parts}
    assert known.sent and known.keys == ("notes/coffee",)
    assert json.loads(by_name["history"]) == body["messages"]
    assert json.loads(by_name["tools"]) == body["tools"]
    assert by_name["base"] in body["system"][0]["text"] and "room 5" in by_name["memory"]
    assert body["system"][0]["cache_control"] == {"type": "ephemeral"}
    items = {part.name: [item.name for item in part.items] for part in known.parts}
    assert items["memory"] == ["notes/coffee"] and items["history"] == ["person"]
    assert items["tools"] == [tool["name"] for tool in body["tools"]]
    (memory,) = (part for part in known.parts if part.name == "memory")
    assert 0 < memory.items[0].tokens < memory.tokens


async def test_the_frozen_beginning_is_the_same_from_turn_to_turn(desk: Desk, end: FarEnd) -> None:
    id, _ = await desk.ask("one")
    await desk.engine.memory_set(wire_entry("notes/x", "two and three"))
    await desk.ask("two", id=id)
    first, second = (asked.body for asked in end.messages)
    assert first["system"] == second["system"] and first["tools"] == second["tools"]
    assert second["messages"][: len(first["messages"])] == first["messages"]


async def test_forks_searches_names_and_exports(desk: Desk, end: FarEnd) -> None:
    end.script = [Reply([wire.start(), *wire.thought(0, "hm"), *wire.said(1, "a walrus"), *wire.end()])]
    id, _ = await desk.ask("which animal?")
    await desk.ask("and another?", id=id)
    fork = await desk.engine.agent_fork(id, upto=2)
    assert (fork.messages, fork.forked_from, fork.cost) == (2, id, None)
    _, done = await desk.ask("why?", id=fork.id)
    assert done["status"] == "completed"
    assert len(await desk.messages(id)) == 4
    assert {each.id for each in await desk.engine.agent_conversations(query="WALRUS")} == {id, fork.id}
    assert await desk.engine.agent_conversations(query="100%") == ()
    assert (await desk.engine.agent_rename(fork.id, "Animals\n\x1b[31m")).title == "Animals"
    export = await desk.engine.agent_export(id)
    assert export.startswith("# which animal?") and "a walrus" in export and "hm" not in export
    await desk.engine.agent_delete(fork.id)
    assert [each.id for each in await desk.engine.agent_conversations()] == [id]


async def test_a_history_torn_by_a_kill_is_sent_whole(desk: Desk, end: FarEnd) -> None:
    """As a kill between a call and its result would leave it."""
    end.script = [Reply(wire.calls(("t1", "memory_list", {})))]
    id = (await desk.engine.agent_new("")).id
    await desk.ask("go", id=id)
    store = desk.engine._agents._store  # pyright: ignore[reportPrivateUsage]
    with store._open() as file:  # pyright: ignore[reportPrivateUsage]
        file.run("DELETE FROM messages WHERE conversation = ? AND number > 2", (id,))
    _, done = await desk.ask("are you there?", id=id)
    assert done["status"] == "completed"
    roles = [message["role"] for message in end.messages[-1].body["messages"]]
    assert roles == ["user", "assistant", "user"]


def wire_entry(key: str, value: str) -> Any:
    from cis_tui.memory.records import Domain, MemoryWrite

    return MemoryWrite(key, value, Domain.PUBLIC)


def test_the_far_end_refuses_what_the_service_would() -> None:
    use: dict[str, Any] = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "x", "input": {}}]}
    ask = {"role": Role.USER.value, "content": [{"type": "text", "text": "hi"}]}
    assert "without tool_result" in wire.invalid({"messages": [ask, use, ask]})
    assert "alternate" in wire.invalid({"messages": [ask, ask]})
    assert wire.invalid({"messages": [ask]}) == ""
