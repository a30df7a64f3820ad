"""An agent that is a program: made with the SDK, scripted by what it is told. With a file it keeps its sessions."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any, cast

import acp
from acp import schema

OPTIONS = [
    schema.PermissionOption(option_id="yes", name="Yes", kind="allow_once"),
    schema.PermissionOption(option_id="no", name="No", kind="reject_once"),
]


class Scripted:
    def __init__(self, file: str = "") -> None:
        self.file = Path(file) if file else None
        kept = self.file is not None and self.file.exists()
        self.heard: dict[str, list[str]] = json.loads(Path(file).read_text()) if kept else {}
        self.servers: list[Any] = []
        self.stopped = asyncio.Event()

    def on_connect(self, conn: Any) -> None:
        self.client = conn

    async def initialize(self, protocol_version: int, **kwargs: Any) -> Any:
        able = schema.AgentCapabilities(load_session=self.file is not None)
        return schema.InitializeResponse(protocol_version=protocol_version, agent_capabilities=able)

    async def new_session(self, cwd: str, mcp_servers: list[Any] | None = None, **kwargs: Any) -> Any:
        id = f"s{len(self.heard)}"
        self.heard[id] = []
        self.servers = mcp_servers or []
        return schema.NewSessionResponse(session_id=id)

    async def load_session(self, session_id: str, mcp_servers: list[Any] | None = None, **kwargs: Any) -> Any:
        if session_id not in self.heard:
            raise acp.RequestError.resource_not_found(session_id)
        self.servers = mcp_servers or []
        for text in self.heard[session_id]:
            await self.say(session_id, f"replayed {text}")
        return schema.LoadSessionResponse()

    async def prompt(self, prompt: list[Any], session_id: str, **kwargs: Any) -> Any:
        text = prompt[0].text
        self.heard[session_id].append(text)
        if self.file is not None:
            self.file.write_text(json.dumps(self.heard))
        act = getattr(self, f"_{text.split()[-1]}", None)
        stop = await act(session_id, text) if act else await self._answer(session_id, text)
        return schema.PromptResponse(stop_reason=stop or "end_turn")

    async def say(self, session: str, text: str) -> None:
        await self.client.session_update(session, acp.update_agent_message_text(text))

    async def cancel(self, session_id: str, **kwargs: Any) -> None:
        self.stopped.set()

    async def _answer(self, session: str, text: str) -> None:
        await self.client.session_update(session, acp.update_agent_thought_text("hm"))
        await self.say(session, f"heard {len(self.heard[session])}: {text}")

    async def _permission(self, session: str, text: str) -> None:
        call = schema.ToolCallUpdate(tool_call_id="c1", title="write a.txt", kind="edit", raw_input={"path": "a.txt"})
        answer = await self.client.request_permission(session_id=session, tool_call=call, options=OPTIONS)
        await self.say(session, f"got {getattr(answer.outcome, 'option_id', answer.outcome.outcome)}")

    async def _tools(self, session: str, text: str) -> None:
        await self.say(session, "let me look")
        await self._call(session, "read", "Read a.txt", {"path": "a.txt"}, "completed", "forty-two")
        await self._call(session, "execute", "Run make", {"command": "make"}, "failed", "no rule")
        await self.say(session, "it is 42")
        usage = schema.UsageUpdate(
            session_update="usage_update", used=1200, size=100_000, cost=schema.Cost(amount=0.5, currency="USD")
        )
        await self.client.session_update(session, usage)

    async def _call(self, session: str, kind: Any, title: str, input: dict[str, Any], status: Any, output: str) -> None:
        started = acp.start_tool_call(kind, title, kind=kind, status="pending", raw_input=input)
        await self.client.session_update(session, started)
        content = [acp.tool_content(acp.text_block(output))]
        await self.client.session_update(session, acp.update_tool_call(kind, status=status, content=content))

    async def _mcp(self, session: str, text: str) -> None:
        """Keep an entry with the tools that it was offered, and say what came of it."""
        from mcp import Client, StdioServerParameters

        (server,) = self.servers
        env = {each.name: each.value for each in server.env}
        async with Client(StdioServerParameters(command=server.command, args=server.args, env=env)) as client:
            result = await client.call_tool("memory_set", {"key": "notes/by", "value": "mine", "domain": "public"})
        await self.say(session, f"{'failed' if result.is_error else 'kept'}: {cast('Any', result.content[0]).text}")

    async def _sleep(self, session: str, text: str) -> str:
        await asyncio.create_subprocess_exec("sleep", "300")
        await self.client.session_update(session, acp.start_tool_call("t", "Sleep", kind="execute"))
        await self.say(session, "sleeping")
        await self.stopped.wait()
        return "cancelled"

    async def _die(self, session: str, text: str) -> None:
        os._exit(3)


if __name__ == "__main__":
    sys.stderr.write("noise that nobody sees\n")
    asyncio.run(acp.run_agent(cast("Any", Scripted(*sys.argv[1:]))))
