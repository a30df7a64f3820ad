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
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# What takes no room, or as much as each terminal likes; joiners stay where letters are written with them.
_FORMS = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8]"
    "|(?<![\u0600-\u109f])[\u200c\u200d]"
)
# Where many marks may stand upon one letter: neither letters, spaces, Latin, punctuation, lines nor boxes.
_PILES = re.compile("[^\\w\\s\x00-\u02ff\u2010-\u20cf\u2100-\u3029]{5,}")
_MARKS = 4
# All of these, what else takes no room or looks like a space; joiners and variants only where no emoji is before them.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
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
    if len(text) > 8 * limit:
        text = text[: 8 * limit] + ELLIPSIS  # as much as can be needed: nobody waits for a megabyte to be split
    return clean(" ".join(text.split()) if "\n" in text or "\t" in text else text, limit=limit)


def drawable(text: str) -> str:
    """`text` safe to show, in cells that every terminal counts alike: no more than four marks stand upon a letter, and
    what only asks for another form of it is left out.

    For what is drawn only: it is not the text any more that was given.
    """
    return _PILES.sub(_few_marks, _FORMS.sub("", clean(text, limit=len(text) + 1)))


def escaped(document: str) -> str:
    """A JSON document that says the same, with what a terminal would obey or hide as `\\u` and four digits."""
    return _UNSEEN.sub(_as_json, document)


def _as_json(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _few_marks(found: re.Match[str]) -> str:
    from unicodedata import category  # late: few texts have such a place

    kept: list[str] = []
    marks = 0
    for letter in found[0]:
        marks = marks + 1 if category(letter).startswith("M") else 0
        if marks <= _MARKS:
            kept.append(letter)
    return "".join(kept)


def count(number: int, one: str, many: str = "") -> str:
    """`1 run`, `2 runs`; `many` where that is not `one` with an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


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
