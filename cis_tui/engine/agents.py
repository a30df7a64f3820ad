"""The engine: agents and conversations with them."""

from __future__ import annotations

from collections.abc import Mapping

from cis_tui.agents.door import build_doors
from cis_tui.agents.model import (
    AgentInfo,
    ContextView,
    Conversation,
    ConversationView,
    FileUndo,
    Sent,
    Stopped,
    ToolRule,
)
from cis_tui.agents.talk import Prompting
from cis_tui.core.config import load_config
from cis_tui.engine.parts import Parts


class Agents(Parts):
    """What `EngineApi` has of agents and conversations with them."""

    async def agent_list(self, project: str) -> tuple[AgentInfo, ...]:
        """See `EngineApi`."""
        return await self._agents.agents(project)

    async def agent_new(self, project: str, *, agent: str = "", title: str = "") -> Conversation:
        """See `EngineApi`."""
        return await self._agents.new(project, agent=agent, title=title)

    async def agent_conversations(
        self, project: str = "", *, query: str = "", limit: int = 50
    ) -> tuple[Conversation, ...]:
        """See `EngineApi`."""
        return await self._agents.list(project, query=query, limit=limit)

    async def agent_show(self, id: str, *, after: int = 0) -> ConversationView:
        """See `EngineApi`."""
        return await self._agents.show(id, after=after)

    async def agent_send(self, id: str, text: str, *, steer: bool = False, attended: bool = True) -> Sent:
        """See `EngineApi`."""
        return await self._agents.send(id, text, steer=steer, how=Prompting(attended=attended))

    async def agent_take_back(self, id: str, *, last: int = 0) -> tuple[str, ...]:
        """See `EngineApi`."""
        return await self._agents.take_back(id, last=last)

    async def agent_hurry(self, id: str) -> bool:
        """See `EngineApi`."""
        return await self._agents.hurry(id)

    async def agent_stop(self, id: str) -> Stopped:
        """See `EngineApi`."""
        return await self._agents.stop(id)

    async def agent_fork(self, id: str, *, upto: int = 0) -> Conversation:
        """See `EngineApi`."""
        return await self._agents.fork(id, upto=upto)

    async def agent_rename(self, id: str, title: str) -> Conversation:
        """See `EngineApi`."""
        return await self._agents.rename(id, title)

    async def agent_use(self, id: str, agent: str, *, model: str = "") -> Conversation:
        """See `EngineApi`."""
        return await self._agents.use(id, agent, model=model)

    async def agent_delete(self, id: str) -> None:
        """See `EngineApi`."""
        await self._agents.delete(id)

    async def agent_export(self, id: str) -> str:
        """See `EngineApi`."""
        return await self._agents.export(id)

    async def agent_undo(self, id: str, *, turn: str = "") -> tuple[FileUndo, ...]:
        """See `EngineApi`."""
        return await self._agents.undo(id, turn=turn)

    async def agent_context(self, id: str) -> ContextView:
        """See `EngineApi`."""
        return await self._agents.context(id)

    async def agent_mask(self, data: Mapping[str, object]) -> Mapping[str, object]:
        """See `EngineApi`."""

        def masked() -> Mapping[str, object]:
            granted = load_config(self.home.config_file).settings.agent.memory_read
            doors = build_doors(self._memory, granted)
            return doors.answers(data)

        return await self._in_thread(masked)

    async def agent_rules(self) -> tuple[ToolRule, ...]:
        """See `EngineApi`."""
        return await self._agents.rules()

    async def agent_allow(self, pattern: str, level: str) -> tuple[ToolRule, ...]:
        """See `EngineApi`."""
        return await self._agents.allow(pattern, level)
