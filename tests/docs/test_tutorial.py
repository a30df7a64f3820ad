"""The tutorial works as it is written, on two real nodes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.conftest import ROOT
from tests.docs.pages import commands

PATIENCE = 40.0
"""Seconds within which what was begun has come about: a reader waits as long, and tries again."""


def test_it_works_as_it_is_written(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {name: value for name, value in os.environ.items() if not name.startswith("CIS_")} | {"PATH": path}
    env |= {"CIS_P2P_MDNS": "false"}  # other tests have nodes too
    folder = tmp_path
    try:
        for step in commands(ROOT / "docs" / "tutorial.md", "tutorial"):
            end = time.monotonic() + PATIENCE
            while (done := run(step, folder, env)).returncode and time.monotonic() < end:
                pass
            assert done.returncode == 0, f"$ {step}\n{done.stdout}{done.stderr}"
            folder = tmp_path / "shop"
    finally:
        for home in ((), ("--home", "../friend")):
            subprocess.run(["cis", *home, "engine", "stop"], cwd=folder, env=env, capture_output=True, check=False)


def run(step: str, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """One command of the reader."""
    return subprocess.run(
        step, shell=True, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
