"""Agents that are programs of their own, and speak the Agent Client Protocol on their standard input and output.

Such a program has its own tools and its own history. What it wants to do and asks about is asked about like any call of
a tool; what it does without asking is up to it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import uuid
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Any, cast

from cis_tui import __version__
from cis_tui.agents.definitions import AgentDefinition
from cis_tui.agents.failures import silent
from cis_tui.agents.model import Block, BlockKind, Message, Role, Stop, Usage
from cis_tui.agents.provider import (
    Finished,
    ProviderEvent,
    ProviderFailure,
    Request,
    TextPiece,
    ThinkingPiece,
    ToolPiece,
)
from cis_tui.agents.wire import MAX_ANSWER
from cis_tui.core.codec import dumps
from cis_tui.core.environment import inherited_env
from cis_tui.core.errors import CisError
from cis_tui.core.text import clean_line
from cis_tui.skills.guardian import marked, send
from cis_tui.skills.lifeline import Lifeline

log = logging.getLogger(__name__)
_HOME = os.path.expanduser("~")
"""Where a program works that is asked outside of any project."""
_LINE = 16 * 1024 * 1024
"""Bytes of one message."""
_GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL."""
_STOPS = {"end_turn": Stop.END, "max_tokens": Stop.MAX_TOKENS, "refusal": Stop.REFUSAL, "cancelled": Stop.INTERRUPTED}
_TRANSCRIPT = 40_000
"""Characters of what was said before, for a program that has not heard it."""


class ProgramProvider:
    """Implements `Provider` with one program, started at the first prompt."""

    def __init__(self, definition: AgentDefinition, timeout: float) -> None:
        """`timeout`: seconds of silence after which an answer is given up; not while a person is asked."""
        self._definition = definition
        self._timeout = timeout
        self.mark = f"CIS_AGENT={uuid.uuid4().hex}"
        """What its processes have in their environment."""
        self._lifeline = Lifeline(self.mark)
        self._process: Process | None = None
        self._connection: Any = None
        self._client: _Client | None = None
        self._sessions: dict[str, str] = {}
        """Conversation to session."""
        self._starting = asyncio.Lock()

    async def stream(self, request: Request) -> AsyncGenerator[ProviderEvent]:
        """See `Provider`."""
        client = await self._started()
        new = request.conversation not in self._sessions
        session = await self._session(request)
        turn = client.begin(session, request)
        prompt = asyncio.ensure_future(self._prompt(session, _said(request, new=new)))
        prompt.add_done_callback(lambda _: turn.put_nowait(None))
        text: list[str] = []
        try:
            while (event := await self._next(turn, client)) is not None:
                if isinstance(event, TextPiece):
                    text.append(event.text)
                    if sum(map(len, text)) > MAX_ANSWER:
                        raise self._failed("it says more than can be kept")
                yield event
            stop = await prompt
        except CisError:
            raise
        except Exception as error:
            raise self._failed(clean_line(f"{type(error).__name__}: {error}", limit=200)) from error
        finally:
            client.end(session)
            if not prompt.done():
                with suppress(Exception):
                    await self._connection.cancel(session_id=session)
                prompt.cancel()
        said = "".join(text)
        blocks = (Block(BlockKind.TEXT, said),) if said else ()
        yield Finished(blocks, _STOPS.get(stop, Stop.OTHER), client.usage.get(session, Usage()), request.model)

    async def window(self, model: str) -> int | None:
        """Programs tell it with an answer, if at all."""
        return None

    async def close(self) -> None:
        """See `Provider`."""
        if self._connection is not None:
            with suppress(Exception):
                async with asyncio.timeout(1):
                    await self._connection.close()
        if self._process is not None:
            await self._end(self._process)
        await self._lifeline.release()
        self._connection = self._client = self._process = None

    async def _next(self, turn: asyncio.Queue[ProviderEvent | None], client: _Client) -> ProviderEvent | None:
        while True:
            try:
                async with asyncio.timeout(self._timeout):
                    return await turn.get()
            except TimeoutError:
                if not client.asking:
                    raise silent(self._timeout) from None

    async def _prompt(self, session: str, text: str) -> str:
        from acp import text_block

        answer = await self._connection.prompt(session_id=session, prompt=[text_block(text)])
        return str(answer.stop_reason)

    async def _session(self, request: Request) -> str:
        if request.conversation not in self._sessions:
            try:
                made = await self._connection.new_session(cwd=request.folder or _HOME, mcp_servers=[])
            except Exception as error:
                raise self._failed(clean_line(str(error), limit=200), "log in to it first, in a terminal") from error
            self._sessions[request.conversation] = str(made.session_id)
        return self._sessions[request.conversation]

    async def _started(self) -> _Client:
        async with self._starting:
            if self._client is not None and self._process is not None and self._process.returncode is None:
                return self._client
            await self.close()
            self._sessions.clear()
            await asyncio.to_thread(_load)
            from acp import PROTOCOL_VERSION
            from acp.client.connection import ClientSideConnection
            from acp.schema import ClientCapabilities, FileSystemCapabilities, Implementation

            process = self._process = await self._spawn()
            client = self._client = _Client(self._definition.name)
            self._connection = ClientSideConnection(cast("Any", client), process.stdin, process.stdout)
            nothing = ClientCapabilities(
                fs=FileSystemCapabilities(read_text_file=False, write_text_file=False), terminal=False
            )
            try:
                async with asyncio.timeout(30):
                    await self._connection.initialize(
                        protocol_version=PROTOCOL_VERSION,
                        client_capabilities=nothing,
                        client_info=Implementation(name="cis", version=__version__),
                    )
            except Exception as error:
                await self.close()
                raise self._failed(f"it does not speak ACP: {clean_line(str(error), limit=200)}") from error
            return client

    async def _spawn(self) -> Process:
        given = {name: os.environ[name] for name in self._definition.env if name in os.environ}
        name, value = self.mark.split("=")
        try:
            self._lifeline.hold()
            return await asyncio.create_subprocess_exec(
                *self._definition.command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                env={**inherited_env(), **given, name: value},
                start_new_session=True,
                limit=_LINE,
            )
        except (OSError, ValueError) as error:
            raise self._failed(f"it cannot be started: {error}", self._definition.install) from error

    async def _end(self, process: Process) -> None:
        """End the program with everything that it started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            send(marked(self.mark), number)
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE):
                    await process.wait()
                    if not marked(self.mark):
                        return

    def _failed(self, why: str, hint: str = "") -> ProviderFailure:
        shown = " ".join(self._definition.command)
        return ProviderFailure("CIS-AGENT-040", f"{self._definition.name} ({shown}): {why}", hint=hint)


class _Client:
    """What the program calls. Files and terminals are not offered: it has its own, and asks before it uses them."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._turns: dict[str, tuple[asyncio.Queue[ProviderEvent | None], Request]] = {}
        self.usage: dict[str, Usage] = {}
        self.asking = 0

    def begin(self, session: str, request: Request) -> asyncio.Queue[ProviderEvent | None]:
        queue: asyncio.Queue[ProviderEvent | None] = asyncio.Queue()
        self._turns[session] = (queue, request)
        return queue

    def end(self, session: str) -> None:
        self._turns.pop(session, None)

    def on_connect(self, conn: object) -> None:
        """Nothing to do."""

    async def session_update(self, session_id: str, update: Any, **kwargs: Any) -> None:
        if session_id not in self._turns:
            return
        queue, _ = self._turns[session_id]
        kind = str(getattr(update, "session_update", ""))
        text = getattr(getattr(update, "content", None), "text", None)
        if kind == "agent_message_chunk" and isinstance(text, str):
            queue.put_nowait(TextPiece(text))
        elif kind == "agent_thought_chunk" and isinstance(text, str):
            queue.put_nowait(ThinkingPiece(text))
        elif kind == "tool_call":
            queue.put_nowait(ToolPiece(str(update.tool_call_id), clean_line(str(update.title), limit=200)))
        elif kind == "usage_update":
            self.usage[session_id] = Usage(input=int(update.used))

    async def request_permission(self, session_id: str, tool_call: Any, options: list[Any], **kwargs: Any) -> Any:
        from acp.schema import AllowedOutcome, DeniedOutcome, RequestPermissionResponse

        allowed = session_id in self._turns and await self._permitted(self._turns[session_id][1], tool_call)
        wanted = "allow_once" if allowed else "reject_once"
        chosen = next((option.option_id for option in options if option.kind == wanted), None)
        if chosen is None:
            return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))
        return RequestPermissionResponse(outcome=AllowedOutcome(outcome="selected", option_id=chosen))

    async def _permitted(self, request: Request, tool_call: Any) -> bool:
        if request.permit is None:
            return False
        given: Mapping[str, object] = {
            "title": clean_line(str(tool_call.title or tool_call.kind or "a tool"), limit=300)
        }
        parts = [_shown(part) for part in tool_call.content or ()]
        detail = "\n".join(filter(None, [*parts, dumps(tool_call.raw_input) if tool_call.raw_input else ""]))
        self.asking += 1
        try:
            return await request.permit(str(tool_call.tool_call_id), str(tool_call.kind or "other"), given, detail)
        finally:
            self.asking -= 1


def _shown(part: Any) -> str:
    """What a person sees of one part of a call: a diff as such, text as it is."""
    if getattr(part, "type", "") == "diff":
        import difflib

        old, new = str(part.old_text or "").splitlines(), str(part.new_text or "").splitlines()
        return "\n".join(difflib.unified_diff(old[:5000], new[:5000], str(part.path), str(part.path), lineterm=""))
    text = getattr(getattr(part, "content", None), "text", "")
    return text if isinstance(text, str) else ""


def _said(request: Request, *, new: bool) -> str:
    """The prompt; for a program that has not heard what was said before, after that."""
    messages = list(request.messages)
    prompt = _text(messages[-1]) if messages else ""
    before = messages[:-1]
    if not new or not before:
        return prompt
    lines = [f"{'Person' if message.role is Role.USER else 'You'}: {_text(message)}" for message in before]
    return f"Earlier in this conversation:\n{chr(10).join(lines)[-_TRANSCRIPT:]}\n\nNow: {prompt}"


def _text(message: Message) -> str:
    kinds = (BlockKind.CONTEXT, BlockKind.TEXT)
    return "\n\n".join(block.text for block in message.blocks if block.kind in kinds and block.text)


def _load() -> None:
    """Import what takes long, on a thread."""
    import acp  # pyright: ignore[reportUnusedImport]
    import acp.client.connection  # noqa: F401 # pyright: ignore[reportUnusedImport]
