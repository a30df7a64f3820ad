"""The Messages API as data: what is sent, and how the events of an answer are put together. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from cis_tui.agents.history import valid_history
from cis_tui.agents.model import Block, BlockKind, Message, Stop, Usage
from cis_tui.agents.provider import Finished, ProviderEvent, Request, TextPiece, ThinkingPiece, ToolPiece

MAX_ANSWER = 4_000_000
"""Characters of one answer."""
_CACHED = {"type": "ephemeral"}
Raw = Mapping[str, Any]


def body(request: Request) -> dict[str, Any]:
    """The parameters of a request. The frozen part comes first, with a mark up to which the service may cache it."""
    params: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "messages": [_message(message) for message in valid_history(request.messages, request.model)],
        # The newest block that can be cached: the next request of the conversation begins with all of this one.
        "cache_control": _CACHED,
    }
    if request.system:
        params["system"] = [{"type": "text", "text": request.system, "cache_control": _CACHED}]
    if request.tools:
        params["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": dict(tool.schema)}
            for tool in request.tools
        ]
    if request.effort:
        params["output_config"] = {"effort": request.effort}
    return params


def _message(message: Message) -> dict[str, Any]:
    return {"role": message.role.value, "content": [_block(block) for block in message.blocks]}


def _block(block: Block) -> dict[str, Any]:
    match block.kind:
        case BlockKind.TEXT | BlockKind.CONTEXT:
            return {"type": "text", "text": block.text}
        case BlockKind.THINKING:
            return {"type": "thinking", "thinking": block.text, "signature": block.signature}
        case BlockKind.REDACTED:
            return {"type": "redacted_thinking", "data": block.signature}
        case BlockKind.TOOL_USE:
            return {"type": "tool_use", "id": block.id, "name": block.name, "input": dict(block.input)}
        case BlockKind.TOOL_RESULT:
            said = {"type": "tool_result", "tool_use_id": block.id, "content": block.text or "(nothing)"}
            return {**said, "is_error": True} if block.error else said


class Assembler:
    """Puts one answer together from the events of its stream; unknown ones are passed over."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.ended = False
        """Whether the service said that the answer is whole."""
        self.stop: Stop | None = None
        self._detail = ""
        self._usage: dict[str, int] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._size = 0

    def take(self, event: Raw) -> list[ProviderEvent]:
        """What one raw event brings.

        Raises:
            ValueError: it breaks the format, or the answer grows beyond all bounds.
        """
        match event.get("type"):
            case "message_start":
                message = _table(event.get("message"))
                self.model = str(message.get("model") or self.model)
                self._count(message.get("usage"))
            case "content_block_start":
                return self._start(_index(event), _table(event.get("content_block")))
            case "content_block_delta":
                return self._delta(self._blocks.get(_index(event)), _table(event.get("delta")))
            case "message_delta":
                self._count(event.get("usage"))
                self._end(_table(event.get("delta")))
            case "message_stop":
                self.ended = True
            case _:
                pass
        return []

    def finished(self) -> Finished:
        """The whole answer."""
        blocks = tuple(block for _, raw in sorted(self._blocks.items()) if (block := self._block(raw)) is not None)
        usage = Usage(
            input=self._usage.get("input_tokens", 0),
            output=self._usage.get("output_tokens", 0),
            cache_read=self._usage.get("cache_read_input_tokens", 0),
            cache_written=self._usage.get("cache_creation_input_tokens", 0),
        )
        return Finished(blocks, self.stop or Stop.OTHER, usage, self.model, self._detail)

    def _start(self, index: int, block: Raw) -> list[ProviderEvent]:
        self._blocks[index] = {**block, "json": ""}
        if block.get("type") == "tool_use":
            return [ToolPiece(str(block.get("id", "")), str(block.get("name", "")))]
        if block.get("type") == "text" and block.get("text"):
            return [TextPiece(str(block["text"]))]
        return []

    def _delta(self, block: dict[str, Any] | None, delta: Raw) -> list[ProviderEvent]:
        kind = delta.get("type")
        for wanted, field, into in _DELTAS:
            if kind == wanted and block is not None:
                piece = str(delta.get(field, ""))
                self._size += len(piece)
                if self._size > MAX_ANSWER:
                    raise ValueError(f"the answer is longer than {MAX_ANSWER} characters")
                block[into] = f"{block.get(into) or ''}{piece}" if into != "json" else block["json"] + piece
                if kind == "text_delta":
                    return [TextPiece(piece)]
                return [ThinkingPiece(piece)] if kind == "thinking_delta" else []
        return []

    def _end(self, delta: Raw) -> None:
        said = delta.get("stop_reason")
        if said is not None:
            self.stop = Stop(said) if said in set(Stop) else Stop.OTHER
        details = _table(delta.get("stop_details"))
        if details:
            self._detail = str(details.get("explanation") or details.get("category") or "")

    def _count(self, usage: object) -> None:
        """The newest figures stand: those of `message_delta` are totals."""
        for name, value in _table(usage).items():
            if isinstance(value, int) and not isinstance(value, bool):
                self._usage[name] = value

    def _block(self, raw: dict[str, Any]) -> Block | None:
        match raw.get("type"):
            case "text":
                return Block(BlockKind.TEXT, str(raw.get("text") or "")) if raw.get("text") else None
            case "thinking":
                signature = str(raw.get("signature") or "")
                return Block(BlockKind.THINKING, str(raw.get("thinking") or ""), signature=signature, model=self.model)
            case "redacted_thinking":
                return Block(BlockKind.REDACTED, signature=str(raw.get("data") or ""), model=self.model)
            case "tool_use":
                return _tool_use(raw)
            case _:
                return None


_DELTAS: Sequence[tuple[str, str, str]] = (
    ("text_delta", "text", "text"),
    ("thinking_delta", "thinking", "thinking"),
    ("signature_delta", "signature", "signature"),
    ("input_json_delta", "partial_json", "json"),
)
BROKEN_INPUT = "invalid_json"
"""The one field of a call's input that could not be read: the text that came instead."""


def _tool_use(raw: Raw) -> Block:
    """A call; input that is not a JSON object becomes one that no tool takes, so that the model is told."""
    text = str(raw.get("json") or "")
    try:
        input: object = json.loads(text) if text.strip() else (raw.get("input") or {})
    except (ValueError, RecursionError):
        input = None
    if not isinstance(input, dict):
        input = {BROKEN_INPUT: text[:2000]}
    given = cast("dict[str, object]", input)
    return Block(BlockKind.TOOL_USE, id=str(raw.get("id", "")), name=str(raw.get("name", "")), input=given)


def _index(event: Raw) -> int:
    index = event.get("index")
    if not isinstance(index, int):
        raise ValueError("an event of a block has no index")
    return index


def _table(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
