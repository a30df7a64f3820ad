"""What `cis skill new` writes: a skill that runs, with a test that passes."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from cis_tui.core.errors import Invalid, Refused, cannot_write
from cis_tui.skills.building import WAYS, build

TEMPLATES = Path(__file__).resolve().parent / "templates"
"""A folder for each kind of skill; in its files, NAME stands for the name."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def kinds() -> list[str]:
    """What can be made."""
    return sorted(entry.name for entry in TEMPLATES.iterdir() if (entry / "skill.toml").is_file())


def make_skill(skills: Path, name: str, kind: str) -> list[Path]:
    """Write a skill of this kind into the folder `skills`; the files that were written.

    Raises:
        Invalid: the name cannot be one (CIS-SKILL-079).
        Refused: it is taken there (CIS-SKILL-079); the folder cannot be written.
        Unavailable: the disk is full; it is to be compiled, and nothing here can do that (CIS-SKILL-090).
    """
    if not NAME.fullmatch(name):
        what = "begins with a letter or digit and has at most 64 letters, digits, dots, dashes and underscores"
        raise Invalid("CIS-SKILL-079", f"the name of a new skill {what}: {name!a:.80}")
    folder = skills / name
    if os.path.lexists(folder):
        raise Refused("CIS-SKILL-079", f"there is {folder} already", hint="choose another name")
    try:
        folder.mkdir(parents=True)
        return _filled(folder, name, kind)
    except OSError as error:
        raise cannot_write(folder, error) from error


def _filled(folder: Path, name: str, kind: str) -> list[Path]:
    """Write a skill into its new folder, which goes again if that cannot be done, or is ended by a Ctrl-C."""
    try:
        for file in _files(kind):
            _write(folder / file.name, file.read_text("utf-8"), name)
        if kind in WAYS:
            build(folder, kind)
        return sorted(folder.iterdir())
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _files(kind: str) -> list[Path]:
    return sorted(file for file in (TEMPLATES / kind).iterdir() if file.is_file())


def _write(path: Path, text: str, name: str) -> None:
    path.write_text(text.replace("NAME", name), "utf-8")
    if text.startswith("#!"):
        path.chmod(0o755)
