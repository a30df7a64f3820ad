"""What a person and a program may expect of set, get, delete, list and history."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pytest

from cis_tui.core.errors import Exit, Invalid, Unavailable
from cis_tui.core.paths import Home
from cis_tui.memory.records import MAX_KEY, MAX_VALUE, IndexType, MemoryWrite
from cis_tui.memory.service import MemoryService
from tests.memory.support import NODE, PRIVATE, PUBLIC, SetClock, keys_of, memory, put, value_of


def test_looking_at_an_empty_home_makes_nothing(home: Home) -> None:
    with memory(home) as service:
        assert service.get("nothing") is None
        assert service.list().total == 0
        assert service.history("nothing") == ()
        assert service.delete("nothing") is False
        assert service.counts() == {"private": 0, "public": 0}
        assert service.check() == []
    assert not (home.memory / "private").exists()
    assert not home.keys.exists()


def test_what_was_set_is_there_after_a_restart(home: Home) -> None:
    with memory(home) as service:
        item = put(service, "user/theme", "dark")
    assert (item.category, item.index_type, item.version) == ("user", IndexType.USER_PREFERENCE, {NODE: 1})
    with memory(home) as service:
        found = service.get("user/theme")
        assert found is not None
        assert (found.value, found.version, found.created_at, found.week) == (
            "dark",
            {NODE: 1},
            item.created_at,
            "2026-W47",
        )


def test_the_domain_is_chosen_as_the_contract_says(home: Home) -> None:
    with memory(home) as service:
        assert put(service, "note", "x").domain is PRIVATE
        assert put(service, "note/open", "x", PUBLIC).domain is PUBLIC
        assert service.set(MemoryWrite("team/x", "x"), default_domain=PUBLIC).domain is PUBLIC
        assert service.set(MemoryWrite("team/api-key", "x"), default_domain=PUBLIC).domain is PRIVATE
        assert put(service, "demo/api-key", "not real", PUBLIC).domain is PUBLIC
        assert put(service, "note/open", "y").domain is PUBLIC, "a key stays where it is"
        assert service.set(MemoryWrite("note", "y"), default_domain=PUBLIC).domain is PRIVATE
        assert put(service, "demo/api-key", "real").domain is PRIVATE, "a secret does not stay in public by habit"


def test_a_key_has_one_current_version_after_a_move(home: Home) -> None:
    with memory(home) as service:
        put(service, "note", "one", PUBLIC)
        put(service, "note", "two", PRIVATE)
        assert keys_of(service) == ["note"]
        assert keys_of(service, domain=PUBLIC) == []
        put(service, "note", "three", PUBLIC)
        assert keys_of(service, domain=PRIVATE) == []
        assert value_of(service, "note") == "three"
        assert service.counts() == {"private": 0, "public": 1}
        assert [(item.value, item.domain) for item in service.history("note")] == [
            ("three", PUBLIC),
            ("two", PRIVATE),
            ("one", PUBLIC),
        ]
        assert service.delete("note")
        assert service.get("note") is None
    with memory(home) as service:
        assert service.get("note") is None
        assert service.list().total == 0


def test_a_deletion_keeps_the_history(home: Home) -> None:
    with memory(home) as service:
        put(service, "note", "one")
        put(service, "note", "two")
        assert service.delete("note") is True
        assert service.delete("note") is False
        put(service, "note", "three")
        history = service.history("note")
    assert [(item.value, item.deleted) for item in history] == [
        ("three", False),
        ("", True),
        ("two", False),
        ("one", False),
    ]
    assert [item.version[NODE] for item in history] == [4, 3, 2, 1]
    assert not any(item.concurrent for item in history)


def test_a_listing_is_by_key_with_exact_prefixes_and_the_total(home: Home) -> None:
    names = ["a", "a%b", "a_b", "aXb", "a/1", "a/2", "b", "é/1", "日本", "\U0010ffff", "\U0010ffff\U0010ffff"]
    with memory(home) as service:
        for number, name in enumerate(names):
            put(service, name, str(number), PUBLIC if number % 2 else PRIVATE)
        assert keys_of(service) == sorted(names)
        for prefix in ("a", "a%", "a_", "a/", "é", "日", "\U0010ffff", "zzz", "A"):
            assert keys_of(service, prefix) == sorted(name for name in names if name.startswith(prefix))
        page = service.list("a", limit=2, offset=1)
        assert ([item.key for item in page.items], page.total) == (["a%b", "a/1"], 6)
        assert keys_of(service, domain=PUBLIC) == sorted(names[1::2])


@pytest.mark.parametrize(
    "key", ["", " a", "a ", "a\nb", "a\tb", "a\x00b", "a\x1b[31m", "a\u202eb", "\ud800", "k" * (MAX_KEY + 1), "é" * 257]
)
def test_what_cannot_be_a_key_is_refused_by_name(home: Home, key: str) -> None:
    with memory(home) as service:
        for attempt in (lambda: put(service, key, "x"), lambda: service.delete(key)):
            with pytest.raises(Invalid) as caught:
                attempt()
            assert caught.value.code == "CIS-MEM-001"
            assert caught.value.exit is Exit.INVALID
            assert len(caught.value.message) < 250


def test_the_longest_key_and_value_fit(home: Home) -> None:
    key = "é" * (MAX_KEY // 2)
    with memory(home) as service:
        put(service, key, b"\xff" * MAX_VALUE)
        assert value_of(service, key) == b"\xff" * MAX_VALUE
        for value in (b"\xff" * (MAX_VALUE + 1), "é" * (MAX_VALUE // 2 + 1), "\udcff"):
            with pytest.raises(Invalid, match="the value of k"):
                put(service, "k", value)
        with pytest.raises(Invalid, match="category"):
            service.set(MemoryWrite("k", "v", category="c\n"))


def test_values_come_back_as_they_were(home: Home) -> None:
    values: dict[str, str | bytes] = {
        "empty": "",
        "nul": "a\0b",
        "lines": "a\r\nb\n",
        "bytes": b"\x00\xff",
        "wide": "日本🎉",
    }
    with memory(home) as service:
        for key, value in values.items():
            put(service, key, value)
        put(service, "text", "é".encode())
    with memory(home) as service:
        assert {key: value_of(service, key) for key in values} == values
        assert value_of(service, "text") == "é", "bytes that are text are text"


def test_a_use_is_counted_and_written_down(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        put(service, "note", "x")
        clock.now += 60
        counts = [item.access_count for item in (service.get("note"), service.get("note"), service.get("note")) if item]
        assert counts == [1, 2, 3]
        listed = service.list().items[0]
        assert (listed.access_count, listed.last_accessed_at) == (3, clock.now)
    with memory(home, clock) as service:
        assert service.list().items[0].access_count == 3, "a listing counts nothing"
        found = service.get("note")
        assert found is not None and found.access_count == 4
        put(service, "note", "y")
        found = service.get("note")
        assert found is not None and found.access_count == 1, "a new version starts anew"


def test_uses_are_written_after_a_while_without_being_asked(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        put(service, "note", "x")
        for _ in range(100):
            service.get("note")
        clock.now += 5
        service.get("note")
        with memory(home) as other:
            seen = other.list().items[0]
            assert (seen.access_count, seen.uses) == (101, 101)


def test_buffered_writes_are_seen_by_every_read(home: Home) -> None:
    with memory(home) as service:
        put(service, "note", "old")
        service.set_nowait(MemoryWrite("note", "new"))
        assert value_of(service, "note") == "new"
        service.set_nowait(MemoryWrite("more", "x"))
        assert keys_of(service) == ["more", "note"]
        service.set_nowait(MemoryWrite("more", "y"))
        assert [item.value for item in service.history("more")] == ["y", "x"]
        service.set_nowait(MemoryWrite("third", "z"))
        assert service.counts() == {"private": 3, "public": 0}
        service.set_nowait(MemoryWrite("last", "z"))
        assert service.delete("last") is True


def test_closing_leaves_buffered_writes_durable_and_no_thread(home: Home) -> None:
    before = threading.active_count()
    with memory(home) as service:
        service.set_nowait(MemoryWrite("note", "x"))
        assert service.set_many(MemoryWrite(f"many/{number:04}", "v", PUBLIC) for number in range(250)) == 250
        service.set_nowait(MemoryWrite("last", "x"))
    assert threading.active_count() == before
    with memory(home) as service:
        assert value_of(service, "last") == "x"
        assert service.counts() == {"private": 2, "public": 250}


def test_a_closed_service_says_so(home: Home) -> None:
    with memory(home) as service:
        put(service, "note", "x")
        service.get("note")
    service.close()
    for attempt in (lambda: put(service, "a", "x"), lambda: service.get("note"), service.list):
        with pytest.raises(Unavailable, match="closed"):
            attempt()


def test_events_tell_what_happened_but_no_value(home: Home) -> None:
    events: list[tuple[str, Mapping[str, object]]] = []

    def told(name: str, data: Mapping[str, object]) -> None:
        events.append((name, data))

    service = MemoryService(home, node=NODE, on_event=told)
    service.set(MemoryWrite("user/theme", "planted"))
    service.get("user/theme")
    service.get("other")
    service.delete("user/theme")
    service.delete("user/theme")
    service.close()
    assert [name for name, _ in events] == ["MemorySet", "MemoryAccess", "MemoryDeleted"]
    assert all(data["key"] == "user/theme" and data["domain"] == "private" for _, data in events)
    assert "planted" not in str(events)


def test_threads_share_a_service(home: Home) -> None:
    failures: list[BaseException] = []

    def work(service: MemoryService, name: int) -> None:
        try:
            for number in range(25):
                put(service, f"{name}/{number}", "x", PUBLIC if name % 2 else PRIVATE)
                assert value_of(service, f"{name}/{number}") == "x"
        except BaseException as error:
            failures.append(error)

    with memory(home) as service:
        threads = [threading.Thread(target=work, args=(service, name)) for name in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert service.counts() == {"private": 75, "public": 75}


def test_another_service_sees_every_change_at_once(home: Home) -> None:
    with memory(home) as one, memory(home) as other:
        put(one, "note", "1", PUBLIC)
        assert value_of(other, "note") == "1"
        put(one, "note", "2")
        assert value_of(other, "note") == "2"
        put(other, "note", "3", PRIVATE)
        assert value_of(one, "note") == "3"
        one.delete("note")
        assert value_of(other, "note") is None
        put(other, "note", "4", PUBLIC)
        assert value_of(one, "note") == "4"
        assert one.history("note")[0].version == {NODE: 5}
