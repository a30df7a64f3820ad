"""Runs as the journal tells them: readable with and without a live engine."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice

from cis_tui.core.errors import NotFound, Refused, Unavailable
from cis_tui.core.paths import Home
from cis_tui.core.text import clean_line, count
from cis_tui.dag import store, trail_store
from cis_tui.dag.estimates import read_durations
from cis_tui.dag.inspection import DecisionDetail, Preview, Rule, TrailEntry
from cis_tui.dag.outputs import log_path, read_chunk
from cis_tui.dag.past import past_attempts
from cis_tui.dag.record import RunRecord
from cis_tui.dag.state import RunState
from cis_tui.dag.verdicts import no_decision
from cis_tui.dag.views import (
    Debt,
    Decision,
    LogChunk,
    RunStatus,
    RunSummary,
    RunView,
    TaskStatus,
    TaskView,
    UndoKind,
    UndoStatus,
)
from cis_tui.skills.model import SkillRun

SKILL_RUNS = 5_000
"""Calls of skills that are looked through."""
Live = Callable[[str], RunState | None]
"""The present state of a run that an engine is working on; None for any other."""


class RunHistory:
    """Reads `runs.db`. All its methods block."""

    def __init__(self, home: Home, live: Live = lambda run: None) -> None:
        """`live` is given by an engine. Without it, what has not ended is shown as paused."""
        self._home = home
        self._live = live

    def list(self, project: str = "", *, limit: int = 50) -> tuple[RunSummary, ...]:
        """The newest runs, of one project or of all."""
        with self._reading() as connection:
            found = store.read_summaries(connection, project, limit) if connection else []
        return tuple(self._present(summary) for summary in found)

    def skill_runs(self, skill: str = "", *, project: str = "", limit: int = 50) -> tuple[SkillRun, ...]:
        """The latest calls, newest first: of one skill or of all, from one project or from all."""
        with self._reading() as connection:
            found = store.read_skill_runs(connection, SKILL_RUNS) if connection else []
        wanted = (run for run in found if skill in ("", run.skill) and project in ("", run.project))
        return tuple(islice(wanted, limit))

    def show(self, run: str) -> RunView:
        """One run; `run` may be an unambiguous beginning of its id.

        Raises:
            NotFound: there is none (CIS-DAG-060).
            Refused: several begin so (CIS-DAG-061).
        """
        view = self.state(self.find(run)).view()
        shown = view.status.ended or view.status is RunStatus.ROLLING_BACK or self._live(view.id)
        return view if shown else replace(view, status=RunStatus.PAUSED, interrupted=True)

    def find(self, run: str) -> str:
        """The whole id of the run whose id is or begins with `run`.

        Raises:
            NotFound: there is none (CIS-DAG-060).
            Refused: several begin so (CIS-DAG-061).
        """
        with self._reading() as connection:
            query = "SELECT id FROM runs WHERE id >= ? AND substr(id, 1, ?) = ? ORDER BY id LIMIT 5"
            rows = connection.execute(query, (run, len(run), run)).fetchall() if connection and run else []
        ids = [str(id) for (id,) in rows]
        if not ids:
            raise NotFound("CIS-DAG-060", f'there is no run "{run[:80]}"', hint="cis run list shows the latest")
        if len(ids) > 1 and ids[0] != run:
            raise Refused("CIS-DAG-061", f'several runs begin with "{run}"', hint=f"such as {', '.join(ids)}")
        return ids[0]

    def state(self, run: str) -> RunState:
        """The run with this whole id as its events tell it.

        Raises:
            NotFound: there is none (CIS-DAG-060).
        """
        state = self._live(run) or self.stored_state(run)
        if state is None:
            raise NotFound("CIS-DAG-060", f'there is no run "{run}"', hint="cis run list shows the latest")
        return state

    def stored_state(self, run: str) -> RunState | None:
        """What the journal holds of the run with this whole id."""
        with self._reading() as connection:
            if connection is None:
                return None
            return RunState.from_events(store.read_events(connection, "run = ? ORDER BY seq", (run,)))

    def record(self, run: str) -> RunRecord:
        """The definition of the run with this whole id.

        Raises:
            NotFound: there is none (CIS-DAG-060).
        """
        with self._reading() as connection:
            query = "SELECT definition FROM runs WHERE id = ?"
            row = connection.execute(query, (run,)).fetchone() if connection else None
        if row is None:
            raise NotFound("CIS-DAG-060", f'there is no run "{run}"', hint="cis run list shows the latest")
        return RunRecord.loads(row[0])

    def rolling_back(self) -> list[str]:
        """The runs whose rollback has begun and has not ended."""
        with self._reading() as connection:
            return store.read_rolling_back(connection) if connection else []

    def scheduled(self) -> list[str]:
        """The runs that a skill has scheduled, of which nothing has begun and which nobody has paused."""
        with self._reading() as connection:
            found = store.read_scheduled(connection) if connection else []
        states = ((run, self.stored_state(run)) for run in found if self._live(run) is None)
        return [
            run
            for run, state in states
            if state and not state.paused_by and not any(task.attempts for task in state.tasks.values())
        ]

    def decisions(self, *, limit: int = 200) -> tuple[Decision, ...]:
        """The latest decisions of all runs, oldest first."""
        with self._reading() as connection:
            return tuple(store.read_decisions(connection, limit)) if connection else ()

    def decision(self, id: str) -> Decision | None:
        """One decision, also of a run that was removed."""
        with self._reading() as connection:
            return trail_store.read_decision(connection, id) if connection else None

    def jobs(self) -> list[tuple[str, str, str, bool]]:
        """The runs that other nodes wanted: each with that node, its name for it there, and whether it has ended."""
        with self._reading() as connection:
            return store.read_jobs(connection) if connection else []

    def foreign_votes(self) -> list[tuple[Decision, Preview | None]]:
        """The votes of other nodes that nobody has closed, oldest first, with what was shown of them."""
        with self._reading() as connection:
            if connection is None:
                return []
            found = store.read_foreign(connection)
            shown = (trail_store.read_preview(connection, trail_store.number_of(each.id)) for each in found)
            return list(zip(found, shown, strict=True))

    def foreign_vote(self, asker: str, run: str, id: str) -> Decision | None:
        """What is known of the vote that the node `asker` calls `id`."""
        with self._reading() as connection:
            return store.find_foreign(connection, asker, run, id) if connection else None

    def trail(self, decision: str = "", run: str = "", *, limit: int = 1000) -> tuple[TrailEntry, ...]:
        """The newest rows of the audit trail, oldest first: all, those of one decision or those of one run.

        Raises:
            NotFound: there is no such decision (CIS-DAG-050) or run.
        """
        run = self.find(run) if run else ""
        number = trail_store.number_of(decision) if decision else 0
        with self._reading() as connection:
            found = trail_store.read_trail(connection, decision=number, run=run, limit=limit) if connection else []
        if decision and not found:
            raise no_decision(decision)
        return tuple(found)

    def detail(self, id: str) -> DecisionDetail:
        """A decision with what was shown of it, the attempts that were made of its task, and its rows of the trail.

        Raises:
            NotFound: there is no such decision (CIS-DAG-050).
        """
        with self._reading() as connection:
            decision = trail_store.read_decision(connection, id) if connection else None
            if connection is None or decision is None:
                raise no_decision(id)
            number = trail_store.number_of(id)
            where = "run = ? AND task = ? ORDER BY seq"
            made = store.read_events(connection, where, (decision.run, decision.task)) if decision.run else []
            return DecisionDetail(
                decision,
                trail_store.read_preview(connection, number),
                past_attempts(made),
                tuple(trail_store.read_trail(connection, decision=number)),
            )

    def rules(self, run: str = "", *, all: bool = False) -> tuple[Rule, ...]:
        """The yeses to all alike that are in force, oldest first; with `all` those that were."""
        run = self.find(run) if run else ""
        with self._reading() as connection:
            found = trail_store.read_rules(connection, run) if connection else []
            going = store.read_going_on(connection) if connection else set[str]()
        return tuple(rule for rule in found if all or (rule.withdrawn_at is None and rule.run in going))

    def rule(self, id: str) -> Rule:
        """The yes to all alike that the decision `id` made.

        Raises:
            NotFound: it made none (CIS-DAG-144).
        """
        found = next((rule for rule in self.rules(all=True) if rule.id == id), None)
        if found is None:
            name = clean_line(id, limit=40)
            raise NotFound("CIS-DAG-144", f'the decision "{name}" made no rule', hint="cis decision rules lists them")
        return found

    def debts(self, run: str = "", project: str = "", *, all: bool = False) -> tuple[Debt, ...]:
        """Failures that were tolerated and are not settled, oldest first; with `all` those that are, too.

        Raises:
            NotFound: there is no such run (CIS-DAG-060).
            Refused: several begin so (CIS-DAG-061).
        """
        id = self.find(run) if run else ""
        with self._reading() as connection:
            return tuple(store.read_debts(connection, run=id, project=project, all=all)) if connection else ()

    def durations(self, dag: str, project: str) -> dict[str, float]:
        """Seconds that each task of `dag` took in its last runs; see `read_durations`."""
        with self._reading() as connection:
            return read_durations(connection, dag, project) if connection else {}

    def open_debt(self, run: str, task: str) -> Debt:
        """The debt of `task` in the run with this whole id, which is not settled.

        Raises:
            NotFound: there is no such task (CIS-DAG-063).
            Refused: it is no debt (CIS-DAG-104) or settled already (CIS-DAG-105).
        """
        view = self.task(self.state(run), task)
        debt = next((debt for debt in self.debts(run, all=True) if debt.task == task), None)
        if debt is None:
            hint = f"cis run debts {run} lists those of the run"
            raise Refused("CIS-DAG-104", f'the task "{task}" is {view.status}, not a debt', hint=hint)
        if debt.settled_at is not None:
            when = debt.settled_at.iso()
            raise Refused("CIS-DAG-105", f'the debt of "{task}" was settled at {when}: {debt.reason}')
        return debt

    def logs(self, run: str, task: str, *, attempt: int = 0, offset: int = 0, limit: int = 65_536) -> LogChunk:
        """A part of the output of one attempt of a task, or of a step of its rollback; attempt 0 is the newest.

        What was taken over from another run is read from that one.

        Raises:
            NotFound: there is no such run, task or attempt (CIS-DAG-060, CIS-DAG-063).
            Refused: several runs begin so.
        """
        state = self.state(self.find(run))
        step = state.undo.items.get((UndoKind.COMMAND, task))
        if step is not None:
            path = log_path(self._home.runs, state.id, f"{task} rollback", attempt or step.attempts)
            live = step.status is UndoStatus.RUNNING and self._live(state.id) is not None
            return read_chunk(path, attempt or step.attempts, offset, min(limit, 1 << 20), live=live)
        view = self.task(state, task)
        if view.taken:
            return self.logs(view.taken, task, attempt=attempt or view.attempts, offset=offset, limit=limit)
        if attempt < 0 or attempt > view.attempts:
            raise NotFound("CIS-DAG-063", f'the task "{task}" has had {count(view.attempts, "attempt")}, not {attempt}')
        attempt = attempt or view.attempts
        running = view.status is TaskStatus.RUNNING and attempt == view.attempts and self._live(state.id) is not None
        path = log_path(self._home.runs, state.id, task, attempt)
        return read_chunk(path, attempt, offset, min(limit, 1 << 20), live=running)

    def task(self, state: RunState, task: str) -> TaskView:
        """One task of a run.

        Raises:
            NotFound: there is none (CIS-DAG-063).
        """
        view = state.tasks.get(task)
        if view is None:
            name = clean_line(task, limit=80)
            raise NotFound("CIS-DAG-063", f'the run {state.id} has no task "{name}"', hint="cis run show lists them")
        return view

    def _present(self, summary: RunSummary) -> RunSummary:
        if summary.status.ended or summary.status is RunStatus.ROLLING_BACK:
            return summary
        live = self._live(summary.id)
        return replace(summary, status=live.status if live else RunStatus.PAUSED, interrupted=live is None)

    @contextmanager
    def _reading(self) -> Generator[store.Connection | None]:
        """A connection to the journal; None if there is no journal yet."""
        if not self._home.runs_db.exists():
            yield None
            return
        try:
            with store.reading(self._home.runs_db) as connection:
                yield connection if store.is_made(connection) else None
        except store.Error as error:
            raise Unavailable(
                "CIS-DAG-043", f"the run journal {self._home.runs_db} cannot be read: {error}", hint="try: cis doctor"
            ) from error
