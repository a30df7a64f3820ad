"""How found entries are ordered: no file, no clock, no chance.

Two legs are fused by their scores and not by their ranks: the cosine of meaning, which is comparable as it is, and BM25
as a part of what the whole question would give, which makes it comparable too. Fusion by ranks (RRF with k = 60) loses
to BM25 alone on conversations, and BM25 as a part of the best match, as is usual, drowns meaning where the best match
is but a common word. See tests/bench/bench_retrieval.py.

Boosts are bounded factors: use and recency order near-ties, and never lift an entry over one that is more than 15 %
more relevant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SEMANTIC, LEXICAL = 0.5, 0.5
"""Weights of the legs."""
ACCESS, RECENCY = 0.10, 0.05
"""The most that use and recency add, as parts of the relevance."""
FARTHEST = 0.1
"""Cosine below which what shares no word with the question has nothing to do with it."""
_HALF_USES = 5
"""Uses that give half of the most."""
_HALF_DAYS = 30.0
"""Days after which half of the recency is left."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that a leg has found."""

    key: str
    semantic: float | None
    """Cosine with the question; None when the entry has no vector, or the question has none."""
    lexical: float
    """BM25 as a part of what the whole question would give, 0 when no word matches (see `Lexicon.matches`)."""
    uses: int = 0
    age_days: float = 0.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What a score is made of (contract, JSON shapes)."""

    semantic: float
    """Cosine, 0 to 1."""
    lexical: float
    """BM25, as a part of the whole question's or of the best: 0 to 1."""
    access: float
    """What use adds to the relevance, as a part of it: 0 to 0.1."""
    recency: float
    """What recency adds, 0 to 0.05."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with its score."""

    candidate: Candidate
    relevance: float
    """0 to 1, before boosts."""
    score: float
    parts: Parts


def rank(candidates: Iterable[Candidate]) -> list[Ranked]:
    """The candidates with their scores, best first; ties go by key, so that the order is always the same.

    An entry without a vector is judged by its words alone, on the scale of those that have one: with the best BM25 it
    is as good as the best possible.
    """
    found = list(candidates)
    best_lexical = max((each.lexical for each in found), default=0.0)
    # Where no entry holds much of the question, words say little, and they count for as much less.
    unit = max(best_lexical, 1.0)
    best_semantic = max((each.semantic for each in found if each.semantic is not None), default=1.0)
    ranked = [_score(each, unit, max(best_semantic, 0.0)) for each in found]
    return sorted(ranked, key=lambda each: (-each.score, -each.relevance, each.candidate.key))


def boost(uses: int, age_days: float) -> tuple[float, float]:
    """What `uses` and an age add to a relevance of 1."""
    uses = max(uses, 0)
    return ACCESS * uses / (uses + _HALF_USES), RECENCY * 0.5 ** (max(age_days, 0.0) / _HALF_DAYS)


def reciprocal_ranks(legs: Sequence[Sequence[str]], k: int = 60) -> list[str]:
    """The usual fusion by ranks, which `rank` is measured against; no part of the search."""
    scores: dict[str, float] = {}
    for leg in legs:
        for position, key in enumerate(leg, start=1):
            scores[key] = scores.get(key, 0.0) + 1.0 / (k + position)
    return sorted(scores, key=lambda key: (-scores[key], key))


def _score(candidate: Candidate, unit: float, best_semantic: float) -> Ranked:
    lexical = candidate.lexical / unit
    if candidate.semantic is None:
        semantic = 0.0
        relevance = lexical * (SEMANTIC * best_semantic + LEXICAL)
    else:
        semantic = min(max(candidate.semantic, 0.0), 1.0)
        relevance = SEMANTIC * semantic + LEXICAL * lexical
    access, recency = boost(candidate.uses, candidate.age_days)
    return Ranked(candidate, relevance, relevance * (1 + access + recency), Parts(semantic, lexical, access, recency))
