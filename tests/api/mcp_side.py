"""The official MCP client, as tests use it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult, Implementation, TextContent

from cis_tui.api.client import RemoteEngine
from cis_tui.api.launch import connect, launch
from cis_tui.core.errors import Unavailable
from cis_tui.core.paths import Home

CIS = str(Path(sys.executable).with_name("cis"))
T = TypeVar("T")
MODERN, LEGACY = "auto", "legacy"
"""Of the client: the newest revision that both speak, and the handshake of those before it."""


class Caller:
    """Calls tools and keeps all that came back."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.progress: list[tuple[float, float | None, str]] = []
        self.answers: list[str] = []

    async def call(self, tool: str, /, **arguments: object) -> dict[str, Any]:
        """What a tool answers; it must not fail."""
        result = await self._call(tool, arguments)
        assert not result.is_error, result.content
        return cast("dict[str, Any]", result.structured_content)

    async def failure(self, tool: str, /, **arguments: object) -> str:
        """The error of a tool; it must fail."""
        result = await self._call(tool, arguments)
        assert result.is_error, result.structured_content
        return cast("TextContent", result.content[0]).text

    async def read(self, uri: str) -> str:
        """A resource."""
        result = await self.client.read_resource(uri)
        self.answers.append(result.model_dump_json())
        return cast("Any", result.contents[0]).text

    async def _call(self, name: str, arguments: dict[str, object]) -> CallToolResult:
        async def tell(progress: float, total: float | None, message: str | None) -> None:
            self.progress.append((progress, total, message or ""))
            self.answers.append(message or "")

        result = await self.client.call_tool(name, arguments, progress_callback=tell)
        self.answers.append(result.model_dump_json())
        return result


@asynccontextmanager
async def mcp_client(project: Path, mode: str = MODERN) -> AsyncGenerator[Caller]:
    """A client of `cis mcp`, started in `project`, in a process of its own."""
    server = StdioServerParameters(command=CIS, args=["mcp"], cwd=project, env=dict(os.environ))
    async with Client(server, mode=mode, client_info=Implementation(name="tester", version="1")) as client:
        yield Caller(client)


@asynccontextmanager
async def workspace(home: Home) -> AsyncGenerator[RemoteEngine]:
    """A face on the live engine, as an open workspace is."""
    face = await launch(home, "face")
    try:
        yield face
    finally:
        await face.close()


async def until(check: Callable[[], Awaitable[T | None]]) -> T:
    """What `check` gives once it gives something, within ten seconds."""
    for _ in range(500):
        found = await check()
        if found:
            return found
        await asyncio.sleep(0.02)
    raise TimeoutError


async def stop_engine(home: Home) -> None:
    """End the engine that a test has left."""
    try:
        engine = await connect(home)
    except Unavailable:
        return
    if engine is not None:
        await engine.shutdown()
        await engine.close()
