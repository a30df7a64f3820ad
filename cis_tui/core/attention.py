"""Ways to a person who looks elsewhere: the terminal's own notices, and those of the desktop."""

from __future__ import annotations

import os
import shutil
import subprocess

from cis_tui.core.text import clean_line, drawable

BELL = "\a"
SECONDS = 5


def osc(text: str) -> str:
    """What makes a terminal that knows OSC 9 (iTerm2, Windows Terminal, WezTerm, kitty…) show `text`."""
    return f"\x1b]9;{_line(text)}\x1b\\"


def desktop(text: str) -> bool:
    """Whether `notify-send` showed `text`; there is nobody to show it to without a desktop. Blocks for a moment."""
    program = shutil.which("notify-send")
    if program is None or not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        done = subprocess.run(
            [program, "--app-name=cis", "--", "cis", _line(text)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _line(text: str) -> str:
    return drawable(clean_line(text, limit=300))
