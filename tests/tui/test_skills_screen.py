"""The skills screen: what each can and may, how its calls went, and a call from its form to its answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cis_tui.core.clock import Instant
from cis_tui.core.paths import Home
from cis_tui.project.trust import TrustStore
from cis_tui.skills.model import (
    Argument,
    ArgumentType,
    Dependency,
    ExportedCommand,
    Permissions,
    SkillInfo,
    SkillOrigin,
    SkillRun,
)
from cis_tui.tui.app import CisApp
from cis_tui.tui.screens.skills import SkillList
from cis_tui.tui.skill_detail import statistic
from cis_tui.tui.skill_form import call_of, complaint, fields_of
from cis_tui.tui.store import Changes
from tests.tui.helpers import NOW, ROOT, attached, fill, show, text_of, until, workspace

PATH = Argument("path", ArgumentType.PATH, "The file to look at", required=True)
DEPTH = Argument("depth", ArgumentType.INTEGER, low=1, high=9, default=3)
RULES = Argument("rules", many=True)
LINT = ExportedCommand("lint", "Look for mistakes", (PATH, DEPTH, RULES))
STYLE = ExportedCommand("style", "Look at the style")
LINTER = SkillInfo(
    "linter",
    "1.2.0",
    "native",
    f"{ROOT}/.cis/skills/linter/skill.toml",
    "Finds mistakes in Python",
    Permissions(filesystem=("read:.",), command=("ruff",)),
    True,
    (),
    SkillOrigin.PROJECT,
    exports=(LINT, STYLE),
    dependencies=(Dependency("git-status", ">=1.0"),),
)
RUNS = (
    SkillRun("linter", Instant(NOW - 60), True, 0.4, exit_code=0, project=ROOT, call="c1"),
    SkillRun("linter", Instant(NOW - 90), False, 30.0, error="timed out after 30 s", run="5f3a9c21", task="check"),
    SkillRun("linter", Instant(NOW - 90_000), False, 0.2, exit_code=3, run="1f3a9c21", task="check"),
)


def _fill(app: CisApp) -> None:
    fill(app)
    app.store.skills = (LINTER, *app.store.skills)
    show(app, Changes(everything=True))


def test_a_wide_list_tells_what_each_skill_does() -> None:
    skills = SkillList()
    skills.show((LINTER,), known=True)
    wide, narrow = ("".join(text for text, _ in skills.row(0, width)) for width in (100, 60))
    assert "linter" in wide and "Finds mistakes in Python" in wide and len(wide) == 100
    assert "linter" in narrow and "Finds" not in narrow and len(narrow) == 60


async def test_before_the_engine_is_there_nobody_looked_for_a_wrong_name(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("5")
        await until(pilot, lambda: "known once the engine has started" in text_of(app))
        _fill(app)
        await until(pilot, lambda: "linter" in text_of(app))


async def test_the_form_is_made_from_the_schema_and_complains(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        _fill(app)
        await pilot.press("5", "enter")
        await until(pilot, lambda: "What shall linter do?" in text_of(app))
        await pilot.press("enter")
        await until(pilot, lambda: "linter: lint" in text_of(app))
        await pilot.press("tab", *"0", "ctrl+s")
        await until(pilot, lambda: "is needed" in text_of(app))


def test_calls_are_summed_up() -> None:
    assert statistic(RUNS) == "3, 2 failed, usually 0.4s"
    assert statistic(RUNS[:1] * 50) == "50 or more, 0 failed, usually 0.4s"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("path", "", "is needed"),
        ("path", "a.py", ""),
        ("depth", "", ""),
        ("depth", "x", "expected a whole number from 1 up to 9"),
        ("rules", "a 'b c'", ""),
    ],
)
def test_what_is_filled_in_is_held_against_the_schema(name: str, text: str, said: str) -> None:
    assert complaint(LINT, name, text) == said


def test_without_a_schema_words_and_json_are_asked_for() -> None:
    assert [field.name for field in fields_of(STYLE)] == ["arguments", "input"]
    assert complaint(STYLE, "input", "[1]") == "expected a JSON object"
    assert "No closing quotation" in complaint(None, "arguments", "'a")
    assert call_of(LINTER, STYLE, {"arguments": "a 'b c'", "input": '{"x": 1}'}) == (("style", "a", "b c"), {"x": 1})


def test_a_form_becomes_a_call() -> None:
    answers = {"path": "a.py", "depth": "", "rules": "E1 'E 2'"}
    assert call_of(LINTER, LINT, answers) == (("lint", "a.py"), {"rules": ["E1", "E 2"]})
    assert call_of(replace(LINTER, exports=(LINT,)), LINT, answers)[0] == ("a.py",)


def _write(project: Path, script: str, more: str = "") -> None:
    folder = project / ".cis" / "skills" / "aaa"
    folder.mkdir(parents=True)
    (folder / "run.sh").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "skill.toml").write_text(
        '[skill]\nname = "aaa"\nversion = "1.0"\nentry = "run.sh"\n[[exports.commands]]\nname = "aaa"\n'
        f'args = [{{ name = "who", required = true }}]\n{more}'
    )


async def test_a_skill_is_trusted_asked_called_and_answers(home: Home, project: Path) -> None:
    _write(project, 'echo "looking for $1" >&2; echo "{\\"found\\": \\"$1\\"}"')
    async with attached(home, project) as (app, pilot):
        await pilot.press("5")
        await until(pilot, lambda: "? not trusted" in text_of(app))
        await pilot.press("enter")
        await until(pilot, lambda: "May the code of this project run" in text_of(app))
        await pilot.press("c")
        await until(pilot, lambda: "Call aaa" in text_of(app))
        await pilot.press(*"Ada", "ctrl+s")
        await until(pilot, lambda: '"found": "Ada"' in text_of(app))
        assert "│ looking for Ada" in text_of(app)
        assert "✓ aaa who=Ada" in text_of(app)
        await until(pilot, lambda: "c copy the answer" in text_of(app))
        assert "x cancel the call" not in text_of(app)
        await pilot.press("escape")
        await until(pilot, lambda: "1, 0 failed, usually" in text_of(app))


async def test_a_call_is_followed_and_cancelled(home: Home, project: Path) -> None:
    _write(project, "echo begun >&2; while :; do :; done")
    TrustStore(home).grant(project, TrustStore(home).report(project).digest)
    async with attached(home, project) as (app, pilot):
        await pilot.press("5")
        await until(pilot, lambda: "✓ ready" in text_of(app))
        await pilot.press("enter", *"x", "ctrl+s")
        await until(pilot, lambda: "│ begun" in text_of(app))
        await pilot.press("x")
        await until(pilot, lambda: "the call of aaa was cancelled" in text_of(app))
