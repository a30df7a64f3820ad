"""A remote engine: skills."""

from __future__ import annotations

from collections.abc import Mapping

from cis_tui.api.client.channel import Calls
from cis_tui.dag.views import LogChunk
from cis_tui.skills.intent import Intent
from cis_tui.skills.model import SkillInfo, SkillResult, SkillRun


class SkillCalls(Calls):
    """What `EngineApi` has of skills."""

    async def skill_list(self, project: str) -> tuple[SkillInfo, ...]:
        """See `EngineApi`."""
        return await self._call("skill_list", project=project)

    async def skill_intent(self, project: str, text: str) -> Intent:
        """See `EngineApi`."""
        return await self._call("skill_intent", project=project, text=text)

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
        """See `EngineApi`."""
        return await self._call("skill_run", project=project, name=name, args=args, input=input, call=call, yes=yes)

    async def skill_cancel(self, call: str) -> bool:
        """See `EngineApi`."""
        return await self._call("skill_cancel", call=call)

    async def skill_runs(self, project: str = "", *, skill: str = "", limit: int = 50) -> tuple[SkillRun, ...]:
        """See `EngineApi`."""
        return await self._call("skill_runs", project=project, skill=skill, limit=limit)

    async def skill_log(self, call: str, *, offset: int = 0, limit: int = 65536) -> LogChunk:
        """See `EngineApi`."""
        return await self._call("skill_log", call=call, offset=offset, limit=limit)
