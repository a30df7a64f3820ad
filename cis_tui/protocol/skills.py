"""`EngineApi`: skills."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from cis_tui.dag.views import LogChunk
from cis_tui.skills.intent import Intent
from cis_tui.skills.model import SkillInfo, SkillResult, SkillRun


class SkillApi(Protocol):
    """What `EngineApi` has of skills."""

    async def skill_list(self, project: str) -> tuple[SkillInfo, ...]: ...
    async def skill_intent(self, project: str, text: str) -> Intent:
        """What a sentence asks for, of the skills that can be called; runs nothing."""
        ...

    async def skill_run(
        self,
        project: str,
        name: str,
        args: tuple[str, ...],
        input: Mapping[str, object],
        *,
        call: str = "",
        yes: bool = False,
    ) -> SkillResult:
        """`call`: a new name of letters and digits for this call, which its SkillOutput events bear, and the decision
        about it if a person has to confirm it; `yes` confirms it."""
        ...

    async def skill_cancel(self, call: str) -> bool:
        """Ends a call with all its processes; whether it was going on."""
        ...

    async def skill_runs(self, project: str = "", *, skill: str = "", limit: int = 50) -> tuple[SkillRun, ...]:
        """Calls that have ended, also those of tasks, newest first; of all projects when `project` is empty."""
        ...

    async def skill_log(self, call: str, *, offset: int = 0, limit: int = 65536) -> LogChunk:
        """What a call outside of any run printed, as long as it is kept."""
        ...
