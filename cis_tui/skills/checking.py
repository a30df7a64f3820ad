"""Looks at one skill on its own, as `cis skill check` does: its manifest, and whether what it needs is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cis_tui.core.errors import CisError
from cis_tui.core.paths import Home
from cis_tui.core.problems import Problem, Severity
from cis_tui.core.text import clean_line
from cis_tui.skills.dependencies import with_dependencies
from cis_tui.skills.manifest import LoadedSkill, load_manifest
from cis_tui.skills.model import SkillOrigin, SkillType
from cis_tui.skills.registry import find_skills
from cis_tui.skills.wasm.interface import MEMORY_MB
from cis_tui.skills.wasm.source import all_problems, read_source

SCHEMA = Path(__file__).resolve().parent / "skill.schema.json"
"""JSON schema of skill.toml."""


def check_manifest(path: Path, home: Home, project: Path | None) -> LoadedSkill:
    """The skill of the manifest `path` with everything that is wrong, beside the skills that can be called there."""
    skill = _with_code_checked(load_manifest(path, SkillOrigin.PROJECT))
    if skill.manifest is None or not skill.manifest.dependencies:
        return skill
    return with_dependencies({**find_skills(home, project), skill.name: skill})[skill.name]


def _with_code_checked(skill: LoadedSkill) -> LoadedSkill:
    """`skill` with what only the compiler sees in the module of a WASM skill."""
    manifest = skill.manifest
    if manifest is None or manifest.type is not SkillType.WASM:
        return skill
    try:
        source = read_source(manifest.folder, manifest.entry)
        found = all_problems(source, manifest.limits.get("memory_mb", MEMORY_MB))
    except CisError as error:
        found = [error.message]
    entry = clean_line(manifest.entry)
    problems = (
        Problem(Severity.ERROR, f"{entry} cannot be used: {clean_line(each)}", file=skill.file, field="skill.entry")
        for each in found
    )
    return replace(skill, manifest=None if found else manifest, problems=(*skill.problems, *problems))
