"""`EngineApi`: decisions."""

from __future__ import annotations

from typing import Protocol

from cis_tui.dag.answers import Edit, Refusal
from cis_tui.dag.inspection import DecisionDetail, Rule, ToolCall, TrailEntry
from cis_tui.dag.views import Choice, Decision


class DecisionApi(Protocol):
    """What `EngineApi` has of decisions."""

    async def decision_list(self, *, all: bool = False) -> tuple[Decision, ...]:
        """The pending ones, oldest first; with `all` those of the latest runs too."""
        ...

    async def decision_show(self, id: str) -> DecisionDetail:
        """With all that a person can know before an answer, and all that happened to it."""
        ...

    async def decision_ask(self, project: str, call: ToolCall) -> Decision:
        """Ask a person to confirm the call of a tool, and wait for the answer, whatever it is."""
        ...

    async def decision_approve(
        self, id: str, *, reason: str = "", edit: Edit | None = None, alike: bool = False
    ) -> Decision:
        """`edit`: what runs instead; `alike`: approve all that are alike in the run, now and later."""
        ...

    async def decision_reject(self, id: str, *, reason: str = "", how: Refusal | None = None) -> Decision:
        """`how`: which kind of no; None: a recommended task is skipped, anything else fails."""
        ...

    async def decision_hold(self, id: str) -> Decision:
        """Stop a countdown, or let a stopped one go on."""
        ...

    async def decision_vote(self, id: str, choice: Choice, *, seat: str = "", reason: str = "") -> Decision:
        """Vote for `seat`, or for every seat that this engine's owner holds."""
        ...

    async def decision_rules(self, run: str = "", *, all: bool = False) -> tuple[Rule, ...]:
        """The yeses to all alike that are in force, oldest first; with `all` those that were."""
        ...

    async def decision_withdraw(self, id: str, *, reason: str = "") -> Rule:
        """End the yes to all alike that the decision `id` made."""
        ...

    async def decision_trail(self, id: str = "", *, run: str = "", limit: int = 1000) -> tuple[TrailEntry, ...]:
        """The newest rows of the audit trail, oldest first: all, or those of one decision or run."""
        ...
