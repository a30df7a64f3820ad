"""Pins, classes and undo: what a person says of an entry holds, and what they did can be taken back."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cis_tui.core.errors import CisError, Invalid, NotFound, Refused
from cis_tui.core.paths import Home
from cis_tui.memory.records import Domain, IndexType, MemoryItem, MemoryWrite
from cis_tui.memory.service import MemoryService
from cis_tui.memory.versions import version_name
from tests.memory.support import NODE, PRIVATE, PUBLIC, SetClock, files_below, memory, put, value_of

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN = "ghp_" + "a1B2c3D4e5" * 4


def test_a_pin_is_a_version_that_keeps_the_rest(home: Home) -> None:
    with memory(home) as service:
        service.set(MemoryWrite("note", "x", PUBLIC, category="mine"))
        item = service.revisions.pin("note")
        assert (item.value, item.domain, item.category, item.pinned) == ("x", PUBLIC, "mine", True)
        assert item.version == {NODE: 2}
        assert service.revisions.pin("note").version == {NODE: 2}, "there is nothing to do"
        assert not service.revisions.pin("note", pinned=False).pinned
        with pytest.raises(NotFound, match="there is no memory"):
            service.revisions.pin("nothing")


def test_what_was_said_of_an_entry_outlives_its_value(home: Home) -> None:
    with memory(home) as service:
        service.set(MemoryWrite("note", "x", category="mine", pinned=True, index_type=IndexType.TEMPORARY))
        item = put(service, "note", "y")
        assert (item.category, item.pinned, item.index_type, item.classed) == ("mine", True, IndexType.TEMPORARY, True)
        changed = service.set(MemoryWrite("note", "z", category="other", pinned=False))
        assert (changed.category, changed.pinned) == ("other", False)
        service.delete("note")
        fresh = put(service, "note", "x")
        assert (fresh.category, fresh.pinned, fresh.classed) == ("general", False, False)


def test_a_person_overrules_what_an_entry_was_taken_as(home: Home) -> None:
    with memory(home) as service:
        put(service, "project/api-token", "none yet")
        with pytest.raises(Refused, match="is Sensitive") as refused:
            service.revisions.classify("project/api-token", IndexType.PROJECT_CONFIG)
        assert refused.value.code == "CIS-MEM-084"
        item = service.revisions.classify("project/api-token", IndexType.PROJECT_CONFIG, declassify=True)
        assert (item.index_type, item.reason, item.domain) == (IndexType.PROJECT_CONFIG, "you said so", PRIVATE)
        assert put(service, "project/api-token", "later").index_type is IndexType.PROJECT_CONFIG


def test_a_secret_in_a_new_value_is_sensitive_whatever_was_said_before(home: Home) -> None:
    with memory(home) as service:
        service.set(MemoryWrite("api/token", "none", index_type=IndexType.TEMPORARY, declassify=True))
        item = put(service, "api/token", TOKEN)
        assert (item.index_type, item.classed) == (IndexType.SENSITIVE, False)
        with pytest.raises(Refused):
            service.set(MemoryWrite("other", TOKEN, index_type=IndexType.TEMPORARY))


def test_sensitive_stays_so_until_somebody_says_otherwise(home: Home) -> None:
    with memory(home) as service:
        put(service, "note", TOKEN)
        again = service.set(MemoryWrite("note", "harmless"), default_domain=PUBLIC)
        assert (again.index_type, again.reason, again.domain) == (
            IndexType.SENSITIVE,
            "it was Sensitive before",
            PRIVATE,
        )
        with pytest.raises(Refused):
            service.set(MemoryWrite("note", "harmless", index_type=IndexType.TEMPORARY))
        item = service.set(MemoryWrite("note", "harmless", index_type=IndexType.TEMPORARY, declassify=True))
        assert item.index_type is IndexType.TEMPORARY


def test_what_becomes_sensitive_leaves_public_memory_and_says_nothing_there(home: Home) -> None:
    with memory(home) as service:
        put(service, "note", "fine", PUBLIC)
        item = service.revisions.classify("note", IndexType.SENSITIVE)
        assert item.domain is PRIVATE
        service.set(MemoryWrite("note", "planted-value", category="planted-category"))
        assert [entry.domain for entry in service.list().items] == [PRIVATE]
    public = b"".join(path.read_bytes() for path in files_below(home.memory / "public"))
    assert b"note" in public
    assert b"planted" not in public


def test_a_public_entry_that_holds_a_secret_now_starts_private_memory(home: Home) -> None:
    with memory(home) as service:
        service.set(MemoryWrite("note", "x", PUBLIC, index_type=IndexType.SENSITIVE))
        assert service.set(MemoryWrite("note", "y"), default_domain=PUBLIC).domain is PRIVATE
        assert value_of(service, "note") == "y"


def test_undo_goes_back_change_by_change_and_says_so(home: Home) -> None:
    with memory(home, clock := SetClock()) as service:
        put(service, "a", "1")
        clock.now += 1
        put(service, "b", "2")
        clock.now += 1
        put(service, "a", "3")
        clock.now += 1
        done = service.revisions.undo()
        assert (done.item.key, done.item.value, done.undone.value) == ("a", "1", "3")
        clock.now += 1
        assert service.revisions.undo().item.deleted
        assert value_of(service, "b") is None
        put(service, "a", "4")
        assert service.revisions.undo().item.value == "1"
        assert service.revisions.undo().item.deleted
        with pytest.raises(NotFound) as nothing:
            service.revisions.undo()
        assert nothing.value.code == "CIS-MEM-082"
        assert len(service.history("a")) == 6


def test_what_was_written_at_once_is_taken_back_in_order(home: Home) -> None:
    with memory(home) as service:
        service.set_many(MemoryWrite(f"k{n}", "x", PUBLIC if n % 2 else PRIVATE) for n in range(7))
        assert [service.revisions.undo().item.key for _ in range(7)] == [f"k{n}" for n in reversed(range(7))]


@pytest.mark.parametrize("home_kept", [True, False], ids=["same service", "later"])
def test_undo_of_a_deletion_and_of_a_move(home: Home, home_kept: bool) -> None:
    def undone(service: MemoryService) -> MemoryItem:
        if home_kept:
            return service.revisions.undo().item
        with memory(home) as later:
            return later.revisions.undo().item

    with memory(home) as service:
        service.set(MemoryWrite("note", "x", PUBLIC, pinned=True))
        service.delete("note")
        item = undone(service)
        assert (item.value, item.domain, item.pinned) == ("x", PUBLIC, True)
        put(service, "note", "y", PRIVATE)
        assert (undone(service).value, service.counts()) == ("x", {"public": 1, "private": 0})
        put(service, "note", "z", PRIVATE)
        put(service, "note", "z", PUBLIC)
        assert (undone(service).domain, value_of(service, "note")) == (PRIVATE, "z")


GIVEN = [kind for kind in IndexType if kind is not IndexType.FREQUENTLY_QUERIED]
"""Kinds that a person can give; the other one is earned."""
KEYS = st.sampled_from(["a", "b", "c/token"])
CHANGES = st.one_of(
    st.tuples(st.just("set"), KEYS, st.sampled_from(["x", "y", TOKEN]), st.sampled_from([None, PUBLIC, PRIVATE])),
    st.tuples(st.just("delete"), KEYS),
    st.tuples(st.just("pin"), KEYS, st.booleans()),
    st.tuples(st.just("classify"), KEYS, st.sampled_from(GIVEN)),
)


def apply(service: MemoryService, change: tuple[object, ...]) -> None:
    """Do one change; one that is not possible does nothing."""
    match change:
        case ("set", str(key), str(value), domain):
            service.set(MemoryWrite(key, value, domain if isinstance(domain, Domain) else None))
        case ("delete", str(key)):
            service.delete(key)
        case ("pin", str(key), bool(pinned)) if service.current(key):
            service.revisions.pin(key, pinned=pinned)
        case ("classify", str(key), IndexType() as kind) if service.current(key):
            service.revisions.classify(key, kind, declassify=True)
        case _:
            pass


def state(service: MemoryService) -> list[tuple[object, ...]]:
    """All that a person sees."""
    items = service.list().items
    return [(i.key, i.value, i.domain, i.category, i.index_type, i.reason, i.pinned, i.classed) for i in items]


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(CHANGES, st.just("undo")), max_size=12))
def test_undo_leads_back_through_every_state(changes: list[tuple[object, ...] | str]) -> None:
    with tempfile.TemporaryDirectory() as folder, memory(Home(Path(folder) / "home"), clock := SetClock()) as service:
        past: list[list[tuple[object, ...]]] = []
        for change in changes:
            clock.now += 1
            before, versions = state(service), sum(len(service.history(key)) for key in ("a", "b", "c/token"))
            if isinstance(change, tuple):
                apply(service, change)
                if sum(len(service.history(key)) for key in ("a", "b", "c/token")) > versions:
                    past.append(before)
            elif past:
                service.revisions.undo()
                assert state(service) == past.pop()
        while past:
            clock.now += 1
            service.revisions.undo()
            assert state(service) == past.pop()
        with pytest.raises(NotFound):
            service.revisions.undo()
        assert service.check() == []


def test_a_rollback_restores_what_a_run_found_and_keeps_what_came_later(home: Home) -> None:
    with memory(home) as service:
        before = put(service, "note", "mine", PUBLIC)
        put(service, "note", "run 1")
        made = put(service, "note", "run 2")
        new = put(service, "new", "run")
        later = put(service, "other", "run")
        put(service, "other", "a person's")
        assert service.revisions.restore("note", made=made.version, before=before.version).value == "mine"
        assert service.revisions.restore("new", made=new.version, before={}).deleted
        with pytest.raises(Refused) as refused:
            service.revisions.restore("other", made=later.version, before={})
        assert refused.value.code == "CIS-MEM-083"
        assert value_of(service, "other") == "a person's"
        with pytest.raises(NotFound):
            service.revisions.restore("none", made={NODE: 1}, before={})


def test_a_revision_overwrites_nothing_that_it_has_not_seen(home: Home) -> None:
    with memory(home) as service, memory(home) as other:
        put(service, "note", "old")
        current: Callable[[str], MemoryItem | None] = service.current
        looks = 0

        def late(key: str) -> MemoryItem | None:
            nonlocal looks
            looks += 1
            item = current(key)
            if looks == 1:
                put(other, "note", "new")
            return item

        service.current = late
        assert service.revisions.pin("note").value == "new"
        assert looks == 2


def test_private_memory_that_is_locked_is_not_guessed_about(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIS_PASSPHRASE", "correct horse")
    with memory(home) as service:
        put(service, "own/note", "x")
    monkeypatch.delenv("CIS_PASSPHRASE")
    with memory(home) as service, pytest.raises(CisError) as locked:
        service.revisions.undo()
    assert int(locked.value.exit) == 6


def test_a_version_has_one_name(home: Home) -> None:
    with memory(home) as service:
        for value in "abc":
            put(service, "note", value)
        names = [version_name(item.version, item.origin) for item in service.history("note")]
        assert names == ["3-stNode", "2-stNode", "1-stNode"]


def test_the_last_change_is_the_one_made_last_also_when_the_clock_was_set_back(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        put(service, "first", "1", PUBLIC)
        put(service, "second", "2")
        clock.now -= 3600
    with memory(home, clock) as service:
        put(service, "third", "3", PUBLIC)
        assert [service.revisions.undo().undone.key for _ in range(3)] == ["third", "second", "first"]


def test_the_kind_that_is_earned_is_not_given(home: Home) -> None:
    with memory(home) as service:
        put(service, "k", "v")
        attempts = (
            lambda: service.revisions.classify("k", IndexType.FREQUENTLY_QUERIED, declassify=True),
            lambda: service.set(MemoryWrite("k", "v", index_type=IndexType.FREQUENTLY_QUERIED, declassify=True)),
            lambda: service.set_many([MemoryWrite("k", "v", index_type=IndexType.FREQUENTLY_QUERIED)]),
        )
        for attempt in attempts:
            with pytest.raises(Invalid, match=r"^FrequentlyQueried is earned by use, and not given$") as caught:
                attempt()
            assert caught.value.code == "CIS-MEM-100"
        assert len(service.history("k")) == 1
