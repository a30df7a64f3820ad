"""What the docs are made of: blocks, links, pictures, an index."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Callable
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import cast

import pytest

from tests.conftest import ROOT
from tests.docs.pages import HOW, PAGES, WRITTEN, anchors, blocks, links
from tests.tui.test_gallery import GALLERY


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_every_block_is_what_it_says(page: Path) -> None:
    read: dict[str, Callable[[str], object]] = {"toml": tomllib.loads, "json": json.loads, "python": ast.parse}
    for language, mark, body in blocks(page):
        if language == "sh":
            assert mark in HOW
        else:
            assert language in ("toml", "json", "python", "c", "wat", "wit", "text"), language
            assert not re.search(r"^\s*(\$ |cis )", body, re.MULTILINE), f"a command that nobody runs: {body}"
            read.get(language, str)(body)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for path, anchor in links(page):
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name} leads to {path}"
        if anchor:
            assert anchor in anchors(target), f"{page.name} leads to {path}#{anchor}"


GUIDES = ("tutorial", "memory", "dags", "skills", "agents", "peers", "peers-screen", "matrix", "room", "accessibility")


def test_every_guide_to_what_is_seen_shows_it() -> None:
    shown = {page.stem for page in PAGES if any(path.endswith(".svg") for path, _ in links(page))}
    assert {*GUIDES, "README"} <= shown


def test_every_picture_is_one_that_a_test_compares() -> None:
    shown = {(page.parent / path).resolve() for page in PAGES for path, _ in links(page) if path.endswith(".svg")}
    assert shown
    for picture in shown:
        assert picture.exists(), picture
        if picture.parent == GALLERY:
            continue  # its own test knows each picture in it
        name, _, case = picture.stem.removesuffix("]").partition("[")
        test = getattr(import_module(f"tests.tui.{picture.parent.name}"), name)
        assert case in _cases(test), f"{picture} is compared by no test"


def _cases(test: Callable[..., object]) -> set[str]:
    """The cases of a test, as its pictures are named."""
    marks: list[pytest.Mark] = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    return {"-".join(case) for case in product(*map(_ids, marks))}


def _ids(mark: pytest.Mark) -> list[str]:
    given: object = mark.kwargs.get("ids")
    values: list[object] = list(mark.args[1])
    if callable(given):
        return [str(given(value)) for value in values]
    return list(map(str, cast("list[object]", given) if given else values))


def test_every_page_is_found_from_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    led = {path for path, _ in links(index)}
    assert {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"} <= led
    assert "docs/README.md" in {path for path, _ in links(ROOT / "README.md")}


def test_every_bench_is_told_of_where_speed_is() -> None:
    told = set(re.findall(r"`(bench_\w+)`", (ROOT / "docs" / "performance.md").read_text("utf-8")))
    assert told == {bench.stem for bench in (ROOT / "tests" / "bench").glob("bench_*.py")}


def test_the_changes_begin_with_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    titles = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert titles[0] == version
    assert titles == sorted(titles, key=lambda title: tuple(map(int, title.split("."))), reverse=True)
