"""A remote engine: agents and conversations with them."""

from __future__ import annotations

from collections.abc import Mapping

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
from cis_tui.api.client.channel import Calls


class AgentCalls(Calls):
    """What `EngineApi` has of agents and conversations with them."""

    async def agent_list(self, project: str) -> tuple[AgentInfo, ...]:
        """See `EngineApi`."""
        return await self._call("agent_list", project=project)

    async def agent_new(self, project: str, *, agent: str = "", title: str = "") -> Conversation:
        """See `EngineApi`."""
        return await self._call("agent_new", project=project, agent=agent, title=title)

    async def agent_conversations(
        self, project: str = "", *, query: str = "", limit: int = 50
    ) -> tuple[Conversation, ...]:
        """See `EngineApi`."""
        return await self._call("agent_conversations", project=project, query=query, limit=limit)

    async def agent_show(self, id: str, *, after: int = 0) -> ConversationView:
        """See `EngineApi`."""
        return await self._call("agent_show", id=id, after=after)

    async def agent_send(self, id: str, text: str, *, steer: bool = False, attended: bool = True) -> Sent:
        """See `EngineApi`."""
        return await self._call("agent_send", id=id, text=text, steer=steer, attended=attended)

    async def agent_take_back(self, id: str, *, last: int = 0) -> tuple[str, ...]:
        """See `EngineApi`."""
        return await self._call("agent_take_back", id=id, last=last)

    async def agent_hurry(self, id: str) -> bool:
        """See `EngineApi`."""
        return await self._call("agent_hurry", id=id)

    async def agent_stop(self, id: str) -> Stopped:
        """See `EngineApi`."""
        return await self._call("agent_stop", id=id)

    async def agent_fork(self, id: str, *, upto: int = 0) -> Conversation:
        """See `EngineApi`."""
        return await self._call("agent_fork", id=id, upto=upto)

    async def agent_rename(self, id: str, title: str) -> Conversation:
        """See `EngineApi`."""
        return await self._call("agent_rename", id=id, title=title)

    async def agent_use(self, id: str, agent: str, *, model: str = "") -> Conversation:
        """See `EngineApi`."""
        return await self._call("agent_use", id=id, agent=agent, model=model)

    async def agent_delete(self, id: str) -> None:
        """See `EngineApi`."""
        await self._call("agent_delete", id=id)

    async def agent_export(self, id: str) -> str:
        """See `EngineApi`."""
        return await self._call("agent_export", id=id)

    async def agent_undo(self, id: str, *, turn: str = "") -> tuple[FileUndo, ...]:
        """See `EngineApi`."""
        return await self._call("agent_undo", id=id, turn=turn)

    async def agent_context(self, id: str) -> ContextView:
        """See `EngineApi`."""
        return await self._call("agent_context", id=id)

    async def agent_mask(self, data: Mapping[str, object]) -> Mapping[str, object]:
        """See `EngineApi`."""
        return await self._call("agent_mask", data=data)

    async def agent_rules(self) -> tuple[ToolRule, ...]:
        """See `EngineApi`."""
        return await self._call("agent_rules")

    async def agent_allow(self, pattern: str, level: str) -> tuple[ToolRule, ...]:
        """See `EngineApi`."""
        return await self._call("agent_allow", pattern=pattern, level=level)
