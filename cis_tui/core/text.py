"""The one door for text that is not ours: control sequences out, length bounded."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

_ESCAPES = re.compile(
    r"\x1b(?:"
    r"\[[0-?]*[ -/]*[@-~]"  # CSI
    r"|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)"  # OSC, DCS, SOS, PM, APC with their payload
    r"|[ -/]*[0-~]"  # two-character sequences
    r"|$)"
    r"|\x9b[0-?]*[ -/]*[@-~]"
    r"|[\x90\x9d\x98\x9e\x9f][^\x07\x9c\x1b]*(?:[\x07\x9c]|\x1b\\|$)"
)
# C0 but tab and newline, DEL, C1, and the bidirectional and invisible format characters that can disguise a text.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")
_SURROGATES = re.compile("[\ud800-\udfff]")

ELLIPSIS = "…"


def clean(text: str, *, limit: int = 1_000_000) -> str:
    """`text` safe to show on a terminal: no control sequences, at most `limit` characters, lines kept."""
    if len(text) > limit:
        text = text[: limit - 1] + ELLIPSIS
    text = text.replace("\r\n", "\n")
    return _SURROGATES.sub("\ufffd", _CONTROLS.sub("", _ESCAPES.sub("", text)))


def clean_line(text: str, *, limit: int = 500) -> str:
    """`text` as one line that is safe to show, at most `limit` characters."""
    return clean(" ".join(text.split()) if "\n" in text or "\t" in text else text, limit=limit)


def nearest(word: str, known: Iterable[str]) -> str:
    """The known name that `word` was most likely meant to be, or an empty text."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean "build"?` for the nearest known name, or an empty text."""
    name = nearest(word, known)
    return f'did you mean "{name}"?' if name else ""
