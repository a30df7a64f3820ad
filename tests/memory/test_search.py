"""Search by words and by meaning, with the real model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cis_tui.core.errors import CisError
from cis_tui.core.paths import Home
from cis_tui.memory.database import Database
from cis_tui.memory.embedder import MODEL, Embedder
from cis_tui.memory.keeper import IndexKeeper
from cis_tui.memory.queries import Hit, Query, SearchResult
from cis_tui.memory.records import Domain, IndexType, MemoryWrite
from cis_tui.memory.service import MemoryService
from tests.memory.support import NODE, PRIVATE, PUBLIC, SetClock, files_below, put, until


@pytest.fixture(scope="module")
def model() -> Iterator[Embedder]:
    """The model, loaded once."""
    embedder = Embedder()
    yield embedder
    embedder.close()


@contextmanager
def searchable(home: Home, model: Embedder, clock: SetClock | None = None) -> Generator[MemoryService]:
    """A service that uses the loaded model."""
    service = MemoryService(home, node=NODE, clock=clock or SetClock(), embedder=model)
    try:
        yield service
    finally:
        service.close()


@pytest.fixture
def service(home: Home, model: Embedder) -> Iterator[MemoryService]:
    with searchable(home, model) as service:
        yield service


def find(service: MemoryService, text: str, **options: object) -> SearchResult:
    """What a search gives."""
    return service.search(Query(text, **options))  # type: ignore[arg-type]


def keys(result: SearchResult) -> list[str]:
    """The keys of the hits, best first."""
    return [hit.item.key for hit in result.hits]


def best(service: MemoryService, text: str, **options: object) -> Hit:
    """The first hit."""
    return find(service, text, **options).hits[0]


def fill(service: MemoryService) -> None:
    """A few things that a person would remember."""
    put(service, "user/editor", "I like dark mode in every editor")
    put(service, "user/food", "my favourite dish is ramen with egg", PUBLIC)
    put(service, "project/build", "we compile with ninja and cmake")
    put(service, "travel/kyoto", "the train to Kyoto leaves at nine in the morning", PUBLIC)


def test_what_shares_no_word_is_found_by_meaning(service: MemoryService) -> None:
    fill(service)
    hit = best(service, "which meal do I enjoy most?")
    assert hit.item.key == "user/food"
    assert hit.parts.lexical == 0
    assert hit.parts.semantic > 0.3
    assert best(service, "colour scheme").item.key == "user/editor"


def test_words_are_found_in_any_form_and_marked(service: MemoryService) -> None:
    fill(service)
    hit = best(service, "compiling")
    assert hit.item.key == "project/build"
    assert [hit.snippet[start:end] for start, end in hit.marks] == ["compile"]
    assert "compile" in hit.why


def test_the_words_of_a_key_count(service: MemoryService) -> None:
    fill(service)
    put(service, "servers/backupHost", "10.0.0.7")
    assert best(service, "backup host").item.key == "servers/backupHost"
    assert best(service, "servers/backupHost").item.key == "servers/backupHost"


def test_text_without_spaces_is_found_by_a_part(service: MemoryService) -> None:
    fill(service)
    put(service, "travel/note", "明日は東京タワーに行きます")
    hit = best(service, "東京")
    assert hit.item.key == "travel/note"
    assert [hit.snippet[start:end] for start, end in hit.marks] == ["東京"]


@pytest.mark.parametrize(
    "text", ["", "   ", "?!*", 'a" OR "b', "NEAR(x", "the of and", "\0", "x" * 100_000, "-NOT ^col:"]
)
def test_any_question_is_answered(service: MemoryService, text: str) -> None:
    fill(service)
    assert isinstance(find(service, text), SearchResult)


def test_an_empty_memory_finds_nothing(service: MemoryService) -> None:
    assert find(service, "anything") == SearchResult(())


def test_what_changed_is_found_as_it_is_now(service: MemoryService) -> None:
    fill(service)
    assert best(service, "dark").item.key == "user/editor"
    put(service, "user/editor", "bright yellow paper")
    assert all(hit.parts.lexical == 0 for hit in find(service, "dark mode").hits)
    assert best(service, "yellow").item.value == "bright yellow paper"
    service.delete("user/editor")
    assert "user/editor" not in keys(find(service, "yellow paper"))


def test_an_entry_that_moves_is_found_where_it_is(service: MemoryService) -> None:
    fill(service)
    put(service, "user/food", "my favourite dish is ramen with egg", PRIVATE)
    hits = [hit for hit in find(service, "ramen").hits if hit.item.key == "user/food"]
    assert [hit.item.domain for hit in hits] == [PRIVATE]
    assert "user/food" not in keys(find(service, "ramen", domain=PUBLIC))


def test_filters(service: MemoryService) -> None:
    fill(service)
    service.set(MemoryWrite("user/pet", "a cat that likes to eat ramen", category="pets"))
    assert keys(find(service, "ramen", category="pets")) == ["user/pet"]
    assert set(keys(find(service, "ramen", prefix="user/"))) <= {"user/food", "user/pet", "user/editor"}
    assert keys(find(service, "ramen", domain=PUBLIC))[0] == "user/food"
    assert keys(find(service, "ramen", index_type=IndexType.PROJECT_CONFIG)) in ([], ["project/build"])
    assert len(find(service, "ramen train dark compile", limit=2).hits) == 2


def test_sensitive_values_are_nowhere_and_their_keys_only_in_private(service: MemoryService, home: Home) -> None:
    fill(service)
    put(service, "bank/password", "correct horse battery")
    put(service, "shop/password", "staple giraffe", PUBLIC)
    assert [hit.item.value for hit in find(service, "bank password").hits if hit.item.key == "bank/password"] == [""]
    assert all(hit.parts.lexical == 0 for hit in find(service, "horse giraffe").hits)
    assert "shop/password" not in keys(find(service, "shop"))
    assert not {"bank/password", "shop/password"} & set(keys(find(service, "animals and energy")))


def test_nothing_private_is_in_clear_on_the_disk(home: Home, model: Embedder) -> None:
    with searchable(home, model) as service:
        put(service, "diary/zanzibar", "the zeppelin landed in quagmire")
        find(service, "zeppelin")
        find(service, "airship")
        put(service, "diary/zanzibar", "nothing any more")
        find(service, "zeppelin")
        for path in files_below(home.root):
            content = path.read_bytes().lower()
            assert not [word for word in (b"zanzibar", b"zeppelin", b"quagmire") if word in content], path


def test_deleted_words_and_vectors_leave_the_disk(home: Home, model: Embedder) -> None:
    with searchable(home, model) as service:
        put(service, "note/one", "the zeppelin landed", PUBLIC)
        find(service, "airship")
        service.delete("note/one")
        find(service, "airship")
        service.searcher.index_some(PUBLIC)
    index = next(home.memory.glob("public/words-*.db"))
    assert b"zeppelin" not in index.read_bytes().lower()
    log = Database(next(home.memory.glob("public/memory-*.db")))
    assert log.value("SELECT count(*) FROM vectors") == 0
    log.close()


def test_use_helps_of_two_that_fit_alike_and_being_shown_does_not(home: Home, model: Embedder) -> None:
    clock = SetClock()
    with searchable(home, model, clock) as service:
        put(service, "a/one", "the printer is on the second floor")
        clock.now += 86400
        put(service, "a/two", "the printer is on the second floor")
        for _ in range(5):
            assert keys(find(service, "printer"))[0] == "a/two"  # newer
            clock.now += 10
        for _ in range(20):
            service.get("a/one")
        hit = best(service, "printer")
        assert hit.item.key == "a/one"
        assert 0.07 < hit.parts.access < 0.09
        assert hit.item.access_count >= 25


def test_being_shown_counts_as_fetched(service: MemoryService) -> None:
    fill(service)
    find(service, "ramen")
    item = best(service, "ramen").item
    assert (item.access_count, item.uses) == (1, 0)
    assert item.last_accessed_at is not None


def test_bytes_and_passing_things_are_found_by_words_only(service: MemoryService) -> None:
    fill(service)
    put(service, "tmp/scratch", "a passing thought about zebras")
    put(service, "files/zebra", b"\xff\xfe\x00")
    found = {hit.item.key: hit.parts.semantic for hit in find(service, "zebra").hits if hit.parts.lexical}
    assert found == {"tmp/scratch": 0, "files/zebra": 0}


def test_two_processes_share_the_index(home: Home, model: Embedder) -> None:
    with searchable(home, model) as one, searchable(home, model) as other:
        fill(one)
        assert best(other, "ramen").item.key == "user/food"
        put(other, "user/drink", "green tea without sugar", PUBLIC)
        assert best(one, "green tea").item.key == "user/drink"
        other.delete("user/food")
        assert "user/food" not in keys(find(one, "ramen"))


def test_locked_private_memory_is_left_out(home: Home, model: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIS_PASSPHRASE", "open sesame")
    with searchable(home, model) as service:
        fill(service)
    monkeypatch.delenv("CIS_PASSPHRASE")
    with searchable(home, model) as service:
        result = find(service, "ramen editor")
        assert keys(result)[0] == "user/food"
        assert "locked" in result.locked
        with pytest.raises(CisError, match="locked"):
            find(service, "editor", domain=PRIVATE)


def test_without_the_model_words_are_searched_and_it_is_said(home: Home) -> None:
    broken = Embedder(module="tests.memory.no_such_module")
    with searchable(home, broken) as service:
        fill(service)
        result = find(service, "ramen")
        assert keys(result) == ["user/food"]
        assert result.semantic == "its process has ended"
        assert result.hits[0].parts.semantic == 0
    broken.close()


def test_a_search_does_not_wait_longer_for_the_model_than_it_is_told(home: Home) -> None:
    slow = Embedder()
    with searchable(home, slow) as service:
        fill(service)
        result = find(service, "ramen", patience=0.0)
        assert keys(result) == ["user/food"]
        assert result.semantic == "the model is being loaded"
        until(lambda: slow.ready(0))
        assert find(service, "meal").semantic == ""
    slow.close()


def test_many_new_entries_are_counted_and_left_to_the_indexer(service: MemoryService) -> None:
    service.set_many(MemoryWrite(f"n/{number}", f"thing number {number} of many") for number in range(70))
    result = find(service, "thing")
    assert result.waiting == 70
    assert result.hits[0].parts.semantic == 0
    while service.searcher.index_some(PRIVATE):
        pass
    result = find(service, "thing")
    assert result.waiting == 0
    assert result.hits[0].parts.semantic > 0


def test_the_keeper_indexes_what_is_written(service: MemoryService) -> None:
    keeper = IndexKeeper(service, first_seconds=0, settle_seconds=0.01, patrol_seconds=0.05)
    keeper.start()
    try:
        fill(service)
        keeper.wake()
        until(
            lambda: [(each.meant, each.waiting) for each in service.searcher.status().domains.values()] == [(2, 0)] * 2
        )
        assert service.search(Query("which meal do I enjoy"), embed_waiting=False).hits[0].item.key == "user/food"
    finally:
        keeper.close()


def test_vectors_of_another_model_are_made_anew(home: Home, model: Embedder) -> None:
    with searchable(home, model) as service:
        fill(service)
        find(service, "meal")
    log = Database(next(home.memory.glob("public/memory-*.db")), durable=True)
    log.run("UPDATE vectors SET model = 'older', vector = zeroblob(768)")
    log.close()
    with searchable(home, model) as service:
        assert service.searcher.status().domains["public"].waiting == 2
        assert best(service, "which meal do I enjoy most").item.key == "user/food"
    log = Database(next(home.memory.glob("public/memory-*.db")))
    assert log.all("SELECT DISTINCT model FROM vectors") == [(MODEL,)]
    log.close()


@pytest.mark.parametrize("harm", ["missing", "garbage", "half"])
def test_a_lost_or_damaged_index_is_made_anew(home: Home, model: Embedder, harm: str) -> None:
    with searchable(home, model) as service:
        fill(service)
        find(service, "meal")
    for path in home.memory.glob("*/words-*.db"):
        if harm == "missing":
            path.unlink()
        elif harm == "garbage":
            path.write_bytes(os.urandom(8192))
        else:
            path.write_bytes(path.read_bytes()[:5000])
    with searchable(home, model) as service:
        assert best(service, "which meal do I enjoy most").item.key == "user/food"
        assert best(service, "cmake").item.key == "project/build"
        assert len(list(home.memory.glob("*/words-*.db"))) == 2


def test_reindex_says_what_was_wrong_and_mends_it(home: Home, model: Embedder) -> None:
    with searchable(home, model) as service:
        fill(service)
        find(service, "meal")
        assert service.reindex() == []
        while any(service.searcher.index_some(domain) for domain in Domain):
            pass
    index = Database(next(home.memory.glob("public/words-*.db")), durable=True)
    index.run("DELETE FROM docs")
    index.close()
    with searchable(home, model) as service:
        assert "lost entries" in service.searcher.problems()[-1]
        assert service.reindex() == [
            "the full text index of public memory has lost entries: cis memory reindex makes it anew"
        ]
        assert best(service, "which meal do I enjoy most").item.key == "user/food"


_SEALED = """
from cis_tui.memory.embedder import Embedder
embedder = Embedder()
embedder.embed(["a private thought"])
embedder.close()
"""


def test_the_model_writes_nothing_anywhere(tmp_path: Path) -> None:
    home, temporary = tmp_path / "user", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    names = ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")
    env = {**os.environ, **dict.fromkeys(names, str(home)), "TMPDIR": str(temporary)}
    env.pop("CI", None)  # the run time is quiet by itself on such a machine
    subprocess.run([sys.executable, "-c", _SEALED], env=env, check=True, timeout=60)
    assert files_below(tmp_path) == []
