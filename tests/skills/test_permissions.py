"""What a skill may reach in memory (contract, skill.toml)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.errors import Refused, Unavailable
from cis_tui.core.paths import Home
from cis_tui.memory.records import Domain
from cis_tui.memory.rekey import Rekey
from cis_tui.memory.rollback import roll_back
from cis_tui.memory.service import MemoryService
from cis_tui.skills.memory import Caller, SkillMemory
from cis_tui.skills.model import Permissions
from cis_tui.skills.permissions import may_read, may_write
from tests.memory.support import NODE, PRIVATE, PUBLIC, SetClock, memory, put, value_of

KEYS = st.text("ab/", max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.lists(KEYS, max_size=3), KEYS)
def test_a_prefix_covers_public_keys_and_a_whole_name_private_ones(named: list[str], key: str) -> None:
    granted = Permissions(memory_read=tuple(named))
    assert may_read(granted, key, PUBLIC) == any(key.startswith(prefix) for prefix in named)
    assert may_read(granted, key, PRIVATE) == (key != "" and key in named)
    assert not may_write(granted, key, PUBLIC), "to read is not to write"
    assert may_write(Permissions(memory_write=tuple(named)), key, PUBLIC) == may_read(granted, key, PUBLIC)


def _quiet(done: int, count: int, what: str) -> None: ...


class Desk:
    """A skill's memory on a home, and what was told of it."""

    def __init__(self, service: object, *, read: tuple[str, ...] = (), write: tuple[str, ...] = ()) -> None:
        self.told: list[tuple[str, Mapping[str, object]]] = []
        caller = Caller("linter", Permissions(memory_read=read, memory_write=write), run="r1", task="lint")
        self.memory = SkillMemory(service, caller, self._hear)  # pyright: ignore[reportArgumentType]

    def _hear(self, kind: str, data: Mapping[str, object]) -> None:
        self.told.append((kind, data))


def test_a_granted_entry_is_given_and_a_missing_one_is_none(home: Home) -> None:
    with memory(home) as service:
        put(service, "project/x", "1", PUBLIC)
        desk = Desk(service, read=("project/",))
        item = desk.memory.get("project/x")
        assert item is not None
        assert (item.value, item.uses) == ("1", 1)
        assert desk.memory.get("project/none") is None


@pytest.mark.parametrize("read", [(), ("projects/",), ("project/x2",)])
def test_what_is_not_covered_is_refused_and_told(home: Home, read: tuple[str, ...]) -> None:
    with memory(home) as service:
        put(service, "project/x", "1", PUBLIC)
        desk = Desk(service, read=read, write=("",))
        with pytest.raises(Refused, match="the skill linter may not read project/x"):
            desk.memory.get("project/x")
        told = {"key": "project/x", "skill": "linter", "run": "r1", "task": "lint", "write": False, "denied": True}
        assert desk.told == [("MemoryAccess", told)]
        assert service.history("project/x")[0].uses == 0


@pytest.mark.parametrize("read", [("",), ("project/",), ("project/s",)])
def test_a_private_entry_is_not_read_by_a_prefix(home: Home, read: tuple[str, ...]) -> None:
    with memory(home) as service:
        put(service, "project/secret", "planted", PRIVATE)
        desk = Desk(service, read=read)
        with pytest.raises(Refused, match="project/secret is private") as refused:
            desk.memory.get("project/secret")
        assert "planted" not in str(refused.value)
        assert service.history("project/secret")[0].uses == 0
        assert Desk(service, read=(*read, "project/secret")).memory.get("project/secret") is not None


def test_a_write_by_a_prefix_is_public_and_the_runs(home: Home) -> None:
    with memory(home) as service:
        desk = Desk(service, write=("project/lint/",))
        assert desk.memory.set("project/lint/last", "ok").domain is PUBLIC
        told = {"key": "project/lint/last", "domain": "public", "skill": "linter", "run": "r1", "task": "lint"}
        assert desk.told == [("MemoryAccess", {**told, "write": True})]
        roll_back(service, "r1", SetClock()())
        assert value_of(service, "project/lint/last") is None


@pytest.mark.parametrize("write", [(), ("project/lint/",), ("project/linters",)])
def test_a_write_elsewhere_is_refused(home: Home, write: tuple[str, ...]) -> None:
    with memory(home) as service:
        put(service, "project/x", "1", PUBLIC)
        desk = Desk(service, read=("",), write=write)
        with pytest.raises(Refused, match="may not write project/x"):
            desk.memory.set("project/x", "2")
        assert value_of(service, "project/x") == "1"


def test_a_private_entry_is_neither_replaced_nor_moved_by_a_prefix(home: Home) -> None:
    with memory(home) as service:
        put(service, "project/own", "planted", PRIVATE)
        desk = Desk(service, write=("",))
        with pytest.raises(Refused, match="project/own is private"):
            desk.memory.set("project/own", "2")
        assert value_of(service, "project/own") == "planted"
        assert [item.domain for item in service.history("project/own")] == [PRIVATE]
        assert Desk(service, write=("project/own",)).memory.set("project/own", "2").domain is PRIVATE


@pytest.mark.parametrize(
    ("key", "value"), [("project/api-key", "x"), ("project/x", "ghp_" + "aB3dE5fG7h" * 3 + "ijklmn")]
)
def test_a_secret_is_not_made_public_by_a_prefix(home: Home, key: str, value: str) -> None:
    with memory(home) as service:
        with pytest.raises(Refused, match="is private, and only a skill that names it whole"):
            Desk(service, write=("",)).memory.set(key, value)
        assert value_of(service, key) is None
        assert Desk(service, write=(key,)).memory.set(key, value).domain is PRIVATE


def test_while_private_memory_is_locked_nothing_that_might_be_there_is_touched(home: Home) -> None:
    with memory(home) as service:
        put(service, "project/own", "planted", PRIVATE)
        put(service, "project/open", "1", PUBLIC)
        service.private.rekey(Rekey("passphrase", "", "open sesame"), _quiet)
        service.private.lock()
        desk = Desk(service, read=("",), write=("",))
        item = desk.memory.get("project/open")
        assert item is not None
        for call in (lambda: desk.memory.get("project/own"), lambda: desk.memory.set("project/own", "2")):
            with pytest.raises(Unavailable):
                call()


def test_it_counts_who_read_it(home: Home) -> None:
    told: list[Mapping[str, object]] = []
    service = MemoryService(home, node=NODE, clock=SetClock(), on_event=lambda _, data: told.append(data))
    try:
        put(service, "project/x", "1", Domain.PUBLIC)
        Desk(service, read=("project/",)).memory.get("project/x")
    finally:
        service.close()
    assert told[-1] == {"key": "project/x", "domain": "public", "skill": "linter", "run": "r1", "task": "lint"}
