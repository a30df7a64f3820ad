"""The clipboard of the terminal, wherever that is: OSC 52 goes through SSH, and through multiplexers that let it."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping

SAFE = 74_994
"""Bytes of text that every terminal takes; some drop what is longer, and nobody is told."""
_PIECE = 256
"""Characters that GNU screen hands on at once."""


def clipboard_sequence(text: str, env: Mapping[str, str] = os.environ) -> str:
    """What has a terminal take `text`; in tmux and screen also so that they hand it on to theirs."""
    coded = base64.b64encode(text.encode("utf-8", "replace")).decode()
    plain = f"\x1b]52;c;{coded}\a"
    if _in_tmux(env):
        # tmux itself takes the first (set-clipboard on), the terminal around it the second (allow-passthrough on).
        return plain + f"\x1bPtmux;\x1b{plain}\x1b\\"
    if env.get("STY"):
        pieces = [plain[start : start + _PIECE] for start in range(0, len(plain), _PIECE)]
        return "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)
    return plain


def clipboard_hint(text: str, env: Mapping[str, str] = os.environ) -> str:
    """What a person should know who copied `text` and does not find it."""
    size = len(text.encode("utf-8", "replace"))
    if size > SAFE:
        return f"{size // 1000} kB: some terminals take no more than {SAFE // 1000} kB, and say nothing"
    through = "by way of the terminal (OSC 52)"
    return f"{through}; tmux needs: set -g set-clipboard on" if _in_tmux(env) else through


def _in_tmux(env: Mapping[str, str]) -> bool:
    """Here, or on the other side of SSH."""
    return bool(env.get("TMUX")) or env.get("TERM", "").startswith("tmux")
