"""The layers in their order."""

from __future__ import annotations

import re
from functools import cache

from cis_tui.memory.detect.nouns import stems_in
from cis_tui.memory.detect.numbers import checked_number
from cis_tui.memory.detect.phrases import SHORTEST as SHORTEST_PHRASE
from cis_tui.memory.detect.phrases import phrase_secret

SHORTEST_TOKEN = 16
"""Characters of the shortest run without space in which a token is looked for."""
SHORTEST_PASSWORD = 8
"""Characters of the shortest password that shows itself."""
LONG = 60
"""Characters of a text without spaces in which a mnemonic has room."""
_COMMANDS = (
    "login",
    "log in",
    "logon",
    "sign",
    "anmeld",
    "acces",
    "identif",
    "user",
    " -u",
    " -p",
    " -a ",
    " -w ",
    "identified",
)
"""What stands before a user's name and password, or before a password on a command line."""


def secret_in(value: str | bytes) -> str:
    """What kind of secret `value` holds, for a person, such as `a GitHub token`; empty when none is found."""
    text = value if isinstance(value, str) else value.decode("latin-1")
    if not text.isascii() or not text.isprintable():
        text = _plain(text)
    low = text.lower()
    if len(low) != len(text):
        text = low
    words = text.split()
    if not words:
        return ""
    digit = _digit().search(low)
    place = digit.start() if digit else len(low)
    return _long(text, low, words) or _named(text, low, place) or _counted(text, low, words, place)


def _long(text: str, low: str, words: list[str]) -> str:
    """Keys, and tokens that show themselves: no text of short words has one."""
    if max(map(len, words)) < SHORTEST_TOKEN and "---" not in text and "Private-" not in text and "//" not in text:
        return ""
    from cis_tui.memory.detect.tokens import shown_secret
    from cis_tui.memory.detect.vendors import private_key

    return private_key(text) or shown_secret(text, low, words)


def _named(text: str, low: str, digit: int) -> str:
    """What a name in the text announces; its first digit stands at `digit`."""
    stems = stems_in(low, numbers=digit < len(low))
    if not stems and digit == len(low):
        return ""
    if not stems and not any(mark in low for mark in _COMMANDS):
        return ""
    from cis_tui.memory.detect.pairs import commanded_secret, login_secret, named_secret

    return named_secret(text, low, stems) or login_secret(text, low) or commanded_secret(text, low)


def _counted(text: str, low: str, words: list[str], digit: int) -> str:
    """Numbers with check digits, words and codes, and a password all alone; the first digit stands at `digit`."""
    if digit < len(low) and _four_digits().search(text, digit):
        found = checked_number(text)
        if found:
            return found
    if len(words) >= SHORTEST_PHRASE or len(text) >= LONG or "code" in low or text.count("-") >= 3:
        return phrase_secret(text, low, words)
    if len(words) > 1 or len(text) < SHORTEST_PASSWORD:
        return ""
    from cis_tui.memory.detect.values import is_password

    return "a password" if is_password(words[0]) else ""


def _plain(text: str) -> str:
    """`text` with wide letters made narrow, and without what has no width: neither hides a secret."""
    if not text.isascii():
        import unicodedata

        text = unicodedata.normalize("NFKC", text)
    return _invisible().sub("", text)


@cache
def _digit() -> re.Pattern[str]:
    return re.compile(r"\d")


@cache
def _four_digits() -> re.Pattern[str]:
    return re.compile(r"\d{4}")


@cache
def _invisible() -> re.Pattern[str]:
    return re.compile(
        "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]"
    )
