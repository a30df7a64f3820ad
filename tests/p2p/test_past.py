"""How far a peer was behind, minute by minute."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cis_tui.core.clock import Instant
from cis_tui.p2p.past import AWAY, KEPT, SyncPast

START = Instant.parse("2026-11-26T12:00:10Z")


def test_a_minute_is_as_bad_as_its_worst_moment() -> None:
    past = SyncPast(8)
    assert past.standing("a", START) is None
    past.note("a", 0, START)
    past.note("a", 4, Instant(START + 5))
    past.note("a", 0, Instant(START + 6))
    past.note("a", AWAY, Instant(START + 130))
    found = past.standing("a", Instant(START + 200))
    assert found is not None
    assert (found.behind, found.since, found.past) == (AWAY, START + 130, (4, 0, AWAY, AWAY))


def test_to_fall_further_behind_is_no_new_beginning() -> None:
    past = SyncPast(8)
    past.note("a", 1, START)
    past.note("a", 9, Instant(START + 30))
    found = past.standing("a", Instant(START + 40))
    assert found is not None and (found.behind, found.since, found.past) == (9, START, (9,))


def test_no_more_peers_are_remembered_than_there_is_room_for() -> None:
    past = SyncPast(2)
    for peer in "abc":
        past.note(peer, 0, START)
    assert past.standing("a", START) is None and past.standing("c", START) is not None


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(AWAY, 50)), min_size=1, max_size=12))
def test_an_hour_is_kept_whatever_happens(moments: list[tuple[int, int]]) -> None:
    past, now = SyncPast(1), float(START)
    for passed, behind in moments:
        now += passed
        past.note("a", behind, Instant(now))
    found = past.standing("a", Instant(now))
    assert found is not None and found.behind == moments[-1][1]
    assert len(found.past) == min(KEPT, int(now // 60) - int((START + moments[0][0]) // 60) + 1)
