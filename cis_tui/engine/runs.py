"""The engine: DAGs and runs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from cis_tui.core.clock import Instant
from cis_tui.core.errors import CisError
from cis_tui.dag.executors.opening import foresee
from cis_tui.dag.model import DagSpec
from cis_tui.dag.prune import Keep
from cis_tui.dag.template import bind_params
from cis_tui.dag.views import DagInfo, DagPlan, Debt, LogChunk, PruneReport, RunSummary, RunView, UndoItem, UndoKind
from cis_tui.engine.parts import Parts
from cis_tui.memory.rollback import entries_to_roll_back
from cis_tui.skills.model import SkillManifest

log = logging.getLogger(__name__)


class Runs(Parts):
    """What `EngineApi` has of DAGs and runs."""

    async def dag_list(self, project: str) -> tuple[DagInfo, ...]:
        """See `EngineApi`."""
        return await self._in_thread(self._session(project).dags)

    async def dag_show(self, project: str, name: str) -> DagInfo:
        """See `EngineApi`."""
        return await self._in_thread(self._session(project).dag, name)

    async def dag_plan(self, project: str, name: str, params: Mapping[str, str], *, executor: str = "") -> DagPlan:
        """See `EngineApi`."""
        session = self._session(project)
        planned = await self._in_thread(lambda: session.plan(name, params, durations=self._runs.history.durations))
        if not executor:
            return planned
        spec, skills = await self._in_thread(session.called, name)
        warnings = await foresee(executor, spec, skills, self.settings.dask, project=project)
        return replace(planned, executor=executor, warnings=warnings)

    async def run_start(
        self, project: str, name: str, params: Mapping[str, str], *, yes: bool = False, executor: str = "local"
    ) -> RunView:
        """See `EngineApi`."""
        spec, skills = await self._in_thread(self._session(project).runnable, name)
        return await self._start_run(project, spec, skills, params, yes=yes, executor=executor)

    async def _start_run(
        self,
        project: str,
        spec: DagSpec,
        skills: Mapping[str, SkillManifest],
        params: Mapping[str, object],
        *,
        yes: bool,
        executor: str = "local",
    ) -> RunView:
        bound = bind_params(spec, params)
        info = await self._in_thread(self._session(project).info) if project else None
        return await self._runs.start(
            spec,
            project=project,
            project_name=info.name if info else "",
            max_parallel=info.max_parallel if info else None,
            stakeholders=info.stakeholders if info else {},
            params=bound,
            skills=skills,
            yes=yes,
            executor=executor,
        )

    async def run_list(self, project: str = "", *, limit: int = 50) -> tuple[RunSummary, ...]:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._runs.history.list(project, limit=limit))

    async def run_show(self, run: str) -> RunView:
        """See `EngineApi`."""
        return await self._in_thread(self._runs.history.show, run)

    async def run_logs(self, run: str, task: str, *, attempt: int = 0, offset: int = 0, limit: int = 65536) -> LogChunk:
        """See `EngineApi`."""
        return await self._in_thread(
            lambda: self._runs.history.logs(run, task, attempt=attempt, offset=offset, limit=limit)
        )

    async def run_resume(self, run: str, *, yes: bool = False, executor: str = "") -> RunView:
        """See `EngineApi`."""
        view = await self.run_show(run)
        return await self._runs.resume(view.id, skills=await self._skills_of(view), yes=yes, executor=executor)

    async def run_rerun(self, run: str, task: str, *, yes: bool = False, executor: str = "") -> RunView:
        """See `EngineApi`."""
        view = await self.run_show(run)
        if view.project:
            await self._in_thread(self._session(view.project).require_trust)
        skills = await self._skills_of(view)
        return await self._runs.rerun(view.id, task, skills=skills, yes=yes, executor=executor)

    async def run_undo_plan(self, run: str) -> tuple[UndoItem, ...]:
        """See `EngineApi`."""
        view = await self.run_show(run)
        items = await self._in_thread(self._runs.undo_plan, view.id)
        return (*items, *await self._in_thread(self._memory_to_undo, view))

    def _memory_to_undo(self, view: RunView) -> list[UndoItem]:
        """What a run wrote into memory, as its journal would tell it: private entries are not named."""
        known = {item.id: item for item in view.undo if item.kind is UndoKind.MEMORY}
        try:
            keys = entries_to_roll_back(self._memory, view.id, view.started_at)
        except CisError as error:
            return [UndoItem(UndoKind.MEMORY, "memory", detail=error.message)]
        names = [key or f"private entry {number}" for number, key in enumerate(keys, 1)]
        return [known.get(name, UndoItem(UndoKind.MEMORY, name)) for name in names]

    async def run_rollback(self, run: str, *, skip: tuple[str, ...] = (), executor: str = "") -> RunView:
        """See `EngineApi`."""
        view = await self.run_show(run)
        return await self._runs.roll_back(view.id, skills=await self._skills_of(view), skip=skip, executor=executor)

    async def _skills_of(self, view: RunView) -> Mapping[str, SkillManifest]:
        """The skills that a run calls, once they are trusted as they are now."""
        names = await self._in_thread(self._runs.skills_of, view.id)
        return await self._in_thread(self._session(view.project).trusted_skills, names)

    async def _finish_rollbacks(self) -> None:
        """Go on with the rollbacks in which an engine ended."""
        for run in await self._in_thread(self._runs.rolling_back):
            try:
                await self.run_resume(run)
            except (CisError, OSError) as error:
                log.warning("the rollback of the run %s waits: %s", run, error)

    async def _wait_for_scheduled(self) -> None:
        """Go on with what skills have scheduled and an engine did not begin."""
        for run in await self._in_thread(self._runs.history.scheduled):
            try:
                await self.run_resume(run)
            except (CisError, OSError) as error:
                log.warning("the scheduled run %s waits: %s", run, error)

    async def run_pause(self, run: str) -> RunView:
        """See `EngineApi`."""
        return await self._runs.pause(run)

    async def run_cancel(self, run: str, task: str = "", *, reason: str = "") -> RunView:
        """See `EngineApi`."""
        return await self._runs.cancel(run, task, reason=reason)

    async def run_debts(self, run: str = "", *, project: str = "", all: bool = False) -> tuple[Debt, ...]:
        """See `EngineApi`."""
        return await self._in_thread(lambda: self._runs.history.debts(run, project, all=all))

    async def run_prune(self, *, before: Instant | None = None, newest: int = 0, dry_run: bool = False) -> PruneReport:
        """See `EngineApi`."""
        return await self._runs.prune(Keep(before, newest), dry_run=dry_run)

    async def run_settle(self, run: str, task: str, *, reason: str) -> Debt:
        """See `EngineApi`."""
        return await self._runs.settle(run, task, reason=reason)
