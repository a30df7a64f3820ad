"""A person and their memory, at a terminal: write, look for, correct here and in an own editor, delete, take back."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from tests.e2e.conftest import Open, Project
from tests.e2e.terminal import TERMINALS

EDITOR = """#!/bin/sh
stat -c '%a %n' "$1" "$(dirname "$1")" > "$SEEN"
printf ' and from the editor' >> "$1"
"""


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An editor that adds a few words, and the file in which it tells what it was given."""
    program, seen = tmp_path / "editor", tmp_path / "seen"
    program.write_text(EDITOR)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("VISUAL", str(program))
    monkeypatch.setenv("SEEN", str(seen))
    return seen


@pytest.mark.parametrize("open_terminal", TERMINALS[-1:], indirect=True)
def test_an_entry_from_its_first_word_to_its_end_and_back(open_terminal: Open, project: Project, editor: Path) -> None:
    for key, value in (("notes/tea", "green"), ("notes/coffee", "on the third floor"), ("user/name", "Ada")):
        project.cis("memory", "set", key, value)
    terminal = open_terminal(cwd=project.root, columns=120, rows=36)
    terminal.wait("engine ready")
    terminal.press("1")
    terminal.wait("3 entries")
    terminal.press("n")
    terminal.wait("Remember something")
    terminal.press("notes/lunch")
    terminal.wait("will be UserPreference")
    terminal.press("tab", "at noon", "\x13")
    terminal.wait("4 entries")

    terminal.press("/", "third floor")
    terminal.wait(lambda screen: re.search("found +holds .*floor", screen) is not None)
    terminal.press("enter", "escape")
    terminal.wait("4 entries")

    terminal.press("g", "j")
    terminal.wait(lambda screen: "value    at noon" in screen)
    terminal.press("e")
    terminal.wait("Ctrl+S")
    terminal.press("always ", "\x13")
    terminal.wait("value    always at noon")
    assert project.cis("memory", "get", "notes/lunch") == "always at noon\n"

    terminal.press("E")
    terminal.wait("value    always at noon and from the editor")
    (mode, path), (folder_mode, folder) = (line.split(" ", 1) for line in editor.read_text().splitlines())
    assert (mode, folder_mode, path) == ("600", "700", f"{folder}/value.txt")
    assert not os.path.exists(folder), "nothing of it is left"
    assert os.path.dirname(folder) in ("/dev/shm", os.environ.get("XDG_RUNTIME_DIR"))

    terminal.press("x")
    terminal.wait("3 entries")
    project.cis("memory", "get", "notes/lunch", exit=3)
    terminal.press("u")
    terminal.wait("4 entries")
    assert project.cis("memory", "get", "notes/lunch") == "always at noon and from the editor\n"
    terminal.press("q")
    assert terminal.wait_exit() == 0
