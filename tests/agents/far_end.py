"""A far end that speaks the Messages API on loopback, as the real one does on the wire: scripted, strict, counting.

Each request takes the next `Reply` of the script; when there is none left, it answers "ok". Every request's headers and
body are kept. A history that the real service would refuse is refused with the same 400.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

MODEL = "claude-sonnet-5-5"
Event = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the far end does with one request."""

    events: Sequence[Event | str] = ()
    """SSE events; a text goes out as it is."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: dict[str, Any] | None = None
    """Of an error."""
    held: bool = False
    """The last event waits until it is let `go`."""
    end: str = "close"
    """`close`: a clean end; `reset`: RST; `stall`: silence until the client goes; `drop`: nothing at all is sent."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """All of it, to look for what must not be there."""
        return json.dumps([self.path, self.headers, self.body])


class FarEnd:
    """One scripted service."""

    def __init__(self) -> None:
        self.script: list[Reply] = []
        self.asked: list[Asked] = []
        self.aborted = asyncio.Event()
        """The client went away in the middle of an answer."""
        self.told = asyncio.Event()
        """An answer has begun."""
        self.go = asyncio.Event()
        """What is held is sent."""
        self._came = asyncio.Event()
        self.window = 200_000
        self.url = ""

    @property
    def messages(self) -> list[Asked]:
        """The requests for answers."""
        return [asked for asked in self.asked if asked.path.startswith("/v1/messages")]

    async def until_asked(self, count: int) -> None:
        """Return when so many answers were asked for."""
        async with asyncio.timeout(60):
            while len(self.messages) < count:
                self._came.clear()
                await self._came.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            self.aborted.set()
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        path = first.split(" ")[1].split("?")[0]
        asked = Asked(path, headers, json.loads(raw) if raw else {})
        self.asked.append(asked)
        self._came.set()
        if path.startswith("/v1/models"):
            info = {"id": MODEL, "type": "model", "display_name": "Fake", "created_at": "2026-01-01T00:00:00Z"}
            info |= {"lifecycle": "active", "max_input_tokens": self.window, "max_tokens": 8000}
            return _plain(writer, 200, {"data": [info], "has_more": False} if path == "/v1/models" else info)
        wrong = invalid(asked.body)
        if wrong:
            return _plain(writer, 400, error("invalid_request_error", wrong))
        reply = self.script.pop(0) if self.script else Reply(text("ok"))
        if reply.end == "drop":
            return False
        if reply.status != 200:
            return _plain(writer, reply.status, reply.body or error("api_error", "no"), reply.headers)
        return await self._stream(reply, reader, writer)

    async def _stream(self, reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\nrequest-id: req_1\r\n\r\n"
        )
        for number, event in enumerate(reply.events, 1):
            if reply.held and number == len(reply.events):
                await self.go.wait()
            line = event if isinstance(event, str) else f"event: {event[0]}\ndata: {json.dumps(event[1])}\n\n"
            writer.write(line.encode())
            await writer.drain()
            self.told.set()
        if reply.end == "stall":
            await reader.read()
            self.aborted.set()
        if reply.end == "reset":
            connection: socket.socket = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        return False


def _plain(
    writer: asyncio.StreamWriter, status: int, body: dict[str, Any], headers: dict[str, str] | None = None
) -> bool:
    data = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", "content-type: application/json", f"content-length: {len(data)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + data)
    return True


@asynccontextmanager
async def far_end(*script: Reply) -> AsyncGenerator[FarEnd]:
    """A far end that listens on a free port of this machine."""
    end = FarEnd()
    end.script = list(script)
    server = await asyncio.start_server(end.serve, "127.0.0.1", 0)
    end.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield end
    finally:
        server.close()


def invalid(body: dict[str, Any]) -> str:
    """Why the real service would refuse a request; empty if it would not."""
    messages: list[Any] = body.get("messages") or []
    if not messages or messages[0]["role"] != "user":
        return "messages: first message must use the user role"
    open: set[str] = set()
    for index, message in enumerate(messages):
        blocks = message["content"]
        if not blocks:
            return f"messages.{index}: content must not be empty"
        if any(block["type"] == "text" and not block["text"].strip() for block in blocks):
            return f"messages.{index}: text content blocks must be non-empty"
        results = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        if open - results:
            return f"messages.{index}: tool_use ids were found without tool_result blocks immediately after: {open}"
        if results - open:
            return f"messages.{index}: unexpected tool_use_id: {results - open}"
        open = {block["id"] for block in blocks if block["type"] == "tool_use"}
        if index and message["role"] == messages[index - 1]["role"]:
            return f"messages.{index}: roles must alternate"
    if open:
        return f"tool_use ids were found without tool_result blocks immediately after: {open}"
    if "temperature" in body:
        return "temperature: unexpected field"
    return ""


# What goes over the wire


def error(kind: str, message: str, code: str = "") -> dict[str, Any]:
    """The body of an error."""
    details = {"details": {"error_code": code}} if code else {}
    return {"type": "error", "error": {"type": kind, "message": message, **details}, "request_id": "req_1"}


def start(**usage: int) -> Event:
    """The first event of an answer."""
    counted = {"input_tokens": 10, "output_tokens": 1, **usage}
    message: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "content": []}
    message |= {"stop_reason": None, "stop_sequence": None, "usage": counted}
    return "message_start", {"type": "message_start", "message": message}


def block(index: int, content: dict[str, Any], *deltas: dict[str, Any]) -> list[Event]:
    """One block of an answer."""
    events: list[Event] = [
        ("content_block_start", {"type": "content_block_start", "index": index, "content_block": content})
    ]
    events += [
        ("content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta}) for delta in deltas
    ]
    return [*events, ("content_block_stop", {"type": "content_block_stop", "index": index})]


def said(index: int, *pieces: str) -> list[Event]:
    """A block of text."""
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": piece} for piece in pieces))


def thought(index: int, words: str) -> list[Event]:
    """A block of thinking."""
    empty = {"type": "thinking", "thinking": "", "signature": ""}
    deltas = ({"type": "thinking_delta", "thinking": words}, {"type": "signature_delta", "signature": "sig"})
    return block(index, empty, *deltas)


def call(index: int, id: str, name: str, input: dict[str, Any] | str) -> list[Event]:
    """A block that calls a tool; an input that is a text goes out as it is."""
    raw = input if isinstance(input, str) else json.dumps(input)
    halves = (raw[: len(raw) // 2], raw[len(raw) // 2 :])
    empty: dict[str, Any] = {"type": "tool_use", "id": id, "name": name, "input": {}}
    return block(index, empty, *({"type": "input_json_delta", "partial_json": half} for half in halves))


def end(stop: str | None = "end_turn", tokens: int = 7, **more: Any) -> list[Event]:
    """The last events of an answer."""
    delta = {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None, **more}}
    return [
        ("message_delta", {**delta, "usage": {"output_tokens": tokens}}),
        ("message_stop", {"type": "message_stop"}),
    ]


def text(*pieces: str, stop: str = "end_turn") -> list[Event]:
    """A whole answer of text."""
    return [start(), *said(0, *pieces), *end(stop)]


def calls(*each: tuple[str, str, dict[str, Any] | str]) -> list[Event]:
    """A whole answer that calls tools: id, name, input."""
    blocks = [event for index, (id, name, input) in enumerate(each) for event in call(index, id, name, input)]
    return [start(), *blocks, *end("tool_use")]
