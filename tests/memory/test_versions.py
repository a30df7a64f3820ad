"""Version vectors and hybrid time."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.clock import Instant
from cis_tui.memory.branches import after_prefix
from cis_tui.memory.versions import advance, apart, concurrent, covers, join, moment, tick

vectors = st.dictionaries(st.sampled_from("abc"), st.integers(1, 5))


@settings(deadline=None, max_examples=200)
@given(vectors, vectors, st.sampled_from("abc"))
def test_a_new_version_is_newer_than_all_it_replaces(one: dict[str, int], other: dict[str, int], node: str) -> None:
    new = advance(node, one, other)
    for old in (one, other, join(one, other)):
        assert covers(new, old)
        assert not covers(old, new)
        assert not concurrent(new, old)


@settings(deadline=None, max_examples=200)
@given(vectors, vectors)
def test_two_that_did_not_know_each_other_are_concurrent(one: dict[str, int], other: dict[str, int]) -> None:
    assert concurrent(advance("x", one), advance("y", other))
    assert concurrent(one, other) == concurrent(other, one)


@settings(deadline=None, max_examples=200)
@given(st.floats(-1e9, 4e9), st.lists(st.integers(0, 1 << 60), max_size=3))
def test_hybrid_time_never_goes_back_and_is_never_dragged_along(now: float, previous: list[int]) -> None:
    time = tick(Instant(now), *previous)
    assert all(time > earlier or moment(earlier) > max(now, 0) + 299 for earlier in previous)
    assert -0.002 < moment(time) - max(now, 0) < 300.002


def test_hybrid_time_is_the_wall_clock_when_that_is_later() -> None:
    earlier = tick(Instant(1000.0))
    assert moment(tick(Instant(2000.5), earlier)) == 2000.5
    assert moment(tick(Instant(900.0), earlier)) == 1000.0
    assert moment(tick(Instant(1.0), earlier)) == 1.0


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=4), st.text(max_size=4))
def test_the_end_of_a_prefix_is_after_all_that_begins_with_it_and_before_the_rest(prefix: str, key: str) -> None:
    end = after_prefix(prefix)
    inside = prefix <= key and (isinstance(end, bytes) or key < end)
    assert inside == key.startswith(prefix)


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 1 << 60), st.integers(0, 1 << 60))
def test_what_a_node_writes_next_comes_later_unless_its_clock_was_wrong_by_days(time: int, last: int) -> None:
    day = 86_400_000 << 16
    found = apart(time, last)
    assert found == time if last > time + day else found > last
