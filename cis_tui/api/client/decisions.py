"""A remote engine: decisions."""

from __future__ import annotations

from cis_tui.api.client.channel import Calls
from cis_tui.dag.answers import Edit, Refusal
from cis_tui.dag.inspection import DecisionDetail, Rule, ToolCall, TrailEntry
from cis_tui.dag.views import Choice, Decision


class DecisionCalls(Calls):
    """What `EngineApi` has of decisions."""

    async def decision_list(self, *, all: bool = False) -> tuple[Decision, ...]:
        """See `EngineApi`."""
        return await self._call("decision_list", all=all)

    async def decision_show(self, id: str) -> DecisionDetail:
        """See `EngineApi`."""
        return await self._call("decision_show", id=id)

    async def decision_ask(self, project: str, call: ToolCall) -> Decision:
        """See `EngineApi`."""
        return await self._call("decision_ask", project=project, call=call)

    async def decision_approve(
        self, id: str, *, reason: str = "", edit: Edit | None = None, alike: bool = False
    ) -> Decision:
        """See `EngineApi`."""
        return await self._call("decision_approve", id=id, reason=reason, edit=edit, alike=alike)

    async def decision_reject(self, id: str, *, reason: str = "", how: Refusal | None = None) -> Decision:
        """See `EngineApi`."""
        return await self._call("decision_reject", id=id, reason=reason, how=how)

    async def decision_hold(self, id: str) -> Decision:
        """See `EngineApi`."""
        return await self._call("decision_hold", id=id)

    async def decision_vote(self, id: str, choice: Choice, *, seat: str = "", reason: str = "") -> Decision:
        """See `EngineApi`."""
        return await self._call("decision_vote", id=id, choice=choice, seat=seat, reason=reason)

    async def decision_rules(self, run: str = "", *, all: bool = False) -> tuple[Rule, ...]:
        """See `EngineApi`."""
        return await self._call("decision_rules", run=run, all=all)

    async def decision_withdraw(self, id: str, *, reason: str = "") -> Rule:
        """See `EngineApi`."""
        return await self._call("decision_withdraw", id=id, reason=reason)

    async def decision_trail(self, id: str = "", *, run: str = "", limit: int = 1000) -> tuple[TrailEntry, ...]:
        """See `EngineApi`."""
        return await self._call("decision_trail", id=id, run=run, limit=limit)
