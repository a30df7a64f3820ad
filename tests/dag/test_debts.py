"""Debts: failures that a policy tolerated, listed until somebody settles them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cis_tui.core.errors import NotFound, Refused
from cis_tui.dag.history import RunHistory
from cis_tui.dag.model import Policy
from cis_tui.dag.views import RunStatus, TaskStatus
from tests.dag.lab import OWNER, open_lab, shell


async def test_a_debt_is_listed_until_it_is_settled_whatever_ends_the_engine(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        view = await lab.run(
            shell("lint", "exit 3"), shell("docs", "exit 4"), shell("ok", "true"), policy=Policy.ALLOW_DEBT
        )
        assert view.status is RunStatus.COMPLETED
        await lab.run(shell("bad", "exit 1"))
    assert {debt.task for debt in RunHistory(lab.home).debts()} == {"lint", "docs"}
    async with open_lab(tmp_path) as lab:
        debt = await lab.runs.settle(view.id[:6], "lint", reason="mended by\x1b[31m hand ")
        assert (debt.run, debt.task, debt.dag, debt.error, debt.exit_code) == (view.id, "lint", "lab", "exit code 3", 3)
        assert (debt.reason, debt.by) == ("mended by hand", OWNER.did)
        assert debt.settled_at is not None
        (left,) = lab.runs.history.debts()
        assert (left.task, left.settled_at) == ("docs", None)
        assert lab.task(view.id, "lint").settled == "mended by hand"
        assert lab.task(view.id, "lint").status is TaskStatus.DEBT
    history = RunHistory(lab.home)
    assert [debt.task for debt in history.debts(view.id)] == ["docs"]
    assert {debt.task for debt in history.debts(all=True)} == {"lint", "docs"}
    assert history.debts(project="/elsewhere") == ()
    assert len(history.debts(project=str(lab.project))) == 1


async def test_only_a_debt_can_be_settled_and_only_once(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        view = await lab.run(shell("lint", "exit 3"), shell("ok", "true"), policy=Policy.ALLOW_DEBT)
        for run, task, reason, said in (
            ("nothing", "lint", "x", "there is no run"),
            (view.id, "nope", "x", 'has no task "nope"'),
            (view.id, "ok", "x", 'the task "ok" is completed, not a debt'),
            (view.id, "lint", " ", "settled for a reason"),
        ):
            with pytest.raises((NotFound, Refused), match=said):
                await lab.runs.settle(run, task, reason=reason)
        answers = await asyncio.gather(
            *(lab.runs.settle(view.id, "lint", reason=f"by {number}") for number in range(5)), return_exceptions=True
        )
        settled = [answer for answer in answers if not isinstance(answer, BaseException)]
        refused = [answer for answer in answers if isinstance(answer, Refused)]
        assert (len(settled), len(refused)) == (1, 4)
        assert all(f": {settled[0].reason}" in error.message for error in refused)


async def test_a_list_may_owe(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        view = await lab.run(shell("t", "exit {{ item }}", for_each=(0, 1)), policy=Policy.ALLOW_DEBT)
        (debt,) = lab.runs.history.debts()
        assert debt.task == "t[1]"
        await lab.runs.settle(view.id, "t[1]", reason="fine")
        assert lab.runs.history.debts() == ()
