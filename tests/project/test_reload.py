"""What changed in skills and DAGs, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cis_tui.project.reload import Kind, Reload, Seen, Turn, reloads
from cis_tui.skills.model import Permissions

LINTER = Seen(Kind.SKILL, "linter", "/p/linter/skill.toml", {"run.py": "1", "skill.toml": "1"}, version="1.0")


def _one(was: Seen | None, now: Seen | None) -> Reload:
    (found,) = reloads({was.file: was} if was else {}, {now.file: now} if now else {})
    return found


def test_nothing_changed() -> None:
    assert reloads({"a": LINTER}, {"a": LINTER}) == []
    assert reloads({"a": LINTER}, {"a": replace(LINTER, trusted=False)}) == [], "the files are the same"


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"files": {"run.py": "2", "skill.toml": "1"}}, "run.py changed"),
        (
            {"files": {"run.py": "2", "skill.toml": "2"}, "version": "1.1"},
            "run.py, skill.toml changed; version 1.0 → 1.1",
        ),
        ({"files": {"skill.toml": "1", "new.py": "1"}}, "new.py added; run.py removed"),
        ({"files": {str(n): "1" for n in range(5)}}, "0, 1, 2 and 2 more added; run.py, skill.toml removed"),
        (
            {"files": {"run.py": "1", "skill.toml": "2"}, "permissions": Permissions(("",), network=("*",))},
            "skill.toml changed; may now read memory: all that is public; may now use the network: *",
        ),
        (
            {"files": {"run.py": "2"}, "trusted": False},
            "run.py changed; skill.toml removed; it is not trusted as it is now",
        ),
    ],
)
def test_a_change_is_told_by_its_files_and_by_what_it_may(changes: dict[str, object], what: str) -> None:
    found = _one(LINTER, replace(LINTER, **changes))  # pyright: ignore[reportArgumentType]
    assert (found.turn, found.what) == (Turn.CHANGED, what)


def test_broken_mended_new_and_gone() -> None:
    broken = replace(LINTER, files={"run.py": "1", "skill.toml": "2"}, error="skill.toml:4: wrong", kept="1.0 goes on")
    assert _one(LINTER, broken).turn is Turn.BROKEN
    assert _one(LINTER, broken).what == "skill.toml:4: wrong; 1.0 goes on"
    mended = _one(broken, replace(LINTER, permissions=Permissions(command=("git",))))
    assert (mended.turn, mended.what) == (Turn.MENDED, "skill.toml changed; may now start programs: git")
    assert (_one(None, LINTER).turn, _one(None, LINTER).what) == (Turn.NEW, "it can be called")
    assert _one(None, broken).turn is Turn.BROKEN
    assert (_one(LINTER, None).turn, _one(LINTER, None).what) == (Turn.REMOVED, "its file is gone")


def test_the_event_names_its_object() -> None:
    data = _one(None, LINTER).data("/p")
    assert (data["skill"], data["project"], data["change"], data["version"]) == ("linter", "/p", "new", "1.0")
