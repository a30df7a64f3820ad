"""What an agent was sent, as a page: first what fills it, then all of it, as it was sent. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from cis_tui.agents.model import ContextItem, ContextPart, ContextView
from cis_tui.core.text import visible
from cis_tui.tui.chat_head import thousands
from cis_tui.tui.paint import Line, Tone, shown

BAR = 10
"""Cells."""
NAMED = 8
"""Things in a part that are named with their sizes, the largest first."""
LONGEST = 4000
"""Characters of a line; a longer one goes on in the next."""


def context_lines(view: ContextView, window: int | None) -> list[Line]:
    """All that was sent; `window`: tokens that the model can hold."""
    total = sum(part.tokens for part in view.parts)
    full = f", {total / window:.1%} of {thousands(window)}" if window else ""
    lines: list[Line] = [
        [("to ", Tone.DIM), (shown(f"{view.agent} {view.model}"), Tone.STRONG)],
        [(f"about {thousands(total)} tokens{full}", Tone.PLAIN)],
        [],
    ]
    for part in view.parts:
        lines += _size(part, total)
    for part in view.parts:
        lines += [[], [(f"── {shown(part.name)} ", Tone.STRONG), (f"about {thousands(part.tokens)} tokens", Tone.DIM)]]
        lines += _text(part)
    return lines


def _size(part: ContextPart, total: int) -> Iterator[Line]:
    share = part.tokens / total if total else 0.0
    cells = min(BAR, round(share * BAR))
    bar = "▰" * cells + "▱" * (BAR - cells)
    yield [
        (f"  {shown(part.name):<10}", Tone.STRONG),
        (bar, Tone.LIVE),
        (f" {share:4.0%}  {thousands(part.tokens):>6}", Tone.PLAIN),
    ]
    if part.items:
        yield [("      ", Tone.PLAIN), (_items(part.items), Tone.DIM)]


def _items(items: Iterable[ContextItem]) -> str:
    most = sorted(items, key=lambda item: -item.tokens)
    named = [f"{shown(item.name, limit=60)} {thousands(item.tokens)}" for item in most[:NAMED]]
    left = len(most) - NAMED
    return ", ".join([*named, *([f"and {left} more"] if left > 0 else [])])


def _text(part: ContextPart) -> Iterator[Line]:
    """A part as it was sent; tools and messages one after the other rather than as one line of JSON."""
    try:
        sent = json.loads(part.text) if part.name in ("tools", "history") else None
    except ValueError:
        sent = None
    if not isinstance(sent, list):
        yield from _plain(part.text)
        return
    for each in cast("list[Mapping[str, Any]]", sent):
        yield from _tool(each) if part.name == "tools" else _message(each)


def _tool(tool: Mapping[str, Any]) -> Iterator[Line]:
    yield [("  ", Tone.PLAIN), (shown(str(tool.get("name", ""))), Tone.STRONG)]
    yield from _plain(str(tool.get("description", "")), "    ")
    yield from _plain(json.dumps(tool.get("input_schema"), ensure_ascii=False), "    ", Tone.DIM)


def _message(message: Mapping[str, Any]) -> Iterator[Line]:
    who = "person" if message.get("role") == "user" else "agent"
    for block in cast("list[dict[str, Any]]", message.get("content") or []):
        kind = str(block.get("type", ""))
        text = block.get("text") or block.get("thinking")
        yield [("  ", Tone.PLAIN), (who, Tone.STRONG), ("" if kind == "text" else f"  {shown(kind)}", Tone.DIM)]
        more = {name: value for name, value in block.items() if name not in ("type", "text", "thinking")}
        if isinstance(text, str):
            yield from _plain(text, "    ")
        elif more:
            yield from _plain(json.dumps(more, ensure_ascii=False, indent=1), "    ")


def _plain(text: str, before: str = "", tone: Tone = Tone.PLAIN) -> Iterator[Line]:
    for line in visible(text).split("\n"):
        for at in range(0, max(1, len(line)), LONGEST):
            yield [(before, Tone.PLAIN), (line[at : at + LONGEST].expandtabs(4), tone)]
