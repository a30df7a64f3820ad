"""The index on the disk of public vectors: it finds what the exact search finds, and mends itself."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import numpy
import pytest

from cis_tui.core.paths import Home
from cis_tui.memory.child import ChildFailed
from cis_tui.memory.chroma import ChromaIndex
from cis_tui.memory.embedder import DIMENSIONS, Embedder
from cis_tui.memory.queries import Query
from cis_tui.memory.records import MemoryWrite
from cis_tui.memory.service import MemoryService
from tests.conftest import ROOT
from tests.memory.support import NODE, PUBLIC, SetClock, files_below

W46, W47 = "2026-W46", "2026-W47"
_SOME = numpy.random.default_rng(5).standard_normal((700, DIMENSIONS)).astype(numpy.float32)
MANY = _SOME / numpy.linalg.norm(_SOME, axis=1, keepdims=True)
WANTED = {(W46 if row < 300 else W47, row): row for row in range(700)}


@contextmanager
def opened(folder: Path) -> Generator[ChromaIndex]:
    """An index that is used however few vectors there are."""
    index = ChromaIndex(folder, least=1)
    try:
        yield index
    finally:
        index.close()


def fill(index: ChromaIndex, wanted: dict[tuple[str, int], int] = WANTED) -> int:
    """Let it follow to the end; the steps that it took."""
    steps = 1
    while index.follow(wanted, MANY):
        steps += 1
    assert index.failure == ""
    assert index.current
    return steps


def exact(question: int, wanted: dict[tuple[str, int], int] = WANTED) -> list[tuple[str, int]]:
    """What is nearest, exactly."""
    scores = MANY @ MANY[question]
    return sorted(wanted, key=lambda spot: -float(scores[wanted[spot]]))[:10]


def near(index: ChromaIndex, question: int) -> list[tuple[str, int]]:
    """What the index finds."""
    found = index.nearest(MANY[question], 10)
    assert found is not None
    assert [cosine for _, cosine in found] == sorted((cosine for _, cosine in found), reverse=True)
    return [spot for spot, _ in found]


def test_it_finds_what_the_exact_search_finds_and_survives_its_process(tmp_path: Path) -> None:
    folder = tmp_path / "index" / "chroma"
    with opened(folder) as index:
        assert index.nearest(MANY[0], 10) is None
        fill(index)
        hits = sum(len(set(near(index, row)) & set(exact(row))) for row in range(0, 700, 70))
        assert hits >= 95
        with opened(folder) as other:
            assert not other.follow(WANTED, MANY)
            assert "another process" in other.failure
    with opened(folder) as again:
        assert fill(again) == 1
        assert near(again, 650)[0] == (W47, 650)


def test_what_is_gone_is_not_found(tmp_path: Path) -> None:
    with opened(tmp_path / "chroma") as index:
        fill(index)
        left = {spot: row for spot, row in WANTED.items() if spot[0] == W47 and row != 650}
        fill(index, left)
        assert (W47, 650) not in near(index, 650)
        assert {week for week, _ in near(index, 10)} == {W47}
        fill(index)
        assert near(index, 650)[0] == (W47, 650)


@pytest.mark.parametrize("harm", ["gone", "garbage", "segment"])
def test_a_broken_one_is_made_anew(tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "chroma"
    with opened(folder) as index:
        fill(index)
    if harm == "gone":
        shutil.rmtree(folder)
    elif harm == "garbage":
        (folder / "chroma.sqlite3").write_bytes(os.urandom(4096))
    else:
        for path in folder.glob("*/*"):
            path.write_bytes(b"garbage")
    with opened(folder) as index:
        fill(index)
        assert near(index, 650)[0] == (W47, 650)


def test_few_vectors_are_left_to_the_exact_search(tmp_path: Path) -> None:
    index = ChromaIndex(tmp_path / "chroma", least=701)
    assert not index.follow(WANTED, MANY)
    assert index.nearest(MANY[0], 10) is None
    assert not (tmp_path / "chroma").exists()
    index.close()


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Generator[Embedder]:
    """Vectors by chance: what is near does not matter here."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    embedder = Embedder(module="tests.bench.random_vectors")
    yield embedder
    embedder.close()


def test_search_uses_it_and_no_text_reaches_it(home: Home, model: Embedder) -> None:
    service = MemoryService(home, node=NODE, clock=SetClock(), embedder=model, vectors="chroma")
    try:
        service.set_many(MemoryWrite(f"zanzibar/{n}", f"the zeppelin number {n} has landed", PUBLIC) for n in range(60))
        while service.searcher.index_some(PUBLIC):
            pass
        question = "the zeppelin number 7 has landed"
        result = service.search(Query(question), embed_waiting=False)
        assert result.hits[0].item.key == "zanzibar/7"
        assert result.hits[0].parts.semantic > 0.99
        service.delete("zanzibar/7")
        assert "zanzibar/7" not in [hit.item.key for hit in service.search(Query(question), embed_waiting=False).hits]
    finally:
        service.close()
    files = files_below(home.memory / "index")
    assert any(path.name == "chroma.sqlite3" for path in files)
    for path in files:
        assert not path.stat().st_mode & 0o077 or path.parent != home.memory / "index"
        content = path.read_bytes().lower()
        assert b"zeppelin" not in content
        assert b"zanzibar" not in content


def test_when_its_process_dies_the_exact_search_answers(tmp_path: Path) -> None:
    with opened(tmp_path / "chroma") as index:
        fill(index)
        child = index._child._process  # type: ignore[reportPrivateUsage]
        assert child is not None
        child.send_signal(signal.SIGKILL)
        child.wait()
        found = index.nearest(MANY[650], 10)
        assert found is None or found[0][0] == (W47, 650)


def test_a_question_that_it_does_not_know(tmp_path: Path) -> None:
    with opened(tmp_path / "chroma") as index, pytest.raises(ChildFailed, match="unknown"):
        index._ask({"do": "dance"})  # type: ignore[reportPrivateUsage]
