"""The engine: skills; the call of one of type dag is a run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from cis_tui.core.events import EventType
from cis_tui.dag.dag_skills import endings, result_of
from cis_tui.dag.skill_calls import read_log
from cis_tui.dag.views import LogChunk
from cis_tui.engine.runs import Runs
from cis_tui.skills.arguments import checked
from cis_tui.skills.intent import Intent, read_intent
from cis_tui.skills.model import SkillInfo, SkillManifest, SkillResult, SkillRun, SkillType


class Skills(Runs):
    """What `EngineApi` has of skills; the call of one of type dag is a run."""

    async def skill_list(self, project: str) -> tuple[SkillInfo, ...]:
        """See `EngineApi`."""
        return await self._in_thread(self._session(project).skills)

    async def skill_intent(self, project: str, text: str) -> Intent:
        """See `EngineApi`."""
        return read_intent(text, await self.skill_list(project))

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
        manifest = await self._in_thread(self._session(project).runnable_skill, name)
        if manifest.type is SkillType.DAG:
            given = checked(name, manifest.exports, args, input)
            return await self._call_dag(manifest, project, given, yes=yes)
        return await self._runs.skill_calls.run(manifest, project=project, args=args, input=input, call=call, yes=yes)

    async def _call_dag(
        self, manifest: SkillManifest, project: str, params: Mapping[str, object], *, yes: bool
    ) -> SkillResult:
        """A call of a skill of type dag is a run, which ends with whoever called it."""
        spec, skills = await self._in_thread(self._session(project).tasks_of, manifest)
        async with endings(self.bus) as ends:
            run = (await self._start_run(project, spec, skills, params, yes=yes)).id
            try:
                await ends.of(run)
            except asyncio.CancelledError:
                await self._runs.cancel(run)
                raise
        result = result_of(await self.run_show(run))
        told = {"skill": manifest.name, "project": project, "run": run, "success": result.success}
        self._journal.note(EventType.SKILL_EXECUTED, {**told, "duration": result.duration})
        return result

    async def skill_cancel(self, call: str) -> bool:
        """See `EngineApi`."""
        return self._runs.skill_calls.cancel(call)

    async def skill_runs(self, project: str = "", *, skill: str = "", limit: int = 50) -> tuple[SkillRun, ...]:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._runs.history.skill_runs(skill, project=project, limit=limit))

    async def skill_log(self, call: str, *, offset: int = 0, limit: int = 65536) -> LogChunk:
        """See `EngineApi`."""
        live = self._runs.skill_calls.goes_on(call)
        return await self._in_thread(lambda: read_log(self.home, call, offset=offset, limit=limit, live=live))
