"""`AgentService`: conversations with agents, one turn at a time each (spec, Agent Integration Flow)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from cis_tui.agents.context import ProjectContext, system_parts
from cis_tui.agents.definitions import AgentDefinition
from cis_tui.agents.export import markdown
from cis_tui.agents.files import ProjectFiles
from cis_tui.agents.model import (
    AgentInfo,
    Block,
    ContextView,
    Conversation,
    ConversationView,
    FileUndo,
    Message,
    Sent,
    Stopped,
    ToolRule,
)
from cis_tui.agents.policy import POLICY_FILE, add_rule, load_policy, parse_level, told
from cis_tui.agents.sent import sent_view
from cis_tui.agents.surroundings import Surroundings
from cis_tui.agents.talk import Prompting, Talk
from cis_tui.core.errors import Invalid, Refused, Unavailable
from cis_tui.core.text import clean, clean_line

MAX_PROMPT = 400_000
"""Characters."""


class AgentService:
    """All conversations of one engine. To be used on its event loop; blocks nowhere."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._store = around.store
        self._talks: dict[str, Talk] = {}
        self._closed = False

    @property
    def active(self) -> int:
        """Conversations in which a turn goes on."""
        return sum(talk.busy for talk in self._talks.values())

    async def agents(self, project: str) -> tuple[AgentInfo, ...]:
        """Every agent by name."""
        return await self._around.roster.infos(await self._project(project))

    async def new(self, project: str, *, agent: str = "", title: str = "", id: str = "") -> Conversation:
        """A new conversation, with an agent that is named or the default one; `id`: its id, if that matters.

        Raises:
            NotFound, Invalid: there is no such agent, or its file is broken (CIS-AGENT-001, 002).
        """
        if agent:
            await self._around.roster.choose(agent, await self._project(project))
        return await asyncio.to_thread(self._store.create, project, agent, "", title, id=id)

    async def list(self, project: str = "", *, query: str = "", limit: int = 50) -> tuple[Conversation, ...]:
        """The newest first; of all projects when `project` is empty."""
        found = await asyncio.to_thread(lambda: self._store.list(project or None, query=query, limit=limit))
        return tuple([await self._with_state(each) for each in found])

    async def show(self, id: str, *, after: int = 0) -> ConversationView:
        """What was said after the message `after`, all for 0, and what is being said."""
        conversation = await asyncio.to_thread(self._store.get, id)
        messages = await asyncio.to_thread(lambda: self._store.messages(conversation.id, after=after))
        talk = self._talks.get(conversation.id)
        turn = talk.turn if talk else None
        return ConversationView(
            await self._with_state(conversation),
            tuple(map(_shown, messages)),
            turn=turn.caller.turn if turn else "",
            partial=turn.telling.said["text"] if turn else "",
            thinking=turn.telling.said["thinking"] if turn else "",
            notice=turn.telling.notice if turn else "",
            until=turn.telling.until if turn else None,
        )

    async def send(self, id: str, text: str, *, steer: bool = False, how: Prompting | None = None) -> Sent:
        """Say something: at once, or when the turn is done, or, to `steer`, at its next step. Durable on return.

        Raises:
            NotFound: there is no such conversation (CIS-AGENT-018).
            Invalid: the prompt is empty or too long (CIS-AGENT-034).
        """
        if not text.strip() or len(text) > MAX_PROMPT:
            what = f"longer than {MAX_PROMPT} characters" if text.strip() else "empty"
            raise Invalid("CIS-AGENT-034", f"the prompt is {what}")
        conversation = await asyncio.to_thread(self._store.get, id)
        talk = self._talk(conversation.id)
        turn, waits = await talk.send(clean(text, limit=MAX_PROMPT), how or Prompting(), steer=steer)
        return Sent(conversation.id, turn, queued=waits and not steer, steers=waits and steer)

    async def answer(self, id: str, text: str, how: Prompting) -> Message:
        """Say something, and wait for the answer; the turn is stopped when the caller is cancelled.

        Raises:
            CisError: there is none.
        """
        conversation = await asyncio.to_thread(self._store.get, id)
        talk = self._talk(conversation.id)
        try:
            return await talk.answer(text, how)
        except asyncio.CancelledError:
            await talk.stop()
            raise

    async def take_back(self, id: str, *, last: int = 0) -> tuple[str, ...]:
        """Take the `last` prompts that wait out of the queue, or all for 0; oldest first."""
        conversation = await asyncio.to_thread(self._store.get, id)
        return await self._talk(conversation.id).take_back(last=last)

    async def hurry(self, id: str) -> bool:
        """Make the next attempt of an answer now instead of waiting; whether it was waited for."""
        conversation = await asyncio.to_thread(self._store.get, id)
        turn = self._talk(conversation.id).turn
        return turn is not None and turn.hurry()

    async def stop(self, id: str) -> Stopped:
        """Stop everything that goes on in a conversation, and take back what waits; what it was."""
        conversation = await asyncio.to_thread(self._store.get, id)
        return await self._talk(conversation.id).stop()

    async def fork(self, id: str, *, upto: int = 0) -> Conversation:
        """A new conversation that begins as this one, up to the message `upto`."""
        return await asyncio.to_thread(self._store.fork, id, upto)

    async def rename(self, id: str, title: str) -> Conversation:
        """Call a conversation otherwise."""
        return await self._with_state(await asyncio.to_thread(self._store.rename, id, title))

    async def use(self, id: str, agent: str, *, model: str = "") -> Conversation:
        """Let another agent, or another model, go on with a conversation, from the next turn."""
        conversation = await asyncio.to_thread(self._store.get, id)
        if agent:
            await self._around.roster.choose(agent, await self._project(conversation.project))
        model = clean_line(model, limit=200)
        return await self._with_state(await asyncio.to_thread(self._store.set_agent, conversation.id, agent, model))

    async def delete(self, id: str) -> None:
        """Let a conversation be gone, with all that was said.

        Raises:
            Refused: a turn of it goes on (CIS-AGENT-019).
        """
        conversation = await asyncio.to_thread(self._store.get, id)
        if self._talk(conversation.id).busy:
            raise Refused("CIS-AGENT-019", "a turn of this conversation goes on", hint="stop it first")
        await asyncio.to_thread(self._store.delete, conversation.id)
        self._talks.pop(conversation.id, None)

    async def export(self, id: str) -> str:
        """A conversation as Markdown."""
        conversation = await asyncio.to_thread(self._store.get, id)
        return markdown(conversation, await asyncio.to_thread(self._store.messages, conversation.id))

    async def undo(self, id: str, *, turn: str = "") -> tuple[FileUndo, ...]:
        """Take back what the agent wrote into files in a turn, the last one that wrote; files changed since stay.

        Raises:
            Refused: a turn goes on (CIS-AGENT-019).
        """
        conversation = await asyncio.to_thread(self._store.get, id)
        if self._talk(conversation.id).busy:
            raise Refused("CIS-AGENT-019", "a turn of this conversation goes on", hint="stop it first")
        return await asyncio.to_thread(self._undo, conversation, turn)

    async def context(self, id: str) -> ContextView:
        """What was sent with the newest request, part by part; before the first one, what it would begin with."""
        conversation = await asyncio.to_thread(self._store.get, id)
        sent = await asyncio.to_thread(self._store.sent, conversation.id)
        if sent:
            return sent_view(sent)
        project = await self._project(conversation.project)
        agent = await self._around.roster.choose(conversation.agent, project, conversation.model)
        return ContextView(agent.name, agent.model, system_parts(project), (), sent=False)

    async def rules(self) -> tuple[ToolRule, ...]:
        """What the policy says about calls of tools, for all of them."""
        policy = await asyncio.to_thread(load_policy, self._around.home)
        return told(policy, {}, self._around.home.root / POLICY_FILE)

    async def allow(self, pattern: str, level: str) -> tuple[ToolRule, ...]:
        """Write a rule into the policy, and give all of them.

        Raises:
            Invalid: it is no pattern, or no level (CIS-AGENT-027).
        """
        chosen = parse_level(level, "the level")
        await asyncio.to_thread(add_rule, self._around.home, pattern, chosen)
        return await self.rules()

    async def choose(self, name: str, project: str, *, model: str = "") -> AgentDefinition:
        """The agent that a task names, see `Roster.choose`."""
        return await self._around.roster.choose(name, await self._project(project), model)

    async def close(self) -> None:
        """Stop all turns, keeping what waits for the next engine, and let go of connections."""
        self._closed = True
        await asyncio.gather(*(talk.stop(queue=False) for talk in self._talks.values()))
        await self._around.roster.close()

    def _talk(self, id: str) -> Talk:
        if self._closed:
            raise Unavailable("CIS-ENG-017", "the engine is stopping")
        if id not in self._talks:
            self._talks[id] = Talk(id, self._around)
        return self._talks[id]

    async def _project(self, project: str) -> ProjectContext:
        return await asyncio.to_thread(self._around.project, project)

    async def _with_state(self, conversation: Conversation) -> Conversation:
        waiting = await asyncio.to_thread(self._store.waiting, conversation.id)
        queued = tuple(text for _, text in waiting)
        talk = self._talks.get(conversation.id)
        state = {"activity": talk.activity, "attended": talk.attended} if talk else {}
        return replace(conversation, queued=queued, **state)

    def _undo(self, conversation: Conversation, turn: str) -> tuple[FileUndo, ...]:
        files = ProjectFiles(Path(conversation.project))
        results: list[FileUndo] = []
        for write in self._store.writes(conversation.id, turn):
            result = files.undo(write)
            results.append(result)
            if result.done:
                self._store.note_undone([write.number])
        return tuple(results)


def _shown(message: Message) -> Message:
    """A message without what could disturb a screen."""
    return replace(message, blocks=tuple(_clean(block) for block in message.blocks))


def _clean(block: Block) -> Block:
    return replace(block, text=clean(block.text), name=clean_line(block.name), signature="")
