"""The one door for text that is not ours: control sequences out, length bounded."""

from __future__ import annotations

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
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
# All of these, what else takes no room or looks like a space; joiners and variants only where no emoji is before them.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
    "|(?<![\u2000-\uffff\U00010000-\U0010ffff])[\u200d\ufe0e\ufe0f]"
)
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


def visible(text: str) -> str:
    """`text` as it is, safe to show: what would not be seen on a terminal is written out, and nothing is taken away.

    For what a person is asked to allow: what they see is all that there is. Lines and tabs are kept.
    """
    return _UNSEEN.sub(_written_out, text.replace("\r\n", "\n"))


def _written_out(found: re.Match[str]) -> str:
    number = ord(found[0])
    return chr(0x2400 + number) if number < 0x20 else f"⟨U+{number:04X}⟩"


def nearest(word: str, known: Iterable[str]) -> str:
    """The known name that `word` was most likely meant to be, or an empty text."""
    import difflib  # late: every command loads this module, and few of them a mistake

    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean "build"?` for the nearest known name, or an empty text."""
    name = nearest(word, known)
    return f'did you mean "{name}"?' if name else ""
