#!/usr/bin/env python3
"""What changed in the repository around the project."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import cis_skill

# What a repository's own configuration would start is not started.
GIT = ["git", "-c", "core.fsmonitor=false", "-c", "safe.directory=*", "--no-optional-locks"]
STATES = {"M": "changed", "A": "added", "D": "deleted", "R": "renamed", "C": "copied", "U": "unmerged", "T": "type"}


def status(call: cis_skill.Call) -> object:
    """Branch and files, read from the porcelain format 2 of git."""
    path = call.input.get("path", ".")
    command = [*GIT, "status", "--porcelain=v2", "--branch", "-z", "--", path]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        cis_skill.fail(done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: "))
    fields = iter(done.stdout.decode("utf-8", "replace").split("\0"))
    answer: dict[str, Any] = {"branch": "", "upstream": None, "ahead": 0, "behind": 0, "clean": True, "files": []}
    for field in fields:
        if field.startswith("# branch."):
            answer |= branch_line(field)
        elif field:
            answer["files"].append(file_line(field, fields))
    answer["clean"] = not answer["files"]
    return answer


def branch_line(field: str) -> dict[str, Any]:
    """One `# branch.…` line."""
    _, name, value = field.split(" ", 2)
    if name == "branch.head":
        return {"branch": value}
    if name == "branch.upstream":
        return {"upstream": value}
    if name == "branch.ab":
        ahead, behind = value.split()
        return {"ahead": int(ahead), "behind": -int(behind)}
    return {}


def file_line(field: str, rest: Iterator[str]) -> dict[str, Any]:
    """One file; the old name of a renamed one is the next field."""
    kind, _, line = field.partition(" ")
    if kind in "?!":
        return {"path": line, "state": "untracked", "staged": False}
    parts = line.split(" ", {"1": 7, "2": 8, "u": 9}[kind])
    staged, unstaged = parts[0][0], parts[0][1]
    file: dict[str, Any] = {"path": parts[-1], "state": STATES.get(staged if staged != "." else unstaged, "changed")}
    file["staged"] = staged != "." and kind != "u"
    if kind == "2":
        file["from"] = next(rest, "")
    return file


if __name__ == "__main__":
    cis_skill.run(status)
