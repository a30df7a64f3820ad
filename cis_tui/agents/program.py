"""Agents that are programs of their own, and speak the Agent Client Protocol on their standard input and output.

Such a program has its own tools and its own history. What it wants to do and asks about is asked about like any call of
a tool; what it does without asking is up to it. It is offered the tools of CIS as an MCP server.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import uuid
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any, Protocol, cast

from cis_tui import __version__
from cis_tui.agents.acp_client import Client, Turn
from cis_tui.agents.acp_lines import MAX_LINE, Lines
from cis_tui.agents.definitions import AgentDefinition
from cis_tui.agents.door import without_tokens
from cis_tui.agents.failures import silent
from cis_tui.agents.model import BlockKind, Message, Role, Stop
from cis_tui.agents.provider import Finished, Notice, ProviderEvent, ProviderFailure, Request, ToolServer
from cis_tui.core.cancelling import started
from cis_tui.core.environment import inherited_env
from cis_tui.core.errors import CisError
from cis_tui.core.text import clean_line
from cis_tui.skills.guardian import marked, send
from cis_tui.skills.lifeline import Lifeline

log = logging.getLogger(__name__)
_HOME = os.path.expanduser("~")
"""Where a program works that is asked outside of any project."""
_GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL."""
_START = 60.0
"""Seconds in which a program has to answer to a greeting, and to open a session."""
_SETTLE = 5.0
"""Seconds in which it has to end a turn that is stopped; else it is ended itself."""
_LAST_WORDS = 2000
"""Bytes of what it wrote to its standard error that are kept."""
_STOPS = {"end_turn": Stop.END, "max_tokens": Stop.MAX_TOKENS, "refusal": Stop.REFUSAL, "cancelled": Stop.INTERRUPTED}
_TRANSCRIPT = 40_000
"""Characters of what was said before, for a program that has not heard it."""


class Sessions(Protocol):
    """Where sessions are kept from one engine to the next; see `Conversations`. May block."""

    def session(self, conversation: str, agent: str) -> tuple[str, int]: ...
    def note_session(self, conversation: str, agent: str, session: str, heard: int) -> None: ...


class ProgramProvider:
    """Implements `Provider` with one program, started at the first prompt."""

    def __init__(self, definition: AgentDefinition, timeout: float, sessions: Sessions) -> None:
        """`timeout`: seconds of silence after which an answer is given up; not while a person is asked."""
        self._definition = definition
        self._timeout = timeout
        self._kept = sessions
        self.mark = f"CIS_AGENT={uuid.uuid4().hex}"
        """What its processes have in their environment."""
        self._lifeline = Lifeline(self.mark)
        self._process: Process | None = None
        self._lines: Lines | None = None
        self._connection: Any = None
        self._client: Client | None = None
        self._able: Any = None
        """What the program says that it can."""
        self._sessions: dict[str, str] = {}
        """Conversation to session, of this process."""
        self._last_words = b""
        self._listening: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._starting = asyncio.Lock()

    async def stream(self, request: Request) -> AsyncGenerator[ProviderEvent]:
        """See `Provider`."""
        client = await self._started()
        session, heard, why = await self._session(request)
        said, retold = _said(request, heard, self._definition.name)
        if retold is not None:
            yield Notice(f"{self._definition.name} {why}: what was said before is told it again{retold}")
        await self._keep_session(request, session)
        turn = client.begin(session, request)
        assert self._lines is not None
        self._lines.renew()
        prompt = asyncio.ensure_future(self._prompt(session, said))
        prompt.add_done_callback(lambda _: turn.events.put_nowait(None))
        try:
            while (event := await self._next(turn, client)) is not None:
                yield event
            stop = await prompt
        except CisError:
            raise
        except Exception as error:
            raise await self._ended(error) from error
        finally:
            client.end(session)
            if not prompt.done():
                self._run(self._settle(session, prompt))
        blocks, results = turn.steps.rest()
        usage, window = client.usage(session)
        ended = _STOPS.get(stop, Stop.OTHER)
        yield Finished(blocks, ended, usage, request.model, results=results, window=window)

    async def window(self, model: str) -> int | None:
        """Programs tell it with an answer, if at all."""
        return None

    async def close(self) -> None:
        """See `Provider`."""
        for task in tuple(self._tasks):
            if task is not asyncio.current_task():
                task.cancel()
        if self._connection is not None:
            with suppress(Exception):
                async with asyncio.timeout(1):
                    await self._connection.close()
        if self._process is not None:
            await self._end(self._process)
            await _drained(self._process)
        if self._listening is not None:
            self._listening.cancel()
        await self._lifeline.release()
        self._connection = self._client = self._process = self._lines = None
        self._sessions.clear()

    # A turn

    async def _next(self, turn: Turn, client: Client) -> ProviderEvent | None:
        while True:
            try:
                async with asyncio.timeout(self._timeout):
                    event = await turn.events.get()
            except TimeoutError:
                if client.asking:
                    continue
                failure = silent(self._timeout)
                failure.retryable = False  # what it has done already is done
                raise failure from None
            if isinstance(event, Exception):
                raise event
            return event

    async def _prompt(self, session: str, text: str) -> str:
        from acp import text_block

        answer = await self._connection.prompt(session_id=session, prompt=[text_block(text)])
        return str(answer.stop_reason)

    async def _settle(self, session: str, prompt: asyncio.Future[str]) -> None:
        """Have the program end a turn; one that does not is ended itself, with all that it started."""
        with suppress(Exception):
            await self._connection.cancel(session_id=session)
        await asyncio.wait({prompt}, timeout=_SETTLE)
        if not prompt.done():
            prompt.cancel()
            log.warning("the agent %s does not stop: it is ended", self._definition.name)
            await self.close()
        elif not prompt.cancelled():
            prompt.exception()

    def _run(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Sessions

    async def _session(self, request: Request) -> tuple[str, int, str]:
        """The session of a conversation, the number of the last message that it has heard, and why it is a new one."""
        id, agent = request.conversation, self._definition.name
        kept, heard = await asyncio.to_thread(self._kept.session, id, agent)
        if id in self._sessions:
            return self._sessions[id], heard, "was not told all"
        why = "has not heard this conversation"
        if kept:
            why = await self._taken_up(kept, request)
            if not why:
                self._sessions[id] = kept
                return kept, heard, "was not told all"
        self._sessions[id] = await self._opened(request)
        return self._sessions[id], 0, why

    async def _taken_up(self, session: str, request: Request) -> str:
        """Go on with a session of an earlier process; why that is not possible, empty when it is."""
        resume = getattr(getattr(self._able, "session_capabilities", None), "resume", None) is not None
        if not resume and not getattr(self._able, "load_session", False):
            return "cannot take up its earlier session"
        take_up = self._connection.resume_session if resume else self._connection.load_session
        try:
            async with asyncio.timeout(_START):
                await take_up(
                    session_id=session, cwd=request.folder or _HOME, mcp_servers=self._servers(request.server)
                )
        except Exception as error:
            log.info("%s does not take up a session: %s", self._definition.name, clean_line(str(error), limit=200))
            return "does not know its earlier session any more"
        return ""

    async def _opened(self, request: Request) -> str:
        try:
            async with asyncio.timeout(_START):
                made = await self._connection.new_session(
                    cwd=request.folder or _HOME, mcp_servers=self._servers(request.server)
                )
        except TimeoutError:
            await self.close()
            raise self._failed(f"it opened no session in {_START:g} s", code="CIS-AGENT-062") from None
        except Exception as error:
            if self._lines is not None and (self._lines.broken or isinstance(error, ConnectionError)):
                raise await self._ended(error) from error
            raise self._failed(clean_line(str(error), limit=200), "log in to it first, in a terminal") from error
        return str(made.session_id)

    async def _keep_session(self, request: Request, session: str) -> None:
        number = request.messages[-1].number if request.messages else 0
        name = self._definition.name
        await asyncio.to_thread(self._kept.note_session, request.conversation, name, session, number)

    def _servers(self, server: ToolServer | None) -> list[Any]:
        from acp.schema import EnvVariable, McpServerStdio

        if server is None or not self._definition.tools:
            return []
        name, value = self.mark.split("=")
        env = [EnvVariable(name=each, value=given) for each, given in {**server.env, name: value}.items()]
        return [McpServerStdio(name="cis", command=server.command[0], args=list(server.command[1:]), env=env)]

    # The process

    async def _started(self) -> Client:
        async with self._starting:
            while self._tasks:
                await asyncio.wait(set(self._tasks))
            alive = self._process is not None and self._process.returncode is None
            if self._client is not None and alive and self._lines is not None and not self._lines.broken:
                return self._client
            await self.close()
            await asyncio.to_thread(_load)
            from acp import PROTOCOL_VERSION
            from acp.client.connection import ClientSideConnection
            from acp.schema import ClientCapabilities, FileSystemCapabilities, Implementation

            process = self._process = await self._spawn()
            client = self._client = Client(self._definition.name)
            assert process.stdin is not None and process.stdout is not None
            self._lines = Lines(process.stdout, process.stdin, client.heard)
            self._connection = ClientSideConnection(cast("Any", client), self._lines)
            nothing = ClientCapabilities(
                fs=FileSystemCapabilities(read_text_file=False, write_text_file=False), terminal=False
            )
            try:
                async with asyncio.timeout(_START):
                    greeted = await self._connection.initialize(
                        protocol_version=PROTOCOL_VERSION,
                        client_capabilities=nothing,
                        client_info=Implementation(name="cis", version=__version__),
                    )
            except Exception as error:
                why = self._lines.broken or clean_line(str(error), limit=200) or "no answer"
                words = self._words()
                await self.close()
                raise self._failed(f"it does not speak ACP: {why}{words}", self._definition.install) from error
            self._able = greeted.agent_capabilities
            return client

    async def _spawn(self) -> Process:
        given = {name: os.environ[name] for name in self._definition.env if name in os.environ}
        name, value = self.mark.split("=")
        try:
            self._lifeline.hold()
            start = asyncio.create_subprocess_exec(
                *self._definition.command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env={**inherited_env(), **given, name: value},
                start_new_session=True,
                limit=MAX_LINE,
            )
            process = await started(start, self._end)
        except (OSError, ValueError) as error:
            raise self._failed(f"it cannot be started: {error}", self._definition.install) from error
        self._last_words = b""
        self._listening = asyncio.get_running_loop().create_task(self._listen(process))
        return process

    async def _listen(self, process: Process) -> None:
        """Keep the end of what it writes to its standard error."""
        assert process.stderr is not None
        while chunk := await process.stderr.read(65536):
            self._last_words = (self._last_words + chunk)[-_LAST_WORDS:]

    async def _end(self, process: Process) -> None:
        """End the program with everything that it started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            send(marked(self.mark), number)
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE):
                    await process.wait()
                    while marked(self.mark):  # noqa: ASYNC110 - nothing but the kernel tells of their end
                        await asyncio.sleep(0.02)
                    return

    async def _ended(self, error: Exception) -> ProviderFailure:
        """Why an answer ended before it was whole; the program is ended if it broke the rules."""
        broken = self._lines.broken if self._lines is not None else ""
        if isinstance(error, ValueError):
            broken = broken or str(error)
        if broken:
            await self.close()
            return self._failed(f"it was ended: {broken}", code="CIS-AGENT-060")
        if isinstance(error, ConnectionError) and self._process is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_GRACE):
                    await self._process.wait()
            code, words = self._process.returncode, self._words()
            how = "it closed its output" if code is None else f"it ended, with exit code {code}"
            await self.close()
            return self._failed(f"{how}, in the middle of an answer{words}", code="CIS-AGENT-061")
        return self._failed(clean_line(f"{type(error).__name__}: {error}", limit=200))

    def _words(self) -> str:
        said = clean_line(without_tokens(self._last_words.decode("utf-8", "replace")).strip()[-400:], limit=400)
        return f"; it said: {said}" if said else ""

    def _failed(self, why: str, hint: str = "", *, code: str = "CIS-AGENT-040") -> ProviderFailure:
        shown = " ".join(self._definition.command)
        return ProviderFailure(code, f"{self._definition.name} ({shown}): {why}", hint=hint)


async def _drained(process: Process) -> None:
    """Read what a dead program has left unread, so that its pipe is closed."""
    with suppress(Exception):
        async with asyncio.timeout(1):
            while process.stdout is not None and await process.stdout.read(1_000_000):
                pass


def _said(request: Request, heard: int, name: str) -> tuple[str, str | None]:
    """What a program is told that has heard the messages up to the number `heard`: the prompt, and before it what else
    was said since, by others than itself; and how much of that, in words, if it is not all, None if there was none."""
    messages = list(request.messages)
    prompt = _text(messages[-1]) if messages else ""
    before = [
        message
        for message in messages[:-1]
        if message.number > heard and not (heard and message.agent == name) and _text(message)
    ]
    if not before:
        return prompt, None
    told = "\n".join(f"{_speaker(message, name)}: {_text(message)}" for message in before)
    cut = f", its last {_TRANSCRIPT} characters" if len(told) > _TRANSCRIPT else ""
    beginning = f"Earlier in this conversation{', its beginning left out' if cut else ''}"
    return f"{beginning}:\n{told[-_TRANSCRIPT:]}\n\nNow: {prompt}", cut


def _speaker(message: Message, name: str) -> str:
    if message.role is Role.USER:
        return "Person"
    return "You" if message.agent == name else f"Another agent, {message.agent}"


def _text(message: Message) -> str:
    kinds = (BlockKind.CONTEXT, BlockKind.TEXT)
    return "\n\n".join(block.text for block in message.blocks if block.kind in kinds and block.text)


def _load() -> None:
    """Import what takes long, on a thread."""
    import acp  # pyright: ignore[reportUnusedImport]
    import acp.client.connection  # noqa: F401 # pyright: ignore[reportUnusedImport]
