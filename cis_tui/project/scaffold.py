"""What `cis init` writes, a project with a DAG that shows every level and a skill of its own, and `cis dag new`."""

from __future__ import annotations

import json
import os
import re
import uuid
from pathlib import Path

from cis_tui.core.errors import Invalid, Refused, cannot_write
from cis_tui.core.paths import PROJECT_DIR, PROJECT_FILE, real, shipped
from cis_tui.core.text import clean_line

EXAMPLES = ("dags/tour.toml", "skills/greet/skill.toml", "skills/greet/greet.sh")
"""Files of this repository's own `.cis` that a new project begins with."""


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
NEW_DAG = """\
# cis dag validate NAME tells what is wrong, cis dag plan NAME what would run; docs/dags.md has every field.

[skill]
name = "NAME"
description = "Says hello, and asks before it says goodbye"

[dag.params.who]
default = "world"

# Runs by itself: a line for /bin/sh, in the folder of the project.
[[dag.tasks]]
id = "hello"
command = "echo hello, {{ params.who | quote }}"

# Runs after it and only if somebody says yes; five minutes of silence are a no.
[[dag.tasks]]
id = "goodbye"
command = "echo goodbye, {{ params.who | quote }}"
deps = ["hello"]
level = { type = "confirmed", timeout = 300 }
"""
"""What `make_dag` writes, with NAME for the name."""


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


def make_dag(root: Path, name: str) -> Path:
    """Write the DAG `name` for the project `root` to begin from: one task that runs by itself, one that asks; its file.

    Raises:
        Invalid: the name cannot be one (CIS-PROJ-031).
        Refused: there is one already (CIS-PROJ-031); `.cis` leads out of `root` (CIS-PROJ-030); it cannot be written.
        Unavailable: the disk is full.
    """
    if not _NAME.fullmatch(name):
        what = "begins with a letter or digit and has at most 64 letters, digits, dots, dashes and underscores"
        raise Invalid("CIS-PROJ-031", f"the name of a new DAG {what}: {name!a:.80}")
    path = root / PROJECT_DIR / "dags" / f"{name}.toml"
    try:
        written = _write(root, path, NEW_DAG.replace("NAME", name).encode())
    except OSError as error:
        raise cannot_write(path, error) from error
    if written is None:
        raise Refused("CIS-PROJ-031", f"there is {path} already", hint="choose another name")
    return written


def _project_file(root: Path) -> bytes:
    name = clean_line(root.absolute().name, limit=128).strip() or "project"
    # A JSON text without control characters is a TOML text too.
    text = f'[project]\nname = {json.dumps(name, ensure_ascii=False)}\nid = "{uuid.uuid4()}"\n'
    return text.encode()


def _write(root: Path, path: Path, content: bytes) -> Path | None:
    """Write a new file; None if there is something already."""
    if not real(path.parent).is_relative_to(real(root)):
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
