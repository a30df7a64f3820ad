"""`cis skill new` and `cis skill test`: a skill that runs, and a test that tells when it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from cis_tui.core.errors import CisError, Refused
from cis_tui.skills.cases import Case, failure, read_cases
from cis_tui.skills.making import kinds, make_skill
from cis_tui.skills.manifest import load_manifest
from cis_tui.skills.model import SkillOrigin, SkillResult
from tests.cli.support import cis


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_is_whole(tmp_path: Path, kind: str) -> None:
    written = make_skill(tmp_path, "shout", kind)
    skill = load_manifest(tmp_path / "shout" / "skill.toml", SkillOrigin.HOME)
    assert skill.problems == ()
    assert skill.name == "shout"
    cases, problems = read_cases(tmp_path / "shout" / "tests.toml")
    assert (len(cases), problems) == (1, ())
    assert {path.parent for path in written} == {tmp_path / "shout"}


@pytest.mark.parametrize("name", ["", "../x", ".x", "a b", "a/b", "x" * 65, "a\n"])
def test_what_is_no_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match="the name of a new skill begins with"):
        make_skill(tmp_path, name, "wasm")


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "shout").symlink_to("/nowhere")
    with pytest.raises(Refused, match="already"):
        make_skill(tmp_path, "shout", "wasm")


@pytest.mark.parametrize("option", ["--wasm", ""])
def test_a_new_skill_runs_and_passes(tmp_path: Path, option: str) -> None:
    (tmp_path / ".cis").mkdir()
    (tmp_path / ".cis" / "project.toml").write_text('name = "p"\n')
    assert cis("skill", "new", "shout", *filter(None, [option]), cwd=tmp_path).code == 0
    assert cis("skill", "test", "shout", cwd=tmp_path).out == "ok  it says what it was given\n"
    assert cis("skill", "run", "shout", "a", "--json", cwd=tmp_path).json["output"]["given"]["args"] == ["a"]
    again = cis("skill", "new", "shout", cwd=tmp_path)
    assert (again.code, "already" in again.err) == (4, True)


def test_outside_of_a_project_it_is_the_persons_own(tmp_path: Path, home: object) -> None:
    assert cis("skill", "new", "shout", "--wasm", cwd=tmp_path).code == 0
    (tested,) = cis("skill", "test", "shout", "--json", cwd=tmp_path).json
    assert tested == {"name": "it says what it was given", "ok": True, "why": ""}
    assert cis("skill", "test", "shuot", cwd=tmp_path).code == 3


def came(output: object, *, success: bool = True) -> SkillResult:
    return SkillResult(success, output, 0 if success else 1, 0.1)


TRAP = CisError("CIS-SKILL-068", "the skill x trapped: it divided by zero")


@pytest.mark.parametrize(
    ("case", "result", "why"),
    [
        (Case("x"), came("anything"), ""),
        (Case("x", output={"a": [1, {"b": 2}]}), came({"a": [1, {"b": 2, "c": 3}], "d": 4}), ""),
        (Case("x", output={"a": 1}), came({"b": 1}), 'expected {"a":1}, got {"b":1}'),
        (Case("x", output=[1]), came([1, 2]), "expected [1], got [1,2]"),
        (Case("x", output=1), came(True), "expected 1, got true"),
        (Case("x", output="1"), came(1), "expected 1, got 1"),
        (Case("x"), came("no", success=False), "it failed: no"),
        (Case("x", success=False), came("no", success=False), ""),
        (Case("x", success=False), came("yes"), "it succeeded: yes"),
        (Case("x"), TRAP, "the skill x trapped: it divided by zero (CIS-SKILL-068)"),
        (Case("x", error="divided by"), TRAP, ""),
        (Case("x", error="CIS-SKILL-068"), TRAP, ""),
        (Case("x", error="fuel"), came("yes"), "it was to fail with fuel; it answered yes"),
    ],
)
def test_what_came_is_compared(case: Case, result: SkillResult | CisError, why: str) -> None:
    assert failure(case, result) == why


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no [[tests]]"),
        ("[[tests]]\ninput = 3\n", '"input" is 3, expected a table'),
        ("[[tests]]\nargs = 'x'\n", "expected a list of texts"),
        ("[[tests", "Expected"),
    ],
)
def test_broken_tests_are_told(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "tests.toml").write_text(text)
    cases, problems = read_cases(tmp_path / "tests.toml")
    assert cases == ()
    assert message in str(problems[0])
