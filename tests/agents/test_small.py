"""What a small model is told of a conversation."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from cis_tui.agents.model import Block, BlockKind, Message, Role
from cis_tui.agents.provider import Request, ToolSpec
from cis_tui.agents.small import SYSTEM, answer_room, plain, simplified
from cis_tui.core.clock import Instant

AT = Instant(0)
KINDS = st.sampled_from([BlockKind.TEXT, BlockKind.CONTEXT, BlockKind.THINKING, BlockKind.TOOL_USE, BlockKind.REDACTED])


def said(role: Role, *blocks: Block | str) -> Message:
    return Message(role, tuple(Block(BlockKind.TEXT, each) if isinstance(each, str) else each for each in blocks), AT)


def memory(*lines: str) -> Block:
    return Block(BlockKind.CONTEXT, "\n".join(("From memory:", *lines)), keys=tuple(line[0] for line in lines))


def asked(*messages: Message, window: int = 2048) -> Request:
    tools = (ToolSpec("file_read", "reads", {}),)
    return simplified(Request("a long guide", messages, tools, max_tokens=16_000), window)


def test_it_has_no_tools_and_no_guide_and_leaves_room_for_the_answer() -> None:
    small = asked(said(Role.USER, "hi"))
    assert (small.tools, small.system, small.max_tokens) == ((), SYSTEM, 512)
    assert plain(small) == [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "hi"}]
    assert answer_room(2048, 100) == 100


def test_calls_of_tools_that_others_made_are_left_out() -> None:
    call = Block(BlockKind.TOOL_USE, id="t1", name="file_read")
    result = Block(BlockKind.TOOL_RESULT, "secret sauce", id="t1", name="file_read")
    small = asked(
        said(Role.USER, "read it"), said(Role.ASSISTANT, "well", call), said(Role.USER, result), said(Role.USER, "and?")
    )
    assert [each["content"] for each in plain(small)] == [SYSTEM, "read it", "well", "and?"]


def test_memory_goes_with_the_newest_prompt_alone_and_as_far_as_it_has_room() -> None:
    first = said(Role.USER, memory("a: old"), "one")
    newest = said(Role.USER, memory("b: new", f"c: {'x' * 3000}"), "two")
    small = asked(first, said(Role.ASSISTANT, "ok"), newest)
    assert [each["content"] for each in plain(small)][1:] == ["one", "ok", "From memory:\nb: new\n\ntwo"]
    assert small.messages[-1].blocks[0].keys == ("b",)
    huge = asked(said(Role.USER, memory(f"c: {'x' * 3000}"), "two"))
    assert plain(huge)[1]["content"] == "two"


def test_of_a_conversation_beyond_all_bounds_the_end_is_left() -> None:
    messages = [said(Role(role), f"{number} {'x' * 2000}") for number in range(200) for role in ("user", "assistant")]
    kept = plain(asked(*messages, said(Role.USER, "the last"), window=256))
    assert kept[1]["role"] == "user" and kept[-1]["content"] == "the last" and len(kept) < 10
    (only,) = plain(asked(said(Role.USER, "x" * 1_000_000), window=256))[1:]
    assert len(only["content"]) == 1_000_000, "that it is too long is said, not hidden"


def test_prompts_that_nobody_answered_do_not_weigh_on_the_next_one() -> None:
    failed, next = replace(said(Role.USER, "x" * 100_000), turn="a"), replace(said(Role.USER, "hi"), turn="b")
    assert [each["content"] for each in plain(asked(failed, next))] == [SYSTEM, "hi"]
    steered = replace(said(Role.USER, "and in French"), turn="b")
    assert plain(asked(failed, next, steered))[-1]["content"] == "hi\n\nand in French"


def _message(role: Role, kinds: list[BlockKind]) -> Message:
    return said(role, *(Block(kind, "some text", id="t", keys=("k",)) for kind in kinds))


MESSAGES = st.builds(
    _message,
    role=st.sampled_from(Role),
    kinds=st.lists(KINDS, max_size=3),
)


@given(st.lists(MESSAGES, max_size=12))
def test_whatever_was_said_it_alternates_and_ends_with_the_prompt(messages: list[Message]) -> None:
    roles = [each["role"] for each in plain(asked(*messages, said(Role.USER, "the prompt")))]
    assert roles[0] == "system" and roles[1::2] == ["user"] * len(roles[1::2])
    assert set(roles[2::2]) <= {"assistant"} and roles[-1] == "user"
