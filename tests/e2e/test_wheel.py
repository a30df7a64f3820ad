"""The built wheel, installed into an empty environment, is the whole program."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.e2e.terminal import PtyTerminal

UV = Path(sys.executable).with_name("uv")


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """What the command prints; the test fails with what it said when it fails."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this source tree."""
    folder = tmp_path_factory.mktemp("wheel")
    run(UV, "build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", folder)
    (built,) = folder.glob("*.whl")
    return built


def test_it_holds_the_program_its_themes_and_its_example_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "cis_tui/_shipped/cis/dags/tour.toml" in names
    assert any(name.startswith("cis_tui/_shipped/themes/") for name in names)
    assert any(name.startswith("cis_tui/skills/shipped/shell/") for name in names)
    assert any(name.endswith(".tcss") for name in names)
    assert not [name for name in names if name.startswith(("tests", "docs", "snapshots"))]


@pytest.mark.timeout(300)
def test_it_works_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    run(UV, "venv", "--quiet", "--python", sys.executable, environment)
    install = (UV, "pip", "install", "--quiet", "--no-deps", "--python", environment / "bin" / "python")
    run(*install, "--require-hashes", "-r", ROOT / "requirements.lock")
    run(*install, wheel)
    cis = environment / "bin" / "cis"
    project = tmp_path / "project"
    assert "0.1.0" in run(cis, "--version", cwd=tmp_path)
    run(cis, "init", project, cwd=tmp_path)
    run(cis, "memory", "set", "greeting", "hello", cwd=project)
    assert run(cis, "memory", "get", "greeting", cwd=project) == "hello\n"
    run(cis, "dag", "validate", cwd=project)
    terminal = PtyTerminal([str(cis)], cwd=project, env=dict(os.environ))
    try:
        terminal.wait("tour")
        terminal.press("q")
        assert terminal.wait_exit() == 0
    finally:
        terminal.close()
    run(cis, "engine", "stop", cwd=project)
