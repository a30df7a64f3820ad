"""The entries read last, and the uses that are not written down yet."""

from __future__ import annotations

from cis_tui.core.clock import Instant
from cis_tui.memory.cache import MAX_BYTES, Cache, Cached, Place, Tally
from cis_tui.memory.records import Domain, IndexType, MemoryItem

PLACE = Place(Domain.PUBLIC, "2026-W47", 1)


def cached(key: str, value: str = "x") -> Cached:
    item = MemoryItem(key, value, Domain.PUBLIC, "general", IndexType.TEMPORARY, {}, "did", Instant(0), "2026-W47")
    return Cached(item, PLACE, (1, 2))


def test_the_entry_that_was_not_used_for_longest_goes_first() -> None:
    cache = Cache(2)
    cache.put(cached("a"))
    cache.put(cached("b"))
    cache.get("a")
    cache.put(cached("c"))
    assert [key for key in "abc" if cache.get(key)] == ["a", "c"]
    cache.discard("a")
    cache.discard("never")
    assert len(cache) == 1


def test_long_values_are_not_kept() -> None:
    cache = Cache()
    cache.put(cached("a"))
    cache.put(cached("a", "x" * (MAX_BYTES + 1)))
    assert cache.get("a") is None


def test_uses_are_due_when_many_or_old() -> None:
    tally = Tally()
    assert not tally.due(Instant(100))
    tally.hit(PLACE, Instant(100))
    assert not tally.due(Instant(104.9))
    assert tally.due(Instant(105))
    assert tally.due(Instant(50)), "the clock was set back"
    for _ in range(Tally.LIMIT - 1):
        tally.hit(PLACE, Instant(100))
    assert tally.due(Instant(100))
    assert tally.times(PLACE) == Tally.LIMIT
    taken = tally.take()
    assert taken == {(Domain.PUBLIC, "2026-W47"): [(1, Tally.LIMIT, Instant(100))]}
    assert tally.times(PLACE) == 0
    tally.hit(PLACE, Instant(101))
    tally.put_back((Domain.PUBLIC, "2026-W47"), [(1, 100, Instant(100))], Instant(101))
    assert tally.times(PLACE) == 101
