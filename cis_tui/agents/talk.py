"""One conversation while it goes on: its queue, its turn, and how it is stopped. On the engine's event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cis_tui.agents.context import ProjectContext, memory_block, part, system_parts, system_text
from cis_tui.agents.definitions import AgentDefinition
from cis_tui.agents.door import Door, Doors, build_doors
from cis_tui.agents.file_tools import file_tools
from cis_tui.agents.memory import AgentMemory
from cis_tui.agents.memory_tools import memory_tools
from cis_tui.agents.model import Activity, Block, BlockKind, Conversation, Message, Role, Stopped
from cis_tui.agents.policy import Policy, load_policy
from cis_tui.agents.provider import Fitting, Permit, Request, ToolServer
from cis_tui.agents.surroundings import Surroundings
from cis_tui.agents.telling import Telling
from cis_tui.agents.tools import Caller, ToolAnswer, Toolbox, ToolQuestion
from cis_tui.agents.turn import Turn
from cis_tui.agents.wire import body
from cis_tui.core.cancelling import uncancelled
from cis_tui.core.codec import encode
from cis_tui.core.errors import CisError, Exit
from cis_tui.core.events import EventType

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prompting:
    """How a prompt came, beside its text."""

    attended: bool = True
    run: str = ""
    task: str = ""
    agent: AgentDefinition | None = None
    """Another one than the conversation's; None: that."""
    heard: Callable[[str], None] = lambda _: None
    """Hears each text that the agent says, once it is whole."""


class Talk:
    """One conversation that somebody talks in."""

    def __init__(self, id: str, around: Surroundings) -> None:
        self.id = id
        self._around = around
        self._store = around.store
        self._worker: asyncio.Task[None] | None = None
        self._how: dict[str, Prompting] = {}
        self._queue = asyncio.Lock()
        """Held while prompts are taken out of the queue."""
        self._begun = ""
        """The prompt that begins, which nobody takes back any more."""
        self._news = False
        """Whether a prompt has come since the queue was looked at."""
        self._heard: Callable[[str], None] = lambda _: None
        self._steering: list[str] = []
        self._ends: dict[str, asyncio.Future[Message]] = {}
        self.turn: Turn | None = None
        """The one that goes on."""
        self.asking = 0
        """Questions about calls that wait for a person."""
        self._stopped: tuple[bool, tuple[str, ...]] = (False, ())

    @property
    def busy(self) -> bool:
        """Whether a turn goes on."""
        return self._worker is not None and not self._worker.done()

    @property
    def activity(self) -> Activity:
        """What it does now."""
        return Activity.ASKING if self.asking else Activity.WORKING if self.busy else Activity.IDLE

    @property
    def attended(self) -> bool:
        """Whether somebody can be asked about what the turn that goes on wants to do."""
        return self.turn is not None and self.turn.caller.attended

    async def send(self, text: str, how: Prompting, *, steer: bool = False) -> tuple[str, bool]:
        """Take a prompt; the name of its turn, and whether it has to wait. It is on the disk when this returns."""
        turn = await asyncio.to_thread(self._store.enqueue, self.id, text)
        waits = self.busy
        if waits and steer:
            self._steering.append(turn)
        await self._sent(turn, how)
        return turn, waits

    async def answer(self, text: str, how: Prompting) -> Message:
        """Take a prompt, and give the last answer of its turn.

        Raises:
            CisError: there is none.
        """
        turn = await asyncio.to_thread(self._store.enqueue, self.id, text)
        end = self._ends[turn] = asyncio.get_running_loop().create_future()  # before anything can come of it
        try:
            await self._sent(turn, how)
            return await end
        finally:
            end.cancel()

    async def _sent(self, turn: str, how: Prompting) -> None:
        """Let a prompt that is in the queue be taken out of it."""
        self._how[turn] = how
        self._news = True
        if self.busy:
            await self._queue_changed()
        else:
            self._worker = asyncio.get_running_loop().create_task(self._work())

    async def take_back(self, *, last: int = 0) -> tuple[str, ...]:
        """Take the `last` prompts that wait out of the queue, or all for 0; their texts. One that begins stays."""
        async with self._queue:
            found = await asyncio.to_thread(self._store.waiting, self.id)
            waiting = [each for each in found if each[0] != self._begun]
            waiting = waiting[-last:] if last > 0 else waiting
            await asyncio.to_thread(self._store.drop, [turn for turn, _ in waiting])
        for turn, _ in waiting:
            self._how.pop(turn, None)
            if turn in self._steering:
                self._steering.remove(turn)
            self._settle(turn, _cancelled())
        if waiting:
            await self._queue_changed()
        return tuple(text for _, text in waiting)

    async def _queue_changed(self) -> None:
        """Tell who looks that other prompts wait than before."""
        project = (await asyncio.to_thread(self._store.get, self.id)).project
        about = {"conversation": self.id, "turn": "", "project": project}
        self._around.tell(EventType.AGENT_STEP, {**about, "what": "queue"})

    async def stop(self, *, queue: bool = True) -> Stopped:
        """End what goes on, and with `queue` what waits; returns when nothing of it is left."""
        worker, self._stopped = self._worker, (False, ())
        if worker is not None and not worker.done():
            worker.cancel()
            await asyncio.wait({worker})
        self._begun = ""
        answer, tools = self._stopped
        return Stopped(answer, tools, await self.take_back() if queue else ())

    # Implements `Keeper` for the turn

    async def keep(self, message: Message) -> Message:
        """See `Keeper`."""
        kept = await asyncio.to_thread(self._store.append, self.id, message)
        if kept.role is Role.ASSISTANT and kept.text:
            self._heard(f"{kept.text}\n")
        return kept

    async def steering(self) -> Message | None:
        """See `Keeper`."""
        if not self._steering or self.turn is None:
            return None
        steering, self._steering = self._steering, []
        waiting = dict(await asyncio.to_thread(self._store.waiting, self.id))
        turns = [turn for turn in steering if turn in waiting]  # of one that came late, a turn of its own was made
        if not turns:
            return None
        blocks = tuple(Block(BlockKind.TEXT, waiting[turn]) for turn in turns)
        message = Message(Role.USER, blocks, self._around.clock(), turn=self.turn.caller.turn)
        kept = await asyncio.to_thread(lambda: self._store.append(self.id, message, taking=turns))
        for turn in turns:
            self._how.pop(turn, None)
        self.turn.telling.step("steered", {"number": kept.number, "turns": turns})
        return kept

    # How

    async def _work(self) -> None:
        """One turn after the other until nothing waits."""
        while True:
            self._news = False
            waiting = await asyncio.to_thread(self._store.waiting, self.id)
            if not waiting and not self._news:
                return  # nothing can come between this look and the end of the task
            # After a failure the rest stays for a person to send on, but for what somebody waits for.
            if waiting and await self._begins(waiting[0][0]) and not await self._one(*waiting[0]) and not self._ends:
                return

    async def _begins(self, turn: str) -> bool:
        """Whether a prompt still waits; from now on it is not taken back."""
        async with self._queue:
            still = await asyncio.to_thread(self._store.waiting, self.id)
            self._begun = turn if any(name == turn for name, _ in still) else ""
        return bool(self._begun)

    async def _one(self, name: str, text: str) -> bool:
        """One turn; whether the next one may begin."""
        how = self._how.pop(name, Prompting())
        self._heard = how.heard
        conversation = await asyncio.to_thread(self._store.get, self.id)
        about = {"conversation": self.id, "turn": name, "project": conversation.project}
        about |= {key: value for key, value in (("run", how.run), ("task", how.task)) if value}
        telling = Telling(self._around.tell, about)
        try:
            turn = self.turn = await self._begin(conversation, name, text, how, telling)
            answer = await turn.run()
        except asyncio.CancelledError:
            await uncancelled(self._break_off(name, telling))  # who stops it may do so twice
            raise
        except CisError as error:
            telling.completed("failed", {"error": {**error.to_json(), "exit": int(error.exit)}})
            self._settle(name, error)
            return False
        except Exception as error:
            log.exception("a turn failed")
            failure = CisError("CIS-AGENT-028", f"the turn failed: {type(error).__name__}: {error}")
            telling.completed("failed", {"error": {**failure.to_json(), "exit": int(failure.exit)}})
            self._settle(name, failure)
            return False
        else:
            telling.completed("completed", {"number": answer.number, "usage": encode(answer.usage)})
            self._settle(name, answer)
            return True
        finally:
            self.turn, self._begun = None, ""

    async def _break_off(self, name: str, telling: Telling) -> None:
        """End the turn, which was cancelled."""
        try:
            if self.turn is not None:
                self._stopped = await self.turn.break_off()
        except CisError as error:
            log.warning("what a turn said before it was stopped could not be kept: %s", error)
        telling.completed("cancelled", {})
        self._settle(name, _cancelled())

    async def _begin(self, conversation: Conversation, name: str, text: str, how: Prompting, telling: Telling) -> Turn:
        around = self._around
        project = await asyncio.to_thread(around.project, conversation.project)
        agent = how.agent or await around.roster.choose(conversation.agent, project, conversation.model)
        telling.started({"agent": agent.name, "model": agent.model})
        settings = await asyncio.to_thread(around.settings)
        memory = AgentMemory(around.memory, settings.memory_read, self._denied)
        context = await asyncio.to_thread(_remembered, memory, text)
        prompt = Message(
            Role.USER,
            (*((context,) if context else ()), Block(BlockKind.TEXT, text)),
            around.clock(),
            turn=name,
        )
        kept = await asyncio.to_thread(lambda: self._store.append(self.id, prompt, taking=[name]))
        telling.step("message", {"number": kept.number, "role": Role.USER.value})
        messages = list(await asyncio.to_thread(self._store.messages, self.id))
        doors = await asyncio.to_thread(build_doors, around.memory, settings.memory_read)
        box = await asyncio.to_thread(self._box, conversation.project, memory, doors)
        attended = how.attended or around.anybody()
        caller = Caller(self.id, name, conversation.project, attended, how.run, how.task)

        async def permit(call: str, kind: str, input: Mapping[str, object], detail: str) -> bool:
            def told(state: str, more: Mapping[str, object]) -> None:
                if state != "done":  # the program does it itself, from now on
                    telling.step("tool", {"id": call, "name": kind, **more, "about": input["title"], "state": state})

            return await box.permit(agent.name, caller, told, call, kind, input, detail)

        server = around.server(conversation.project, self.id)
        frozen = _Frozen(agent, project, box, settings.max_tokens, doors.secrets, self.id, permit, server)
        return Turn(
            caller=caller,
            agent=agent.name,
            model=agent.model,
            provider=around.roster.provider(agent),
            box=box,
            request=lambda messages: self._request(frozen, messages, telling),
            keeper=self,
            telling=telling,
            clock=around.clock,
            messages=messages,
            calls={},
            results={},
        )

    def _box(self, project: str, memory: AgentMemory, doors: Doors) -> Toolbox:
        around, door, policy = self._around, doors.secrets, self._policy
        tools = (
            *memory_tools(memory, around.default_domain),
            *(file_tools(project, self._store, closed=around.home.root, policy=policy) if project else ()),
            *around.tools(project),
        )

        def hide(text: str) -> str:
            return door.mask(Door(memory.given).mask(text))

        # Of two with one name the first one stays.
        by_name = {tool.spec.name: tool for tool in reversed(tools)}
        return Toolbox(by_name, policy, self._ask, doors.leaving, hide, doors.answer)

    def _policy(self) -> Policy:
        return load_policy(self._around.home)

    def _denied(self, key: str) -> bool:
        """Whether the policy keeps an entry of memory from agents, whichever way it would be read."""
        return self._policy().denies("memory_get", key)

    async def _ask(self, question: ToolQuestion) -> ToolAnswer:
        self.asking += 1
        try:
            return await self._around.ask(question)
        finally:
            self.asking -= 1

    async def _request(self, frozen: _Frozen, messages: Sequence[Message], telling: Telling) -> Request:
        request, masked = await asyncio.to_thread(frozen.door.through, frozen.request(messages))
        if masked:
            telling.step("notice", {"text": "a secret that memory keeps was left out of what is sent"})
        provider = self._around.roster.provider(frozen.agent)
        if isinstance(provider, Fitting):
            request = await provider.fit(request, lambda text: telling.step("notice", {"text": text}))
        await asyncio.to_thread(self._store.note_sent, self.id, frozen.told(request))
        return request

    def _settle(self, turn: str, outcome: Message | CisError) -> None:
        end = self._ends.pop(turn, None)
        if end is None or end.done():
            return
        if isinstance(outcome, CisError):
            end.set_exception(outcome)
        else:
            end.set_result(outcome)


@dataclass(frozen=True, slots=True)
class _Frozen:
    """What is the same in every request of a turn."""

    agent: AgentDefinition
    project: ProjectContext
    box: Toolbox
    max_tokens: int
    door: Door
    conversation: str
    permit: Permit
    server: ToolServer

    def request(self, messages: Sequence[Message]) -> Request:
        return Request(
            system=system_text(system_parts(self.project)),
            messages=tuple(messages),
            tools=self.box.specs,
            model=self.agent.model,
            max_tokens=self.agent.max_tokens or self.max_tokens,
            effort=self.agent.effort,
            temperature=self.agent.temperature,
            conversation=self.conversation,
            folder=self.project.root,
            permit=self.permit,
            server=self.server,
        )

    def told(self, request: Request) -> dict[str, object]:
        """What is kept of a request beside its messages."""
        parts = system_parts(self.project)
        if self.door.mask(system_text(parts)) != request.system:
            parts = (part("base", request.system),)
        contexts = [block for each in request.messages for block in each.blocks if block.kind is BlockKind.CONTEXT]
        return {
            "agent": self.agent.name,
            "model": request.model,
            "parts": [{"name": each.name, "text": self.door.mask(each.text)} for each in parts],
            "contexts": [{"text": block.text, "keys": block.keys} for block in contexts],
            "body": body(request),
        }


def _remembered(memory: AgentMemory, text: str) -> Block | None:
    """What memory has to say to a prompt; nothing if it cannot be asked."""
    try:
        return memory_block(memory.search(text[:1000]))
    except CisError as error:
        log.info("memory has nothing to say: %s", error.code)
        return None


def _cancelled() -> CisError:
    error = CisError("CIS-AGENT-029", "the turn was stopped")
    error.exit = Exit.INTERRUPTED
    return error
