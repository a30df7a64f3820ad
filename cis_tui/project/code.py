"""What of a project is code that trust is about: its DAGs, its skills, and the skill folders it declares."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cis_tui.core.document import as_table, read_text
from cis_tui.core.errors import Invalid
from cis_tui.core.paths import PROJECT_DIR, PROJECT_FILE, real
from cis_tui.skills.digest import MAX_FILES, MAX_HEAD, hash_file, walk_files
from cis_tui.skills.registry import declared_skills

FOLDERS = (f"{PROJECT_DIR}/dags", f"{PROJECT_DIR}/skills")
"""Folders of a project in which everything is code."""
SETTINGS = f"{PROJECT_DIR}/{PROJECT_FILE}"
"""The project's own settings, which say who votes, among other things."""
_HARMLESS = ("name", "id", "project", "version", "description", "author", "ui", "keys", "skills")
"""What of a project.toml runs nothing and decides nothing; the skills that it names are code themselves."""


@dataclass(frozen=True, slots=True)
class CodeFile:
    """One file of code as it is now."""

    path: str
    """Relative to the project."""
    digest: str
    """See `HashedFile`; empty for what can never be trusted."""
    content: bytes | None
    """None when it is longer than 64 kB."""


def project_code(root: Path) -> dict[str, CodeFile]:
    """All code of the project `root`, by path.

    Raises:
        Invalid: it is more than 5,000 files (CIS-PROJ-022).
    """
    base = Path(os.path.abspath(root))
    declared = [os.path.relpath(os.path.abspath(skill.folder), base) for skill in declared_skills(base)]
    found: dict[str, CodeFile] = {}
    for folder in (*FOLDERS, *declared):
        found.update(code_below(root, folder))
    settings = project_settings(base)
    if settings is not None:
        found[settings.path] = settings
    return dict(sorted(found.items()))


def project_settings(root: Path) -> CodeFile | None:
    """The project.toml, if it says more than what the project is and looks like; its digest is of that alone."""
    path = root / PROJECT_DIR / PROJECT_FILE
    try:
        text = read_text(path)
        data = tomllib.loads(text)
    except Invalid:
        return CodeFile(SETTINGS, "", None) if os.path.lexists(path) else None
    except (ValueError, RecursionError):
        # A file that cannot be read has no stakeholders and no settings.
        return None
    matters = {name: value for name, value in data.items() if name not in _HARMLESS}
    dag = {name: value for name, value in as_table(matters.pop("dag", {})).items() if name != "max_parallel"}
    if dag:
        matters["dag"] = dag
    if not matters:
        return None
    canonical = json.dumps(matters, sort_keys=True, default=str)
    content = text.encode() if len(text) <= MAX_HEAD else None
    return CodeFile(SETTINGS, hashlib.sha256(canonical.encode("utf-8", "backslashreplace")).hexdigest(), content)


def code_below(root: Path, path: str) -> dict[str, CodeFile]:
    """The code in the folder, or the one file, at `path` in the project `root`.

    Raises:
        Invalid: it is more than 5,000 files (CIS-PROJ-022).
    """
    base = Path(os.path.abspath(root))
    within = real(base)
    link = first_link(base, path)
    files = iter([base / link]) if link else _files(base / path)
    found: dict[str, CodeFile] = {}
    for file in files:
        if len(found) >= MAX_FILES:
            message = f"{base / path} has more than {MAX_FILES} files"
            raise Invalid("CIS-PROJ-022", message, hint="move what is no skill out of it")
        name = text_of(file.relative_to(base))
        hashed = hash_file(file, within)
        content = hashed.head if hashed and hashed.size <= MAX_HEAD else None
        found[name] = CodeFile(name, hashed.digest if hashed else "", content)
    return found


def _files(path: Path) -> Iterator[Path]:
    return walk_files(path) if path.is_dir() else iter([path] if os.path.lexists(path) else [])


def first_link(base: Path, path: str) -> str:
    """The first folder on the way to `path` that is a link, which is not followed; empty if there is none."""
    parts = Path(path).parts
    for length in range(1, len(parts) + 1):
        part = base.joinpath(*parts[:length])
        if part.is_symlink() and part.is_dir():
            return os.path.join(*parts[:length])
    return ""


def code_digest(code: Mapping[str, CodeFile]) -> str:
    """Identifies the names and contents of `code`."""
    lines = "".join(f"{file.digest or '-'} {path}\0" for path, file in sorted(code.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def text_of(path: Path) -> str:
    """A path as text that any file can hold, also when its name is not UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
