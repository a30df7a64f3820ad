"""Looks at one skill on its own, as `cis skill check` does: its manifest, and whether what it needs is there."""

from __future__ import annotations

from pathlib import Path

from cis_tui.core.paths import Home
from cis_tui.skills.dependencies import with_dependencies
from cis_tui.skills.manifest import LoadedSkill, load_manifest
from cis_tui.skills.model import SkillOrigin
from cis_tui.skills.registry import find_skills

SCHEMA = Path(__file__).resolve().parent / "skill.schema.json"
"""JSON schema of skill.toml."""


def check_manifest(path: Path, home: Home, project: Path | None) -> LoadedSkill:
    """The skill of the manifest `path` with everything that is wrong, beside the skills that can be called there."""
    skill = load_manifest(path, SkillOrigin.PROJECT)
    if skill.manifest is None or not skill.manifest.dependencies:
        return skill
    return with_dependencies({**find_skills(home, project), skill.name: skill})[skill.name]
