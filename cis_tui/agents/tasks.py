"""Agents as the hands of a run: a prompt in, an answer out (spec, CIS → Agent)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from cis_tui.agents.model import Message, Role
from cis_tui.agents.service import AgentService
from cis_tui.agents.talk import Prompting
from cis_tui.core.errors import CisError, NotFound, TimedOut
from cis_tui.memory.records import MemoryItem, MemoryWrite

GO_ON = "You were interrupted. Go on from where you were."


class Memory(Protocol):
    """Where an answer is kept; see `MemoryService`. May block."""

    def set(self, write: MemoryWrite) -> MemoryItem: ...


@dataclass(frozen=True, slots=True)
class AgentWork:
    """One attempt of a task that asks an agent."""

    prompt: str
    run: str
    dag: str
    task: str
    attempt: int
    project: str
    timeout: float | None = None
    agent: str = ""
    model: str = ""
    max_tokens: int | None = None
    temperature: float | None = None
    effort: str = ""
    remember: str = ""
    reuse: str = ""


class AgentTasks:
    """Asks agents for runs. On the engine's event loop."""

    def __init__(self, service: AgentService, memory: Memory) -> None:
        self._service = service
        self._memory = memory

    async def run(self, work: AgentWork, heard: Callable[[str], None]) -> str:
        """The answer; what is said on the way goes to `heard`. The turn is stopped when the caller is cancelled.

        An attempt after one that called tools goes on in its conversation, for what was done is done. The answer is in
        memory, if asked for, when this returns.

        Raises:
            CisError: there is none.
        """
        id = await self._conversation(work)
        name = work.agent or (await self._service.show(id)).conversation.agent
        agent = await self._service.choose(name, work.project, model=work.model)
        agent = replace(
            agent,
            max_tokens=work.max_tokens or agent.max_tokens,
            temperature=agent.temperature if work.temperature is None else work.temperature,
            effort=work.effort or agent.effort,
        )
        prompt = GO_ON if work.attempt > 1 and await self._has_called(id, work.prompt) else work.prompt
        how = Prompting(run=work.run, task=work.task, agent=agent, heard=heard)
        try:
            async with asyncio.timeout(work.timeout):
                answer = await self._service.answer(id, prompt, how)
        except TimeoutError as error:
            raise TimedOut("CIS-AGENT-037", f"timed out after {work.timeout or 0:g} s") from error
        heard(_bill(answer))
        if work.remember:
            write = MemoryWrite(work.remember, answer.text, run=work.run)
            await asyncio.to_thread(self._memory.set, write)
        return answer.text

    async def _conversation(self, work: AgentWork) -> str:
        """The conversation of the task, or of the one that it goes on with, made when there is none."""
        id = conversation_of(work.run, work.reuse or work.task)
        try:
            return (await self._service.show(id)).conversation.id
        except NotFound:
            title = f"{work.dag}: {work.reuse or work.task}"
            return (await self._service.new(work.project, agent=work.agent, title=title, id=id)).id

    async def _has_called(self, id: str, prompt: str) -> bool:
        """Whether tools were called since this prompt was the last thing that was said to the agent."""
        called = False
        for message in reversed((await self._service.show(id)).messages):
            called = called or bool(message.calls)
            if message.role is Role.USER and message.text:
                return called and message.text in (prompt, GO_ON)
        return False


def conversation_of(run: str, task: str) -> str:
    """The id of the conversation of a task, the same in every engine."""
    return hashlib.sha256(f"{run}\0{task}".encode()).hexdigest()[:12]


def _bill(answer: Message) -> str:
    usage = answer.usage
    if usage is None or not usage.context:
        return ""
    cost = f", ${usage.cost:.4f}" if usage.cost else ""
    return f"[{answer.model}: {usage.context - usage.output} tokens read, {usage.output} written{cost}]\n"


def retryable(error: CisError) -> bool:
    """Whether another attempt may end better."""
    return error.retryable or isinstance(error, TimedOut)
