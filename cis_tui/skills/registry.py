"""Finds skills in the four places where they may lie; the first one of a name wins (spec, Skill Discovery Flow)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cis_tui.core.document import as_table, load_toml
from cis_tui.core.paths import PROJECT_DIR, PROJECT_FILE, SYSTEM_SKILLS, Home, real
from cis_tui.core.problems import Problem, Severity
from cis_tui.core.tables import Table
from cis_tui.skills.dependencies import with_dependencies
from cis_tui.skills.manifest import MANIFEST, LoadedSkill, load_manifest
from cis_tui.skills.model import SkillOrigin

__all__ = [
    "PLACES",
    "SHIPPED_SKILLS",
    "DeclaredSkill",
    "LoadedSkill",
    "declared_skills",
    "find_skills",
    "read_declared",
]

SHIPPED_SKILLS = Path(__file__).resolve().parent / "shipped"
PLACES = f".cis/skills, $CIS_HOME/skills, {SYSTEM_SKILLS} and the shipped ones"
"""Where was looked, for error messages."""
MAX_SKILLS = 1_000
"""Folders that are looked at in one place."""


@dataclass(frozen=True, slots=True)
class DeclaredSkill:
    """One `[[skills]]` of a project.toml that lies inside the project."""

    name: str
    folder: Path


def find_skills(
    home: Home, project: Path | None, *, settle: Callable[[LoadedSkill], LoadedSkill] = lambda skill: skill
) -> dict[str, LoadedSkill]:
    """Every skill that can be called from `project`, by name; broken ones are there with their problems.

    `settle` may give another one in the place of each, before they are held against what they need.
    """
    found: dict[str, LoadedSkill] = {}
    for skill in map(settle, _all(home, project)):
        found.setdefault(skill.name, skill)
    return with_dependencies(found)


def _all(home: Home, project: Path | None) -> Iterator[LoadedSkill]:
    if project is not None:
        yield from _in_folder(project / PROJECT_DIR / "skills", SkillOrigin.PROJECT, within=project)
        for declared in declared_skills(project):
            skill = load_manifest(declared.folder / MANIFEST, SkillOrigin.PROJECT)
            yield replace(skill, name=declared.name or skill.name)
    yield from _in_folder(home.skills, SkillOrigin.HOME)
    yield from _in_folder(SYSTEM_SKILLS, SkillOrigin.SYSTEM)
    yield from _in_folder(SHIPPED_SKILLS, SkillOrigin.SHIPPED)


def _in_folder(folder: Path, origin: SkillOrigin, *, within: Path | None = None) -> Iterator[LoadedSkill]:
    try:
        entries = sorted(entry for entry in folder.iterdir() if entry.is_dir())[:MAX_SKILLS]
    except OSError:
        return
    for entry in entries:
        manifest = entry / MANIFEST
        if within is not None and not real(manifest).is_relative_to(real(within)):
            problem = Problem(Severity.ERROR, "a link that leaves the project is not followed", file=str(manifest))
            yield LoadedSkill(entry.name, None, (problem,), str(manifest), origin)
        elif manifest.exists():
            yield load_manifest(manifest, origin)


def declared_skills(project: Path) -> tuple[DeclaredSkill, ...]:
    """The usable `[[skills]]` of the project's project.toml."""
    data, notes = load_toml(project / PROJECT_DIR / PROJECT_FILE)
    return read_declared(Table({"skills": as_table(data).get("skills")}, (), notes), project)


def read_declared(top: Table, project: Path) -> tuple[DeclaredSkill, ...]:
    """The `[[skills]]` of a project.toml; those that are none, or leave the project, are reported and left out."""
    declared: list[DeclaredSkill] = []
    for table in top.tables("skills"):
        name, path = table.line("name", limit=128), table.text("path")
        table.flag("auto_load", True)
        table.finish()
        if not path:
            # A skill named without a path is one of the four places: nothing is to be declared.
            continue
        folder = project / path
        if not real(folder).is_relative_to(real(project)):
            table.notes.error(table.at("path"), f'the skill path "{path}" leaves the project')
        elif not (folder / MANIFEST).is_file():
            table.notes.error(table.at("path"), f'there is no {MANIFEST} in the skill path "{path}"')
        else:
            declared.append(DeclaredSkill(name, folder))
    return tuple(declared)
