"""`cis memory search` and `reindex`, with and without a live engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cis_tui.cli.finding import tell
from cis_tui.core.paths import Home
from cis_tui.memory.queries import SearchResult
from tests.cli.support import cis
from tests.conftest import seal


@pytest.fixture(scope="module", params=["files", "engine"])
def stocked(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder with the home of a memory of a few entries, reached either way; the tests only look at it."""
    folder = tmp_path_factory.mktemp("stocked")
    with pytest.MonkeyPatch.context() as patch:
        seal(folder, patch)
        if request.param == "engine":
            assert cis("engine", "start").code == 0
        cis("memory", "set", "user/editor", "I like dark mode in every editor")
        cis("memory", "set", "user/food", "my favourite dish is ramen", "--domain", "public")
        cis("memory", "set", "user/api-key", "abc123")
        cis("memory", "reindex")
        yield folder
        if request.param == "engine":
            assert cis("engine", "stop").code == 0


@pytest.fixture
def memory(stocked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That memory is the one of this test."""
    seal(stocked, monkeypatch)


def test_the_best_comes_first_with_its_parts(memory: None) -> None:
    lines = cis("memory", "search", "which meal do I enjoy?").out.splitlines()
    assert lines[0].split() == ["1", "user/food", lines[0].split()[2], "public"]
    assert lines[1].strip() == "my favourite dish is ramen"
    assert lines[2].count("meaning 0.") == 1


def test_json_has_the_fields_of_an_item_and_of_a_hit(memory: None) -> None:
    hits = json.loads(cis("memory", "search", "ramen", "--json", "--limit", "1").out)
    assert [hit["key"] for hit in hits] == ["user/food"]
    assert hits[0]["value"] == "my favourite dish is ramen"
    assert set(hits[0]["parts"]) == {"semantic", "lexical", "access", "recency"}
    assert hits[0]["score"] > 0.5
    start, end = hits[0]["marks"][0]
    assert hits[0]["snippet"][start:end] == "ramen"


def test_a_secret_is_found_by_its_key_and_not_shown(memory: None) -> None:
    done = cis("memory", "search", "api key", "--json")
    assert json.loads(done.out)[0]["key"] == "user/api-key"
    assert json.loads(done.out)[0]["value"] is None
    assert "abc123" not in done.out + cis("memory", "search", "api key").out


def test_filters_and_nothing_found(memory: None) -> None:
    assert json.loads(cis("memory", "search", "ramen", "--domain", "private", "--prefix", "x/", "--json").out) == []
    done = cis("memory", "search", "ramen", "--category", "none")
    assert (done.out, done.err.strip()) == ("", "nothing fits")
    assert cis("memory", "search", "ramen", "--type", "Nonsense").code == 2


def test_reindex_tells_how_far_it_is(memory: None) -> None:
    done = cis("memory", "reindex")
    assert done.out == ""
    assert "3 entries indexed" in done.err
    report = json.loads(cis("memory", "reindex", "--json").out)
    assert report["problems"] == []
    assert report["domains"]["private"] == {"entries": 2, "behind": 0, "meant": 1, "waiting": 0}


@pytest.mark.parametrize("question", ["", "  \t"])
def test_an_empty_question_is_a_wrong_call(memory: None, question: str) -> None:
    done = cis("memory", "search", question)
    assert (done.code, done.out) == (2, "")
    assert "the question is empty" in done.err


def test_locked_private_memory_is_named_once_and_the_rest_searched(home: Home) -> None:
    cis("memory", "set", "own/food", "sushi", env={"CIS_PASSPHRASE": "open sesame"})
    cis("memory", "set", "user/food", "my favourite dish is ramen", "--domain", "public")
    done = cis("memory", "search", "which meal do I enjoy?")
    assert done.out.splitlines()[0].split()[1] == "user/food"
    assert done.err == "private memory is locked: it needs its passphrase; only public entries were searched\n"


def test_what_only_words_find_is_counted_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    for waiting in (1, 1200):
        tell(SearchResult((), waiting=waiting))
    one, many = capsys.readouterr().err.splitlines()
    assert one == "1 entry is found by words only as yet; cis memory reindex makes it ready"
    assert many == "1,200 entries are found by words only as yet; cis memory reindex makes them ready"
