"""The workspace in a terminal: quiet while nothing happens, cheap while time passes, clean when it is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import CIS
from tests.e2e.terminal import PtyTerminal
from tests.tui.helpers import write_project

RESTORED = (b"\x1b[?1049l", b"\x1b[?1000l", b"\x1b[?25h")
"""The normal screen again, no mouse reports, a visible cursor."""


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[PtyTerminal]:
    """`cis` on a trusted project, attached to its engine; the engine is ended afterwards."""
    root = write_project(tmp_path / "demo")
    subprocess.run([CIS, "trust", str(root)], check=True, capture_output=True)
    opened = PtyTerminal([str(CIS)], cwd=root, env=dict(os.environ), columns=100, rows=30)
    opened.wait("engine ready")
    yield opened
    opened.close()
    subprocess.run([CIS, "engine", "stop"], cwd=root, capture_output=True, check=False)


def settle(terminal: PtyTerminal) -> None:
    """Wait until nothing more is painted."""
    while terminal.listen(0.7):
        pass


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_idle_it_sends_nothing_and_computes_nothing(terminal: PtyTerminal) -> None:
    settle(terminal)
    before = processor_seconds(terminal.pid)
    assert not terminal.listen(3)
    assert processor_seconds(terminal.pid) - before <= 0.03


def test_a_countdown_costs_a_few_bytes_a_second(terminal: PtyTerminal) -> None:
    terminal.press("enter")
    terminal.wait("ask / soon")
    terminal.press("d")
    terminal.wait("Space hold")
    settle_until_quiet = time.monotonic() + 2
    while time.monotonic() < settle_until_quiet:
        terminal.listen(0.1)
    sent, began = len(terminal.received), time.monotonic()
    while time.monotonic() - began < 4:
        terminal.listen(0.2)
    # Four rows tell the time: the task's, the question's, the tray's and the status line's. A screen is 8 kB.
    assert (len(terminal.received) - sent) / 4 < 1500


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["SIGTERM", "SIGHUP"])
def test_a_signal_leaves_the_terminal_as_it_was(terminal: PtyTerminal, number: signal.Signals, code: int) -> None:
    sent = len(terminal.received)
    terminal.kill(number)
    assert terminal.wait_exit() == code
    assert all(sequence in terminal.received[sent:] for sequence in RESTORED)


def test_a_dropped_line_ends_it(terminal: PtyTerminal) -> None:
    terminal.hang_up()
    assert terminal.wait_exit(seconds=10) == 129


def test_it_follows_the_size_of_the_terminal(terminal: PtyTerminal) -> None:
    terminal.resize(200, 60)
    terminal.wait(lambda screen: "? help  q quit" in screen.split("\n")[59])
    terminal.resize(60, 20)
    terminal.wait(lambda screen: "? help  q quit" in screen.split("\n")[19])
