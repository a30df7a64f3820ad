"""The order of what a search finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cis_tui.memory.ranking import ACCESS, RECENCY, Candidate, boost, rank, reciprocal_ranks

cosines = st.floats(-1, 1)
scores = st.floats(0, 50)
candidates = st.lists(
    st.builds(
        Candidate,
        key=st.text("abcdef/", min_size=1, max_size=6),
        semantic=st.none() | cosines,
        lexical=scores,
        uses=st.integers(0, 100_000),
        age_days=st.floats(-10, 4000),
    ),
    max_size=12,
    unique_by=lambda each: each.key,
)


@given(candidates)
def test_no_boost_lifts_an_entry_over_one_that_is_clearly_better(found: list[Candidate]) -> None:
    ranked = rank(found)
    for place, ahead in enumerate(ranked):
        for behind in ranked[place + 1 :]:
            assert behind.relevance <= ahead.relevance * (1 + ACCESS + RECENCY) + 1e-12


@given(candidates)
def test_the_order_does_not_depend_on_the_order_of_finding(found: list[Candidate]) -> None:
    assert rank(found) == rank(list(reversed(found)))


@given(candidates)
def test_scores_and_parts_are_within_their_bounds(found: list[Candidate]) -> None:
    for each in rank(found):
        parts = each.parts
        assert 0 <= each.relevance <= 1 + 1e-9
        assert 0 <= parts.semantic <= 1
        assert 0 <= parts.lexical <= 1
        assert 0 <= parts.access < ACCESS
        assert 0 <= parts.recency <= RECENCY
        assert each.score <= each.relevance * 1.15 + 1e-9


@given(st.floats(0.01, 1), scores, st.integers(0, 1000), st.integers(1, 1000))
def test_of_two_alike_the_one_used_more_comes_first(semantic: float, lexical: float, uses: int, more: int) -> None:
    one, other = Candidate("a", semantic, lexical, uses), Candidate("b", semantic, lexical, uses + more)
    assert rank([one, other])[0].candidate.key == "b"


@given(st.integers(0, 10**9), st.floats(-1000, 10**6))
def test_boosts_are_bounded(uses: int, age: float) -> None:
    access, recency = boost(uses, age)
    assert 0 <= access < ACCESS + 1e-12
    assert 0 <= recency <= RECENCY


def test_where_words_say_little_meaning_decides() -> None:
    """All of the question's rare words are missing; a common one is in many entries."""
    common, near = Candidate("common", 0.3, 0.1), Candidate("near", 0.5, 0.0)
    assert [each.candidate.key for each in rank([common, near])] == ["near", "common"]
    whole = Candidate("whole", 0.3, 1.0)
    assert [each.candidate.key for each in rank([whole, near])] == ["whole", "near"]


def test_newer_comes_first_of_two_alike() -> None:
    old, new = Candidate("a", 0.5, 1.0, age_days=300), Candidate("b", 0.5, 1.0, age_days=1)
    assert [each.candidate.key for each in rank([old, new])] == ["b", "a"]


def test_an_entry_without_a_vector_is_found_by_its_words() -> None:
    words_only = Candidate("bytes", None, 1.2)
    near, far = Candidate("near", 0.6, 0.2), Candidate("far", 0.5, 0.0)
    assert [each.candidate.key for each in rank([far, near, words_only])] == ["bytes", "near", "far"]


def test_without_any_vector_words_decide() -> None:
    ranked = rank([Candidate("a", None, 1.0), Candidate("b", None, 4.0), Candidate("c", None, 2.0)])
    assert [(each.candidate.key, each.relevance) for each in ranked] == [("b", 1.0), ("c", 0.5), ("a", 0.25)]


def test_the_usual_fusion_by_ranks() -> None:
    assert reciprocal_ranks([["a", "b", "c"], ["c", "b"]]) == ["c", "b", "a"]
