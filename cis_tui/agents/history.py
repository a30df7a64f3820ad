"""A conversation as a service takes it: valid whatever happened to it before. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from cis_tui.agents.model import Block, BlockKind, Message, Role

INTERRUPTED = "[interrupted: this call was stopped before it had a result]"
_THOUGHTS = (BlockKind.THINKING, BlockKind.REDACTED)
_SAID = (BlockKind.TEXT, BlockKind.CONTEXT)


def interrupted(call: Block) -> Block:
    """The result of a call that was stopped."""
    return Block(BlockKind.TOOL_RESULT, INTERRUPTED, id=call.id, name=call.name, error=True, by=call.by)


def valid_history(messages: Iterable[Message], model: str) -> tuple[Message, ...]:
    """What is sent of a conversation: every call has its result in the next message, roles alternate from the user on,
    nothing is empty, and thinking of another model than `model` is left out.
    """
    kept = tuple(replace(message, blocks=_sendable(message, model)) for message in messages)
    while (valid := _mended(kept)) != kept:
        kept = valid  # what was left out may have stood between two messages of one role
    return kept


def _mended(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    turns = [_joined(list(group)) for _, group in groupby((each for each in messages if each.blocks), _role)]
    while turns and turns[0].role is not Role.USER:
        del turns[0]
    mended: list[Message] = []
    for turn in turns:
        open = mended[-1].calls if mended and mended[-1].role is Role.ASSISTANT else ()
        mended.append(_answering(turn, open) if turn.role is Role.USER else turn)
    if mended and mended[-1].role is Role.ASSISTANT and mended[-1].calls:
        results = tuple(interrupted(call) for call in mended[-1].calls)
        mended.append(Message(Role.USER, results, mended[-1].at))
    return tuple(message for message in mended if message.blocks)


def without_thinking(message: Message) -> Message:
    """A message for another conversation, where its thinking does not count."""
    return replace(message, blocks=tuple(block for block in message.blocks if block.kind not in _THOUGHTS))


def _role(message: Message) -> Role:
    return message.role


def _joined(group: list[Message]) -> Message:
    return replace(group[0], blocks=tuple(block for message in group for block in message.blocks))


def _sendable(message: Message, model: str) -> tuple[Block, ...]:
    return tuple(
        _told(block)
        for block in message.blocks
        if not (block.kind is BlockKind.TOOL_RESULT and block.by)
        and not (block.kind in _THOUGHTS and block.model != model)
        and not (block.kind in _SAID and not block.text.strip())
    )


def _told(block: Block) -> Block:
    """A block as a service takes it: of what a program did by itself it is told in words, for it has no such tool."""
    if block.kind is not BlockKind.TOOL_USE or not block.by:
        return block
    return Block(BlockKind.TEXT, f"[{block.by} did: {block.input.get('title') or block.name}]")


def _answering(turn: Message, calls: Sequence[Block]) -> Message:
    """`turn` with one result first for each of `calls`, and none for other calls."""
    given = {block.id: block for block in turn.blocks if block.kind is BlockKind.TOOL_RESULT}
    results = tuple(given.get(call.id) or interrupted(call) for call in calls)
    rest = tuple(block for block in turn.blocks if block.kind is not BlockKind.TOOL_RESULT)
    return replace(turn, blocks=results + rest)
