"""What the workspace remembers of each project."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from cis_tui.core.paths import Home
from cis_tui.tui.remembered import MAX_PROJECTS, Remembered


def test_a_view_is_found_again_project_by_project(home: Home) -> None:
    home.ensure()
    kept = Remembered(home)
    kept.keep("/a", "view", "table")
    kept.keep("/b", "view", "timeline")
    kept.keep("/a", "other", "x")
    assert Remembered(home).read("/a") == {"view": "table", "other": "x"}
    assert Remembered(home).read("/c") == {}
    assert (home.root / "workspace.json").stat().st_mode & 0o777 == 0o600


def test_what_is_kept_at_the_same_moment_is_all_kept(home: Home) -> None:
    home.ensure()
    names = [f"view-{number}" for number in range(40)]
    with ThreadPoolExecutor(8) as threads:
        for name in names:
            threads.submit(Remembered(home).keep, "/a", name, "x")
    assert Remembered(home).read("/a") == dict.fromkeys(names, "x")


def test_old_projects_are_forgotten(home: Home) -> None:
    home.ensure()
    kept = Remembered(home)
    for number in range(MAX_PROJECTS + 5):
        kept.keep(f"/{number}", "view", "table")
    assert kept.read("/4") == {} and kept.read("/5") != {}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"/a": 3}', '{"/a": {"view": 3}}', "[" * 90_000, "\x00" * 200_000])
def test_a_file_that_is_not_ours_is_no_trouble(home: Home, text: str) -> None:
    home.ensure()
    (home.root / "workspace.json").write_text(text)
    assert Remembered(home).read("/a") == {}
    Remembered(home).keep("/a", "view", "table")
    assert json.loads((home.root / "workspace.json").read_text())["/a"] == {"view": "table"}


def test_where_nothing_can_be_kept_nothing_is(home: Home) -> None:
    kept = Remembered(Home(home.root / "not" / "there"))
    kept.keep("/a", "view", "table")
    assert kept.read("/a") == {}
