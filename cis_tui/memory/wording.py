"""Words as the full text index and a question share them: what is indexed of a text, and what a question asks."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from cis_tui.memory.classify import words_of

MAX_INDEXED = 262_144
"""Characters of a value that are indexed."""
MAX_QUESTION = 2000
"""Characters of a question that are looked at."""
_MAX_TERMS = 48
_SHORT = 30
"""Characters below which a text needs its key to be understood."""
OPEN, CLOSE = "\ufdd0", "\ufdd1"
"""Around a match in a marked text; no characters, so that no text holds them once `searchable` has seen it."""
_STOP_WORDS = frozenset(
    """
    a about above after again against all am an and any are as at be because been before being below between
    both but by can could d did do does doing don down during each few for from further had has have having he
    her here hers herself him himself his how i if in into is it its itself just ll m me more most my myself no
    nor not now of off on once only or other our ours ourselves out over own re s same she should so some such t
    than that the their theirs them themselves then there these they this those through to too under until up us
    ve very was we were what when where which while who whom why will with would you your yours yourself
    yourselves
    """.split()  # noqa: SIM905 - a list of words reads better as words
)


def searchable(text: str) -> str:
    """`text` as it is indexed and shown around a match: one kind of each letter, without what is no text."""
    text = text[:MAX_INDEXED]
    return text if text.isascii() and text.isprintable() else _noise().sub(" ", unicodedata.normalize("NFC", text))


def name_words(key: str) -> str:
    """The words of a key, with spaces between them."""
    return " ".join(words_of(key))


def meaning_of(name: str, text: str) -> str:
    """What of an entry is embedded: its text, after the words of its key where the text says little without them."""
    if len(text) >= _SHORT:
        return text
    said = " ".join(word for word in name.split() if len(word) > 2 and not word.isdecimal())
    return f"{said}: {text}" if said else text


def grams(text: str) -> str:
    """Characters, and pairs of neighbours, of what has no spaces between words (Chinese, Japanese, Thai …)."""
    if text.isascii():
        return ""
    parts: list[str] = []
    for run in _unspaced().findall(text):
        parts.extend(run)
        parts.extend(run[position : position + 2] for position in range(len(run) - 1))
    return " ".join(parts)


def terms_of(question: str) -> list[str]:
    """What a question asks for, each once: its words without the ones that every text has, unless it has no other."""
    text = unicodedata.normalize("NFC", question[:MAX_QUESTION]).lower()
    spaced, terms = _unspaced().sub(" ", text), list[str]()
    words = list(dict.fromkeys(_words().findall(spaced)))
    terms.extend([word for word in words if word not in _STOP_WORDS] or words)
    for run in _unspaced().findall(text):
        terms.extend([run[i : i + 2] for i in range(len(run) - 1)] or [run])
    return list(dict.fromkeys(terms))[:_MAX_TERMS]


def unspaced_of(terms: Iterable[str]) -> list[str]:
    """Those of `terms` that are of a script without spaces between words."""
    return [term for term in terms if not term.isascii() and _unspaced().fullmatch(term)]


def quoted(term: str) -> str:
    """`term` as FTS5 takes it literally, whatever it holds."""
    return '"' + term.replace('"', '""') + '"'


@cache
def _words() -> re.Pattern[str]:
    return re.compile(r"[^\W_]+")


@cache
def _unspaced() -> re.Pattern[str]:
    return re.compile(
        "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
        "\U00020000-\U0003fffd]+"
    )


@cache
def _noise() -> re.Pattern[str]:
    return re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
