"""Reads a project's project.toml; a broken one still gives a project, with its problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from cis_tui.core.document import load_toml
from cis_tui.core.paths import PROJECT_DIR, PROJECT_FILE
from cis_tui.core.problems import Problem
from cis_tui.core.tables import Table
from cis_tui.core.text import clean_line
from cis_tui.memory.records import Domain
from cis_tui.skills.registry import read_declared

SETTING_SECTIONS = ("core", "decisions", "ui", "keys", "agent", "matrix", "p2p")
"""Sections that belong to the settings, whose reader checks them."""
_ABOUT = ("version", "description", "author")
"""What people write about a project and nobody reads."""


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """What a project.toml says (contract, project.toml)."""

    name: str
    id: str = ""
    namespace: str = ""
    """Prefix of the project's memory keys, without a slash at its end."""
    default_domain: str | None = None
    shared_keys: tuple[str, ...] = ()
    max_parallel: int | None = None
    stakeholders: Mapping[str, str] = field(default_factory=dict[str, str])
    """Name to DID."""
    skill_paths: tuple[Path, ...] = ()
    """Folders of skills declared outside of `.cis/skills`."""
    problems: tuple[Problem, ...] = ()


def load_project(root: Path) -> ProjectFile:
    """Read the project.toml of the project folder `root`; never raises for what is in it."""
    data, notes = load_toml(root / PROJECT_DIR / PROJECT_FILE)
    top = Table(data, (), notes)
    project = top.table("project")
    name = (
        project.line("name", limit=128) or top.line("name", limit=128) or clean_line(root.absolute().name) or "project"
    )
    id = project.line("id", limit=128) or top.line("id", limit=128)
    memory, dag = top.table("memory"), top.table("dag")
    file = ProjectFile(
        name=name,
        id=id,
        namespace=memory.line("namespace").rstrip("/") or f"project/{name}",
        default_domain=memory.choice("default_domain", Domain, "") or None,
        shared_keys=memory.texts("shared_keys"),
        max_parallel=dag.whole("max_parallel", 1, 256),
        stakeholders=_stakeholders(top.table("stakeholders")),
        skill_paths=tuple(skill.folder for skill in read_declared(top, root)),
    )
    _ai(top.table("ai"))
    project.finish(also=_ABOUT)
    dag.finish()
    memory.finish(also=("hot_weeks", "total_weeks"))
    top.finish(also=(*SETTING_SECTIONS, *_ABOUT))
    return replace(file, problems=notes.problems)


def _stakeholders(table: Table) -> dict[str, str]:
    """Names and the DIDs of those who vote for them."""
    seats: dict[str, str] = {}
    for name in table.data:
        did = table.text(name, expected='a DID ("did:key:…")')
        if did and not did.startswith("did:key:z"):
            table.wrong((name,), did, 'a DID ("did:key:z…")', "cis peer id prints one's own")
        elif did:
            seats[clean_line(name)] = did
    return seats


def _ai(table: Table) -> None:
    """Who talks to an agent reads it; here only its types are looked at."""
    for name in ("provider", "model", "guide"):
        table.text(name)
    table.finish()
