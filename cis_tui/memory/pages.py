"""Reads rows out of single pages of a SQLite file, for when the tree that leads to them is broken.

After the SQLite file format, https://www.sqlite.org/fileformat2.html, sections 1.6 and 2. Nothing in a page is
believed: what does not fit is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from struct import error as StructError
from struct import unpack_from

PAGE = 4096
"""Bytes of a page, in every file that memory makes."""
_FILE_HEADER = 100
_TABLE_LEAF = 0x0D
_LONGEST = 16 * 1024 * 1024
"""Bytes of a row beyond which it cannot be one of ours."""
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""Serial type of an integer to the bytes that it takes."""

Value = int | float | str | bytes | None
Row = tuple[int, tuple[Value, ...]]
"""The number of a row and what its record holds."""


def rows_of(page: bytes, number: int, usable: int, read: Callable[[int], bytes | None]) -> Iterator[Row]:
    """The rows in the page `number`, if it is a leaf of a table; those that cannot be read whole are left out.

    `usable`: bytes of a page that hold content. `read` gives other pages, None where there is none.
    """
    start = _FILE_HEADER if number == 1 else 0
    if len(page) < PAGE or page[start] != _TABLE_LEAF:
        return
    (count,) = unpack_from(">H", page, start + 3)
    for index in range(min(count, (usable - start - 8) // 2)):
        (place,) = unpack_from(">H", page, start + 8 + 2 * index)
        if start + 8 < place < usable:
            try:
                yield _cell(page, place, usable, read)
            except (ValueError, LookupError, StructError):
                continue


def _cell(page: bytes, place: int, usable: int, read: Callable[[int], bytes | None]) -> Row:
    size, place = _varint(page, place)
    row, place = _varint(page, place)
    if not 0 < size <= _LONGEST:
        raise ValueError("no size")
    local = _local(size, usable)
    if place + local > usable:
        raise ValueError("beyond the page")
    payload = page[place : place + local]
    if local < size:
        (more,) = unpack_from(">I", page, place + local)
        payload += _overflow(more, size - local, usable, read)
    return row, tuple(_record(payload))


def _local(size: int, usable: int) -> int:
    """How much of a payload lies in the leaf itself."""
    if size <= usable - 35:
        return size
    least = (usable - 12) * 32 // 255 - 23
    local = least + (size - least) % (usable - 4)
    return local if local <= usable - 35 else least


def _overflow(number: int, size: int, usable: int, read: Callable[[int], bytes | None]) -> bytes:
    parts: list[bytes] = []
    while size > 0:
        page = read(number) if number else None
        if page is None:
            raise ValueError("its end is missing")
        (number,) = unpack_from(">I", page)
        parts.append(page[4 : min(usable, 4 + size)])
        size -= len(parts[-1])
    return b"".join(parts)


def _record(payload: bytes) -> Iterator[Value]:
    end, place = _varint(payload, 0)
    content = end
    while place < end:
        kind, place = _varint(payload, place)
        value, size = _value(payload, content, kind)
        content += size
        yield value
    if place != end or content != len(payload):
        raise ValueError("no record")


def _value(payload: bytes, place: int, kind: int) -> tuple[Value, int]:
    if kind >= 12:
        size = (kind - 12) // 2
        data = payload[place : place + size]
        if len(data) < size:
            raise ValueError("too short")
        return (data.decode() if kind % 2 else data), size
    if kind in _INTEGERS:
        size = _INTEGERS[kind]
        return int.from_bytes(payload[place : place + size], "big", signed=True), size
    if kind == 7:
        return float(unpack_from(">d", payload, place)[0]), 8
    return {0: None, 8: 0, 9: 1}[kind], 0


def _varint(data: Sequence[int], place: int) -> tuple[int, int]:
    """A number of variable length, and where what follows it begins."""
    value = 0
    for index in range(8):
        byte = data[place + index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + index + 1
    value = value << 8 | data[place + 8]
    return value - 2**64 if value >= 2**63 else value, place + 9
