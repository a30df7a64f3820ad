"""Which version of an entry is newer: version vectors and a hybrid logical clock (Kulkarni et al., 2014)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import TypeVar

from cis_tui.core.clock import Instant

Vector = Mapping[str, int]
"""Node DID to the number of versions that the node has written."""
Rank = tuple[int, int, str]
"""The sum of a vector, the hybrid time and the origin of a version: the greatest is current, on every node. What covers
another has the greater sum; the rest decides between concurrent ones (contract, Memory, "Versions")."""
_COUNTER_BITS = 16
_DAY = 86_400_000 << _COUNTER_BITS
_AHEAD = 300_000 << _COUNTER_BITS
T = TypeVar("T")


@lru_cache(4096)
def read_vector(text: str) -> Vector:
    """The vector that `write_vector` wrote."""
    return MappingProxyType(json.loads(text))


def write_vector(vector: Vector) -> str:
    """A vector as the files keep it."""
    return _written(tuple(sorted(vector.items())))


@lru_cache(4096)
def _written(counts: tuple[tuple[str, int], ...]) -> str:
    return json.dumps(dict(counts), separators=(",", ":"))


def advance(node: str, *vectors: Vector, others: Iterable[Vector] = ()) -> dict[str, int]:
    """The vector of a version that `node` writes with the versions of `vectors` before its eyes.

    `others`: what is known besides and is not replaced; only the node's own count goes on from there.
    """
    joined = join(*vectors)
    joined[node] = 1 + max((vector.get(node, 0) for vector in (joined, *others)), default=0)
    return joined


def join(*vectors: Vector) -> dict[str, int]:
    """The smallest vector that covers all of `vectors`."""
    joined: dict[str, int] = {}
    for vector in vectors:
        for node, count in vector.items():
            joined[node] = max(count, joined.get(node, 0))
    return joined


def covers(newer: Vector, older: Vector) -> bool:
    """Whether who wrote `newer` knew all of `older`; equal vectors cover each other."""
    return all(newer.get(node, 0) >= count for node, count in older.items())


def concurrent(one: Vector, other: Vector) -> bool:
    """Whether neither was written with the other known."""
    return not covers(one, other) and not covers(other, one)


def newest(items: Sequence[T], vector_of: Callable[[T], Vector]) -> list[T]:
    """Those of `items` that no other covers: several when they are concurrent; of one version the first."""
    kept: list[T] = []
    # What covers another has the greater sum, and so comes first.
    for item in sorted(items, key=lambda item: -sum(vector_of(item).values())):
        if not any(covers(vector_of(other), vector_of(item)) for other in kept):
            kept.append(item)
    return kept


def version_name(vector: Vector, origin: str) -> str:
    """What a person calls a version of a key, such as `3-bQ7xTz`: the same on every node, and no other is called so."""
    return f"{sum(vector.values())}-{origin[-6:]}"


def tick(now: Instant, *previous: int) -> int:
    """The hybrid time of a version written at `now` that replaces versions of the `previous` hybrid times.

    Milliseconds since 1970 in the upper bits, a counter in the lower 16. Later than every `previous` one that is not
    ahead of `now` by more than five minutes: neither the clock of another node, nor this one while it was wrong, drags
    it along. Which version is newer does not depend on it (see `Rank`).
    """
    time = max(int(now * 1000) << _COUNTER_BITS, 0)
    return max([time, *(earlier + 1 for earlier in previous if earlier <= time + _AHEAD)])


def apart(time: int, last: int) -> int:
    """`time`, or what comes after `last`, the time of what the node wrote before, where that is not later: in one
    millisecond, or after the clock was set back. A clock that is set back by more than a day was wrong before.
    """
    return last + 1 if time <= last <= time + _DAY else time


def moment(time: int) -> Instant:
    """The wall clock's part of a hybrid time."""
    return Instant((time >> _COUNTER_BITS) / 1000)
