"""Sentences as words, and phrases of manifests held against them. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

MAX_WORDS = 300
_WORD = re.compile(r""" *(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|((?:--)?[\w-]+="[^"]*"|[^\s]+))""")
PLACE = re.compile(r"\{([^{}]+)\}")
"""Where an argument stands in a phrase."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a sentence, or several in quotes."""

    text: str
    quoted: bool = False

    @property
    def plain(self) -> str:
        """How it is compared; a quoted word is nobody's name."""
        return "" if self.quoted else self.text.casefold()


def split_words(text: str) -> list[Word]:
    """The words of a sentence: quotes hold several together; its full stop is no part of the last one."""
    found: list[Word] = []
    for found_word in _WORD.finditer(text):
        double, single, bare = found_word.groups()
        if bare is None:
            found.append(Word(re.sub(r"\\(.)", r"\1", double) if double is not None else single, quoted=True))
        elif bare.strip(",;"):
            found.append(Word(bare.rstrip(",;") or bare))
    if found and not found[-1].quoted:
        last = found[-1].text
        bare = last.rstrip("!?")
        bare = bare[:-1] if re.search(r"\w\.$", bare) else bare
        found[-1:] = [Word(bare)] if bare else []
    return found[:MAX_WORDS]


@dataclass(frozen=True, slots=True)
class Hole:
    """Where an argument stands."""

    name: str


@lru_cache(maxsize=4096)
def pattern_of(phrase: str) -> tuple[str | Hole, ...]:
    """The words of a phrase, with holes for arguments."""
    parts: list[str | Hole] = []
    for index, part in enumerate(PLACE.split(phrase)):
        parts += [Hole(part)] if index % 2 else part.casefold().replace(",", " ").split()
    return tuple(parts)


def match(pattern: tuple[str | Hole, ...], words: Sequence[Word], wide: Collection[str]) -> dict[str, str] | None:
    """What stands in the holes if the words are those of the pattern; the shortest that fits, hole by hole.

    `wide`: the holes in which several words may stand.
    """
    hopeless: set[tuple[int, int]] = set()

    def fill(part: int, word: int) -> dict[str, str] | None:
        if part == len(pattern):
            return {} if word == len(words) else None
        if word == len(words) or (part, word) in hopeless:
            return None
        wanted = pattern[part]
        if isinstance(wanted, str):
            found = fill(part + 1, word + 1) if words[word].plain == wanted else None
        else:
            found = fill_hole(wanted, part, word)
        if found is None:
            hopeless.add((part, word))
        return found

    def fill_hole(hole: Hole, part: int, word: int) -> dict[str, str] | None:
        longest = len(words) if hole.name in wide else word + 1
        for end in range(word + 1, longest + 1):
            rest = fill(part + 1, end)
            if rest is not None:
                return {hole.name: " ".join(each.text for each in words[word:end]), **rest}
        return None

    return fill(0, 0)
