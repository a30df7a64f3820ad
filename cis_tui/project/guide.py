"""What of a project agents are told: nothing that could steer them before somebody trusted it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cis_tui.agents.context import MAX_GUIDE, ProjectContext
from cis_tui.agents.files import ProjectFiles
from cis_tui.core.document import as_table, load_toml
from cis_tui.core.errors import CisError
from cis_tui.core.paths import PROJECT_DIR, PROJECT_FILE
from cis_tui.core.text import clean_line
from cis_tui.project.config import load_project
from cis_tui.project.session import ProjectSession
from cis_tui.project.trust import TrustStore


def agent_context(session: ProjectSession, trust: TrustStore) -> ProjectContext:
    """What the project of `session` tells agents. Its `[ai]` counts only if the project.toml is trusted as it is now.

    There is no address of a service and no key in it: those are the person's own to choose. Blocks.
    """
    root = session.root
    skills = tuple(
        (skill.name, skill.description) for skill in session.skills() if skill.trusted and not skill.problems
    )
    if root is None:
        return ProjectContext(skills=skills)
    file = load_project(root)
    ai: Mapping[str, object] = {}
    if trust.covers_settings(root):
        data, _ = load_toml(root / PROJECT_DIR / PROJECT_FILE)
        ai = as_table(data.get("ai"))
    return ProjectContext(
        root=str(root),
        name=file.name,
        namespace=file.namespace,
        guide=_guide(root, ai.get("guide")),
        provider=_line(ai.get("provider")),
        model=_line(ai.get("model")),
        skills=skills,
    )


def _guide(root: Path, said: object) -> str:
    """The text of the guide: of the file of the project that it names, or as it stands."""
    if not isinstance(said, str) or not said.strip():
        return ""
    if "\n" not in said and len(said) < 500:
        try:
            return ProjectFiles(root).read(said.strip()).text[:MAX_GUIDE]
        except (CisError, OSError):
            pass
    return said[:MAX_GUIDE]


def _line(value: object) -> str:
    return clean_line(value, limit=200) if isinstance(value, str) else ""
