"""What nodes ask each other, in canonical JSON, at most 1 MiB; `do` says what, `v` is 1.

    {"do":"changes","since":MARK}               what do you have that comes after this mark?
      {"dots":DOTS,"more":false,"next":MARK,"start":MARK}
    {"do":"fetch","dots":DOTS}                  give me these
      {"entries":[ENTRY…],"left":DOTS}          `left`: to be asked for again
    {"do":"part","dot":[DID,EPOCH,N,N],"from":N}
      {"data":BASE64}                           a part of a value that is too large to go along
    {"do":"push","entries":[ENTRY…],"next":MARK,"since":MARK}
      {"mark":MARK}                             how far I have heard you: all up to there is durable

DOTS is `{"DID#EPOCH":[SEQ,HLC,SEQ,HLC,…]}`. A mark is text that only who gave it reads; an empty one is the beginning.
What cannot be answered is `{"error":{"code":…,"message":…}}`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, cast

from cis_tui.core.errors import CisError, Invalid
from cis_tui.core.text import clean_line
from cis_tui.memory.dots import Dot
from cis_tui.sync.canonical import canonical, parse

PROTOCOL = "/cis/sync/1.0.0"
VERSION = 1
LIMIT = 1024 * 1024
"""Bytes of a message."""
BATCH = 256 * 1024
"""Bytes of entries in a message."""
PART = 512 * 1024
"""Bytes of a value in a message."""
MAX_DOTS = 8_192
"""In a message."""
ASKED = 512
"""Dots that are asked for at once."""
_MARK = 200
"""Characters."""

Message = dict[str, object]


class Changes(NamedTuple):
    """The answer to `changes`."""

    start: str
    dots: tuple[Dot, ...]
    next: str
    more: bool


def request(do: str, **fields: object) -> bytes:
    """A request."""
    return canonical({"do": do, "v": VERSION, **fields})


def read_request(body: bytes) -> Message:
    """A request as a peer has sent it.

    Raises:
        Invalid: it is none (CIS-SYNC-001, 002, 030).
    """
    message = _message(parse(body, LIMIT))
    if message.get("v") != VERSION or not isinstance(message.get("do"), str):
        raise Invalid("CIS-SYNC-030", f"this is no request of version {VERSION}")
    return message


def read_answer(body: bytes) -> Message:
    """An answer as a peer has given it.

    Raises:
        Invalid: it is none (CIS-SYNC-001, 002, 030).
        CisError: the peer says that it did not do what was asked (CIS-SYNC-032).
    """
    message = _message(parse(body, LIMIT))
    if "error" in message:
        error = _message(message["error"])
        said = clean_line(f"{error.get('message', '')} ({error.get('code', '')})", limit=200)
        raise CisError("CIS-SYNC-032", f"the peer answered: {said}", retryable=True)
    return message


def refusal(error: CisError) -> bytes:
    """The answer to what is not done."""
    return canonical({"error": {"code": error.code, "message": clean_line(error.message, limit=300)}})


def is_refusal(answer: bytes) -> bool:
    """Whether an answer of this node is one to what is not done."""
    return answer.startswith(b'{"error":')


def text(message: Message, name: str) -> str:
    """A mark, or another short text.

    Raises:
        Invalid: it is none (CIS-SYNC-030).
    """
    value = message.get(name)
    if not isinstance(value, str) or len(value) > _MARK or not value.isascii() or not (value or "x").isprintable():
        raise Invalid("CIS-SYNC-030", f"{name} is no short text")
    return value


def number(message: Message, name: str) -> int:
    """A number that is not negative.

    Raises:
        Invalid: it is none (CIS-SYNC-030).
    """
    value = message.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Invalid("CIS-SYNC-030", f"{name} is no number")
    return value


def items(message: Message, name: str) -> list[object]:
    """A list.

    Raises:
        Invalid: it is none (CIS-SYNC-030).
    """
    value = message.get(name)
    if not isinstance(value, list):
        raise Invalid("CIS-SYNC-030", f"{name} is no list")
    return cast("list[object]", value)


def write_dots(dots: Iterable[Dot]) -> dict[str, object]:
    """Dots as a message has them."""
    found: dict[str, list[int]] = {}
    for dot in dots:
        found.setdefault(f"{dot.origin}#{dot.epoch}", []).extend((dot.seq, dot.hlc))
    return dict(found)


def read_dots(message: Message, name: str) -> tuple[Dot, ...]:
    """Dots that a peer has named, each once.

    Raises:
        Invalid: they are none, or too many (CIS-SYNC-030).
    """
    dots: dict[Dot, None] = {}
    for actor, numbers in _message(message.get(name)).items():
        origin, _, epoch = actor.partition("#")
        if len(origin) > 128 or len(epoch) != 8 or not isinstance(numbers, list):
            raise Invalid("CIS-SYNC-030", f"{actor!a:.80} names no dots")
        flat = cast("list[object]", numbers)
        if len(flat) % 2 or not all(type(each) is int and each >= 0 for each in flat):
            raise Invalid("CIS-SYNC-030", f"the dots of {actor!a:.80} are no pairs of numbers")
        pairs = cast("list[int]", flat)
        dots.update((Dot(origin, epoch, seq, hlc), None) for seq, hlc in zip(pairs[::2], pairs[1::2], strict=True))
    if len(dots) > MAX_DOTS:
        raise Invalid("CIS-SYNC-030", f"{len(dots)} dots at once are too many")
    return tuple(dots)


def read_dot(message: Message, name: str) -> Dot:
    """One dot.

    Raises:
        Invalid: it is none (CIS-SYNC-030).
    """
    value = items(message, name)
    if [type(each) for each in value] != [str, str, int, int]:
        raise Invalid("CIS-SYNC-030", f"{name} is no dot")
    return Dot(*cast("list[str]", value))  # pyright: ignore[reportArgumentType]


def read_changes(message: Message) -> Changes:
    """The answer to `changes`.

    Raises:
        Invalid: it is none (CIS-SYNC-030).
    """
    more = message.get("more")
    if not isinstance(more, bool):
        raise Invalid("CIS-SYNC-030", "more is no truth value")
    return Changes(text(message, "start"), read_dots(message, "dots"), text(message, "next"), more)


def _message(value: object) -> Message:
    if not isinstance(value, dict):
        raise Invalid("CIS-SYNC-030", "a message is an object")
    return cast("Message", value)
