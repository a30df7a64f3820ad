"""Moves between the domains, with a crash in every place, and with private memory locked."""

from __future__ import annotations

import pytest

from cis_tui.core.errors import Unavailable
from cis_tui.core.paths import Home
from cis_tui.memory.appender import Appender
from cis_tui.memory.catalogue import Head
from cis_tui.memory.epochs import Epochs
from cis_tui.memory.keys import load_key
from cis_tui.memory.plan import Current, Entry, Plan, plan, sweep
from cis_tui.memory.records import Domain, IndexType, MemoryWrite
from cis_tui.memory.vault import Vault
from tests.memory.support import NODE, PRIVATE, PUBLIC, SetClock, keys_of, memory, put, value_of


def planned(home: Home, value: str | None, domain: Domain | None) -> tuple[Plan, dict[Domain, Appender]]:
    """What a write of `note` would add, and the open transactions it would go into."""
    epochs = Epochs(home)
    sides = {
        PRIVATE: Appender(Vault(home, PRIVATE, lambda: load_key(home)), epochs),
        PUBLIC: Appender(Vault(home, PUBLIC), epochs),
    }
    for side in sides.values():
        side.begin("2026-W47")
    heads = {where: side.heads(["note"]).get("note") for where, side in sides.items()}
    entry = Entry("note", value, domain, None, "general", IndexType.USER_PREFERENCE, pinned=False, at=SetClock()())
    made = plan(entry, Current(heads[PUBLIC], heads[PRIVATE]), NODE)
    assert made is not None
    return made, sides


def crash_after_first_commit(home: Home, value: str | None, domain: Domain | None) -> None:
    """Leave what a process leaves that is killed between the first and the second commit of a write of `note`."""
    made, sides = planned(home, value, domain)
    first = PRIVATE if PRIVATE in made.added else PUBLIC
    sides[first].append([made.added[first]])
    sides[first].commit()
    for side in sides.values():
        side.close()


def test_a_crash_on_the_way_into_private_leaves_the_old_entry(home: Home) -> None:
    with memory(home) as service:
        put(service, "note", "old", PUBLIC)
    crash_after_first_commit(home, "new", PRIVATE)
    with memory(home) as service:
        assert value_of(service, "note") == "old"
        assert [(item.key, item.value) for item in service.list().items] == [("note", "old")]
        assert (service.list().total, service.counts()) == (1, {"private": 0, "public": 1})
        assert service.list(domain=PRIVATE).total == 0
        assert service.delete("note")
        assert service.get("note") is None, "what was left does not come to light"
        assert service.list().total == 0


def test_a_crash_on_the_way_into_public_leaves_the_new_entry(home: Home) -> None:
    with memory(home) as service:
        put(service, "note", "old", PRIVATE)
    crash_after_first_commit(home, "new", PUBLIC)
    with memory(home) as service:
        assert value_of(service, "note") == "new"
        assert keys_of(service) == ["note"]
        put(service, "note", "newer")
        assert [(item.value, item.domain) for item in service.list().items] == [("newer", PUBLIC)]
        put(service, "note", "back", PRIVATE)
        assert value_of(service, "note") == "back"
        assert keys_of(service, domain=PUBLIC) == []


def test_a_crash_in_a_deletion_leaves_the_entry_or_nothing(home: Home) -> None:
    with memory(home) as service:
        put(service, "note", "old", PUBLIC)
    crash_after_first_commit(home, "new", PRIVATE)
    crash_after_first_commit(home, None, None)
    with memory(home) as service:
        assert value_of(service, "note") == "old"
        assert service.delete("note")
        assert service.get("note") is None


def test_the_cache_of_another_service_follows_a_move(home: Home) -> None:
    with memory(home) as one, memory(home) as other:
        put(one, "note", "secret", PRIVATE)
        assert value_of(other, "note") == "secret"
        put(one, "note", "open", PUBLIC)
        assert value_of(other, "note") == "open"
        put(one, "note", "secret again", PRIVATE)
        assert value_of(other, "note") == "secret again"


def test_moves_within_one_group_end_where_the_last_one_says(home: Home) -> None:
    with memory(home) as service:
        put(service, "note", "0", PRIVATE)
        service.set_many([MemoryWrite("note", "1", PUBLIC), MemoryWrite("note", "2", PRIVATE)])
        assert [(item.value, item.domain) for item in service.list().items] == [("2", PRIVATE)]
        service.set_many([MemoryWrite("note", "3", PRIVATE), MemoryWrite("note", "4", PUBLIC)])
        assert [(item.value, item.domain) for item in service.list().items] == [("4", PUBLIC)]
        service.set_nowait(MemoryWrite("note", "5", PRIVATE))
        assert service.delete("note")
        assert service.list().total == 0
        assert [item.value for item in service.history("note")] == ["", "5", "4", "3", "2", "1", "0"]


def test_a_sweep_spares_what_was_written_since() -> None:
    entry = Entry("note", "x", PUBLIC, None, "general", IndexType.USER_PREFERENCE, pinned=True, at=SetClock()())

    def head(row: int, hlc: int, count: int, *, deleted: bool = False) -> Head:
        kind = IndexType.USER_PREFERENCE
        return Head("2026-W47", row, hlc, {NODE: count}, deleted, "general", kind, classed=False, pinned=False)

    old = head(1, 5, 1)
    made = plan(entry, Current(None, old), NODE)
    assert made is not None and made.sweeps
    swept = sweep(made.version, old)
    assert swept is not None and swept.value is None and swept.vector == {NODE: 2}
    assert sweep(made.version, head(2, 9, 3)) is None
    assert sweep(made.version, head(2, 9, 2, deleted=True)) is None
    assert sweep(made.version, None) is None


def test_locked_private_memory_stops_what_needs_it_and_nothing_else(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIS_PASSPHRASE", "correct horse")
    with memory(home) as service:
        put(service, "own/note", "x")
        put(service, "open/note", "y", PUBLIC)
    monkeypatch.delenv("CIS_PASSPHRASE")
    with memory(home) as service:
        assert value_of(service, "open/note") == "y"
        assert put(service, "open/note", "z").domain is PUBLIC
        assert put(service, "open/new", "z", PUBLIC).domain is PUBLIC
        assert keys_of(service, domain=PUBLIC) == ["open/new", "open/note"]
        assert len(service.history("open/note")) == 2
        assert service.counts() == {"public": 2}
        assert service.delete("open/new") is True
        attempts = (
            lambda: service.get("own/note"),
            lambda: put(service, "open/password", "z"),
            lambda: put(service, "open/note", "z", PRIVATE),
            lambda: service.set(MemoryWrite("new/note", "z"), default_domain=PUBLIC),
            lambda: service.delete("own/note"),
            lambda: service.history("own/note"),
            lambda: service.list(domain=PRIVATE),
        )
        for attempt in attempts:
            with pytest.raises(Unavailable, match="locked") as caught:
                attempt()
            assert caught.value.code == "CIS-MEM-020"
            assert "CIS_PASSPHRASE" in caught.value.hint
        page = service.list()
        assert ([item.key for item in page.items], page.total, page.locked) == (["open/note"], 1, True)
        assert [("locked" in problem) for problem in service.check()] == [True]
        # Unlocked while it runs, as the workspace will do it.
        monkeypatch.setenv("CIS_PASSPHRASE", "correct horse")
        assert value_of(service, "own/note") == "x"
        assert keys_of(service) == ["open/note", "own/note"]
