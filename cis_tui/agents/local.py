"""A model on this machine, in a process of its own, without a key and without a server: see `local_model`.

It is told little (`small`) and has no tools. The process starts with the first question, and ends after some minutes
without one, with the engine, and with whatever goes wrong in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cis_tui.agents.definitions import AgentDefinition
from cis_tui.agents.local_process import ModelProcess
from cis_tui.agents.model import Block, BlockKind, Stop, Usage
from cis_tui.agents.provider import Finished, ProviderEvent, ProviderFailure, Request, TextPiece
from cis_tui.agents.small import from_prompt, hopeless, plain, simplified
from cis_tui.core.errors import Exit

WINDOW = 2048
"""Tokens, unless an agent's definition says otherwise: half a minute of reading on one core of 2026."""
IDLE_SECONDS = 300.0
"""Seconds without a question after which the process ends."""
_TEMPERATURE = 0.0
_GRACE = 1.0
"""Seconds within which a stopped answer has to end; it cannot while the model still reads."""
_STOPS = {"stop": Stop.END, "length": Stop.MAX_TOKENS}


def missing(file: str) -> str:
    """What there is not to run the model in `file`, in words; empty when nothing is missing."""
    if find_spec("xllamacpp") is None:
        return "what runs it is not installed: pip install xllamacpp"
    return "" if Path(file).is_file() else f"{file} is not there"


class LocalProvider:
    """Implements `Provider`, and `Fitting`, with one model file."""

    def __init__(self, definition: AgentDefinition, timeout: float, *, idle_seconds: float = IDLE_SECONDS) -> None:
        """`timeout`: seconds of silence after which the process is ended."""
        self._definition = definition
        self._name = f"the model of {definition.name}"
        self._timeout = timeout
        self._idle_seconds = idle_seconds
        memory = definition.memory_mb << 20 if definition.memory_mb else None
        self._model = ModelProcess(self._name, Path(definition.file), definition.window or WINDOW, memory)
        self._turn = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int | None:
        """The id of the process while it lives."""
        return self._model.pid

    async def window(self, model: str) -> int | None:
        """Tokens that the model can hold."""
        return self._model.window

    async def fit(self, request: Request, notice: Callable[[str], None]) -> Request:
        """`request` as it fits into the window, with room for an answer: the newest part of the conversation.

        Raises:
            ProviderFailure: the model cannot be loaded (CIS-AGENT-050, 051), or the prompt alone is too long (053).
        """
        if self._turn.locked():
            notice(f"{self._name} answers in another conversation first")
        async with self._asked(notice):
            small = simplified(request, self._model.window)
            room = self._model.window - small.max_tokens
            if hopeless(small, self._model.window):
                raise self._too_long("far more", room)
            await self._model.ask(fit=plain(small), room=small.max_tokens)
            said = self._checked(await self._model.hear(self._timeout))
        if said["tokens"] > room:
            raise self._too_long(str(said["tokens"]), room)
        kept = from_prompt(small.messages, said["start"])
        left = kept[0].number > request.messages[0].number
        more = f" · what was said before message {kept[0].number} no longer fits, and is left out" if left else ""
        notice(f"{self._definition.model}{more}")
        return replace(small, messages=kept)

    async def stream(self, request: Request) -> AsyncGenerator[ProviderEvent]:
        """See `Provider`; `request` is what `fit` gave."""
        async with self._asked(lambda _: None):
            await self._model.ask(
                ask={
                    "messages": plain(request),
                    "max_tokens": request.max_tokens,
                    "temperature": _TEMPERATURE if request.temperature is None else request.temperature,
                }
            )
            text: list[str] = []
            over = False
            try:
                while True:
                    said = await self._model.hear(self._timeout)
                    over = "text" not in said
                    if over:
                        break
                    text.append(said["text"])
                    yield TextPiece(said["text"])
            finally:
                if not over:
                    await self._break_off()
        done = self._checked(said)["done"]
        blocks = (Block(BlockKind.TEXT, "".join(text)),) if text else ()
        usage = Usage(input=done["input"], output=done["output"])
        yield Finished(blocks, _STOPS.get(done["stop"], Stop.OTHER), usage, request.model)

    async def close(self) -> None:
        """See `Provider`."""
        self._rest()
        await self._model.close()

    @asynccontextmanager
    async def _asked(self, notice: Callable[[str], None]) -> AsyncGenerator[None]:
        """The model is loaded, and nobody else asks it meanwhile."""
        async with self._turn:
            self._rest()
            try:
                if not self._model.alive:
                    why = await asyncio.to_thread(missing, self._definition.file)
                    if why:
                        raise ProviderFailure("CIS-AGENT-050", f"{self._name} cannot be asked: {why}")
                    notice("loading the local model …")
                    await self._model.start(self._timeout)
                yield
            finally:
                self._idle = asyncio.get_running_loop().call_later(self._idle_seconds, self._end_idle)

    def _too_long(self, tokens: str, room: int) -> ProviderFailure:
        return ProviderFailure(
            "CIS-AGENT-053",
            f"the prompt has {tokens} tokens, and {self._name} can take {room}",
            hint="say it shorter, or ask another agent",
            exit=Exit.INVALID,
        )

    def _checked(self, said: Mapping[str, Any]) -> Mapping[str, Any]:
        if "error" in said:
            raise ProviderFailure("CIS-AGENT-055", f"{self._name} refuses: {said['error']}", exit=Exit.INVALID)
        return said

    async def _break_off(self) -> None:
        """Nobody wants the rest of the answer: it ends within a token, or else with the process."""
        if not self._model.alive:
            return
        try:
            async with asyncio.timeout(_GRACE):
                await self._model.stop()
                while "text" in await self._model.hear(self._timeout):
                    pass
        except Exception:
            self._model.kill()
        except BaseException:
            self._model.kill()
            raise

    def _rest(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _end_idle(self) -> None:
        self._idle = None
        if not self._turn.locked():
            self._model.kill()
