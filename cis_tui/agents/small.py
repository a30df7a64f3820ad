"""What a small model on this machine is told: little, for its window is small, and no tools. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, zip_longest

from cis_tui.agents.history import valid_history
from cis_tui.agents.model import Block, BlockKind, Message, Role
from cis_tui.agents.provider import Request

SYSTEM = "You are a helpful assistant. Be brief."
"""A guide, skills and rules would fill the window, and confuse it: measured, it answers best when told least."""
_CHARS_PER_TOKEN = 4
_LONGEST_TOKEN = 16
"""Characters; of what is longer than the window of such tokens nothing fits."""


def answer_room(window: int, max_tokens: int) -> int:
    """Tokens of a window that are kept for the answer."""
    return min(max_tokens, window // 4)


def simplified(request: Request, window: int) -> Request:
    """`request` without tools, and of its messages only what was said, with what memory adds to the newest prompt.

    What cannot fit into `window` tokens at all is left out already; what does fit, only the model can count.
    """
    history = valid_history(_answered(request.messages), request.model)
    newest = max((at for at, each in enumerate(history) if each.role is Role.USER), default=0)
    room = window // 4 * _CHARS_PER_TOKEN
    said = [_said(message, room if at == newest else 0) for at, message in enumerate(history)]
    joined = [_joined(list(group)) for _, group in groupby((each for each in said if each.blocks), lambda m: m.role)]
    size, start = 0, len(joined)
    while start and (size := size + len(joined[start - 1].text)) <= window * _LONGEST_TOKEN:
        start -= 1
    start = min(start, max(0, len(joined) - 1))
    return replace(
        request,
        system=SYSTEM,
        tools=(),
        messages=from_prompt(joined, start),
        max_tokens=answer_room(window, request.max_tokens),
    )


def hopeless(request: Request, window: int) -> bool:
    """Whether the newest prompt cannot fit, as is plain without counting its tokens."""
    return len(_text(request.messages[-1])) > window * _LONGEST_TOKEN


def from_prompt(messages: Sequence[Message], start: int) -> tuple[Message, ...]:
    """`messages` from `start` on, or from the next prompt of a person: a conversation begins with one."""
    while start < len(messages) - 1 and messages[start].role is not Role.USER:
        start += 1
    return tuple(messages[start:])


def plain(request: Request) -> list[dict[str, str]]:
    """The request as a list of who says what, the way models of this kind are trained on."""
    said = [{"role": message.role.value, "content": _text(message)} for message in request.messages]
    return [{"role": "system", "content": request.system}, *said] if request.system else said


def _answered(messages: Sequence[Message]) -> list[Message]:
    """`messages` without the prompts that nobody answered: with one that was too long all that follow would be."""
    return [
        message
        for message, after in zip_longest(messages, messages[1:])
        if after is None or message.role is not after.role or message.turn == after.turn
    ]


def _text(message: Message) -> str:
    return "\n\n".join(block.text for block in message.blocks)


def _said(message: Message, room: int) -> Message:
    blocks = [_shortened(block, room) if block.kind is BlockKind.CONTEXT else block for block in message.blocks]
    kinds = (BlockKind.TEXT, BlockKind.CONTEXT)
    return replace(message, blocks=tuple(block for block in blocks if block.kind in kinds and block.text.strip()))


def _shortened(block: Block, room: int) -> Block:
    """The first lines of what memory says, as far as they have room; nothing if that is none of its entries."""
    kept: list[str] = []
    for line in block.text.splitlines():
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return replace(block, text="\n".join(kept) if len(kept) > 1 else "", keys=block.keys[: max(0, len(kept) - 1)])


def _joined(group: Sequence[Message]) -> Message:
    return replace(group[0], blocks=tuple(block for message in group for block in message.blocks))
