"""A conversation as Markdown, for people."""

from __future__ import annotations

import json
from collections.abc import Iterable

from cis_tui.agents.model import Block, BlockKind, Conversation, Message, Role
from cis_tui.core.text import clean, clean_line

MAX_PART = 20_000
"""Characters of one result."""


def markdown(conversation: Conversation, messages: Iterable[Message]) -> str:
    """All that was said, with the calls of tools and their results; thinking is left out."""
    title = clean_line(conversation.title) or f"Conversation {conversation.id}"
    about = f"{clean_line(conversation.agent)} {clean_line(conversation.model)}, {conversation.created_at.iso()}"
    parts = [f"# {title}", about]
    for message in messages:
        said = [text for block in message.blocks if (text := _block(block))]
        if not said:
            continue
        results = all(block.kind is BlockKind.TOOL_RESULT for block in message.blocks)
        if not results:
            parts.append(f"## {'You' if message.role is Role.USER else clean_line(message.model or message.agent)}")
        parts += said
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> str:
    match block.kind:
        case BlockKind.TEXT:
            return clean(block.text).strip()
        case BlockKind.CONTEXT:
            return _quoted("from memory", "\n".join(block.keys))
        case BlockKind.TOOL_USE:
            given = json.dumps(block.input, ensure_ascii=False, indent=1)
            return _quoted(f"calls {block.name}", given)
        case BlockKind.TOOL_RESULT:
            return _quoted(f"{block.name} {'failed' if block.error else 'answered'}", block.text)
        case _:
            return ""


def _quoted(head: str, text: str) -> str:
    shown = clean(text, limit=MAX_PART)
    fence = "```"
    while fence in shown:
        fence += "`"
    return f"*{clean_line(head)}*\n\n{fence}\n{shown}\n{fence}"
