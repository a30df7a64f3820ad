"""`cis skill new` and `cis skill test`: a skill that runs, and a test that tells when it does not."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cis_tui.cli import skill_tests
from cis_tui.cli.commands.skill_making import KINDS
from cis_tui.core.errors import CisError, Invalid, Refused, Unavailable
from cis_tui.skills import building, making
from cis_tui.skills.building import WAYS
from cis_tui.skills.cases import Case, failure, read_cases
from cis_tui.skills.making import kinds, make_skill
from cis_tui.skills.manifest import load_manifest
from cis_tui.skills.model import SkillOrigin, SkillResult
from tests.cli.support import cis


@pytest.mark.parametrize("kind", ["python", "shell", "wat"])
def test_every_kind_is_whole(tmp_path: Path, kind: str) -> None:
    written = make_skill(tmp_path, "shout", kind)
    skill = load_manifest(tmp_path / "shout" / "skill.toml", SkillOrigin.HOME)
    assert skill.problems == ()
    assert skill.name == "shout"
    cases, problems = read_cases(tmp_path / "shout" / "tests.toml")
    assert (len(cases), problems) == (1, ())
    assert {path.parent for path in written} == {tmp_path / "shout"}


def _compilers(commands: list[list[str]]) -> Callable[[str], Iterator[list[str]]]:
    return lambda language: iter(commands)


def test_every_kind_has_a_way_to_be_asked_for() -> None:
    assert sorted(KINDS) == kinds()


@pytest.mark.parametrize("kind", sorted(WAYS))
def test_without_a_compiler_nothing_is_written_and_the_way_to_one_is_told(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "_compilers", _compilers([["false"], ["/no/such/compiler"]]))
    with pytest.raises(Unavailable, match=f"no compiler makes WebAssembly of {kind} here") as caught:
        make_skill(tmp_path, "shout", kind)
    assert "install" in caught.value.hint
    assert not (tmp_path / "shout").exists()


def test_what_is_compiled_can_be_compiled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["sh", "-c", "cp skill.c skill.wasm"]
    monkeypatch.setattr(building, "_compilers", _compilers([command]))
    written = make_skill(tmp_path, "shout", "c")
    assert [path.name for path in written] == ["build.sh", "skill.c", "skill.toml", "skill.wasm", "tests.toml"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_what_is_not_finished_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(folder: Path, language: str) -> None:
        raise error

    monkeypatch.setattr(making, "build", fail)
    with pytest.raises((KeyboardInterrupt, CisError)):
        make_skill(tmp_path, "shout", "c")
    assert not (tmp_path / "shout").exists()


def test_a_compiler_is_looked_for_without_code_of_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ziglang.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    list(building._compilers("c"))  # pyright: ignore[reportPrivateUsage]
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(not [*building._compilers("c")], reason="no compiler of C for WebAssembly")  # pyright: ignore[reportPrivateUsage]
def test_a_new_skill_in_c_passes(tmp_path: Path, home: object) -> None:
    assert cis("skill", "new", "shout", "--lang", "c", cwd=tmp_path).code == 0
    assert cis("skill", "test", "shout", cwd=tmp_path).out == "ok  it says what it was given\n"


@pytest.mark.parametrize("name", ["", "../x", ".x", "a b", "a/b", "x" * 65, "a\n"])
def test_what_is_no_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(Invalid, match="the name of a new skill begins with"):
        make_skill(tmp_path, name, "wat")


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "shout").symlink_to("/nowhere")
    with pytest.raises(Refused, match="already"):
        make_skill(tmp_path, "shout", "wat")


@pytest.mark.parametrize(
    ("options", "test", "answer"),
    [
        ((), "it greets", {"greeting": "hello, a"}),
        (("--lang", "shell"), "it greets", "hello, a"),
        (("--wasm",), "it says what it was given", None),
    ],
)
def test_a_new_skill_runs_and_passes(tmp_path: Path, options: tuple[str, ...], test: str, answer: object) -> None:
    (tmp_path / ".cis").mkdir()
    (tmp_path / ".cis" / "project.toml").write_text('name = "p"\n')
    assert cis("skill", "new", "shout", *options, cwd=tmp_path).code == 0
    assert cis("skill", "test", "shout", cwd=tmp_path).out == f"ok  {test}\n"
    said = cis("skill", "run", "shout", "a", "--json", cwd=tmp_path).json["output"]
    assert said == answer or said["given"]["args"] == ["a"]
    again = cis("skill", "new", "shout", cwd=tmp_path)
    assert (again.code, "already" in again.err) == (4, True)


def test_outside_of_a_project_it_is_the_persons_own(tmp_path: Path, home: object) -> None:
    assert cis("skill", "new", "shout", "--wasm", cwd=tmp_path).code == 0
    (tested,) = cis("skill", "test", "shout", "--json", cwd=tmp_path).json
    assert tested == {"skill": "shout", "name": "it says what it was given", "ok": True, "why": ""}
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
        (Case("x"), came("no", success=False), "it failed with exit code 1: no"),
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


SAID = [
    ("args = ['x']\ncontains = 'hello, x'\nlacks = 'y'\nexit_code = 0", ""),
    ("contains = 'bye'", "expected bye in it, got"),
    ("lacks = 'hello'", "expected nothing of hello, got"),
    ("exit_code = 3", "it succeeded: "),
    ("error = 'CIS-SKILL-080'", "it was to fail with CIS-SKILL-080; it answered"),
    ("args = ['a', 'b']\nerror = 'CIS-SKILL-080'", ""),
    ("present = ['made']\nsetup = 'touch made'", ""),
    ("present = ['made']", "made was to be there"),
    ("absent = ['a/b']\nfiles = { 'a/b' = 'x' }", "a/b must not be there"),
    ("setup = 'echo oh no; exit 1'", "setup failed: oh no"),
    ("memory = { 'a/b' = '1' }\nremembers = { 'a/b' = '2' }", "a/b was to be 2, it is 1"),
]


def test_what_a_test_can_say(tmp_path: Path, home: object) -> None:
    cis("skill", "new", "shout", cwd=tmp_path)
    tests = tmp_path / "home" / "skills" / "shout" / "tests.toml"
    tests.write_text("".join(f'[[tests]]\nname = "it"\n{fields}\n' for fields, _ in SAID))
    tried = cis("skill", "test", "shout", "--json", cwd=tmp_path).json
    assert len(tried) == len(SAID)
    for (fields, why), each in zip(SAID, tried, strict=True):
        assert (each["ok"], why in each["why"]) == (not why, True), (fields, each)


def test_a_folder_is_tested_too_and_only_when_it_is_trusted(tmp_path: Path) -> None:
    make_skill(tmp_path, "loose", "shell")
    assert cis("skill", "test", str(tmp_path / "loose"), cwd=tmp_path).code == 0
    root = tmp_path / "p"
    (root / ".cis").mkdir(parents=True)
    (root / ".cis" / "project.toml").write_text('name = "p"\n')
    make_skill(root / ".cis" / "skills", "theirs", "shell")
    (root / ".cis" / "skills" / "theirs" / "tests.toml").write_text("[[tests]]\nsetup = 'touch /tmp/planted'\n")
    for named in ("theirs", str(root / ".cis" / "skills" / "theirs")):
        refused = cis("skill", "test", named, cwd=root)
        assert (refused.code, "is not trusted" in refused.err) == (4, True)
    with (tmp_path / "loose" / "skill.toml").open("a") as manifest:
        manifest.write('\n[[dependencies]]\nname = "theirs"\n')
    refused = cis("skill", "test", str(tmp_path / "loose"), cwd=root)
    assert (refused.code, "the skill theirs is not trusted" in refused.err) == (4, True), refused.err


def test_what_takes_too_long_to_set_up_ends_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skill_tests, "SETUP_SECONDS", 0.2)
    os.mkfifo(tmp_path / "held")
    setting_up = skill_tests._set_up(tmp_path, "sleep 300 <>held & exec 3>held; wait")  # pyright: ignore[reportPrivateUsage]
    assert "took more than" in asyncio.run(setting_up)
    with pytest.raises(OSError, match="No such device"):  # nobody has it open
        while True:
            os.close(os.open(tmp_path / "held", os.O_WRONLY | os.O_NONBLOCK))


@pytest.mark.parametrize("path", ["../x", "/etc/x", "."])
def test_the_files_of_a_test_lie_in_its_project(tmp_path: Path, path: str) -> None:
    file = tmp_path / "tests.toml"
    file.write_text(f"[[tests]]\nname = 'x'\nfiles = {{ '{path}' = 'x' }}\n")
    cases, problems = read_cases(file)
    assert cases == ()
    assert "is no path inside of the project" in problems[0].message
