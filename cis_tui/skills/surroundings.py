"""The environment of what tasks and skills start."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from cis_tui.core.environment import inherited_env
from cis_tui.core.paths import Home
from cis_tui.skills.model import SkillManifest

_KEPT = frozenset({"LANG", "LANGUAGE", "TERM", "COLORTERM", "NO_COLOR", "TZ"})
"""What a confined skill is told of a person's environment, beside PATH and LC_…: nothing that could be a secret."""

AUTHOR = Path(__file__).resolve().parent / "author"
"""What skills in Python can import: `cis_skill`."""


def skill_env(
    home: Home, skill: str, *, project: str = "", run: str = "", task: str = "", attempt: int = 1
) -> dict[str, str]:
    """The engine's environment with what a command of the person's own is told; `cis` itself is on the PATH."""
    return {
        **inherited_env(),
        "PATH": _path(),
        "CIS_HOME": str(home.root),
        **_call(skill, project, run, task, attempt),
        "CIS_SOCKET": str(home.engine_socket),
    }


def confined_env(skill: str, *, project: str = "", run: str = "", task: str = "", attempt: int = 1) -> dict[str, str]:
    """What somebody's skill is told (contract, skill.toml), and no more of the engine's environment than it needs."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("LC_")}
    # A shim (pyenv, rbenv, asdf) starts half a dozen other programs to find the one that is meant.
    folders = [folder for folder in _path().split(os.pathsep) if os.path.basename(folder) != "shims"]
    found = {"PATH": os.pathsep.join(folders), "PYTHONPATH": str(AUTHOR)}
    return {**kept, **found, **_call(skill, project, run, task, attempt)}


def env_for(
    manifest: SkillManifest | None,
    home: Home,
    skill: str,
    *,
    project: str = "",
    run: str = "",
    task: str = "",
    attempt: int = 1,
) -> dict[str, str]:
    """The environment for a call of `manifest`; None: a command of the person's own."""
    if manifest is None or manifest.is_own_shell:
        return skill_env(home, skill, project=project, run=run, task=task, attempt=attempt)
    return confined_env(skill, project=project, run=run, task=task, attempt=attempt)


def own_folder(folder: Path) -> Mapping[str, str]:
    """What makes programs keep their files in `folder`."""
    return {"HOME": str(folder), "TMPDIR": str(folder)}


def _path() -> str:
    return f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{Path(sys.executable).parent}"


def _call(skill: str, project: str, run: str, task: str, attempt: int) -> Mapping[str, str]:
    told = {"CIS_SKILL": skill, "CIS_RUN": run, "CIS_TASK": task, "CIS_ATTEMPT": str(attempt), "CIS_PROJECT": project}
    return told
