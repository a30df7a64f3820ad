"""Sets of whole numbers from 1 on, kept as ranges: which numbers were heard, and which are missing."""

from __future__ import annotations

from collections.abc import Iterable

from cis_tui.core.errors import Invalid

Ranges = tuple[tuple[int, int], ...]
"""First and last of each range, in order, apart from each other by more than one."""
MOST = 256
"""Ranges of a set; of more the greatest numbers are forgotten, so that they count as not heard."""
MAX_NUMBER = 2**53 - 1
"""The greatest number that a server of Matrix takes."""


def joined(*sets: Iterable[tuple[int, int]]) -> Ranges:
    """The numbers of any of the sets."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(each for ranges in sets for each in ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], last)
        else:
            found.append((first, last))
    return tuple(found[:MOST])


def without(ranges: Ranges, other: Ranges) -> Ranges:
    """The numbers of `ranges` that are not in `other`."""
    found: list[tuple[int, int]] = []
    for first, last in ranges:
        for taken, end in other:
            if end < first or taken > last:
                continue
            if first < taken:
                found.append((first, taken - 1))
            first = end + 1
        if first <= last:
            found.append((first, last))
    return tuple(found)


def missing(ranges: Ranges, last: int) -> Ranges:
    """The numbers up to `last` that are not in `ranges`."""
    return without(((1, last),), ranges) if last else ()


def common(ranges: Ranges, other: Ranges) -> Ranges:
    """The numbers that are in both."""
    return without(ranges, without(ranges, other))


def count(ranges: Ranges) -> int:
    """How many numbers there are."""
    return sum(last - first + 1 for first, last in ranges)


def whole(ranges: Ranges) -> int:
    """The number up to which nothing is missing; 0 if the first one is."""
    return ranges[0][1] if ranges and ranges[0][0] == 1 else 0


def of_numbers(numbers: Iterable[int]) -> Ranges:
    """The set of some numbers."""
    return joined((number, number) for number in numbers)


def read_ranges(value: object, most: int = MOST) -> Ranges:
    """A set as somebody else wrote it: `[[FIRST,LAST],…]`, in any order.

    Raises:
        Invalid: it is none, or has more than `most` ranges (CIS-MATRIX-071).
    """
    parts: list[object] = list(value) if isinstance(value, (list, tuple)) else [None]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if len(parts) > most:
        raise Invalid("CIS-MATRIX-071", f"{len(parts)} ranges at once are too many, at most {most} are taken")
    return joined(map(_range, parts))


def _range(value: object) -> tuple[int, int]:
    if isinstance(value, (list, tuple)):
        bounds: list[object] = list(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        if len(bounds) == 2 and all(type(each) is int for each in bounds):
            first, last = int(str(bounds[0])), int(str(bounds[1]))
            if 1 <= first <= last <= MAX_NUMBER:
                return first, last
    raise Invalid("CIS-MATRIX-071", f"{value!a:.40} is no range of numbers")
