"""What can be known and done without a live engine: the read part of `EngineApi`, straight from the files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cis_tui.core.paths import Home

if TYPE_CHECKING:
    from cis_tui.dag.history import RunHistory
    from cis_tui.dag.inspection import DecisionDetail, Rule, TrailEntry
    from cis_tui.dag.views import DagInfo, DagPlan, Debt, Decision, LogChunk, RunSummary, RunView
    from cis_tui.project.model import ProjectInfo, TrustReport
    from cis_tui.project.session import ProjectSession
    from cis_tui.project.trust import TrustStore
    from cis_tui.skills.intent import Intent
    from cis_tui.skills.model import SkillInfo, SkillRun


class Offline:
    """Takes no lock and starts nothing, so that any number of commands may look at the same time.

    Its methods are those of `EngineApi`, and block.
    """

    def __init__(self, home: Home) -> None:
        self._home = home

    @cached_property
    def _trust(self) -> TrustStore:
        from cis_tui.project.trust import TrustStore

        return TrustStore(self._home)

    @cached_property
    def _history(self) -> RunHistory:
        from cis_tui.dag.history import RunHistory

        return RunHistory(self._home)

    async def project_open(self, project: str) -> ProjectInfo:
        """See `EngineApi`."""
        return self._session(project).info()

    async def trust_report(self, project: str) -> TrustReport:
        """See `EngineApi`."""
        return self._trust.report(Path(project))

    async def trust_grant(self, project: str, digest: str, *, author: bool = False) -> ProjectInfo:
        """See `EngineApi`."""
        self._trust.grant(Path(project), digest, author=author)
        return self._session(project).info()

    async def trust_revoke(self, project: str) -> None:
        """See `EngineApi`."""
        self._trust.revoke(Path(project))

    async def dag_list(self, project: str) -> tuple[DagInfo, ...]:
        """See `EngineApi`."""
        return self._session(project).dags()

    async def dag_show(self, project: str, name: str) -> DagInfo:
        """See `EngineApi`."""
        return self._session(project).dag(name)

    async def dag_plan(self, project: str, name: str, params: Mapping[str, str], *, executor: str = "") -> DagPlan:
        """See `EngineApi`."""
        session = self._session(project)
        planned = session.plan(name, params, durations=self._history.durations)
        if not executor:
            return planned
        from cis_tui.core.config import load_config
        from cis_tui.dag.executors.opening import foresee

        spec, skills = session.called(name)
        settings = load_config(self._home.config_file).settings.dask
        warnings = await foresee(executor, spec, skills, settings, project=project)
        return replace(planned, executor=executor, warnings=warnings)

    async def run_list(self, project: str = "", *, limit: int = 50) -> tuple[RunSummary, ...]:
        """See `EngineApi`."""
        return self._history.list(project, limit=limit)

    async def run_show(self, run: str) -> RunView:
        """See `EngineApi`."""
        return self._history.show(run)

    async def run_logs(self, run: str, task: str, *, attempt: int = 0, offset: int = 0, limit: int = 65536) -> LogChunk:
        """See `EngineApi`."""
        return self._history.logs(run, task, attempt=attempt, offset=offset, limit=limit)

    async def run_debts(self, run: str = "", *, project: str = "", all: bool = False) -> tuple[Debt, ...]:
        """See `EngineApi`."""
        return self._history.debts(run, project, all=all)

    async def decision_list(self, *, all: bool = False) -> tuple[Decision, ...]:
        """See `EngineApi`. Nothing is asked while no engine is live."""
        return self._history.decisions() if all else ()

    async def decision_show(self, id: str) -> DecisionDetail:
        """See `EngineApi`."""
        return self._history.detail(id)

    async def decision_rules(self, run: str = "", *, all: bool = False) -> tuple[Rule, ...]:
        """See `EngineApi`."""
        return self._history.rules(run, all=all)

    async def decision_trail(self, id: str = "", *, run: str = "", limit: int = 1000) -> tuple[TrailEntry, ...]:
        """See `EngineApi`."""
        return self._history.trail(id, run, limit=limit)

    async def skill_list(self, project: str) -> tuple[SkillInfo, ...]:
        """See `EngineApi`."""
        return self._session(project).skills()

    async def skill_intent(self, project: str, text: str) -> Intent:
        """See `EngineApi`."""
        from cis_tui.skills.intent import read_intent

        return read_intent(text, await self.skill_list(project))

    async def skill_runs(self, project: str = "", *, skill: str = "", limit: int = 50) -> tuple[SkillRun, ...]:
        """See `EngineApi`."""
        return self._history.skill_runs(skill, project=project, limit=limit)

    async def skill_log(self, call: str, *, offset: int = 0, limit: int = 65536) -> LogChunk:
        """See `EngineApi`."""
        from cis_tui.dag.skill_calls import read_log

        return read_log(self._home, call, offset=offset, limit=limit)

    def _session(self, project: str) -> ProjectSession:
        from cis_tui.project.session import ProjectSession

        return ProjectSession(self._home, self._trust, Path(project) if project else None)
