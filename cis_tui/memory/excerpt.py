"""The part of a text that is shown with a hit, and where in it the matches are: no markup, so that each face can mark
them in its own way."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cis_tui.memory.wording import CLOSE, OPEN

WIDTH = 200
"""Characters of an excerpt, about."""
_LEAD = 40
"""Characters before the first match."""
_MATCH = re.compile(f"{OPEN}([^{CLOSE}]*){CLOSE}")


def excerpt(marked: str, width: int = WIDTH) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The part of `marked` that holds most matches, on one line, and the matches in it as (start, end).

    `marked`: a text with marks around the matches; without any its beginning is given.
    """
    plain, matches = _unmarked(marked)
    start = _best_start(matches, width)
    start = _word_start(plain, start)
    end = min(len(plain), start + width)
    if end < len(plain):
        space = plain.rfind(" ", start + width // 2, end)
        end = space if space > 0 else end
    before, after = ("…" if start else ""), ("…" if end < len(plain) else "")
    inside = [(max(a, start), min(b, end)) for a, b in matches if a < end and b > start]
    shift = len(before) - start
    return f"{before}{plain[start:end]}{after}", tuple((a + shift, b + shift) for a, b in inside)


def mark(text: str, terms: Iterable[str]) -> str:
    """`text` with marks around every occurrence of `terms`, for what has no spaces between words."""
    found = sorted({term for term in terms if term in text}, key=lambda term: (-len(term), term))
    if not found:
        return text
    runs = re.compile(f"(?:{'|'.join(map(re.escape, found))})+")
    return runs.sub(lambda match: f"{OPEN}{match.group()}{CLOSE}", text)


def matched_words(marked: str) -> list[str]:
    """The words that matched, each once, as the text has them."""
    return list(dict.fromkeys(word.lower() for word in _MATCH.findall(marked)))


def _unmarked(marked: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without marks and on one line, and where the matches are."""
    marked = re.sub(r"\s+", " ", marked).strip()
    plain, matches, length, last = list[str](), list[tuple[int, int]](), 0, 0
    for match in _MATCH.finditer(marked):
        before, word = marked[last : match.start()], match.group(1)
        length += len(before)
        matches.append((length, length + len(word)))
        length += len(word)
        plain += [before, word]
        last = match.end()
    plain.append(marked[last:])
    return "".join(plain), matches


def _best_start(matches: list[tuple[int, int]], width: int) -> int:
    """Where the part with most matches begins; the first of several."""
    best, start, right = 0, 0, 0
    for left, (begin, _) in enumerate(matches):
        while right < len(matches) and matches[right][1] <= begin - _LEAD + width:
            right += 1
        if right - left > best:
            best, start = right - left, begin - _LEAD
    return max(start, 0)


def _word_start(plain: str, start: int) -> int:
    """The next beginning of a word, if there is one near."""
    if start == 0:
        return 0
    space = plain.find(" ", start, start + _LEAD // 2)
    return space + 1 if space >= 0 else start
