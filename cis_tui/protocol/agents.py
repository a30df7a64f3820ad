"""`EngineApi`: agents and conversations with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

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


class AgentApi(Protocol):
    """What `EngineApi` has of agents and conversations with them."""

    async def agent_list(self, project: str) -> tuple[AgentInfo, ...]:
        """Every agent by name; whether it can be asked, and which one is asked by default."""
        ...

    async def agent_new(self, project: str, *, agent: str = "", title: str = "") -> Conversation:
        """A new conversation; an empty agent is the default one, chosen anew for each turn."""
        ...

    async def agent_conversations(
        self, project: str = "", *, query: str = "", limit: int = 50
    ) -> tuple[Conversation, ...]:
        """The newest first, of all projects when `project` is empty; with `query`, those in which it was said."""
        ...

    async def agent_show(self, id: str, *, after: int = 0) -> ConversationView:
        """What was said after the message number `after` (0: all), and is being said; `id` may be an unambiguous
        beginning, here and in all that follow."""
        ...

    async def agent_send(self, id: str, text: str, *, steer: bool = False, attended: bool = True) -> Sent:
        """Say something: at once if nothing goes on, else when the turn is done, or with `steer` at its next step.

        On the disk when this returns. `attended`: a person is there who can be asked about calls of tools.
        """
        ...

    async def agent_take_back(self, id: str, *, last: int = 0) -> tuple[str, ...]:
        """Take the `last` prompts that wait out of the queue, or all for 0; the texts, oldest first."""
        ...

    async def agent_hurry(self, id: str) -> bool:
        """Where a failed answer is to be asked for again after a while: ask now; whether that was waited for."""
        ...

    async def agent_stop(self, id: str) -> Stopped:
        """Stop everything that goes on in a conversation and take back its queue; returns when nothing is left."""
        ...

    async def agent_fork(self, id: str, *, upto: int = 0) -> Conversation:
        """A new conversation that begins with the messages up to number `upto`, or all."""
        ...

    async def agent_rename(self, id: str, title: str) -> Conversation: ...
    async def agent_use(self, id: str, agent: str, *, model: str = "") -> Conversation:
        """Let another agent or model go on, from the next turn; empty: the default one, its own model."""
        ...

    async def agent_delete(self, id: str) -> None:
        """Let it be gone with all that was said; Refused while a turn goes on."""
        ...

    async def agent_export(self, id: str) -> str:
        """As Markdown."""
        ...

    async def agent_undo(self, id: str, *, turn: str = "") -> tuple[FileUndo, ...]:
        """Take back what the agent wrote into files in a turn, or in the last one that wrote; changed files stay."""
        ...

    async def agent_context(self, id: str) -> ContextView:
        """What was sent with the newest request, exactly, part by part."""
        ...

    async def agent_mask(self, data: Mapping[str, object]) -> Mapping[str, object]:
        """What programs answered, as JSON data, as an agent may be given it: without what of memory it may not read."""
        ...

    async def agent_rules(self) -> tuple[ToolRule, ...]:
        """What the policy says about calls of tools."""
        ...

    async def agent_allow(self, pattern: str, level: str) -> tuple[ToolRule, ...]:
        """Write a rule into the policy, such as `file_write:docs/*` and `mechanical`, for good; gives all rules."""
        ...
