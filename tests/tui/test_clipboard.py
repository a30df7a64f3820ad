"""What is copied reaches the terminal that the person sits at, through whatever is between."""

from __future__ import annotations

import base64
import re

import pytest

from cis_tui.tui.clipboard import SAFE, clipboard_hint, clipboard_sequence

TEXT = "\x1b[31mcafé\n" * 200


def taken(sequences: str) -> str:
    """What a terminal takes that gets these."""
    found = re.fullmatch("\x1b\\]52;c;([A-Za-z0-9+/=]*)\a", sequences)
    assert found
    return base64.b64decode(found[1]).decode()


def unwrapped(sequences: str) -> str:
    """What GNU screen hands on."""
    pieces = re.findall("\x1bP(.*?)\x1b\\\\", sequences, re.DOTALL)
    assert "".join(f"\x1bP{piece}\x1b\\" for piece in pieces) == sequences
    assert max(map(len, pieces)) < 768
    return "".join(pieces)


@pytest.mark.parametrize("env", [{}, {"TERM": "xterm-256color"}, {"TERM": "screen-256color"}])
def test_a_terminal_takes_it(env: dict[str, str]) -> None:
    assert taken(clipboard_sequence(TEXT, env)) == TEXT


@pytest.mark.parametrize("env", [{"TMUX": "/tmp/tmux-0/default,1,0"}, {"TERM": "tmux-256color"}])
def test_tmux_takes_it_and_hands_it_on(env: dict[str, str]) -> None:
    own, _, other = clipboard_sequence(TEXT, env).partition("\x1bPtmux;")
    assert taken(own) == TEXT
    assert taken(other.removesuffix("\x1b\\").replace("\x1b\x1b", "\x1b")) == TEXT
    assert "set-clipboard" in clipboard_hint(TEXT, env)


def test_screen_is_given_it_in_pieces() -> None:
    assert taken(unwrapped(clipboard_sequence(TEXT, {"STY": "1.tty", "TERM": "screen"}))) == TEXT


def test_what_is_too_long_for_some_terminals_is_told() -> None:
    assert "74 kB" not in clipboard_hint("x" * SAFE, {})
    assert "some terminals take no more than 74 kB" in clipboard_hint("x" * (SAFE + 1), {})
