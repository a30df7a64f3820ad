"""A remote engine: DAGs and runs."""

from __future__ import annotations

from collections.abc import Mapping

from cis_tui.api.client.channel import Calls
from cis_tui.core.clock import Instant
from cis_tui.dag.views import DagInfo, DagPlan, Debt, LogChunk, PruneReport, RunSummary, RunView, UndoItem


class RunCalls(Calls):
    """What `EngineApi` has of DAGs and runs."""

    async def dag_list(self, project: str) -> tuple[DagInfo, ...]:
        """See `EngineApi`."""
        return await self._call("dag_list", project=project)

    async def dag_show(self, project: str, name: str) -> DagInfo:
        """See `EngineApi`."""
        return await self._call("dag_show", project=project, name=name)

    async def dag_plan(self, project: str, name: str, params: Mapping[str, str], *, executor: str = "") -> DagPlan:
        """See `EngineApi`."""
        return await self._call("dag_plan", project=project, name=name, params=params, executor=executor)

    async def run_start(
        self, project: str, name: str, params: Mapping[str, str], *, yes: bool = False, executor: str = "local"
    ) -> RunView:
        """See `EngineApi`."""
        return await self._call("run_start", project=project, name=name, params=params, yes=yes, executor=executor)

    async def run_list(self, project: str = "", *, limit: int = 50) -> tuple[RunSummary, ...]:
        """See `EngineApi`."""
        return await self._call("run_list", project=project, limit=limit)

    async def run_show(self, run: str) -> RunView:
        """See `EngineApi`."""
        return await self._call("run_show", run=run)

    async def run_logs(self, run: str, task: str, *, attempt: int = 0, offset: int = 0, limit: int = 65536) -> LogChunk:
        """See `EngineApi`."""
        return await self._call("run_logs", run=run, task=task, attempt=attempt, offset=offset, limit=limit)

    async def run_resume(self, run: str, *, yes: bool = False, executor: str = "") -> RunView:
        """See `EngineApi`."""
        return await self._call("run_resume", run=run, yes=yes, executor=executor)

    async def run_rerun(self, run: str, task: str, *, yes: bool = False, executor: str = "") -> RunView:
        """See `EngineApi`."""
        return await self._call("run_rerun", run=run, task=task, yes=yes, executor=executor)

    async def run_undo_plan(self, run: str) -> tuple[UndoItem, ...]:
        """See `EngineApi`."""
        return await self._call("run_undo_plan", run=run)

    async def run_rollback(self, run: str, *, skip: tuple[str, ...] = (), executor: str = "") -> RunView:
        """See `EngineApi`."""
        return await self._call("run_rollback", run=run, skip=skip, executor=executor)

    async def run_pause(self, run: str) -> RunView:
        """See `EngineApi`."""
        return await self._call("run_pause", run=run)

    async def run_cancel(self, run: str, task: str = "", *, reason: str = "") -> RunView:
        """See `EngineApi`."""
        return await self._call("run_cancel", run=run, task=task, reason=reason)

    async def run_debts(self, run: str = "", *, project: str = "", all: bool = False) -> tuple[Debt, ...]:
        """See `EngineApi`."""
        return await self._call("run_debts", run=run, project=project, all=all)

    async def run_prune(self, *, before: Instant | None = None, newest: int = 0, dry_run: bool = False) -> PruneReport:
        """See `EngineApi`."""
        return await self._call("run_prune", before=before, newest=newest, dry_run=dry_run)

    async def run_settle(self, run: str, task: str, *, reason: str) -> Debt:
        """See `EngineApi`."""
        return await self._call("run_settle", run=run, task=task, reason=reason)
