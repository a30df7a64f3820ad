"""What the end-to-end tests share: the installed command, a project made by it, terminals."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from tests import zygote
from tests.conftest import ROOT
from tests.e2e.terminal import TERMINALS, Terminal

CIS = Path(sys.executable).with_name("cis")
"""The installed command."""

Open = Callable[..., Terminal]


class Project:
    """A project folder and the command in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def cis(self, *words: str, exit: int = 0, input: str | None = None) -> str:
        """What `cis WORDS` prints on stdout; the test fails unless it ends with `exit`."""
        done = zygote.run(*words, cwd=self.root, input=(input or "").encode())
        out, err = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == exit, f"cis {' '.join(words)} ended with {done.returncode}\n{out}{err}"
        return out

    def json(self, *words: str, exit: int = 0) -> dict[str, object]:
        """The object that `cis WORDS --json` prints."""
        return cast("dict[str, object]", json.loads(self.cis(*words, "--json", exit=exit)))

    def rows(self, *words: str) -> list[dict[str, object]]:
        """The list of objects that `cis WORDS --json` prints."""
        return cast("list[dict[str, object]]", json.loads(self.cis(*words, "--json")))

    def dag(self, name: str, text: str) -> None:
        """Write a DAG file and trust it."""
        (self.root / ".cis" / "dags" / f"{name}.toml").write_text(text, "utf-8")
        self.cis("trust")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A fresh project in a fresh home; its engine is ended afterwards."""
    root = tmp_path / "work"
    root.mkdir()
    made = Project(root)
    made.cis("init")
    yield made
    zygote.run("engine", "stop", cwd=root, timeout=30)


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Project]:
    """A copy of this repository's own project, untrusted, as after a clone."""
    root = tmp_path / "clone"
    shutil.copytree(ROOT / ".cis", root / ".cis")
    yield Project(root)
    zygote.run("engine", "stop", cwd=root, timeout=30)


@pytest.fixture(params=TERMINALS, ids=lambda kind: kind.__name__.removesuffix("Terminal").lower())
def open_terminal(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens terminals of each kind that this machine has, and closes them."""
    opened: list[Terminal] = []

    def open(*words: str, cwd: Path, columns: int = 80, rows: int = 24) -> Terminal:
        command = [str(CIS), *words]
        terminal = cast("Terminal", request.param(command, cwd=cwd, env=dict(os.environ), columns=columns, rows=rows))
        opened.append(terminal)
        return terminal

    yield open
    for terminal in opened:
        terminal.close()
