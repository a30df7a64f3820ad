"""Private memory locked and unlocked: what is kept of it while it is locked, and when it locks itself."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from threading import Event

import pytest

from cis_tui.core.errors import CisError, Refused, Unavailable
from cis_tui.core.paths import Home
from cis_tui.memory.data_key import DataKey
from cis_tui.memory.key_lock import alone
from cis_tui.memory.keys import load_key
from cis_tui.memory.records import MemoryWrite
from cis_tui.memory.rekey import Rekey
from cis_tui.memory.service import MemoryService
from tests.memory.support import NODE, PRIVATE, PUBLIC, SetClock, keys_of, memory, put, value_of
from tests.memory.test_rekey import no_step

PASSPHRASE = "correct horse"


@pytest.fixture
def under_passphrase(home: Home) -> Home:
    """A home whose key is kept by a passphrase, with an entry of each domain."""
    with memory(home) as service:
        put(service, "own/note", "x")
        put(service, "open/note", "y", PUBLIC)
        service.private.rekey(Rekey("passphrase", new=PASSPHRASE), no_step)
    return home


def test_locked_it_keeps_nothing_of_private_memory(under_passphrase: Home) -> None:
    with memory(under_passphrase) as service:
        service.private.unlock(PASSPHRASE)
        assert value_of(service, "own/note") == "x"
        put(service, "own/other", "z")
        service.private.lock()
        state = service.private.state()
        assert (state.kept, state.locked, state.lock_in) == ("passphrase", True, None)
        for attempt in (lambda: service.get("own/note"), lambda: put(service, "own/new", "z")):
            with pytest.raises(Unavailable, match=r"^private memory is locked$") as caught:
                attempt()
            assert caught.value.code == "CIS-MEM-020"
            assert "unlock" in caught.value.hint
        assert value_of(service, "open/note") == "y"
        assert service.list().locked
        with alone(under_passphrase, seconds=0.1):
            pass  # a locked process is no user of the key
        service.private.unlock(PASSPHRASE)
        assert keys_of(service) == ["open/note", "own/note", "own/other"]


def test_what_was_locked_stays_so_whatever_the_environment_says(
    under_passphrase: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIS_PASSPHRASE", PASSPHRASE)
    with memory(under_passphrase) as service:
        assert value_of(service, "own/note") == "x"
        service.private.lock()
        service.private.lock()
        for wrong, code in (("wrong", "CIS-MEM-021"), ("", "CIS-MEM-020"), ("x" * 5000, "CIS-MEM-075")):
            with pytest.raises(CisError) as caught:
                service.private.unlock(wrong)
            assert caught.value.code == code
            with pytest.raises(Unavailable, match=r"^private memory is locked$"):
                service.get("own/note")
        service.private.unlock(PASSPHRASE)
        assert value_of(service, "own/note") == "x"


def test_writes_that_wait_are_durable_before_it_is_locked(
    under_passphrase: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with memory(under_passphrase) as service:
        service.private.unlock(PASSPHRASE)
        service.set_nowait(MemoryWrite("own/waits", "w", PRIVATE))
        service.private.lock()
    monkeypatch.setenv("CIS_PASSPHRASE", PASSPHRASE)
    with memory(under_passphrase) as service:
        assert value_of(service, "own/waits") == "w"


def test_a_key_in_a_file_cannot_be_locked(home: Home) -> None:
    with memory(home) as service:
        with pytest.raises(Refused, match="no key yet"):
            service.private.lock()
        put(service, "own/note", "x")
        with pytest.raises(Refused) as caught:
            service.private.lock()
        assert (caught.value.code, "rekey --passphrase" in caught.value.hint) == ("CIS-MEM-072", True)
        assert value_of(service, "own/note") == "x"
        service.private.unlock()
        assert service.private.state().locked is False


def test_it_locks_itself_when_it_is_not_used(under_passphrase: Home) -> None:
    told: list[tuple[str, Mapping[str, object]]] = []
    locked = Event()

    def hear(type: str, data: Mapping[str, object]) -> None:
        told.append((type, data))
        if type == "MemoryLocked":
            locked.set()

    service = MemoryService(under_passphrase, node=NODE, clock=SetClock(), on_event=hear, auto_lock=1.0)
    try:
        service.private.unlock(PASSPHRASE)
        state = service.private.state()
        assert state.lock_in is not None and 0 < state.lock_in <= state.auto_lock == 1.0
        assert locked.wait(10)
        with pytest.raises(Unavailable, match=r"^private memory is locked$"):
            service.get("own/note")
        assert [entry for entry in told if entry[0].startswith("MemoryL")] == [("MemoryLocked", {"reason": "idle"})]
        service.private.unlock(PASSPHRASE)
        assert value_of(service, "own/note") == "x"
    finally:
        service.close()


def test_idle_is_the_time_since_the_last_use_also_over_a_sleep(under_passphrase: Home) -> None:
    now, idle = [1000.0], Event()
    key = DataKey(under_passphrase, env={}, auto_lock=900.0, on_idle=idle.set, clock=lambda: now[0])
    key.unlock(PASSPHRASE)
    now[0] += 800
    key.touch()
    now[0] += 800
    assert (key.expired, key.state().lock_in) == (False, 100.0)
    now[0] += 100
    assert key.expired
    assert key.state().locked
    key.lock()
    assert not key.expired
    assert not idle.is_set(), "its timer has 900 seconds of the real time"
    key.forget()


def test_a_key_that_comes_back_by_itself_is_not_locked(under_passphrase: Home) -> None:
    now = [0.0]
    env = {"CIS_PASSPHRASE": PASSPHRASE}
    key = DataKey(under_passphrase, env=env, auto_lock=900.0, clock=lambda: now[0])
    key.get()
    key.unlock(PASSPHRASE)
    now[0] += 10_000
    assert not key.expired
    assert key.state().lock_in is None
    key.forget()


def test_a_person_is_asked_three_times(under_passphrase: Home) -> None:
    asked: list[bool] = []

    def ask(*answers: str | None) -> DataKey:
        waiting = iter(answers)

        def answer(again: bool) -> str | None:
            asked.append(again)
            return next(waiting)

        return DataKey(under_passphrase, env={}, ask=answer)

    key = ask("wrong", "wronger", PASSPHRASE)
    assert key.get() == load_key(under_passphrase, env={"CIS_PASSPHRASE": PASSPHRASE})
    assert asked == [False, True, True]
    key.forget()
    for answers, code in ((("a", "b", "c"), "CIS-MEM-021"), ((None,), "CIS-MEM-020"), (("a", None), "CIS-MEM-020")):
        with pytest.raises(Unavailable) as caught:
            ask(*answers).get()
        assert caught.value.code == code


def test_no_crash_writes_the_key_to_the_disk(home: Home) -> None:
    key = DataKey(home, env={})
    key.get()
    assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0
    key.forget()
