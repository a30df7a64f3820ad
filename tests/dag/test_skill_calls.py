"""Skills called outside of any run: followed, bounded, remembered."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cis_tui.core.errors import Invalid, Refused, TimedOut
from cis_tui.dag.model import TaskSpec
from cis_tui.dag.skill_calls import KEPT_CALLS, drop_old, log_path, read_log
from cis_tui.skills.model import (
    Argument,
    ArgumentType,
    ExportedCommand,
    Permissions,
    SkillManifest,
    SkillOrigin,
    SkillType,
)
from tests.dag.lab import Lab, open_lab, read

LINT = ExportedCommand("lint", args=(Argument("depth", ArgumentType.INTEGER, required=True),))


def skill(folder: Path, name: str, script: str, **more: Any) -> SkillManifest:
    folder = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "run").chmod(0o755)
    manifest = SkillManifest(
        name,
        "1",
        SkillType.NATIVE,
        "run",
        permissions=Permissions(command=("cat", "sleep", "seq", "head", "tr")),
        folder=folder,
        file=str(folder / "skill.toml"),
        origin=SkillOrigin.PROJECT,
    )
    return replace(manifest, **more)


async def test_a_call_is_told_while_it_goes_on_and_remembered_after(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        manifest = skill(tmp_path, "count", "echo working >&2; cat")
        project = str(lab.project)
        result = await lab.runs.skill_calls.run(manifest, project=project, args=("x",), input={}, call="abc")
        assert result.success
        await _told(lab, 1)
        assert ("SkillOutput", "abc") in [(event.type, event.data.get("call")) for event in lab.events]
        (ran,) = lab.runs.history.skill_runs()
        assert (ran.skill, ran.call, ran.project, ran.success, ran.exit_code) == ("count", "abc", project, True, 0)
        assert ran.duration > 0
        told = read_log(lab.home, "abc")
        assert "working" in told.text
        assert told.ended
        assert read_log(lab.home, "../runs").text == ""


async def test_arguments_are_checked_and_named_before_anything_runs(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        manifest = skill(tmp_path, "lint", "cat", exports=(LINT,))
        with pytest.raises(Invalid, match='lint: "depth" is "deep", expected a whole number'):
            await lab.runs.skill_calls.run(manifest, project="", args=("deep",), input={})
        assert lab.runs.history.skill_runs() == ()
        result = await lab.runs.skill_calls.run(manifest, project="", args=("3",), input={})
        assert result.output == {"args": ["3"], "input": {"depth": 3}, "project": "", "run": ""}
        view = await lab.run(TaskSpec("a", skill="lint", args=("no",)), skills={"lint": manifest})
        assert 'lint: "depth" is "no"' in view.tasks[0].error


async def test_every_end_of_a_call_is_remembered(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        calls = lab.runs.skill_calls
        await calls.run(skill(tmp_path, "bad", "exit 3"), project="", args=(), input={})
        with pytest.raises(TimedOut):
            await calls.run(skill(tmp_path, "slow", "sleep 100", timeout=0.1), project="", args=(), input={})
        endless = skill(tmp_path, "endless", "echo begun; sleep 100")
        call = asyncio.create_task(calls.run(endless, project="", args=(), input={}, call="e1"))
        await lab.until(lambda: "SkillOutput" in lab.types())
        assert calls.cancel("e1")
        with pytest.raises(Refused, match="the call of endless was cancelled"):
            await call
        assert not calls.cancel("e1")
        view = await lab.run(TaskSpec("a", skill="bad"), skills={"bad": skill(tmp_path, "bad", "exit 3")})
        await _told(lab, 4)
        found = [(run.skill, run.exit_code, run.error, run.task) for run in lab.runs.history.skill_runs()]
        assert found == [
            ("bad", 3, "exit code 3", "a"),
            ("endless", None, "cancelled", ""),
            ("slow", None, "timed out after 0.1 s", ""),
            ("bad", 3, "", ""),
        ]
        assert lab.runs.history.skill_runs("bad", limit=1)[0].run == view.id


async def _told(lab: Lab, calls: int) -> None:
    await lab.until(lambda: lab.types().count("SkillExecuted") == calls)


async def test_a_long_answer_is_in_a_file_that_the_result_names(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        long = skill(tmp_path, "long", "seq 1 400000")
        result = await lab.runs.skill_calls.run(long, project="", args=(), input={})
        assert isinstance(result.output, str)
        assert len(result.output) <= 1_048_576
        assert read(Path(result.output_file)).endswith("\n400000\n")
        assert Path(result.output_file).parent == lab.home.calls


async def test_a_broken_skill_says_that_it_is_an_older_one(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        old = skill(tmp_path, "old", "true", stale=True)
        result = await lab.runs.skill_calls.run(old, project="", args=(), input={})
        assert "is broken: old was called as it was before" in result.note


async def test_only_the_latest_output_is_kept(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        lab.home.calls.mkdir()
        for number in range(2 * KEPT_CALLS + 5):
            log_path(lab.home, f"c{number}").write_text("x")
        drop_old(lab.home)
        assert len(list(lab.home.calls.iterdir())) == 2 * KEPT_CALLS
