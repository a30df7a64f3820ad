"""How well search finds, against its parts alone and against the usual fusion by ranks, with the same model and index.

Sets are folders in the form of BEIR (corpus.jsonl, queries.jsonl, qrels.tsv): those in the folder that
`CIS_RETRIEVAL_DATA` names, else in `../shared/data` beside the repository; and made-up conversations.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from cis_tui.core.paths import Home
from cis_tui.memory.domain_index import DomainIndex
from cis_tui.memory.embedder import Embedder
from cis_tui.memory.lexicon import Filters
from cis_tui.memory.queries import Query
from cis_tui.memory.ranking import reciprocal_ranks
from cis_tui.memory.reader import Reader
from cis_tui.memory.records import Domain, MemoryWrite
from cis_tui.memory.service import MemoryService
from cis_tui.memory.vault import Vault
from cis_tui.memory.wording import terms_of
from tests.bench.conversations import Retrieval, conversations
from tests.conftest import ROOT

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]
DATA = Path(os.environ.get("CIS_RETRIEVAL_DATA") or ROOT.parent / "shared" / "data")
DEPTH = 10
Engine = Callable[[str], Sequence[str]]
Measures = tuple[float, float]
"""nDCG and recall at 10."""


def folders() -> list[Path]:
    """The sets that are there."""
    return sorted(path.parent for path in DATA.glob("*/corpus.jsonl"))


def read_set(folder: Path) -> Retrieval:
    """A set in the form of BEIR."""
    relevant: dict[str, dict[str, float]] = {}
    for line in (folder / "qrels.tsv").read_text("utf-8").splitlines():
        question, document, grade = line.split("\t")[:3]
        if grade.replace(".", "", 1).lstrip("-").isdecimal() and float(grade) > 0:
            relevant.setdefault(question, {})[document] = float(grade)
    lines = [json.loads(line) for line in (folder / "corpus.jsonl").read_text("utf-8").splitlines()]
    texts = {line["_id"]: f"{line.get('title') or ''} {line['text']}".strip() for line in lines}
    asked = [json.loads(line) for line in (folder / "queries.jsonl").read_text("utf-8").splitlines()]
    questions = {line["_id"]: line["text"] for line in asked if line["_id"] in relevant}
    return Retrieval(folder.name, texts, questions, relevant)


def ndcg(found: Sequence[str], relevant: Mapping[str, float]) -> float:
    """Normalised discounted cumulative gain at 10."""
    gain = sum(relevant.get(key, 0.0) / math.log2(place + 2) for place, key in enumerate(found[:DEPTH]))
    best = sorted(relevant.values(), reverse=True)[:DEPTH]
    return gain / sum(grade / math.log2(place + 2) for place, grade in enumerate(best))


def recall(found: Sequence[str], relevant: Mapping[str, float]) -> float:
    """The part of what is relevant that is among the first 10."""
    return len(set(found[:DEPTH]) & relevant.keys()) / len(relevant)


def measure(engine: Engine, data: Retrieval) -> Measures:
    """The means over the questions of a set."""
    pairs = [(engine(text), data.relevant[name]) for name, text in data.questions.items()]
    return (
        sum(ndcg(found, relevant) for found, relevant in pairs) / len(pairs),
        sum(recall(found, relevant) for found, relevant in pairs) / len(pairs),
    )


@pytest.fixture(scope="module")
def model() -> Iterator[Embedder]:
    """The model, loaded once."""
    embedder = Embedder()
    yield embedder
    embedder.close()


def engines(home: Home, service: MemoryService, model: Embedder) -> dict[str, Engine]:
    """Search as it is, each of its legs alone, and these fused by ranks; all over the index of public memory."""
    vault = Vault(home, Domain.PUBLIC)
    index = DomainIndex(vault, Reader({Domain.PUBLIC: vault, Domain.PRIVATE: Vault(home, Domain.PRIVATE)}, open_logs=4))

    def names(scores: Mapping[int, float]) -> list[str]:
        keys = {id: key for id, (_, key) in index.lexicon.docs(scores).items()}
        return [keys[id].removeprefix("set/") for id in sorted(scores, key=lambda each: -scores[each])]

    def words(text: str) -> list[str]:
        return names(index.lexicon.matches(terms_of(text), Filters(), 200))

    def meaning(text: str) -> list[str]:
        return names(index.load_vectors().nearest(model.embed([text])[0], 200))

    def ours(text: str) -> list[str]:
        hits = service.search(Query(text, DEPTH, Domain.PUBLIC)).hits
        return [hit.item.key.removeprefix("set/") for hit in hits]

    def ranks(text: str) -> list[str]:
        return reciprocal_ranks([words(text), meaning(text)])

    return {"ours": ours, "words alone": words, "meaning alone": meaning, "rank fusion": ranks}


def results(home: Home, data: Retrieval, model: Embedder) -> dict[str, Measures]:
    """What each engine reaches on a set, which is written, indexed and asked through the service."""
    service = MemoryService(home, node="did:key:z6MkBench", embedder=model)
    try:
        service.set_many(MemoryWrite(f"set/{name}", text, Domain.PUBLIC) for name, text in data.texts.items())
        while service.searcher.index_some(Domain.PUBLIC):
            pass
        return {name: measure(engine, data) for name, engine in engines(home, service, model).items()}
    finally:
        service.close()


def test_search_finds_more_than_each_part_and_than_the_usual_fusion(tmp_path: Path, model: Embedder) -> None:
    sets = [*(read_set(folder) for folder in folders()), conversations()]
    found = {data.name: results(Home(tmp_path / data.name).ensure(), data, model) for data in sets}
    print()
    for name, by_engine in found.items():
        for engine, (gain, part) in by_engine.items():
            print(f"{name:<16} {engine:<14} nDCG@10 {gain:.3f}  recall@10 {part:.3f}")
    for measured in (0, 1):
        means = {
            engine: sum(by_engine[engine][measured] for by_engine in found.values()) / len(found)
            for engine in ("ours", "words alone", "meaning alone", "rank fusion")
        }
        assert max(means, key=lambda engine: means[engine]) == "ours", means
        for by_engine in found.values():
            assert by_engine["ours"][measured] >= by_engine["words alone"][measured]
