"""`cis secret run` at a terminal: programs behave as if they had been started alone."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from tests.e2e.conftest import CIS, Open, Project
from tests.e2e.terminal import PtyTerminal

SECRET = "hunter2/pass+word="
ASK = f"""
import getpass, os, signal, sys, time
size = os.get_terminal_size
print(f"{{sys.stdin.isatty()}} {{sys.stdout.isatty()}} {{size().columns}}x{{size().lines}}")
signal.signal(signal.SIGWINCH, lambda *_: print(f"now {{size().columns}}x{{size().lines}}"))
name = input("Name? ")
given = getpass.getpass("Token? ")
try:
    print(f"hello {{name}}, the token is {{os.environ['TOKEN']}},", "right" if given == {SECRET!r} else "wrong")
    while True: time.sleep(60)
except KeyboardInterrupt:
    sys.exit(7)
"""


def test_an_interactive_program_has_a_terminal(open_terminal: Open, project: Project) -> None:
    project.cis("memory", "set", "user/token", SECRET)
    words = ("secret", "run", "--env", "TOKEN=user/token", "--", sys.executable, "-c", ASK)
    terminal = open_terminal(*words, cwd=project.root)
    assert "True True 80x24" in terminal.wait("Name?")
    terminal.press("Ada", "enter")
    terminal.wait("Token?")
    terminal.press(SECRET, "enter")
    screen = terminal.wait("the token is ***, right")
    assert "hello Ada" in screen
    assert "Name? Ada" in screen, "what is typed is shown as it is typed"
    assert SECRET not in screen
    terminal.resize(100, 30)
    terminal.wait("now 100x30")
    terminal.press("ctrl+c")
    assert terminal.wait_exit() == 7


def test_what_a_terminal_echoes_is_masked_too(open_terminal: Open, project: Project) -> None:
    project.cis("memory", "set", "user/token", SECRET)
    terminal = open_terminal(
        "secret", "run", "--env", "T=user/token", "--", "sh", "-c", "echo go; read x; echo $x", cwd=project.root
    )
    terminal.wait("go")
    terminal.press(SECRET, "enter")
    assert terminal.wait_exit() == 0
    assert re.search(r"\*\*\*.*\*\*\*", terminal.screen(), re.DOTALL)
    assert SECRET[3:] not in terminal.screen()


def test_the_terminal_is_left_as_it_was(project: Project, tmp_path: Path) -> None:
    project.cis("memory", "set", "user/token", SECRET)
    run = f"{CIS} secret run --env TOKEN=user/token --"
    kill = f"{run} sh -c 'kill -TERM $PPID; exec sleep 60'"
    script = f"stty -a > before; {run} sh -c 'stty raw; exit 5'; echo first $?; {kill}; echo second $?; stty -a > after"
    terminal = PtyTerminal(["sh", "-c", script], cwd=tmp_path, env=dict(os.environ))
    try:
        assert terminal.wait_exit() == 0
        assert "first 5" in terminal.screen()
        assert "second 143" in terminal.screen()
    finally:
        terminal.close()
    assert (tmp_path / "before").read_text() == (tmp_path / "after").read_text()


def test_stderr_that_goes_elsewhere_stays_apart(project: Project, tmp_path: Path) -> None:
    project.cis("memory", "set", "user/token", SECRET)
    script = (
        f"""{CIS} secret run --env T=user/token -- sh -c 'test -t 1 && echo "out $T"; echo "err $T" >&2' 2> errors"""
    )
    terminal = PtyTerminal(["sh", "-c", script], cwd=tmp_path, env=dict(os.environ))
    try:
        assert terminal.wait_exit() == 0
        assert "out ***" in terminal.screen()
        assert "err" not in terminal.screen()
    finally:
        terminal.close()
    assert (tmp_path / "errors").read_text() == "err ***\n"
