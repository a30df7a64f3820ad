#!/usr/bin/env python3
"""Looks through files line by line. What is no text, and what tools keep for themselves, is passed over."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

import cis_skill

PASSED = {".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", ".tox", ".mypy_cache", ".ruff_cache", "target"}
MOST = 4_000_000
"""Bytes of a file that is looked through."""
SHOWN = 300
"""Characters of a line."""


def search(call: cis_skill.Call) -> object:
    """The lines, in the order of the files' names."""
    given = call.input
    try:
        wanted = re.compile(given["text"] if given["regex"] else re.escape(given["text"]))
    except re.error as error:
        cis_skill.fail(f"{given['text']} is no regular expression: {error}", 2)
    if not os.path.isdir(given["folder"]):
        cis_skill.fail(f"{given['folder']} is no folder", 2)
    found: list[dict[str, Any]] = []
    for path in files(given["folder"], given["files"]):
        for number, line in lines(path):
            if wanted.search(line):
                found.append({"path": os.path.normpath(path), "line": number, "text": line.strip()[:SHOWN]})
            if len(found) > given["limit"]:
                return {"found": found[: given["limit"]], "whole": False}
    return {"found": found, "whole": True}


def files(folder: str, names: str) -> Iterator[str]:
    """The paths of the files below `folder`; links are not followed."""
    for root, folders, found in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in PASSED)
        for name in sorted(found):
            path = os.path.join(root, name)
            if fnmatch(name, names) and not os.path.islink(path):
                yield path


def lines(path: str) -> Iterator[tuple[int, str]]:
    """The lines of a text file with their numbers."""
    try:
        with open(path, "rb") as file:
            content = file.read(MOST + 1)
    except OSError as error:
        cis_skill.log(f"{path}: {error.strerror}")
        return
    if len(content) <= MOST and b"\0" not in content[:8000]:
        yield from enumerate(content.decode("utf-8", "replace").splitlines(), 1)


if __name__ == "__main__":
    cis_skill.run(search)
