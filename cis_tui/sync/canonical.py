"""Canonical JSON: one text for one value, so that it can be signed, and nothing that a reader could take two ways.

Keys are sorted, there is no white space, and text is UTF-8. There are no fractions, which programs write differently:
send thousandths, or text. What is read is refused unless it is exactly what would be written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NoReturn, cast

from cis_tui.core.errors import Invalid

MAX_DEPTH = 16
"""Objects and lists within each other."""
MAX_NUMBER = 2**63 - 1


def canonical(value: object) -> bytes:
    """`value` as canonical JSON: objects with text for keys, lists, text, whole numbers, truth values and None.

    Raises:
        Invalid: it has something else in it (CIS-SYNC-001).
    """
    _check(value, MAX_DEPTH)
    return _written(value)


def parse(data: bytes, limit: int) -> object:
    """The value of canonical JSON that somebody else wrote.

    Raises:
        Invalid: it has more than `limit` bytes (CIS-SYNC-002), or is no canonical JSON (CIS-SYNC-001).
    """
    if len(data) > limit:
        raise Invalid("CIS-SYNC-002", f"a message has {len(data)} bytes, at most {limit} are taken")
    try:
        value: object = json.loads(data.decode(), parse_float=_refuse, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise _not_canonical(str(error)[:80]) from error
    _check(value, MAX_DEPTH)
    if _written(value) != data:
        raise _not_canonical("it is written in another way, or says something twice")
    return value


def _written(value: object) -> bytes:
    try:
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except ValueError as error:  # half a surrogate pair
        raise _not_canonical(str(error)[:80]) from error


def _check(value: object, depth: int) -> None:
    if value is None or isinstance(value, (str, bool)):
        return
    if isinstance(value, int):
        if not -MAX_NUMBER <= value <= MAX_NUMBER:
            raise _not_canonical("a number is too great")
        return
    if depth == 0:
        raise _not_canonical(f"it is more than {MAX_DEPTH} levels deep")
    for part in _parts(value):
        if type(part) is not str:  # most are
            _check(part, depth - 1)


def _parts(value: object) -> Sequence[object]:
    if isinstance(value, dict):
        table = cast("dict[object, object]", value)
        if all(isinstance(key, str) for key in table):
            return list(table.values())
    if isinstance(value, (list, tuple)):
        return cast("Sequence[object]", value)
    raise _not_canonical(f"{type(cast('object', value)).__name__} has no place in it")


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is no whole number")


def _not_canonical(why: str) -> Invalid:
    return Invalid("CIS-SYNC-001", f"this is no canonical JSON: {why}")
