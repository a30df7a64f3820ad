"""Lines, boxes and marks in ASCII, for terminals and fonts that have no others: `[ui] ascii`."""

from __future__ import annotations

import locale
import os
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.filter import LineFilter

if TYPE_CHECKING:
    from textual.color import Color

_SIGNS = {
    "-": "─╌╍┄┅╴╶╸╺▔▁▂–▱⊘",
    "|": "│╎╏┆┇╵╷╹╻▌▐▏▕▍▊▋▉‖",
    "+": "┌┐└┘├┤┬┴┼╭╮╰╯┏┓┗┛┣┫┳┻╋┝┥┯┷┿✓",
    "=": "═━▃▄▀",
    "#": "┃█▅▆▇▓▒■▰▣",
    ":": "▎░◌⋮┊┋",
    "*": "●◉★✦◆",
    "o": "○◯◐◑◒◓□◇",
    "x": "✗✘×",
    ">": "▶▸▹►→›»↪↳❯↺",
    "<": "◀◂◃◄←‹«↩↶",
    "v": "▾▼▿↓",
    "^": "▴▲△↑",
    ".": "•·∙",
    "~": "…",
    "!": "≠⚠",
    '"': "“”",
    "/": "╱",
    "\\": "╲",
}
PLAIN = str.maketrans({sign: plain for plain, signs in _SIGNS.items() for sign in signs})


class PlainSigns(LineFilter):
    """Puts a sign of ASCII, as wide, in the place of each that is none; letters stay."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """See `LineFilter`."""
        return [
            segment
            if segment.text.isascii()
            else Segment(segment.text.translate(PLAIN), segment.style, segment.control)
            for segment in segments
        ]


def wants_plain_signs(asked: bool) -> bool:
    """Whether only ASCII is drawn: it was asked for, or the terminal is known to have no more."""
    encoding = locale.getpreferredencoding(do_setlocale=False).lower().replace("-", "")
    return asked or os.environ.get("TERM") in ("linux", "vt100", "vt220") or encoding not in ("utf8", "utf8mb4")
