"""What a search costs without the model, beside the bare product of numpy over the same vectors in the same run."""

from __future__ import annotations

import os
import random
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

import numpy
import pytest

from cis_tui.core.paths import Home
from cis_tui.memory.embedder import DIMENSIONS, Embedder
from cis_tui.memory.queries import Query
from cis_tui.memory.records import Domain, MemoryWrite
from cis_tui.memory.service import MemoryService
from tests.conftest import ROOT

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]
ROUNDS = 40
NODE = "did:key:z6MkBench"
_BEGINNINGS = ("ka", "to", "mi", "ren", "sol", "ba", "du", "ze", "li", "por")
_ENDS = ("ra", "ne", "vi", "os", "um", "ta", "el", "in", "ak", "gu")
_MORE = ("", "s", "ton", "mer", "ly", "x", "dor", "na", "ck", "pe", "fa", "ro", "th", "ben", "q", "wi", "lo", "za")
WORDS = [begin + end + more for begin in _BEGINNINGS for end in _ENDS for more in _MORE]
WEIGHTS = [1 / (place + 3) for place in range(len(WORDS))]
"""Few words are in most texts, and most words in few, as in any language."""


def text(chance: random.Random, words: int) -> str:
    """So many words."""
    return " ".join(chance.choices(WORDS, WEIGHTS, k=words))


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[Embedder]:
    """Vectors by chance, at once."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    embedder = Embedder(module="tests.bench.random_vectors")
    embedder.ready(20)
    yield embedder
    embedder.close()


def middle(call: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """The medians of two calls in milliseconds; they take turns, so that a busy machine is busy for both."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for each, kept in zip((call, other), times, strict=True):
            began = perf_counter()
            each()
            kept.append((perf_counter() - began) * 1000)
    return statistics.median(times[0]), statistics.median(times[1])


@pytest.mark.parametrize(("entries", "limit"), [(10_000, 60.0), (100_000, 5.0)])
def test_a_search_beside_numpy(tmp_path: Path, model: Embedder, entries: int, limit: float) -> None:
    home, chance = Home(tmp_path / "memory").ensure(), random.Random(3)
    service = MemoryService(home, node=NODE, embedder=model)
    service.set_many(
        MemoryWrite(f"p{chance.randint(0, 99)}/{number}", text(chance, chance.randint(8, 30)), Domain.PUBLIC)
        for number in range(entries)
    )
    while service.searcher.index_some(Domain.PUBLIC, 2048):
        pass
    service.close()

    service = MemoryService(home, node=NODE, embedder=model)
    began = perf_counter()
    service.list("p1/", limit=10)
    usable = perf_counter() - began
    result = service.search(Query("karas"), embed_waiting=False)
    by_meaning = perf_counter() - began
    assert (result.semantic, result.waiting) == ("", 0)

    vectors = numpy.random.default_rng(1).standard_normal((entries, DIMENSIONS)).astype(numpy.float32)
    search, product = middle(
        lambda: service.search(Query(text(chance, 6)), embed_waiting=False),
        lambda: numpy.argpartition(-(vectors @ vectors[chance.randrange(entries)]), 10)[:10],
    )
    print(
        f"\n{entries} entries: search {search:.1f} ms, numpy {product:.1f} ms: {search / product:.1f}x;"
        f" opened in {usable * 1000:.0f} ms, by meaning after {by_meaning:.1f} s; load {os.getloadavg()[0]:.1f}"
    )
    service.close()
    assert search / product < limit
    assert by_meaning < 5.0 * max(product / 10.0, 1.0) or entries < 100_000
