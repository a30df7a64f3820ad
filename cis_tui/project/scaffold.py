"""What `cis init` writes: a project with a DAG that shows every level, and a skill of its own."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path

from cis_tui.core.errors import Refused
from cis_tui.core.paths import PROJECT_DIR, PROJECT_FILE, shipped
from cis_tui.core.text import clean_line

EXAMPLES = ("dags/tour.toml", "skills/greet/skill.toml", "skills/greet/greet.sh")
"""Files of this repository's own `.cis` that a new project begins with."""


def init_project(root: Path) -> list[Path]:
    """Make `root` a project with a working example; what is there already is left as it is.

    Returns:
        The files that were written.

    Raises:
        Refused: `.cis`, or a folder in it, is a link that leads out of `root` (CIS-PROJ-030).
    """
    base = root / PROJECT_DIR
    example = shipped(PROJECT_DIR)
    written = [_write(root, base / PROJECT_FILE, _project_file(root))]
    written += [_write(root, base / name, (example / name).read_bytes()) for name in EXAMPLES]
    return [path for path in written if path is not None]


def _project_file(root: Path) -> bytes:
    name = clean_line(root.absolute().name, limit=128).strip() or "project"
    # A JSON text without control characters is a TOML text too.
    text = f'[project]\nname = {json.dumps(name, ensure_ascii=False)}\nid = "{uuid.uuid4()}"\n'
    return text.encode()


def _write(root: Path, path: Path, content: bytes) -> Path | None:
    """Write a new file; None if there is something already."""
    if not path.parent.resolve().is_relative_to(root.resolve()):
        raise Refused("CIS-PROJ-030", f"{path.parent} leads out of {root}", hint="remove the link and try again")
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = 0o755 if content.startswith(b"#!") else 0o644
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        return None
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    return path
