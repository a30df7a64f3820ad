"""A vote is counted the same in every order, and closed as soon as nothing can change it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.clock import Instant
from cis_tui.dag.tally import Verdict, tally
from cis_tui.dag.views import Ballot, Choice

SEATS = ("ann", "bob", "cid", "dan", "eve")


def ballots(**choices: str) -> list[Ballot]:
    return [Ballot(name, Choice(choice), "did:key:z", Instant(0)) for name, choice in choices.items()]


@pytest.mark.parametrize(
    ("cast", "quorum", "threshold", "verdict"),
    [
        ({}, 1, 0.5, Verdict.OPEN),
        ({"ann": "approve"}, 1, 0.5, Verdict.OPEN),
        ({"ann": "approve", "bob": "approve"}, 1, 0.5, Verdict.APPROVED),
        ({"ann": "approve", "bob": "approve"}, 3, 0.5, Verdict.OPEN),
        ({"ann": "approve", "bob": "approve", "cid": "abstain"}, 3, 0.5, Verdict.APPROVED),
        ({"ann": "approve", "bob": "reject"}, 1, 0.5, Verdict.OPEN),
        ({"ann": "reject", "bob": "reject"}, 1, 0.5, Verdict.REJECTED),
        ({"ann": "abstain", "bob": "reject"}, 1, 0.5, Verdict.REJECTED),
        ({"ann": "approve"}, 1, 0.0, Verdict.APPROVED),
        ({"ann": "reject"}, 1, 0.9, Verdict.REJECTED),
        ({"mallory": "approve", "oscar": "approve"}, 1, 0.5, Verdict.OPEN),
    ],
)
def test_three_seats(cast: dict[str, str], quorum: int, threshold: float, verdict: Verdict) -> None:
    assert tally(ballots(**cast), SEATS[:3], quorum=quorum, threshold=threshold) is verdict


def test_half_of_an_even_number_is_not_more_than_half() -> None:
    assert tally(ballots(ann="approve"), SEATS[:2], quorum=1, threshold=0.5, closed=True) is Verdict.REJECTED


def test_a_threshold_is_what_it_says_in_decimal() -> None:
    seats = [f"s{number}" for number in range(100)]
    cast = ballots(**dict.fromkeys(seats[:29], "approve"))
    assert tally(cast, seats, quorum=1, threshold=0.29, closed=True) is Verdict.REJECTED


def test_two_opposite_ballots_of_one_seat_count_for_nothing() -> None:
    cast = [*ballots(ann="approve"), *ballots(ann="reject")]
    assert tally(cast, SEATS[:1], quorum=1, threshold=0.5) is Verdict.REJECTED


votes = st.dictionaries(st.sampled_from(SEATS), st.sampled_from([choice.value for choice in Choice]))
rules = st.tuples(st.integers(1, 5), st.sampled_from([0.0, 0.2, 0.5, 0.6, 0.8, 0.99]))


@settings(deadline=None, max_examples=100)
@given(votes, rules, st.randoms())
def test_the_order_of_ballots_does_not_matter(votes: dict[str, str], rules: tuple[int, float], chance: object) -> None:
    quorum, threshold = rules
    cast = ballots(**votes)
    verdicts = {
        tally(order, SEATS, quorum=quorum, threshold=threshold)
        for order in itertools.islice(itertools.permutations(cast), 24)
    }
    assert len(verdicts) == 1


@settings(deadline=None, max_examples=100)
@given(votes, rules)
def test_an_early_verdict_is_exactly_one_that_no_completion_changes(
    votes: dict[str, str], rules: tuple[int, float]
) -> None:
    quorum, threshold = rules
    missing = [seat for seat in SEATS if seat not in votes]
    ends: set[Verdict] = set()
    for choices in itertools.product((None, *(choice.value for choice in Choice)), repeat=len(missing)):
        more = {seat: choice for seat, choice in zip(missing, choices, strict=True) if choice is not None}
        ends.add(tally(ballots(**votes, **more), SEATS, quorum=quorum, threshold=threshold, closed=True))
    now = tally(ballots(**votes), SEATS, quorum=quorum, threshold=threshold)
    assert ends == {now} if now is not Verdict.OPEN else ends == {Verdict.APPROVED, Verdict.REJECTED}
