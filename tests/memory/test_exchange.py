"""What other nodes are given of public memory: every newest version once, whatever became of the files meanwhile."""

from __future__ import annotations

import pytest

from cis_tui.core.errors import Invalid
from cis_tui.core.paths import Home
from cis_tui.memory.database import Database
from cis_tui.memory.dots import Dot
from cis_tui.memory.exchange import Exchange, Standing
from cis_tui.memory.records import MemoryRecord, MemoryWrite
from cis_tui.memory.service import MemoryService
from tests.memory.support import MONDAY, NODE, PRIVATE, PUBLIC, WEEK, SetClock, memory, put

ALL = ("",)


def given(exchange: Exchange, mark: str = "", *prefixes: str, limit: int = 100) -> tuple[list[str], str]:
    """The keys that are offered after `mark`, and the mark at the end."""
    keys: list[str] = []
    while True:
        page = exchange.page(mark, prefixes or ALL, limit=limit)
        keys += [offer.key for offer in page.offers]
        mark = page.next
        if not page.more:
            return keys, mark


def all_records(service: MemoryService) -> list[MemoryRecord]:
    return list(service.exchange.records([offer.dot for offer in service.exchange.page("", ALL).offers]))


def test_every_write_has_the_next_dot_of_its_log(home: Home) -> None:
    with memory(home) as service:
        put(service, "a", "1", PUBLIC)
        service.set_many([MemoryWrite("b", "2", PUBLIC), MemoryWrite("c", "3", PRIVATE), MemoryWrite("d", "4", PUBLIC)])
        service.delete("b")
        records = all_records(service)
        assert [(record.key, record.value, record.seq) for record in records] == [
            ("a", "1", 1),
            ("d", "4", 3),
            ("b", None, 4),
        ]
        assert len({record.epoch for record in records}) == 1
        assert all(record.origin == NODE and record.signature is None for record in records)


def test_a_catalogue_that_is_overwritten_meanwhile_is_named(home: Home) -> None:
    with memory(home) as service:
        for number in range(50):
            put(service, f"key/{number}", "x" * 300, PUBLIC)
        given(service.exchange)
        (catalogue,) = home.memory.glob("public/catalogue-*.db")
        catalogue.write_bytes(bytes(catalogue.stat().st_size))
        with pytest.raises(Invalid) as caught:
            for _ in range(2):
                service.list()
                given(service.exchange)
        assert caught.value.code == "CIS-MEM-032" and str(catalogue) in caught.value.message
        assert "cis doctor" in caught.value.hint


def test_a_mark_is_followed_by_what_came_after_it(home: Home) -> None:
    with memory(home) as service:
        assert given(service.exchange) == ([], "")
        put(service, "a", "1", PUBLIC)
        put(service, "b", "1", PUBLIC)
        keys, mark = given(service.exchange)
        assert keys == ["a", "b"]
        assert given(service.exchange, mark) == ([], mark)
        put(service, "a", "2", PUBLIC)
        put(service, "x/c", "1", PUBLIC)
        assert given(service.exchange, mark)[0] == ["a", "x/c"]
        assert given(service.exchange, limit=1)[0] == ["b", "a", "x/c"], "what is superseded is not given"
        assert given(service.exchange, "", "x/")[0] == ["x/c"]
        assert given(service.exchange, mark, "x/")[0] == ["x/c"], "the mark was of another scope"
        for nonsense in ("x", "....", mark + "1", mark.replace(".", ".9"), "\0", "9" * 40):
            assert given(service.exchange, nonsense)[0] == ["b", "a", "x/c"]


def test_nothing_private_or_sensitive_is_offered(home: Home) -> None:
    with memory(home) as service:
        service.set(MemoryWrite("team/password", "planted", PUBLIC))
        put(service, "own", "planted", PRIVATE)
        put(service, "moved", "fine", PUBLIC)
        put(service, "moved", "planted", PRIVATE)
        assert [(record.key, record.value) for record in all_records(service)] == [("moved", None)]
        guess = [Dot(NODE, record.epoch, seq, record.hlc) for record in all_records(service) for seq in range(9)]
        assert [record.key for record in service.exchange.records(guess)] == ["moved"]


def test_a_dot_goes_with_its_version_into_later_logs_and_archives(home: Home) -> None:
    clock = SetClock(MONDAY)
    with memory(home, clock) as service:
        put(service, "project/lasts", "1", PUBLIC)
        put(service, "tmp/noise", "2", PUBLIC)
        before, mark = all_records(service), given(service.exchange)[1]
        clock.now += 6 * WEEK
        (report,) = service.archive()
        assert (report.carried, report.entries) == (1, 1)
        assert all_records(service) == before
        assert given(service.exchange, mark)[0] == [], "nothing is news"
        new = put(service, "other", "3", PUBLIC)
        assert next(each.seq for each in all_records(service) if each.hlc > before[-1].hlc) == 1, new
        for path in (home.memory / "public").glob("catalogue-*"):
            path.unlink()
    with memory(home, clock) as service:
        assert sorted(all_records(service), key=lambda each: each.hlc)[:2] == before
        assert len(given(service.exchange, mark)[0]) == 3, "a new catalogue begins anew"


def test_a_log_that_is_begun_anew_gives_no_dot_again(home: Home) -> None:
    with memory(home) as service:
        put(service, "a", "1", PUBLIC)
        (first,) = all_records(service)
        for path in (home.memory / "public").iterdir():
            path.unlink()
        put(service, "b", "1", PUBLIC)
        (second,) = all_records(service)
        assert (second.seq, second.epoch == first.epoch) == (1, False)


def test_what_was_public_before_there_were_dots_gets_them_once(home: Home) -> None:
    with memory(home) as service:
        put(service, "a", "1", PUBLIC)
        put(service, "b", "1", PUBLIC)
    path = home.memory / "public" / "memory-2026-W47.db"
    log = Database(path)
    for column in ("epoch", "seq", "signature"):
        log.run(f"ALTER TABLE log_entries DROP COLUMN {column}")
    log.run("PRAGMA application_id=0")
    log.run("PRAGMA user_version=2")
    log.close()
    for catalogue in (home.memory / "public").glob("catalogue-*"):
        catalogue.unlink()
    with memory(home) as service:
        assert given(service.exchange)[0] == []
        assert service.dot_old() == 2
        assert service.dot_old() == 0
        put(service, "c", "1", PUBLIC)
        assert [(record.key, record.seq) for record in all_records(service)] == [("a", 1), ("b", 2), ("c", 3)]


def test_what_was_merged_keeps_dot_and_signature_and_is_lacking_no_more(home: Home) -> None:
    dot = Dot("did:key:z6MkOther", "0badcafe", 7, int(MONDAY * 1000) << 16)
    with memory(home) as service:
        assert service.exchange.lacking([dot]) == [dot]
        put(service, "mine", "1", PUBLIC)
        (mine,) = all_records(service)
        theirs = MemoryRecord(
            "note", b"\xff", "general", mine.index_type, {dot.origin: 1}, dot.origin, dot.hlc,
            epoch=dot.epoch, seq=dot.seq, signature=b"s" * 64,
        )  # fmt: skip
        assert service.merge([theirs]).added == 1
        assert service.exchange.lacking([dot, dot._replace(seq=8), dot._replace(hlc=1)]) == [
            dot._replace(seq=8),
            dot._replace(hlc=1),
        ]
        assert all_records(service) == [mine, theirs]


def test_how_far_peers_have_come_goes_with_the_catalogue(home: Home) -> None:
    standing = Standing("theirs", "ours", "scope")
    with memory(home) as service:
        service.exchange.note("did:key:b", heard="theirs", told="ours", scope="scope")
        assert service.exchange.standing("did:key:b") == Standing(), "there is no memory yet"
        put(service, "a", "1", PUBLIC)
        before = service.exchange.changes()
        put(service, "a", "2", PUBLIC)
        assert service.exchange.changes() != before
        service.exchange.note("did:key:b", heard="theirs", told="ours", scope="scope")
        assert service.exchange.standing("did:key:b") == standing
        service.exchange.forget("did:key:c")
        assert service.exchange.standing("did:key:b") == standing
        service.exchange.forget()
        assert service.exchange.standing("did:key:b") == Standing("", "ours", "scope")
