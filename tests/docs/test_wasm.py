"""docs/wasm.md tells the truth: its manifest, its module and its tests work when they are copied."""

from __future__ import annotations

import re
from pathlib import Path

from cis_tui.skills.wasm.interface import FUNCTIONS, OPTIONAL, REQUIRED
from tests.cli.support import cis
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "wasm.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The blocks of the page in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_example_works_when_it_is_copied(tmp_path: Path) -> None:
    cis("init", cwd=tmp_path)
    folder = tmp_path / ".cis" / "skills" / "counter"
    folder.mkdir()
    manifest, tests = blocks("toml")
    (text,) = blocks("wat")
    (folder / "skill.toml").write_text(manifest)
    (folder / "skill.wat").write_text(text)
    (folder / "tests.toml").write_text(tests)
    assert cis("skill", "check", str(folder), cwd=tmp_path).out == f"{folder}/skill.toml: ok, counter\n"
    cis("trust", "--yes", cwd=tmp_path)
    assert cis("skill", "test", "counter", cwd=tmp_path).out == "ok  it counts\nok  and goes on\n"
    assert cis("skill", "test", "counter", cwd=tmp_path).code == 0, "a test leaves nothing behind"
    assert cis("skill", "run", "counter", cwd=tmp_path).out == "1\n"


def test_every_function_is_documented() -> None:
    for name in (*FUNCTIONS, *REQUIRED, *OPTIONAL):
        assert f"| `{name}` |" in PAGE


def test_every_failure_is_documented() -> None:
    source = "".join(path.read_text() for path in (ROOT / "cis_tui" / "skills" / "wasm").glob("*.py"))
    codes = set(re.findall(r'"CIS-SKILL-(0\d\d)"', source))
    assert {"066", "068", "070"} <= codes
    missing = [code for code in codes if code not in PAGE]
    assert missing == []


def test_the_interface_of_components_is_the_one_that_is_offered() -> None:
    (wit,) = blocks("wit")
    source = (ROOT / "cis_tui" / "skills" / "wasm" / "component.py").read_text()
    offered = set(re.findall(r'"([\w-]+)": self\._', source))
    assert offered == set(re.findall(r"^  ([\w-]+): func", wit.partition("world")[0], re.MULTILINE))
    assert 'HOST = "cis:skill/host@1.0.0"' in source
