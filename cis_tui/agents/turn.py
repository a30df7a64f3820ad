"""One turn: stream, keep, call tools, again, until the answer is whole (facts: "The loop is ours")."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, cast

from cis_tui.agents.history import interrupted
from cis_tui.agents.model import CUT, Block, BlockKind, Message, Role, Stop, Usage
from cis_tui.agents.prices import cost_of
from cis_tui.agents.provider import (
    Deed,
    DeedDone,
    Finished,
    Notice,
    Provider,
    ProviderFailure,
    Request,
    Step,
    TextPiece,
    ThinkingPiece,
    ToolPiece,
)
from cis_tui.agents.retry import notice, wait_before_next
from cis_tui.agents.telling import Telling
from cis_tui.agents.tools import Caller, Toolbox, shown_call
from cis_tui.core.clock import Clock, Instant
from cis_tui.core.errors import CisError, Exit
from cis_tui.core.text import clean, clean_line

MAX_STEPS = 100
"""Answers of one turn."""
_OPEN_ENDS = {
    Stop.MAX_TOKENS: (
        CUT,
        "the answer is cut off: it reached the limit of tokens for one answer",
        "what it said is kept: say go on, or raise agent.max_tokens",
        Exit.FAILED,
    ),
    Stop.REFUSAL: ("CIS-AGENT-021", "the model declined to answer", "ask otherwise, or another agent", Exit.REFUSED),
    Stop.FULL: (
        "CIS-AGENT-020",
        "the conversation no longer fits into what the model can hold",
        "begin a new one, or fork this one from an earlier message",
        Exit.INVALID,
    ),
}
"""Ends of an answer that are none of the turn's own."""


class Keeper(Protocol):
    """Where the messages of the conversation go."""

    async def keep(self, message: Message) -> Message:
        """Keep a message; durable when this returns."""
        ...

    async def steering(self) -> Message | None:
        """What a person said meanwhile, kept already as the next message; None if nothing."""
        ...


@dataclass(slots=True)
class Turn:
    """One turn of one conversation, and how far it is. `run` may be cancelled at any moment: call `break_off` then."""

    caller: Caller
    agent: str
    model: str
    provider: Provider
    box: Toolbox
    request: Callable[[Sequence[Message]], Awaitable[Request]]
    """Makes the request for an answer to these messages."""
    keeper: Keeper
    telling: Telling
    clock: Clock
    messages: list[Message]
    """All that was said, the prompt last."""
    calls: dict[str, Block]
    """The calls of the present step, by id."""
    results: dict[str, Block]
    deeds: dict[str, Block] = field(default_factory=dict[str, Block])
    """What a program does by itself in the present step, by id."""
    done: dict[str, Block] = field(default_factory=dict[str, Block])
    """What came of it."""
    answering: bool = False
    window: int | None = None
    _hurry: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: bool = False
    """Whether it waits for the next attempt."""

    async def run(self) -> Message:
        """The last answer.

        Raises:
            CisError: there is none; what was said before is kept.
        """
        self.window = await self.provider.window(self.model)
        for _ in range(MAX_STEPS):
            answer = await self._answer()
            stop = Stop(answer.stop)
            if answer.calls:
                await self._call_tools(answer.calls if stop is Stop.TOOL_USE else ())
            steering = await self.keeper.steering()
            if steering is not None:
                self.messages.append(steering)
            if stop in (Stop.TOOL_USE, Stop.PAUSE) or (steering is not None and stop not in _OPEN_ENDS):
                continue
            if stop in _OPEN_ENDS:
                raise _open_end(stop)
            return answer
        raise CisError(
            "CIS-AGENT-023", f"the agent was stopped after {MAX_STEPS} steps", hint="say go on if it is well"
        )

    def hurry(self) -> bool:
        """Make the next attempt now; whether it was waited for."""
        self._hurry.set()
        return self.waiting

    async def break_off(self) -> tuple[bool, tuple[str, ...]]:
        """After `run` was cancelled: keep what there is, so that the history is valid.

        Returns:
            Whether an answer was coming, and the calls that were going on.
        """
        answering = self.answering
        if not self.calls and self.messages[-1].role is Role.ASSISTANT:
            self.calls = {call.id: call for call in self.messages[-1].calls}
        begun, ended = {**self.calls, **self.deeds}, {**self.results, **self.done}
        open = tuple(call for id, call in begun.items() if id not in ended)
        self.telling.flush()
        partial = self.telling.said["text"]
        blocks = (*((Block(BlockKind.TEXT, partial),) if partial else ()), *self.deeds.values())
        if answering and blocks:
            await self._keep(Role.ASSISTANT, blocks, stop=Stop.INTERRUPTED)
        if self.deeds:
            await self._keep(
                Role.USER, tuple(self.done.get(id) or interrupted(call) for id, call in self.deeds.items())
            )
        if self.calls:
            await self._keep_results()
        return answering, tuple(shown_call(call.name, str(call.input.get("title", ""))) for call in open)

    async def _answer(self) -> Message:
        """The next answer, asked for again as the rule for failures says."""
        request = await self.request(self.messages)
        self.answering = True
        made = 0
        while True:
            made += 1
            try:
                finished = await self._stream(request)
                break
            except ProviderFailure as failure:
                seen = self.caller.attended and not self.caller.run
                wait = wait_before_next(failure, made, random.random(), attended=seen)
                if wait is None:
                    if self.deeds:
                        await self.break_off()  # what a program did is done, whatever became of its answer
                    raise
                begun = any(self.telling.said.values())
                self.telling.anew()
                more = {"wait": wait, "attempt": made + 1, "restarted": begun}
                self.telling.waits(notice(failure, wait, made), Instant(self.clock() + wait), more)
                await self._wait(wait)
        return await self._keep_step(finished.blocks, finished.results, finished.stop, finished)

    async def _wait(self, seconds: float) -> None:
        self._hurry.clear()
        self.waiting = True
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._hurry.wait()
        finally:
            self.waiting = False

    async def _stream(self, request: Request) -> Finished:
        events = self.provider.stream(request)
        async with aclosing(cast("Any", events)):
            async for event in events:
                match event:
                    case TextPiece(text):
                        self.telling.piece("text", text)
                    case ThinkingPiece(text):
                        self.telling.piece("thinking", text)
                    case ToolPiece(id, name):
                        self.telling.step("tool", {"id": clean_line(id), "name": clean_line(name), "state": "coming"})
                    case Notice(text):
                        self.telling.step("notice", {"text": clean_line(text, limit=500)})
                    case Deed() | DeedDone():
                        self._did(event)
                    case Step(blocks, results):
                        await self._keep_step(blocks, results, Stop.TOOL_USE)
                        self.answering = True
                    case Finished():
                        return event
        raise AssertionError("a stream ends with Finished or an error")

    def _did(self, event: Deed | DeedDone) -> None:
        block = event.call if isinstance(event, Deed) else event.result
        state = "running"
        if isinstance(event, DeedDone):
            self.done[block.id] = block
            state = "failed" if block.error else "done"
        else:
            self.deeds[block.id] = block
        about = str(self.deeds[block.id].input.get("title", ""))
        self.telling.step("tool", {"id": block.id, "name": block.name, "about": about, "state": state})

    async def _keep_step(
        self, blocks: tuple[Block, ...], results: tuple[Block, ...], stop: Stop, finished: Finished | None = None
    ) -> Message:
        """Keep an answer, or a part of it, with what came of a program's deeds: a cancellation does not part them."""

        async def both() -> Message:
            answer = await self._keep(Role.ASSISTANT, _clean(blocks), stop=stop, finished=finished)
            if results:
                await self._keep(Role.USER, results)
            self.deeds, self.done = {}, {}
            return answer

        keeping = asyncio.ensure_future(both())
        try:
            return await asyncio.shield(keeping)
        finally:
            await keeping

    async def _keep(
        self, role: Role, blocks: tuple[Block, ...], *, stop: Stop | None = None, finished: Finished | None = None
    ) -> Message:
        usage: Usage | None = None
        if finished is not None:
            told = finished.usage.cost
            cost = cost_of(finished.model or self.model, finished.usage) if told is None else told
            usage = replace(finished.usage, cost=cost)
        message = Message(
            role=role,
            blocks=blocks,
            at=self.clock(),
            turn=self.caller.turn,
            agent=self.agent if role is Role.ASSISTANT else "",
            model=(finished.model if finished else "") or (self.model if role is Role.ASSISTANT else ""),
            stop=stop.value if stop else "",
            usage=usage,
            window=(finished.window or self.window) if finished else None,
        )
        keeping = asyncio.ensure_future(self.keeper.keep(message))
        try:
            await asyncio.shield(keeping)
        finally:
            # A cancellation that comes meanwhile must not tear what is told from what is kept.
            kept = await keeping
            self.answering = self.answering and role is not Role.ASSISTANT
            self.messages.append(kept)
            self.telling.anew()
            self.telling.step("message", {"number": kept.number, "role": role.value})
        return kept

    async def _call_tools(self, calls: Sequence[Block]) -> None:
        """Call the tools one after the other, in the order of the model, and keep the results as one message."""
        self.results = {}
        self.calls = {call.id: call for call in self.messages[-1].calls}
        for call in calls:
            self.results[call.id] = await self.box.call(call, self.caller, self._told(call))
        await self._keep_results()

    async def _keep_results(self) -> None:
        results = tuple(self.results.get(id) or interrupted(call) for id, call in self.calls.items())
        self.calls, self.results = {}, {}
        await self._keep(Role.USER, results)

    def _told(self, call: Block) -> Callable[[str, Any], None]:
        def told(state: str, more: dict[str, object]) -> None:
            told = {"id": clean_line(call.id), "name": clean_line(call.name), "state": state}
            self.telling.step("tool", {**told, **{name: clean_line(str(value)) for name, value in more.items()}})

        return told


def _clean(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """What was said, without control characters; thinking stays as it came, for it is signed."""
    return tuple(replace(block, text=clean(block.text)) if block.kind is BlockKind.TEXT else block for block in blocks)


def _open_end(stop: Stop) -> CisError:
    code, message, hint, exit = _OPEN_ENDS[stop]
    error = CisError(code, message, hint=hint)
    error.exit = exit
    return error
