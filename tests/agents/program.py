"""An agent that is a program: made with the SDK, scripted by what it is told."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any, cast

import acp
from acp import schema


class Scripted:
    def __init__(self) -> None:
        self.heard: dict[str, list[str]] = {}
        self.stopped = asyncio.Event()

    def on_connect(self, conn: Any) -> None:
        self.client = conn

    async def initialize(self, protocol_version: int, **kwargs: Any) -> Any:
        return schema.InitializeResponse(protocol_version=protocol_version)

    async def new_session(self, cwd: str, **kwargs: Any) -> Any:
        id = f"s{len(self.heard)}"
        self.heard[id] = []
        return schema.NewSessionResponse(session_id=id)

    async def prompt(self, prompt: list[Any], session_id: str, **kwargs: Any) -> Any:
        text = prompt[0].text
        self.heard[session_id].append(text)
        word = text.split()[-1]
        if word == "permission":
            call = schema.ToolCallUpdate(
                tool_call_id="c1", title="write a.txt", kind="edit", raw_input={"path": "a.txt"}
            )
            options = [
                schema.PermissionOption(option_id="yes", name="Yes", kind="allow_once"),
                schema.PermissionOption(option_id="no", name="No", kind="reject_once"),
            ]
            answer = await self.client.request_permission(session_id=session_id, tool_call=call, options=options)
            await self.say(session_id, f"got {answer.outcome.option_id}")
        elif word == "sleep":
            await asyncio.create_subprocess_exec("sleep", "300")
            await self.say(session_id, "sleeping")
            await self.stopped.wait()
            return schema.PromptResponse(stop_reason="cancelled")
        elif word == "die":
            os._exit(3)
        else:
            await self.client.session_update(session_id, acp.update_agent_thought_text("hm"))
            await self.say(session_id, f"heard {len(self.heard[session_id])}: {text}")
        return schema.PromptResponse(stop_reason="end_turn")

    async def say(self, session: str, text: str) -> None:
        await self.client.session_update(session, acp.update_agent_message_text(text))

    async def cancel(self, session_id: str, **kwargs: Any) -> None:
        self.stopped.set()


if __name__ == "__main__":
    sys.stderr.write("noise that nobody sees\n")
    asyncio.run(acp.run_agent(cast("Any", Scripted())))
