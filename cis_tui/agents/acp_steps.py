"""What a program says and does in one turn, put together step by step from its updates. No I/O."""

from __future__ import annotations

import difflib
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from cis_tui.agents.model import Block, BlockKind
from cis_tui.agents.provider import Deed, DeedDone, ProviderEvent, Step, TextPiece, ThinkingPiece
from cis_tui.agents.wire import MAX_ANSWER
from cis_tui.core.codec import dumps
from cis_tui.core.document import as_table, is_table
from cis_tui.core.text import clean, clean_line

MAX_DEEDS = 2000
"""Calls of one turn."""
MAX_INPUT = 20_000
"""Characters of what one was given."""
MAX_OUTPUT = 40_000
MAX_TITLE = 300
UNKNOWN = "(it did not say how this ended)"
_ENDS = ("completed", "failed")
_SIGNS = {"completed": "done", "in_progress": "now"}


@dataclass(slots=True)
class _Call:
    id: str
    by: str
    kind: str = "other"
    title: str = ""
    input: object = None
    output: str = ""
    state: str = ""
    began: float = field(default_factory=time.monotonic)
    seconds: float | None = None

    @property
    def use(self) -> Block:
        given: dict[str, object] = {"title": self.title}
        given |= as_table(self.input)
        if self.input is not None and not is_table(self.input):
            given["input"] = self.input
        text = dumps(given)
        if len(text) > MAX_INPUT:
            given = {"title": self.title, "beginning": text[:MAX_INPUT]}
        return Block(BlockKind.TOOL_USE, id=self.id, name=self.kind, input=given, by=self.by)

    @property
    def result(self) -> Block:
        text = self.output if self.state in _ENDS else UNKNOWN
        failed = self.state == "failed"
        return Block(
            BlockKind.TOOL_RESULT, text, id=self.id, name=self.kind, error=failed, seconds=self.seconds, by=self.by
        )


class Steps:
    """One turn of a program. A step is what it said, what it then did, and what came of that."""

    def __init__(self, by: str) -> None:
        self._by = by
        self._turn = secrets.token_hex(4)
        self._said: list[tuple[BlockKind, list[str]] | _Call] = []
        self._calls: dict[str, _Call] = {}
        self._deeds = 0
        self._size = 0
        self._plan = ""

    def take(self, update: Any) -> list[ProviderEvent]:
        """What an update brings.

        Raises:
            ValueError: it says, or does, more than can be kept.
        """
        match str(getattr(update, "session_update", "")):
            case "agent_message_chunk":
                return self._text(BlockKind.TEXT, _text_of(update.content))
            case "agent_thought_chunk":
                return self._text(BlockKind.THINKING, _text_of(update.content))
            case "plan":
                return self._planned(update.entries)
            case "tool_call" | "tool_call_update":
                return self.call(update)
            case _:
                return []

    def call(self, told: Any) -> list[ProviderEvent]:
        """A call begins, goes on, or is asked about."""
        events: list[ProviderEvent] = []
        name = str(told.tool_call_id)
        if name not in self._calls:
            events += self._cut()
            self._deeds += 1
            if self._deeds > MAX_DEEDS:
                raise ValueError(f"it does more than {MAX_DEEDS} things in one turn")
            self._calls[name] = _Call(f"{self._turn}-{self._deeds}", self._by)
            self._said.append(self._calls[name])
        call = self._calls[name]
        before, ended = call.use, call.state in _ENDS
        self._change(call, told)
        if call.use != before or events or not ended:
            events.append(Deed(call.use))
        if call.state in _ENDS and not ended:
            call.seconds = round(time.monotonic() - call.began, 3)
            events.append(DeedDone(call.result))
        return events

    def id_of(self, name: str) -> str:
        """What a call is named here, and nowhere else again: programs begin anew with each turn."""
        return self._calls[name].id

    def restart(self, name: str) -> None:
        """The call begins only now: before that a person was asked."""
        self._calls[name].began = time.monotonic()

    def rest(self) -> tuple[tuple[Block, ...], tuple[Block, ...]]:
        """The last step: its blocks, and the results of its calls."""
        blocks = tuple(block for part in self._said if (block := self._block(part)) is not None)
        results = tuple(call.result for call in self._calls.values())
        self._said, self._calls = [], {}
        return blocks, results

    def _text(self, kind: BlockKind, text: str) -> list[ProviderEvent]:
        if not text:
            return []
        events = self._cut()
        self._grow(len(text))
        last = self._said[-1] if self._said else None
        if isinstance(last, tuple) and last[0] is kind:
            last[1].append(text)
        else:
            self._said.append((kind, [text]))
        return [*events, TextPiece(text) if kind is BlockKind.TEXT else ThinkingPiece(text)]

    def _planned(self, entries: Iterable[Any]) -> list[ProviderEvent]:
        lines = [f"- {_SIGNS.get(str(each.status), 'to do')}: {clean_line(str(each.content))}" for each in entries]
        plan = "\n".join(["", "Plan:", *lines[:100], ""])
        if plan == self._plan:
            return []
        self._plan = plan
        return self._text(BlockKind.THINKING, plan)

    def _cut(self) -> list[ProviderEvent]:
        """The step that is whole, if there is one: all that was begun has ended."""
        if not self._calls or any(call.state not in _ENDS for call in self._calls.values()):
            return []
        return [Step(*self.rest())]

    def _change(self, call: _Call, told: Any) -> None:
        call.kind = clean_line(str(told.kind or call.kind), limit=40)
        call.title = clean_line(str(told.title or call.title), limit=MAX_TITLE)
        call.input = told.raw_input if told.raw_input is not None else call.input
        call.state = str(told.status or call.state)
        shown = "\n".join(filter(None, map(shown_part, told.content or ())))
        if not shown and told.raw_output is not None:
            shown = told.raw_output if isinstance(told.raw_output, str) else dumps(told.raw_output)
        if shown:
            self._grow(len(shown))
            call.output = clean(shown, limit=MAX_OUTPUT)

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > MAX_ANSWER:
            raise ValueError(f"it says more than {MAX_ANSWER} characters in one turn")

    def _block(self, part: tuple[BlockKind, list[str]] | _Call) -> Block | None:
        if isinstance(part, _Call):
            return part.use
        kind, text = part[0], clean("".join(part[1]))
        # Thinking is of no service's model: none is sent it.
        return Block(kind, text, model=f"program:{self._by}" if kind is BlockKind.THINKING else "") if text else None


def shown_part(part: Any) -> str:
    """What a person sees of one part of a call: a diff as such, text as it is."""
    if getattr(part, "type", "") == "diff":
        old, new = str(part.old_text or "").splitlines(), str(part.new_text or "").splitlines()
        return "\n".join(difflib.unified_diff(old[:5000], new[:5000], str(part.path), str(part.path), lineterm=""))
    return _text_of(getattr(part, "content", None))


def _text_of(content: object) -> str:
    text = getattr(content, "text", "")
    return text if isinstance(text, str) else ""
