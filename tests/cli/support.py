"""The `cis` command as tests call it: in this process where that is enough, else as it is installed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cis_tui.cli import main
from tests import zygote

if TYPE_CHECKING:
    import pytest

CIS = str(Path(sys.executable).parent / "cis")

TWO_TASKS = """
[skill]
name = "two"
description = "Two tasks"
[dag.params.who]
default = "world"
[[dag.tasks]]
id = "first"
command = "echo hello {{ params.who }}"
[[dag.tasks]]
id = "second"
command = "echo bye; echo $CIS_ATTEMPT >&2"
deps = ["first"]
"""
FAILS = """
[[dag.tasks]]
id = "good"
command = "echo fine"
[[dag.tasks]]
id = "bad"
command = "echo so it goes; exit 3"
"""
ASKS = """
[[dag.tasks]]
id = "before"
command = "echo before"
[[dag.tasks]]
id = "push"
command = "echo pushed"
deps = ["before"]
level = { type = "confirmed", timeout = 60 }
"""
VOTES = """
[[dag.tasks]]
id = "agree"
command = "echo agreed"
level = { type = "arbitrated", stakeholders = ["dba", "sre"], quorum = 2, timeout = 60 }
"""
WAITS = """
[[dag.tasks]]
id = "wait"
command = "echo waiting; until test -e go; do sleep 0.05; done; echo done"
"""


@dataclass(frozen=True)
class Result:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Stdout as one JSON document."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The error that `--json` printed."""
        return self.json["error"]


def call(capsys: pytest.CaptureFixture[str], *words: str) -> Result:
    """Run a command in this process."""
    capsys.readouterr()
    code = main(list(words))
    captured = capsys.readouterr()
    return Result(code, captured.out, captured.err)


def cis(*words: str, input: str | bytes = b"", cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Result:
    """Run the installed command."""
    data = input.encode() if isinstance(input, str) else input
    done = zygote.run(*words, input=data, cwd=cwd, env={**os.environ, **(env or {})})
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def make_project(root: Path, **dags: str) -> Path:
    """A trusted project with these DAGs."""
    (root / ".cis" / "dags").mkdir(parents=True)
    (root / ".cis" / "project.toml").write_text('[project]\nname = "demo"\n')
    for name, text in dags.items():
        (root / ".cis" / "dags" / f"{name}.toml").write_text(text)
    assert cis("trust", str(root)).code == 0
    return root
