"""docs/architecture.md is a map of what there is, and docs/SECURITY.md names tests that there are."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.pages import quoted

ARCHITECTURE = ROOT / "docs" / "architecture.md"


def test_the_map_shows_every_folder() -> None:
    text = ARCHITECTURE.read_text("utf-8")
    drawn = set(re.findall(r"^  (\w+)/ ", text, re.MULTILINE))
    package = ROOT / "cis_tui"
    assert drawn == {path.parent.name for path in package.glob("*/__init__.py")}
    folders = {path.parent.relative_to(package) for path in package.glob("*/*/__init__.py")}
    missing = {str(path) for path in folders if not re.search(rf"\b{path.name}(/|`)", text)}
    assert missing == set()
    assert {name for name in re.findall(r"^(\S+)/ ", text, re.MULTILINE) if not (ROOT / name).is_dir()} == set()


def test_the_floors_are_those_that_are_checked() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    floors = [sorted(re.findall(r"cis_tui\.(\w+)", layer)) for layer in contracts[0]["layers"]]
    (line,) = re.findall(
        r"^Floors, from the top: (.*?)\. An", ARCHITECTURE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert [sorted(re.findall(r"\w+", floor)) for floor in line.split("·")] == floors


@pytest.mark.parametrize("page", [ARCHITECTURE, ROOT / "docs" / "SECURITY.md"], ids=lambda page: page.name)
def test_every_module_that_is_named_is_there(page: Path) -> None:
    package = ROOT / "cis_tui"
    floors = "|".join(path.name for path in package.iterdir() if path.is_dir())
    of_a_home = {"memory/damaged/"}
    for span in {span for span in quoted(page) if not span.endswith((".db", ".lock", ".sock"))} - of_a_home:
        if re.fullmatch(rf"(?:{floors})/[\w/]+(?:\.py)?", span):
            assert (package / span).exists() or (package / f"{span}.py").exists(), span
        if named := re.fullmatch(rf"((?:{floors})(?:\.[a-z_]+)+)(?:\.\w+)?", span):
            module = package / named[1].replace(".", "/")
            assert module.is_dir() or module.with_suffix(".py").exists(), span


def test_every_guarantee_names_its_tests() -> None:
    page = (ROOT / "docs" / "SECURITY.md").read_text("utf-8").split("## What is guaranteed")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+) \|$", page, re.MULTILINE)[2:]
    assert len(rows) > 10
    for row in rows:
        named = re.findall(r"`(tests/[\w/.]+|test_\w+\.py)`", row)
        assert named, row
        folder = ROOT
        for name in named:
            path = ROOT / name if name.startswith("tests/") else folder / name
            assert path.is_file() or [*path.glob("test_*.py")], name
            folder = path.parent if path.suffix else path
