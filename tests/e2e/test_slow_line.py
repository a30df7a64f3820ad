"""Over SSH a workspace sends the cells that changed: the same screen, for a small part of the bytes."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import CIS, Project
from tests.e2e.terminal import PtyTerminal

OVER_SSH = {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}


@pytest.fixture
def both(project: Project) -> Iterator[tuple[PtyTerminal, PtyTerminal]]:
    """The same workspace here, and over a line."""
    entries = ({"key": f"project/key-{number:02}", "value": f"value {number} 日本"} for number in range(40))
    (project.root / "entries.jsonl").write_text("\n".join(json.dumps(entry) for entry in entries), "utf-8")
    project.cis("memory", "import", "entries.jsonl")
    project.cis("engine", "start")
    opened = [
        PtyTerminal([str(CIS)], cwd=project.root, env={**os.environ, **more}, columns=100, rows=30)
        for more in ({"CIS_UI_DRIVER": "plain"}, OVER_SSH)
    ]
    yield opened[0], opened[1]
    for terminal in opened:
        terminal.close()


def test_a_key_takes_a_part_of_the_bytes_and_shows_the_same(both: tuple[PtyTerminal, PtyTerminal]) -> None:
    here, remote = both
    for terminal in both:
        terminal.wait("engine ready")
        terminal.press("1")
        terminal.wait("key-05")
        terminal.received.clear()
    for key, found in [("j", ""), ("j", ""), ("k", ""), ("?", "Keys"), ("escape", "key-05"), ("2", "tour")]:
        for terminal in both:
            terminal.press(key)
            terminal.wait(found)
            settle(terminal)
        assert same(here, remote)
    assert len(remote.received) * 3 < len(here.received)
    assert not remote.listen(1.0), "an idle workspace sends nothing"
    for terminal in both:
        terminal.resize(80, 24)
        settle(terminal)
    assert same(here, remote)
    before = len(remote.received)
    remote.press("\x0c")
    remote.wait(lambda _: len(remote.received) - before > 2_000)  # Ctrl+L draws all of it again
    assert same(here, remote)


def settle(terminal: PtyTerminal) -> None:
    """Take in what it writes until it writes no more."""
    while terminal.listen(0.4):
        pass


def same(one: PtyTerminal, other: PtyTerminal) -> bool:
    """Whether both come to show the same characters in the same colours."""
    end = time.monotonic() + 30
    while one.cells() != other.cells() and time.monotonic() < end:
        one.listen(0.1)
        other.listen(0.1)
    assert one.screen() == other.screen()
    return one.cells() == other.cells()
