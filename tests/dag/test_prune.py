"""Old runs go with everything of theirs; what is open stays, and a kill in between costs nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cis_tui.core.errors import CisError
from cis_tui.dag import store
from cis_tui.dag.model import Level, LevelKind, Policy
from cis_tui.dag.outputs import log_path
from cis_tui.dag.prune import Keep
from cis_tui.dag.views import RunStatus
from tests.dag.lab import Lab, eventually, open_lab, shell

CONFIRMED = Level(LevelKind.CONFIRMED, timeout=60)


def rows(lab: Lab, query: str) -> int:
    with store.reading(lab.home.runs_db) as connection:
        return int(connection.execute(query).fetchone()[0])


async def settled(lab: Lab) -> None:
    """Wait until no run is worked on: what has ended is told a little before."""
    await eventually(lambda: lab.runs.active == 0)


async def test_what_is_over_goes_and_what_is_open_stays(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        done = await lab.run(shell("a", "echo hello", level=Level(LevelKind.RECOMMENDED, timeout=0.01)))
        failed = await lab.run(shell("a", "false"))
        debt = await lab.run(shell("a", "false"), policy=Policy.ALLOW_DEBT)
        stuck = await lab.run(shell("a", "true", rollback=()), shell("b", "false", "a"), rollback_on_failure=True)
        waiting = await lab.start(shell("ask", "true", level=CONFIRMED))
        await lab.decision("ask")
    async with open_lab(tmp_path) as lab:
        live = await lab.start(shell("ask", "true", level=CONFIRMED))
        await lab.decision("ask")
        told = await lab.runs.prune(Keep(), dry_run=True)
        assert set(told.runs) == {done.id, failed.id, stuck.id}
        assert set(told.kept) == {debt.id, waiting, live}
        assert len(lab.runs.history.list()) == 6
        trail = rows(lab, "SELECT count(*) FROM trail")
        report = await lab.runs.prune(Keep())
        assert report.runs == told.runs
        assert report.bytes > 0
        assert {run.id for run in lab.runs.history.list()} == {debt.id, waiting, live}
        assert not log_path(lab.home.runs, done.id, "a", 1).parent.exists()
        assert rows(lab, f"SELECT count(*) FROM events WHERE run IN ('{done.id}', '{failed.id}')") == 0
        assert rows(lab, "SELECT count(*) FROM pruned") == 0
        assert rows(lab, "SELECT count(*) FROM trail") == trail > 0, "what was decided is never forgotten"
        assert next(decision.run for decision in lab.runs.decisions.list(all=True)) == done.id
        await lab.runs.settle(debt.id, "a", reason="made good")
        assert (await lab.runs.prune(Keep())).runs == (debt.id,)
        await lab.runs.resume(waiting)
        await lab.runs.cancel(live)


async def test_the_newest_and_the_young_stay(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        ids = [(await lab.run(shell("a", "true"))).id for _ in range(4)]
        await settled(lab)
        middle = lab.runs.history.show(ids[2]).ended_at
        assert middle is not None
        assert (await lab.runs.prune(Keep(before=middle, newest=3))).runs == (ids[0],)
        assert (await lab.runs.prune(Keep(before=middle))).runs == (ids[1],)
        assert (await lab.runs.prune(Keep(newest=2))).runs == ()
        assert (await lab.runs.prune(Keep(newest=1))).runs == (ids[2],)


async def test_the_file_gets_shorter_while_a_run_goes_on(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        for _ in range(4):
            await lab.run(*(shell(f"t{number}", "head -c 60000 /dev/zero | tr '\\0' x") for number in range(10)))
        await settled(lab)
        run = await lab.start(shell("ask", "true", level=CONFIRMED))
        decision = await lab.decision("ask")
        before = rows(lab, "PRAGMA page_count")
        report, _ = await asyncio.gather(lab.runs.prune(Keep()), lab.runs.decisions.approve(decision.id))
        assert len(report.runs) == 4
        assert rows(lab, "PRAGMA page_count") < before / 2
        assert (await lab.ended(run)).status is RunStatus.COMPLETED


async def test_a_journal_of_an_older_version_gets_shorter_too(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        await lab.run(*(shell(f"t{number}", "head -c 60000 /dev/zero | tr '\\0' x") for number in range(10)))
    with store.reading(tmp_path / "home" / "runs.db") as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("PRAGMA auto_vacuum=NONE")
        connection.execute("VACUUM")
        assert not store.gives_back(connection)
    async with open_lab(tmp_path) as lab:
        before = lab.home.runs_db.stat().st_size
        await lab.runs.prune(Keep())
        assert lab.home.runs_db.stat().st_size < before / 2


@pytest.mark.parametrize("steps", range(8))
async def test_a_prune_that_was_cut_off_is_finished_by_the_next_engine(tmp_path: Path, steps: int) -> None:
    async with open_lab(tmp_path) as lab:
        gone = [(await lab.run(shell("a", "echo hello"))).id for _ in range(2)]
        left = (await lab.run(shell("a", "echo hello"))).id
        await settled(lab)
        usual, done = lab.journal.maintain, 0

        async def some(chore: object) -> object:
            nonlocal done
            done += 1
            if done > steps:
                raise CisError("CIS-X", "killed")
            return await usual(chore)  # pyright: ignore[reportArgumentType, reportUnknownVariableType]

        lab.journal.maintain = some  # pyright: ignore[reportAttributeAccessIssue]
        with pytest.raises(CisError, match="killed"):
            await lab.runs.prune(Keep(newest=1))
        listed = {run.id for run in lab.runs.history.list()}
        assert left in listed
        for run in listed:
            assert lab.runs.history.show(run).tasks[0].output == "hello\n", "a run is there wholly, or not at all"
    async with open_lab(tmp_path) as lab:
        lab.runs.begin_pruning()
        await eventually(lambda: rows(lab, "SELECT count(*) FROM pruned") == 0)
        listed = {run.id for run in lab.runs.history.list()}
        for run in gone:
            if run not in listed:
                assert rows(lab, f"SELECT count(*) FROM events WHERE run = '{run}'") == 0
                assert not (lab.home.runs / run).exists()
        await lab.runs.prune(Keep(newest=1))
        assert [run.id for run in lab.runs.history.list()] == [left]
