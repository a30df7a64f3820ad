"""A skill that asks to be confirmed is confirmed, whoever calls it by itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cis_tui.dag.model import Level, LevelKind, TaskSpec
from cis_tui.dag.views import DecisionKind, RunStatus
from tests.dag.lab import open_lab
from tests.skills.natives import skill

LEVELS = [Level(), Level(LevelKind.RECOMMENDED, timeout=0.01)]


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: str(level.kind))
async def test_it_does_not_run_by_itself(tmp_path: Path, level: Level) -> None:
    async with open_lab(tmp_path) as lab:
        manifest = replace(skill(tmp_path / "skill", "echo ran"), confirm="it is not held to all that it may do")
        run = await lab.start(TaskSpec("t", skill="greet", level=level), skills={"greet": manifest})
        decision = await lab.decision("t")
        assert decision.kind is DecisionKind.CONFIRMED
        assert "asked because it is not held to all that it may do" in decision.prompt
        await lab.runs.decisions.approve(decision.id)
        view = await lab.ended(run)
        assert (view.status, view.tasks[0].output) == (RunStatus.COMPLETED, "ran")
