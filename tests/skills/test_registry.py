"""The four places of skills, in their order."""

from __future__ import annotations

from pathlib import Path

import pytest

from cis_tui.core.paths import Home
from cis_tui.skills.model import SkillOrigin
from cis_tui.skills.registry import declared_skills, find_skills


def _skill(folder: Path, name: str, description: str = "") -> Path:
    folder.mkdir(parents=True)
    (folder / "skill.toml").write_text(f'[skill]\nname = "{name}"\nentry = "true"\ndescription = "{description}"\n')
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / ".cis").mkdir(parents=True)
    (root / ".cis" / "project.toml").write_text("name = 'p'\n")
    return root


def test_without_a_project_there_are_the_shipped_ones(home: Home) -> None:
    found = find_skills(home, None)
    assert {"shell", "echo"} <= found.keys()
    assert found["shell"].origin is SkillOrigin.SHIPPED


def test_the_first_place_wins(home: Home, project: Path) -> None:
    _skill(home.skills / "a", "lint", "home")
    _skill(home.skills / "b", "echo", "home")
    _skill(project / ".cis" / "skills" / "x", "lint", "project")
    found = find_skills(home, project)
    origins = {name: found[name].origin for name in ("lint", "echo", "shell")}
    assert origins == {"lint": SkillOrigin.PROJECT, "echo": SkillOrigin.HOME, "shell": SkillOrigin.SHIPPED}
    assert find_skills(home, None)["lint"].origin is SkillOrigin.HOME


def test_broken_ones_are_listed_with_their_problems(home: Home, project: Path) -> None:
    folder = _skill(project / ".cis" / "skills" / "broken", "x")
    (folder / "skill.toml").write_text("[skill\n")
    (project / ".cis" / "skills" / "no-manifest").mkdir()
    (project / ".cis" / "skills" / "a-file").write_text("")
    found = find_skills(home, project)
    assert found["broken"].manifest is None
    assert "not TOML" in found["broken"].problems[0].message
    assert not {"no-manifest", "a-file"} & found.keys()


def test_a_link_out_of_the_project_is_not_followed(home: Home, project: Path, tmp_path: Path) -> None:
    outside = _skill(tmp_path / "outside", "evil")
    (project / ".cis" / "skills").mkdir()
    (project / ".cis" / "skills" / "evil").symlink_to(outside)
    skill = find_skills(home, project)["evil"]
    assert skill.manifest is None
    assert "leaves the project" in skill.problems[0].message


def test_a_link_that_leads_to_itself_is_no_skill_and_stops_nothing(home: Home, project: Path) -> None:
    _skill(project / ".cis" / "skills" / "good", "good")
    (project / "loop").symlink_to("loop")
    (project / ".cis" / "skills" / "me").symlink_to("me")
    (project / ".cis" / "skills" / "half").mkdir()
    (project / ".cis" / "skills" / "half" / "skill.toml").symlink_to("skill.toml")
    (project / ".cis" / "project.toml").write_text("[[skills]]\npath = 'loop'\n")
    assert declared_skills(project) == ()
    assert "good" in find_skills(home, project)


def test_declared_folders_are_skills_too(home: Home, project: Path) -> None:
    _skill(project / "tools" / "fmt", "fmt")
    (project / ".cis" / "project.toml").write_text(
        "[[skills]]\nname = 'format'\npath = 'tools/fmt'\nauto_load = true\n[[skills]]\nname = 'shell'\n"
        "[[skills]]\npath = '../outside'\n[[skills]]\npath = 'nowhere'\n"
    )
    found = find_skills(home, project)
    assert found["format"].origin is SkillOrigin.PROJECT
    assert [skill.folder for skill in declared_skills(project)] == [project / "tools" / "fmt"]
