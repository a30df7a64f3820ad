"""Where in a stream of bytes secrets stand that show themselves, found at little cost in text that has none.

Tokens of vendors, private keys, passwords in URLs, and headers that authorize. What only a name announces is left to
those who know the value: `password: hunter2` in a log is as often about something else.
"""

from __future__ import annotations

import re
import string
from functools import cache
from itertools import pairwise

from cis_tui.memory.detect.values import is_placeholder
from cis_tui.memory.detect.vendors import beginnings, carried_in, tokens_in

LONGEST = 4096
"""Bytes of the longest end that is held back since it may become a secret."""
_SHORTEST = 16
"""Bytes of the shortest run of letters that every token has."""
_LETTERS = (string.ascii_letters + string.digits + "_-=~+%$").encode()
_SPACES = b" \t\r\n\"'`<>()[]{},;|"
_TOKEN_END = re.compile(rb"[\w+/=~.%-]*")
_HEADERS = (b"authorization", b"bearer")
_KEY_BEGINS = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_ENDS = re.compile(rb"-----END [A-Z0-9 ]{0,40}-----")
_SCHEME = b"://"
_SCHEME_BEGINS = re.compile(rb"(?:.{0,8}[^A-Za-z0-9+.-])?[A-Za-z][A-Za-z0-9+.-]{1,12}:?/?")


def secret_spans(data: bytes) -> list[tuple[int, int]]:
    """Begin and end of every secret in `data`, in order; a private key without its end goes on to that of `data`."""
    found = [*_tokens(data), *_carried(data), *_keys(data)]
    if len(found) < 2:
        return found
    found.sort()
    merged = [found[0]]
    for begin, end in found[1:]:
        if begin <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((begin, end))
    return merged


def undecided(data: bytes) -> int:
    """Where the end of `data` begins that may become a secret by what comes next; its length if there is none."""
    line = data[max(data.rfind(b"\n") + 1, len(data) - LONGEST) :]
    start = len(data) - len(line)
    if line.startswith(b"-----") or b"-----BEGIN".startswith(line):
        return start
    low = line.lower()
    for header in _HEADERS:
        place = low.rfind(header)
        if place >= 0:
            return start + place
    word = line[line.translate(_spaces()).rfind(b" ") + 1 :]
    low = word.lower()
    address = _SCHEME in word or _SCHEME_BEGINS.fullmatch(word)
    held = address or any(header.startswith(low) for header in _HEADERS) or _may_begin(word)
    return len(data) - len(word) if word and held else len(data)


def open_key(data: bytes) -> bool:
    """Whether `data` ends inside a private key."""
    begin = data.rfind(b"-----BEGIN ")
    return begin >= 0 and bool(_KEY_BEGINS.match(data, begin)) and not _KEY_ENDS.search(data, begin)


def key_end(data: bytes) -> int:
    """Where in `data` a private key ends that began before it; -1 if it goes on."""
    found = _KEY_ENDS.search(data)
    return found.end() if found else -1


def token_end(data: bytes, start: int = 0) -> int:
    """Where a token ends that goes on at `start`."""
    found = _TOKEN_END.match(data, start)
    return found.end() if found else start


def _tokens(data: bytes) -> list[tuple[int, int]]:
    """Only long runs of letters are looked at: most text has none, and to see that is quick."""
    letters = data.translate(_table(_LETTERS))
    place = letters.find(_LONG)
    if place < 0:
        return []
    words = data.translate(_spaces())
    found: list[tuple[int, int]] = []
    while place >= 0:
        begin = words.rfind(b" ", 0, place) + 1
        end = words.find(b" ", place)
        end = len(data) if end < 0 else end
        word = data[begin:end].decode("latin-1")
        for token, _ in tokens_in(word):
            if _is_dummy(token):
                continue
            at = word.find(token)
            while at >= 0:
                found.append((begin + at, token_end(data, begin + at + len(token))))
                at = word.find(token, at + 1)
        place = letters.find(_LONG, end)
    return found


def _carried(data: bytes) -> list[tuple[int, int]]:
    low = b""
    found: list[tuple[int, int]] = []
    if _SCHEME in data or any(mark in (low := low or data.lower()) for mark in _HEADERS):
        for begin, end in _lines_of_interest(data, low or data.lower()):
            line = data[begin:end].decode("latin-1")
            for (first, last), _ in carried_in(line.lower()):
                if not is_placeholder(line[first:last]):
                    found.append((begin + first, begin + last))
    return found


def _lines_of_interest(data: bytes, low: bytes) -> list[tuple[int, int]]:
    """The lines with an address that may carry something, or with a header that authorizes."""
    places: set[int] = set()
    for mark in (_SCHEME, *_HEADERS):
        place = low.find(mark)
        while place >= 0:
            begin = data.rfind(b"\n", 0, place) + 1
            places.add(begin)
            end = data.find(b"\n", place)
            place = low.find(mark, end) if end >= 0 else -1
    lines: list[tuple[int, int]] = []
    for begin in sorted(places):
        end = data.find(b"\n", begin)
        end = len(data) if end < 0 else end
        line = low[begin:end]
        if any(header in line for header in _HEADERS) or (_SCHEME in line and (b"@" in line or b"?" in line)):
            lines.append((begin, end))
    return lines


def _keys(data: bytes) -> list[tuple[int, int]]:
    if b"PRIVATE KEY" not in data:
        return []
    found: list[tuple[int, int]] = []
    for begins in _KEY_BEGINS.finditer(data):
        end = _KEY_ENDS.search(data, begins.end())
        found.append((begins.start(), end.end() if end else len(data)))
    return found


def _may_begin(word: bytes) -> bool:
    """Whether a token may have begun in the last word of what has come so far."""
    complete, partial = _beginnings()
    starts = [0, *(at + 1 for at, (one, _) in enumerate(pairwise(word)) if one not in _WORD)]
    return any(word.startswith(complete, start) or word[start:] in partial for start in starts)


@cache
def _beginnings() -> tuple[tuple[bytes, ...], frozenset[bytes]]:
    """The beginnings of tokens, and every part of one from its own beginning."""
    complete = tuple(sorted({begin.encode() for begin in beginnings()}))
    return complete, frozenset(begin[:size] for begin in complete for size in range(1, len(begin)))


def _is_dummy(token: str) -> bool:
    low = token.lower()
    return any(mark in low for mark in ("xxxx", "your", "****", "...."))


_WORD = frozenset((string.ascii_letters + string.digits + "_-").encode())
_LONG = b"a" * _SHORTEST


@cache
def _table(letters: bytes) -> bytes:
    return bytes(ord("a") if code in letters else ord(" ") for code in range(256))


@cache
def _spaces() -> bytes:
    return bytes(ord(" ") if code in _SPACES or code < 32 else ord("a") for code in range(256))
