"""A skill whose calls are confirmed asks whoever is there, whatever calls it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cis_tui.core.errors import Invalid, Refused, Unavailable
from cis_tui.dag.answers import Edit, Refusal
from cis_tui.dag.model import TaskSpec
from cis_tui.dag.views import Decision, DecisionKind, DecisionStatus, RunStatus, Subject
from cis_tui.skills.model import SkillManifest, SkillResult
from tests.dag.lab import Lab, eventually, open_lab
from tests.dag.test_skill_calls import LINT, skill

WHY = "its manifest asks for that"


def careful(folder: Path, **more: Any) -> SkillManifest:
    return skill(folder, "lint", "cat", confirm=WHY, exports=(LINT,), **more)


async def asked(lab: Lab, manifest: SkillManifest) -> tuple[asyncio.Task[SkillResult], Decision]:
    """A call that waits for an answer, and what it asks."""
    work = asyncio.create_task(
        lab.runs.skill_calls.run(manifest, project=str(lab.project), args=("3",), input={}, call="c1")
    )
    await eventually(lambda: bool(lab.runs.decisions.list()) or work.done())
    (decision,) = lab.runs.decisions.list()
    return work, decision


async def test_a_call_waits_for_a_yes(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        work, decision = await asked(lab, careful(tmp_path))
        assert (decision.kind, decision.subject, decision.task) == (DecisionKind.CONFIRMED, Subject.SKILL, "lint")
        assert (decision.run, decision.call, decision.project) == ("", "c1", str(lab.project))
        assert f"asked because {WHY}" in decision.prompt
        assert lab.runs.skill_calls.active == 1, "no engine ends meanwhile"
        made = await lab.runs.decisions.approve(decision.id, reason="fine")
        assert (await work).success
        assert lab.runs.skill_calls.active == 0
        assert made.status is DecisionStatus.APPROVED
        await eventually(lambda: [row.what for row in lab.runs.history.trail(decision.id)] == ["asked", "approved"])
        detail = lab.runs.history.detail(decision.id)
        assert detail.preview is not None and (detail.preview.skill, detail.preview.args) == ("lint", ("3",))


async def test_what_is_edited_is_checked_and_is_what_the_skill_gets(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        work, decision = await asked(lab, careful(tmp_path))
        with pytest.raises(Invalid, match='"depth" is "deep"'):
            await lab.runs.decisions.approve(decision.id, edit=Edit(args=("deep",), input={}))
        await lab.runs.decisions.approve(decision.id, edit=Edit(args=("7",), input={}))
        output = (await work).output
        assert isinstance(output, dict) and (output["args"], output["input"]) == (["7"], {"depth": 7})


async def test_a_no_refuses_the_call_and_nothing_runs(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        work, decision = await asked(lab, careful(tmp_path))
        with pytest.raises(Refused, match="is about one call, not a run"):
            await lab.runs.decisions.reject(decision.id, how=Refusal.ABORT)
        with pytest.raises(Refused, match="nothing is alike"):
            await lab.runs.decisions.approve(decision.id, alike=True)
        await lab.runs.decisions.reject(decision.id, reason="not on this machine")
        with pytest.raises(Refused, match=r"lint was not called: rejected by .*: not on this machine"):
            await work
        assert lab.runs.history.skill_runs() == ()


async def test_what_could_not_be_asked_is_not_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(type: str, data: object) -> None:
        raise Unavailable("CIS-DAG-041", "the disk is full")

    async with open_lab(tmp_path) as lab:
        monkeypatch.setattr(lab.journal, "record", full)
        calling = lab.runs.skill_calls.run(careful(tmp_path), project=str(lab.project), args=("3",), input={})
        with pytest.raises(Unavailable, match="full"):
            await calling
        assert lab.runs.decisions.list() == (), "nobody would hear the answer"


async def test_who_calls_may_go_away(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        work, decision = await asked(lab, careful(tmp_path))
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert lab.runs.decisions.list() == ()
        with pytest.raises(Refused, match="superseded: what asked it ended"):
            await lab.runs.decisions.approve(decision.id)


async def test_yes_confirms_and_a_skill_that_nobody_has_to_confirm_asks_nobody(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        manifest = careful(tmp_path)
        assert (await lab.runs.skill_calls.run(manifest, project="", args=("3",), input={}, yes=True)).success
        (made,) = lab.runs.decisions.list(all=True)
        assert (made.by, made.status) == ("--yes", DecisionStatus.APPROVED)
        plain = skill(tmp_path, "plain", "cat")
        assert (await lab.runs.skill_calls.run(plain, project="", args=(), input={})).success
        assert len(lab.runs.decisions.list(all=True)) == 1


async def test_a_task_that_calls_such_a_skill_asks_too(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(TaskSpec("a", skill="lint", args=("3",)), skills={"lint": careful(tmp_path)})
        decision = await lab.decision("a")
        assert (decision.kind, decision.subject) == (DecisionKind.CONFIRMED, Subject.TASK)
        assert WHY in decision.prompt
        with pytest.raises(Invalid, match='"depth" is "deep"'):
            await lab.runs.decisions.approve(decision.id, edit=Edit(args=("deep",)))
        await lab.runs.decisions.approve(decision.id)
        assert (await lab.ended(run)).status is RunStatus.COMPLETED
