"""Skills that need other skills."""

from __future__ import annotations

import pytest

from cis_tui.core.paths import Home
from cis_tui.skills.dependencies import needed
from cis_tui.skills.registry import find_skills
from cis_tui.skills.versions import read_specifier, satisfies


def _skill(home: Home, name: str, version: str = "1.0", **needs: str) -> None:
    folder = home.skills / name
    folder.mkdir(parents=True, exist_ok=True)
    text = f'[skill]\nname = "{name}"\nversion = "{version}"\nentry = "true"\n'
    text += "".join(f'[[dependencies]]\nname = "{each}"\nversion = "{range}"\n' for each, range in needs.items())
    (folder / "skill.toml").write_text(text)


def _problem(home: Home, name: str) -> str:
    skill = find_skills(home, None)[name]
    assert skill.manifest is None
    return str(skill.problems[0])


def test_what_is_there_and_fits_is_fine(home: Home) -> None:
    _skill(home, "a", b=">=1.0", c="==2.*")
    _skill(home, "b", c="~=2.0")
    _skill(home, "c", "2.3")
    found = find_skills(home, None)
    assert all(found[name].manifest is not None for name in "abc")
    assert needed(found, "a") == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("needs", "said"),
    [
        ({"bb": ""}, 'skill.toml:5: the skill "a" needs the skill "bb", which does not exist; did you mean "bbb"?'),
        ({"bbb": ">=2"}, 'skill.toml:5: the skill "a" needs "bbb" >=2, and there is 1.0 ('),
        ({"ok": ">=1", "bbb": "~=1.5"}, 'skill.toml:8: the skill "a" needs "bbb" ~=1.5, and there is 1.0 ('),
        ({"dev": ">=1"}, 'the skill "a" needs "dev" >=1, and its version "main" cannot be compared; give it a version'),
        ({"a": ""}, "skill.toml:5: a circle: a -> a (each needs the next one); take one of these"),
        ({"broken": ""}, 'the skill "a" needs the skill "broken", which has errors; cis skill show broken'),
    ],
)
def test_what_is_not_is_an_error_with_its_place(home: Home, needs: dict[str, str], said: str) -> None:
    _skill(home, "bbb")
    _skill(home, "ok")
    _skill(home, "dev", "main")
    _skill(home, "broken")
    (home.skills / "broken" / "skill.toml").write_text("[skill\n")
    _skill(home, "a", **needs)
    assert said in _problem(home, "a")
    assert find_skills(home, None)["ok"].manifest is not None


def test_a_circle_is_told_as_its_way(home: Home) -> None:
    for name, other in ("ab", "bc", "ca"):
        _skill(home, name, **{other: ""})
    _skill(home, "outside", a="")
    said = {name: _problem(home, name) for name in "abc"}
    assert any("a circle: a -> b -> c -> a (each needs the next one)" in each for each in said.values()), said
    assert "which has errors" in _problem(home, "outside")


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        (">=1.0", ">=1.0"),
        ("~=1.2", "~=1.2"),
        (">=1, <2", ">=1, <2"),
        ("1.2", ">=1.2"),
        ("=1.2", "==1.2"),
        ("^1.2.3", ">=1.2.3,<2"),
        ("^0.2", ">=0.2,<0.3"),
        ("~1.2.3", ">=1.2.3,<1.3"),
        ("*", ""),
        ("one", None),
        (">>1", None),
    ],
)
def test_ranges_of_other_worlds_are_understood(written: str, taken: str | None) -> None:
    assert read_specifier(written)[0] == taken


def test_versions_are_compared_as_versions() -> None:
    assert satisfies("1.10.0", ">=1.9") is True
    assert satisfies("2.0.0rc1", ">=1.9") is True
    assert satisfies("1.8", ">=1.9") is False
    assert satisfies("", ">=1.9") is None
    assert satisfies("", "") is True
