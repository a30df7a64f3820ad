"""Takes secrets out of a stream of bytes, as they are and in the forms that programs usually give them.

Pure: bytes in, bytes out. Every byte that belongs to an occurrence of a form is taken out, also where occurrences
overlap; each run of such bytes leaves one `MASK`. Everything else passes as it is.
"""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Iterable, Iterator
from html import escape
from urllib.parse import quote, quote_plus

MASK = b"***"
SHORTEST = 4
"""Bytes from which a value can be masked; shorter ones are in any output by chance."""
_LINE_LENGTHS = (60, 64, 76)
"""Where tools break long lines of hexadecimal digits and of base64."""
_ENCODED_LINES = 100
"""Lines up to which each is looked for in all of its forms: the time that masking takes grows with their number."""
_UNESCAPED = ("", "/", "!'()*", "!'()*;/?:@&=+$,#")
"""What the usual ways of URL encoding leave as it is."""


def forms(value: bytes) -> frozenset[bytes]:
    """The texts to mask for `value`: itself, its lines, and each in base64, in hexadecimal, and quoted for URLs, JSON,
    HTML and shells; none for a value that is too short to be masked."""
    lines = {line.strip() for line in value.splitlines()}
    texts = {value, value.strip()} | (lines if len(lines) <= _ENCODED_LINES else set[bytes]())
    found = lines | {form for text in texts if len(text) >= SHORTEST for form in _forms(text)}
    return frozenset(form for form in found if len(form) >= SHORTEST)


class Masker:
    """Masks one stream, of which it holds back only what could still become a secret."""

    def __init__(self, texts: Iterable[bytes]) -> None:
        """`texts`: what is to be masked, as `forms` gives it."""
        self._texts = [text for text in frozenset(texts) if text]
        self._clues = _least(self._texts)
        self._held = b""
        self._told = 0
        """How many bytes of `_held` were given out already; they are kept because a secret may begin in them."""
        self._masking = False

    def feed(self, data: bytes) -> bytes:
        """What can be given out now that `data` has come."""
        return self._take(data, ended=False)

    def pause(self) -> bytes:
        """What may be shown while no data comes: of what is held back, as much as is too short to be a secret."""
        start = self._undecided(self._held)
        if not self._masking and start <= self._told < start + SHORTEST - 1:
            shown = self._held[self._told : start + SHORTEST - 1]
            self._told += len(shown)
            return shown
        return b""

    def finish(self) -> bytes:
        """The rest: no more data comes."""
        return self._take(b"", ended=True)

    def _take(self, data: bytes, *, ended: bool) -> bytes:
        held = self._held + data
        secrets = self._secrets(held)
        start = len(held) if ended else self._undecided(held)
        end = next((stop for begin, stop in secrets if begin <= start < stop), start)
        shown = b"".join(self._masked(held, secrets, max(self._told, end)))
        self._told = max(self._told, end) - start
        self._held = held[start:]
        return shown

    def _masked(self, held: bytes, secrets: list[tuple[int, int]], end: int) -> Iterator[bytes]:
        """What `held` says from where it was last told up to `end`."""
        place = self._told
        for begin, stop in secrets:
            if stop <= place or begin >= end:
                continue
            if begin > place:
                self._masking = False
                yield held[place:begin]
            if not self._masking:
                self._masking = True
                yield MASK
            place = min(stop, end)
        if place < end:
            self._masking = False
            yield held[place:end]

    def _secrets(self, held: bytes) -> list[tuple[int, int]]:
        """Begin and end of every run of bytes that is to be masked, in order."""
        if not any(clue in held for clue in self._clues):
            return []
        found = sorted(place for text in self._texts for place in _occurrences(held, text))
        runs: list[tuple[int, int]] = []
        for begin, end in found:
            if runs and begin <= runs[-1][1]:
                runs[-1] = runs[-1][0], max(runs[-1][1], end)
            else:
                runs.append((begin, end))
        return runs

    def _undecided(self, held: bytes) -> int:
        """Where the longest end of `held` begins with which a text begins."""
        return min((_beginning(held, text) for text in self._texts), default=len(held))


def _least(texts: Iterable[bytes]) -> list[bytes]:
    """Those of `texts` that hold no other one: where none of them is, there is none of all."""
    found: list[bytes] = []
    for text in sorted(texts, key=len):
        if not any(other in text for other in found):
            found.append(text)
    return found


def _occurrences(held: bytes, text: bytes) -> Iterator[tuple[int, int]]:
    """Where `text` occurs, such that all of its occurrences together are covered."""
    place = held.find(text)
    while place >= 0:
        yield place, place + len(text)
        # Of those that overlap this one, the last covers what the others cover.
        last = held.rfind(text, place + 1, place + 2 * len(text))
        place = last if last > place else held.find(text, place + len(text))


def _beginning(held: bytes, text: bytes) -> int:
    """Where the longest end of `held` begins that is a beginning of `text`, but not all of it."""
    view, size = memoryview(held), len(held)
    place = max(size - len(text) + 1, 0)
    clue = text[:SHORTEST]
    while place < size:
        if size - place >= len(clue):
            place = held.find(clue, place)
            if place < 0:
                place = size - len(clue) + 1
                continue
        if text.startswith(view[place:]):
            return place
        place += 1
    return size


def _forms(text: bytes) -> Iterator[bytes]:
    yield text
    yield text.replace(b"\n", b"\r\n")
    yield from _hexadecimal(text)
    yield from _base64(text)
    try:
        word = text.decode()
    except UnicodeDecodeError:
        return
    for form in _quoted(word):
        yield form.encode()
        yield form.replace("\n", "\r\n").encode()


def _hexadecimal(text: bytes) -> Iterator[bytes]:
    for digits in (text.hex(), text.hex().upper()):
        yield digits.encode()
        yield from _in_lines(digits.encode())


def _base64(text: bytes) -> Iterator[bytes]:
    for whole in (text, text + b"\n"):
        code = base64.b64encode(whole)
        for form in (code, base64.urlsafe_b64encode(whole)):
            yield form
            yield form.rstrip(b"=")
            yield from _in_lines(form)
    for before in range(3):
        # The characters that bits of the text alone decide, when `before` bytes of something else precede it.
        first, last = -(-before * 8 // 6), (before + len(text)) * 8 // 6
        whole = b"\0" * before + text
        yield base64.b64encode(whole)[first:last]
        yield base64.urlsafe_b64encode(whole)[first:last]


def _in_lines(code: bytes) -> Iterator[bytes]:
    """A long code as tools break it into lines."""
    for length in _LINE_LENGTHS:
        if len(code) > length:
            lines = [code[place : place + length] for place in range(0, len(code), length)]
            yield b"\n".join(lines)
            yield b"\r\n".join(lines)


def _quoted(word: str) -> Iterator[str]:
    for kept in _UNESCAPED:
        yield quote(word, safe=kept)
        yield quote_plus(word, safe=kept)
        yield _lower_percent(quote(word, safe=kept))
    for ascii in (True, False):
        code = json.dumps(word, ensure_ascii=ascii)[1:-1]
        yield code
        yield code.replace("/", "\\/")
        yield code.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    yield escape(word, quote=False)
    yield escape(word)
    yield repr(word)[1:-1]
    yield shlex.quote(word).strip("'")
    yield word.replace("'", "'\\''")


def _lower_percent(code: str) -> str:
    """URL encoding with lower-case digits, as some programs write it."""
    head, *rest = code.split("%")
    return "%".join([head, *(part[:2].lower() + part[2:] for part in rest)])
