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
    costs: list[float] = []
    while len(costs) < 3 and not (costs and costs[-1] <= 0.03):  # a busy machine may spoil one measurement, not three
        before = processor_seconds(terminal.pid)
        assert not terminal.listen(3)
        costs.append(processor_seconds(terminal.pid) - before)
    assert min(costs) <= 0.03


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
    # Of less than two minutes four rows tell each second: the task's, the question's, the tray's and the status line's.
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


def test_it_copies_edits_and_is_suspended(tmp_path: Path) -> None:
    root = write_project(tmp_path / "demo")
    good, bad = root / ".cis/dags/hello.toml", tmp_path / "bad.toml"
    bad.write_text(good.read_text() + '\n[[dag.tasks]]\nid = "last"\ncommand = "true"\ndeps = ["nobody"]\n')
    editor = tmp_path / "vi"
    # It breaks the file first, and mends it when it is called again, at the line of the error.
    editor.write_text(f'#!/bin/sh\ncase "$1" in +*) cp "{tmp_path}/good.toml" "$2";; *) cp "{bad}" "$1";; esac\n')
    editor.chmod(0o755)
    (tmp_path / "good.toml").write_text(good.read_text())
    subprocess.run([CIS, "trust", str(root), "--author"], check=True, capture_output=True)
    env = {**os.environ, "VISUAL": str(editor), "CIS_UI_DRIVER": "cells"}
    terminal = PtyTerminal([str(CIS)], cwd=root, env=env, columns=100, rows=30)
    try:
        terminal.wait("engine ready")
        terminal.press("/", "hello")
        terminal.wait(lambda screen: "Enter keep" in screen and " broken " not in screen)
        terminal.press("enter")
        terminal.wait(lambda screen: "Enter keep" not in screen and "r run" in screen)
        terminal.press("c")
        terminal.wait("copied the name of the DAG")
        assert b"\x1b]52;c;aGVsbG8=\x07" in terminal.received
        terminal.press("E")
        terminal.wait(lambda screen: "does not work yet" in screen and "hello.toml:" in screen)
        terminal.press("E")
        terminal.wait(lambda screen: "does not work yet" not in screen and "hello.toml is saved" in screen)
        assert good.read_text() == (tmp_path / "good.toml").read_text()
        sent = len(terminal.received)
        terminal.press("\x1a")
        state = Path(f"/proc/{terminal.pid}/stat")
        while state.read_text().rpartition(")")[2].split()[0] != "T":
            terminal.listen(0.05)
        terminal.listen(0.2)
        assert all(sequence in terminal.received[sent:] for sequence in RESTORED)
        sent = len(terminal.received)
        terminal.kill(signal.SIGCONT)
        terminal.press("6")
        terminal.wait("pause or go on")
        assert b"\x1b[?1049h" in terminal.received[sent:]
    finally:
        terminal.close()
        subprocess.run([CIS, "engine", "stop"], cwd=root, capture_output=True, check=False)


def test_a_terminal_that_cannot_draw_is_told_so(tmp_path: Path) -> None:
    program = ["env", "TERM=dumb", str(CIS)]
    terminal = PtyTerminal(program, cwd=tmp_path, env=dict(os.environ))
    terminal.wait("TERM=dumb: such a terminal cannot show the workspace")
    assert terminal.wait_exit() == 2
    terminal.close()
