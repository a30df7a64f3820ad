"""Passphrases as the command comes by them: from the environment, from a person at the terminal, from stdin."""

from __future__ import annotations

import os
import sys

from cis_tui.cli.output import note
from cis_tui.memory.passphrase import MAX_PASSPHRASE, checked_passphrase, given_passphrase

_TRIES = 3


def on_terminal() -> bool:
    """Whether a person can be asked: they see stderr and can type."""
    if not sys.stderr.isatty():
        return False
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def ask(again: bool = False) -> str | None:
    """What a person types as the passphrase of private memory; None when nobody can be asked or nothing is typed."""
    if not on_terminal():
        return None
    if again:
        note("that is not its passphrase")
    return _typed("passphrase of private memory: ")


def ask_new() -> str | None:
    """A new passphrase, typed twice; None when nobody can be asked, nothing is typed, or it is never the same."""
    for _ in range(_TRIES if on_terminal() else 0):
        first = _typed("new passphrase: ")
        if first is None:
            return None
        if first == _typed("again: "):
            return first
        note("these are not the same")
    return None


def find_new(*, first: bool) -> str:
    """The new passphrase that the environment gives or a person types, empty for none; `first`: there is none yet."""
    given = given_passphrase(os.environ, "CIS_NEW_PASSPHRASE")
    if given is None and first:
        given = given_passphrase(os.environ)
    return given or ask_new() or ""


def from_stdin() -> str | None:
    """The passphrase on the first line of stdin; None when stdin is a terminal or empty."""
    if sys.stdin.isatty():
        return None
    line = sys.stdin.buffer.readline(MAX_PASSPHRASE + 3).decode("utf-8", "surrogateescape").rstrip("\r\n")
    return checked_passphrase(line) if line else None


def _typed(prompt: str) -> str | None:
    from getpass import getpass

    try:
        return getpass(prompt) or None
    except EOFError:
        return None
