"""The engine: decisions."""

from __future__ import annotations

from cis_tui.core.errors import NotFound
from cis_tui.dag.answers import Edit, Refusal
from cis_tui.dag.inspection import DecisionDetail, Rule, ToolCall, TrailEntry
from cis_tui.dag.tool_questions import ask_about
from cis_tui.dag.views import Choice, Decision
from cis_tui.engine.parts import Parts


class Decisions(Parts):
    """What `EngineApi` has of decisions."""

    async def decision_list(self, *, all: bool = False) -> tuple[Decision, ...]:
        """See `EngineApi`."""
        return self._runs.decisions.list(all=all)

    async def decision_show(self, id: str) -> DecisionDetail:
        """See `EngineApi`."""
        asked = self._runs.decisions.asked(id)
        try:
            return await self._nodes.advised(await self._in_thread(self._runs.history.detail, id))
        except NotFound:
            if asked is None:
                raise
            return asked  # it is on its way to the journal

    async def decision_ask(self, project: str, call: ToolCall) -> Decision:
        """See `EngineApi`."""
        return await ask_about(self._runs.decisions, call, project)

    async def decision_approve(
        self, id: str, *, reason: str = "", edit: Edit | None = None, alike: bool = False
    ) -> Decision:
        """See `EngineApi`."""
        return await self._runs.decisions.approve(id, reason=reason, edit=edit, alike=alike)

    async def decision_reject(self, id: str, *, reason: str = "", how: Refusal | None = None) -> Decision:
        """See `EngineApi`."""
        return await self._runs.decisions.reject(id, reason=reason, how=how)

    async def decision_hold(self, id: str) -> Decision:
        """See `EngineApi`."""
        return await self._runs.decisions.hold(id)

    async def decision_vote(self, id: str, choice: Choice, *, seat: str = "", reason: str = "") -> Decision:
        """See `EngineApi`."""
        return await self._runs.decisions.vote(id, choice, seat=seat, reason=reason)

    async def decision_rules(self, run: str = "", *, all: bool = False) -> tuple[Rule, ...]:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._runs.history.rules(run, all=all))

    async def decision_withdraw(self, id: str, *, reason: str = "") -> Rule:
        """See `EngineApi`."""
        rule = await self._in_thread(self._runs.history.rule, id)
        return await self._runs.decisions.withdraw(rule, reason=reason)

    async def decision_trail(self, id: str = "", *, run: str = "", limit: int = 1000) -> tuple[TrailEntry, ...]:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._runs.history.trail(id, run, limit=limit))
