"""What the newest request of a conversation held, part by part, for people. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from cis_tui.agents.context import part, tokens_of
from cis_tui.agents.model import Block, BlockKind, ContextItem, ContextView
from cis_tui.core.text import clean_line


def sent_view(sent: Mapping[str, object]) -> ContextView:
    """What `Conversations.note_sent` kept, as people are shown it."""
    body = cast("Mapping[str, list[dict[str, Any]]]", sent["body"])
    parts = [part(each["name"], each["text"]) for each in cast("list[dict[str, str]]", sent["parts"])]
    if body.get("tools"):
        tools = tuple(_sized(str(tool.get("name", "")), tool) for tool in body["tools"])
        parts.append(part("tools", _json(body["tools"]), tools))
    contexts = [
        Block(BlockKind.CONTEXT, each["text"], keys=tuple(each["keys"]))
        for each in cast("list[dict[str, Any]]", sent.get("contexts", []))
    ]
    if contexts:
        entries = tuple(item for block in contexts for item in _entries(block))
        parts.append(part("memory", "\n\n".join(block.text for block in contexts), entries))
    parts.append(part("history", _json(body["messages"]), _history(body["messages"])))
    keys = tuple(dict.fromkeys(key for block in contexts for key in block.keys))
    return ContextView(str(sent["agent"]), str(sent["model"]), tuple(parts), keys, sent=True)


def _entries(block: Block) -> list[ContextItem]:
    """The entries of one context, each with its size: their lines begin with their keys, in that order."""
    starts: list[int] = []
    for key in block.keys:
        at = block.text.find(f"\n{clean_line(key)}: ", starts[-1] if starts else 0)
        starts.append(at if at >= 0 else len(block.text))
    ends = [*starts[1:], len(block.text)]
    return [
        ContextItem(key, tokens_of(max(end - start, 0)))
        for key, start, end in zip(block.keys, starts, ends, strict=True)
    ]


def _history(messages: Iterable[Mapping[str, Any]]) -> tuple[ContextItem, ...]:
    """Whose words the history is made of; what memory gave counts as the person's, for it came with the prompt."""
    sizes = {"person": 0, "agent": 0, "tools": 0}
    for message in messages:
        for block in message["content"]:
            whose = "tools" if block["type"] in ("tool_use", "tool_result") else None
            sizes[whose or ("person" if message["role"] == "user" else "agent")] += len(_json(block))
    return tuple(ContextItem(name, tokens_of(size)) for name, size in sizes.items() if size)


def _sized(name: str, value: object) -> ContextItem:
    return ContextItem(clean_line(name), tokens_of(len(_json(value))))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
