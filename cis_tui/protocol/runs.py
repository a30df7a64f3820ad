"""`EngineApi`: DAGs and runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from cis_tui.core.clock import Instant
from cis_tui.dag.views import DagInfo, DagPlan, Debt, LogChunk, PruneReport, RunSummary, RunView, UndoItem


class RunApi(Protocol):
    """What `EngineApi` has of DAGs and runs."""

    async def dag_list(self, project: str) -> tuple[DagInfo, ...]: ...
    async def dag_show(self, project: str, name: str) -> DagInfo:
        """`name` is a DAG's name or an absolute path of a file."""
        ...

    async def dag_plan(self, project: str, name: str, params: Mapping[str, str], *, executor: str = "") -> DagPlan:
        """With `executor`, the plan has why a run by that would be refused now."""
        ...

    async def run_start(
        self, project: str, name: str, params: Mapping[str, str], *, yes: bool = False, executor: str = "local"
    ) -> RunView:
        """Starts and returns at once, with another `executor` than `local` once that is there. `yes`: Recommended and
        Confirmed are approved, Arbitrated never."""
        ...

    async def run_list(self, project: str = "", *, limit: int = 50) -> tuple[RunSummary, ...]:
        """Newest first; of all projects when `project` is empty."""
        ...

    async def run_show(self, run: str) -> RunView:
        """`run` may be an unambiguous beginning of the id, here and in all that follow."""
        ...

    async def run_logs(self, run: str, task: str, *, attempt: int = 0, offset: int = 0, limit: int = 65536) -> LogChunk:
        """Bytes from `offset`; a negative one counts from the end. Attempt 0 is the newest."""
        ...

    async def run_resume(self, run: str, *, yes: bool = False, executor: str = "") -> RunView:
        """`executor`: another one than it had."""
        ...

    async def run_rerun(self, run: str, task: str, *, yes: bool = False, executor: str = "") -> RunView:
        """Starts a new run, with the definition and the parameters of `run`, that begins with `task` and takes over
        what completed before it; returns at once. `executor`: another one than it had."""
        ...

    async def run_undo_plan(self, run: str) -> tuple[UndoItem, ...]:
        """What a rollback would take back, in that order: steps of tasks, files, entries of memory."""
        ...

    async def run_rollback(self, run: str, *, skip: tuple[str, ...] = (), executor: str = "") -> RunView:
        """Begins to take back what a run did, and returns at once; the steps of the tasks in `skip` are left out. With
        `executor` steps run there, not where their tasks ran."""
        ...

    async def run_pause(self, run: str) -> RunView:
        """Nothing of it starts any more until it is resumed; what runs goes on to its end."""
        ...

    async def run_cancel(self, run: str, task: str = "", *, reason: str = "") -> RunView:
        """Ends every process of the run, or of one task of it, TERM then KILL; returns when it has ended.

        A task that is cancelled has failed for what needs it, and for the policy of the run.
        """
        ...

    async def run_debts(self, run: str = "", *, project: str = "", all: bool = False) -> tuple[Debt, ...]:
        """Failures that a policy tolerated and nobody has settled, oldest first; with `all` the settled ones too."""
        ...

    async def run_prune(self, *, before: Instant | None = None, newest: int = 0, dry_run: bool = False) -> PruneReport:
        """Removes runs that are over, ended before `before` and are none of the newest `newest`; see `prune.chosen`."""
        ...

    async def run_settle(self, run: str, task: str, *, reason: str) -> Debt:
        """Say that a debt is made good, and how."""
        ...
