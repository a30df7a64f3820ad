"""WASM skills from the command line: run, checked, and told apart."""

from __future__ import annotations

import json
from pathlib import Path

import wasmtime

from tests.cli.support import cis
from tests.skills.wasm.support import ECHO, handling

MANIFEST = """[skill]
name = "guest"
version = "1.0.0"
type = "wasm"
entry = "skill.wat"
timeout_secs = 10
[permissions]
memory_read = ["project/"]
"""


def guest(root: Path, text: str) -> Path:
    folder = root / ".cis" / "skills" / "guest"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "skill.toml").write_text(MANIFEST)
    (folder / "skill.wat").write_text(text)
    return folder


def test_a_skill_in_text_is_checked_trusted_and_run(tmp_path: Path) -> None:
    folder = guest(tmp_path, ECHO)
    (tmp_path / ".cis" / "project.toml").write_text('name = "p"\n')
    assert cis("skill", "run", "guest", cwd=tmp_path).code == 4
    assert cis("skill", "check", str(folder), cwd=tmp_path).out == f"{folder}/skill.toml: ok, guest\n"
    cis("trust", "--yes", cwd=tmp_path)
    ran = cis("skill", "run", "guest", "a", "--input", '{"word": "hé"}', "--json", cwd=tmp_path)
    assert ran.json["success"]
    assert ran.json["output"]["args"] == ["a"]
    assert ran.json["output"]["input"] == {"word": "hé"}
    assert cis("skill", "list", "--json", cwd=tmp_path).json[0]["type"] in ("native", "wasm")


def test_its_memory_is_that_of_the_home(tmp_path: Path) -> None:
    body = "(call $get (i32.const 1024) (i32.const 9))"
    guest(tmp_path, handling(body, data="project/x"))
    (tmp_path / ".cis" / "project.toml").write_text('name = "p"\n')
    cis("trust", "--yes", cwd=tmp_path)
    cis("memory", "set", "project/x", '"seen"', "--domain", "public", cwd=tmp_path)
    assert cis("skill", "run", "guest", cwd=tmp_path).out == "seen\n"
    guest(tmp_path, handling(body, data="other/xxx"))
    cis("trust", "--yes", cwd=tmp_path)
    assert cis("skill", "run", "guest", cwd=tmp_path).code == 1
    told = [json.loads(line) for line in cis("events", "--since", "0", cwd=tmp_path).out.splitlines()]
    accesses = [event["data"] for event in told if event["type"] == "MemoryAccess"]
    assert accesses == [
        {"key": "project/x", "domain": "public", "skill": "guest"},
        {"key": "other/xxx", "skill": "guest", "write": False, "denied": True},
    ], "it is kept who reached what"


def test_every_problem_of_a_module_is_told(tmp_path: Path) -> None:
    folder = guest(tmp_path, "(module (func (result i32) (i64.const 0)))")
    checked = cis("skill", "check", str(folder), cwd=tmp_path)
    assert checked.code == 5
    for problem in (
        "does not export handle",
        "does not export cis_alloc",
        "does not export its memory",
        "type mismatch",
    ):
        assert problem in checked.out
    (tmp_path / ".cis" / "project.toml").write_text('name = "p"\n')
    cis("trust", "--yes", cwd=tmp_path)
    told = cis("skill", "run", "guest", cwd=tmp_path)
    assert (told.code, "hint: cis skill check guest shows every problem" in told.err) == (5, True)
    (folder / "skill.wat").write_text("(module (func")
    assert "its text is wrong: " in cis("skill", "check", str(folder), cwd=tmp_path).out
    (folder / "skill.wat").write_bytes(bytes(wasmtime.wat2wasm(ECHO))[:-3])
    assert cis("skill", "check", str(folder), cwd=tmp_path).code == 5


def test_a_failure_has_the_exit_code_of_its_kind(tmp_path: Path) -> None:
    (tmp_path / ".cis").mkdir()
    (tmp_path / ".cis" / "project.toml").write_text('name = "p"\n')
    guest(tmp_path, handling("(unreachable)"))
    cis("trust", "--author", "--yes", cwd=tmp_path)
    trapped = cis("skill", "run", "guest", "--json", cwd=tmp_path)
    assert (trapped.code, trapped.json["error"]["code"]) == (1, "CIS-SKILL-068")
    guest(tmp_path, "(module)")
    unusable = cis("skill", "run", "guest", "--json", cwd=tmp_path)
    assert (unusable.code, unusable.json["error"]["code"]) == (5, "CIS-SKILL-066")
