"""The layers in their order."""

from __future__ import annotations

import re
from functools import cache

from cis_tui.memory.detect.numbers import checked_number
from cis_tui.memory.detect.pairs import named_secret
from cis_tui.memory.detect.phrases import SHORTEST as SHORTEST_PHRASE
from cis_tui.memory.detect.phrases import phrase_secret
from cis_tui.memory.detect.tokens import SHORTEST as SHORTEST_TOKEN
from cis_tui.memory.detect.tokens import shown_secret
from cis_tui.memory.detect.values import is_password
from cis_tui.memory.detect.vendors import private_key


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
    longest = max(map(len, words))
    if longest >= SHORTEST_TOKEN or "---" in text or "Private-" in text or "://" in text:
        found = private_key(text) or shown_secret(text, low, words)
        if found:
            return found
    found = named_secret(text, low)
    if found:
        return found
    if _four_digits().search(text):
        found = checked_number(text)
        if found:
            return found
    if len(words) >= SHORTEST_PHRASE or longest >= 20 or "code" in low or text.count("-") >= 4:
        return phrase_secret(text, low, words)
    return "a password" if len(words) == 1 and is_password(words[0]) else ""


def _plain(text: str) -> str:
    """`text` with wide letters made narrow, and without what has no width: neither hides a secret."""
    if not text.isascii():
        import unicodedata

        text = unicodedata.normalize("NFKC", text)
    return _invisible().sub("", text)


@cache
def _four_digits() -> re.Pattern[str]:
    return re.compile(r"\d{4}")


@cache
def _invisible() -> re.Pattern[str]:
    return re.compile(
        "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]"
    )
