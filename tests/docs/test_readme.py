"""The docs tell the truth: each of their commands is run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.pages import PAGES, commands


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.name)
def test_every_command_works_as_written(page: Path, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    try:
        for command in commands(page):
            done = subprocess.run(
                command,
                shell=True,
                cwd=folder,
                # What the small model says, and how long it talks, is not for the docs to promise.
                env={**os.environ, "PATH": path, "CIS_AGENT_DEFAULT": "offline"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
    finally:
        cis = Path(sys.executable).with_name("cis")
        subprocess.run([cis, "engine", "stop"], cwd=folder, capture_output=True, check=False)


def test_set_up_is_what_ci_does() -> None:
    make, test = commands(ROOT / "README.md", "set-up")
    ci = (ROOT / ".ci" / "run").read_text()
    assert make.removesuffix("just run") in ci
    assert f"\n{test}\n" in ci


def test_every_field_of_a_dag_file_is_documented() -> None:
    """What the reader asks a table for, `docs/dags.md` names."""
    page = (ROOT / "docs" / "dags.md").read_text("utf-8")
    reader = (ROOT / "cis_tui" / "dag" / "reader.py").read_text("utf-8")
    fields = set(
        re.findall(
            r"""\.(?:text|texts|line|prose|choice|number|whole|flag|table|tables|plain|strings)\("(\w+)\"""", reader
        )
    )
    fields |= set(re.findall(r"seconds\(\"(\w+)\"", reader))
    assert {"id", "for_each", "limits", "on_failure", "backoff", "quorum"} <= fields
    missing = sorted(field for field in fields if not re.search(rf"\b{field}\b", page))
    assert missing == []
