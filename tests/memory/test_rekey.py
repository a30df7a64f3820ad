"""A new key for private memory: everything opens with it, nothing with the old one, and no kill leaves it half done."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cis_tui.core.errors import CisError, Invalid, Refused, Unavailable
from cis_tui.core.paths import Home
from cis_tui.memory.database import Database
from cis_tui.memory.key_lock import alone, share
from cis_tui.memory.keyring_access import Keyring
from cis_tui.memory.keys import load_key
from cis_tui.memory.peek import peek
from cis_tui.memory.queries import Query
from cis_tui.memory.rekey import Rekey
from cis_tui.memory.rotation import NEW, private_files
from tests.conftest import ROOT
from tests.memory.support import MONDAY, PRIVATE, PUBLIC, WEEK, SetClock, files_below, memory, put, value_of
from tests.memory.test_keys import fake_keyring

ENTRIES = {f"own/{number}": f"value {number}" for number in range(40)}


def no_step(done: int, count: int, what: str) -> None:
    """Nobody looks."""


def fill(home: Home) -> None:
    """Entries over three weeks, of both domains."""
    clock = SetClock()
    with memory(home, clock) as service:
        for number, (key, value) in enumerate(ENTRIES.items()):
            clock.now = MONDAY + number % 3 * WEEK
            put(service, key, value, PUBLIC if number % 10 == 9 else PRIVATE)


def all_values(home: Home) -> dict[str, str | bytes]:
    """Everything, as a process that begins now sees it; the files must be in order."""
    with memory(home) as service:
        found = {item.key: item.value for item in service.list().items}
        assert service.check() == []
        return found


def opens(path: Path, key: str) -> bool:
    """Whether `key` opens the file."""
    try:
        Database(path, key).close()
    except Invalid:
        return False
    return True


def test_every_file_opens_with_the_new_key_and_none_with_the_old_one(home: Home) -> None:
    fill(home)
    old = load_key(home)
    with memory(home) as service:
        before = service.list()
        put(service, "own/late", "x")
        told: list[str] = []
        report = service.private.rekey(Rekey(), lambda done, count, what: told.append(f"{done}/{count} {what}"))
        assert service.list().items[0] == before.items[0]
        assert value_of(service, "own/0") == "value 0"
        put(service, "own/later", "y")
    new = load_key(home)
    files = list(private_files(home))
    assert (report.kept, report.files) == ("file", len(files))
    assert len(files) == 4, "three weeks and the catalogue"
    assert told[0].startswith("0/4 encrypting catalogue-")
    assert new != old
    assert old not in (home.keys / "data.json").read_text()
    assert [opens(path, new) for path in files] == [True] * 4
    assert [opens(path, old) for path in files] == [False] * 4
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in files_below(home.root))
    assert all_values(home) == ENTRIES | {"own/late": "x", "own/later": "y"}
    assert peek(str(home.root), "own/3") == "value 3"


def test_a_kill_at_any_step_leaves_all_that_was_kept(home: Home) -> None:
    fill(home)
    first, step = load_key(home), 0
    while True:
        command = (sys.executable, "-m", "tests.memory.rekeyer", str(home.root), str(step))
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
        # What a command finds at once, before anybody has tidied up.
        assert peek(str(home.root), "own/1") in ("value 1", None)
        with memory(home) as service:
            assert value_of(service, "own/0") == "value 0"
            put(service, "own/0", "value 0")
        assert all_values(home) == ENTRIES, done.stdout
        assert not [path for path in files_below(home.root) if path.name.startswith(NEW) or path.suffix == ".tmp"]
        assert "rotation" not in json.loads((home.keys / "data.json").read_text())
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        step += 1
    assert step == 10, "4 files encrypted, the key changed, 4 files moved, the end"
    assert load_key(home) != first


def test_twenty_kills_at_any_moment_while_others_write(home: Home) -> None:
    chance = random.Random(7)
    fill(home)
    stop, written, failed = threading.Event(), dict[str, str](), list[CisError]()

    def write() -> None:
        number = 0
        while not stop.is_set():
            try:
                with memory(home) as service:
                    put(service, f"new/{number}", f"{number}")
                written[f"new/{number}"] = f"{number}"
            except CisError as error:
                failed.append(error)
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        finished = 0
        for _ in range(20):
            command = (sys.executable, "-m", "tests.memory.rekeyer", str(home.root), "-1")
            with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                for _ in range(chance.randrange(1, 14)):
                    if not process.stdout.readline():
                        break
                process.kill()
            finished += process.returncode == 0
    finally:
        stop.set()
        writer.join()
    assert not failed
    assert written
    assert all_values(home) == ENTRIES | written


def test_a_step_that_fails_changes_nothing(home: Home) -> None:
    fill(home)
    before = {path: path.read_bytes() for path in (home.keys / "data.json", *private_files(home))}

    def step(done: int, count: int, what: str) -> None:
        if done == 2:
            raise OSError(28, "No space left on device")

    with memory(home) as service:
        assert value_of(service, "own/0") == "value 0"
        with pytest.raises(OSError, match="No space"):
            service.private.rekey(Rekey(), step)
        assert value_of(service, "own/1") == "value 1"
    assert load_key(home) in (home.keys / "data.json").read_text()
    assert set(private_files(home)) == before.keys() - {home.keys / "data.json"}
    assert (home.keys / "data.json").read_bytes() == before[home.keys / "data.json"]
    assert all_values(home) == ENTRIES


def test_a_damaged_file_is_told_and_nothing_is_changed(home: Home) -> None:
    fill(home)
    damaged = next((home.memory / "private").glob("memory-2026-W48.db"))
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    kept = (home.keys / "data.json").read_bytes()
    with memory(home) as service, pytest.raises(Invalid, match=r"W48\.db is damaged") as caught:
        service.private.rekey(Rekey(), no_step)
    assert caught.value.code == "CIS-MEM-074"
    assert (home.keys / "data.json").read_bytes() == kept
    assert damaged.read_bytes() == content
    assert not [path for path in files_below(home.root) if path.name.startswith(NEW)]


def test_a_passphrase_is_set_changed_and_taken_away(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(home)
    with memory(home) as service:
        assert service.private.rekey(Rekey("passphrase", new="first"), no_step).kept == "passphrase"
        assert value_of(service, "own/0") == "value 0", "who did it goes on"
    with memory(home) as service:
        with pytest.raises(Unavailable, match="locked"):
            service.get("own/0")
        for asked, code in (
            (Rekey(), "CIS-MEM-020"),
            (Rekey(current="wrong"), "CIS-MEM-021"),
            (Rekey("file", current="wrong"), "CIS-MEM-021"),
            (Rekey("passphrase", current="first"), "CIS-MEM-076"),
            (Rekey("passphrase", current="first", new="x" * 2000), "CIS-MEM-075"),
            (Rekey("keyring", current="first"), "CIS-MEM-073"),
            (Rekey("pocket", current="first"), "CIS-MEM-077"),
        ):
            kept = (home.keys / "data.json").read_bytes()
            with pytest.raises(CisError) as caught:
                service.private.rekey(asked, no_step)
            assert caught.value.code == code
            assert (home.keys / "data.json").read_bytes() == kept
        service.private.rekey(Rekey("passphrase", current="first", new="second"), no_step)
        with pytest.raises(Unavailable, match="locked"):
            service.get("own/0")
    monkeypatch.setenv("CIS_PASSPHRASE", "second")
    assert all_values(home) == ENTRIES
    with memory(home) as service:
        assert service.private.rekey(Rekey(), no_step).kept == "passphrase", "as it was"
    assert all_values(home) == ENTRIES
    with memory(home) as service:
        service.private.rekey(Rekey("file"), no_step)
    monkeypatch.delenv("CIS_PASSPHRASE")
    assert all_values(home) == ENTRIES


def test_a_locked_key_that_goes_into_a_file_is_locked_no_more(home: Home) -> None:
    fill(home)
    with memory(home) as service:
        service.private.rekey(Rekey("passphrase", new="first"), no_step)
        service.private.lock()
        service.private.rekey(Rekey("passphrase", current="first", new="second"), no_step)
        assert service.private.state().locked, "a new passphrase leaves it locked"
        service.private.rekey(Rekey("file", current="second"), no_step)
        assert not service.private.state().locked
        assert value_of(service, "own/0") == "value 0"


def test_a_home_without_a_key_gets_its_first_one(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with memory(home) as service:
        assert service.private.rekey(Rekey("passphrase", new="first"), no_step).files == 0
    monkeypatch.setenv("CIS_PASSPHRASE", "first")
    fill(home)
    monkeypatch.delenv("CIS_PASSPHRASE")
    with memory(home) as service, pytest.raises(Unavailable, match="locked"):
        service.get("own/0")


def test_a_lost_key_is_not_replaced_by_a_new_one(home: Home) -> None:
    fill(home)
    (home.keys / "data.json").unlink()
    with memory(home) as service, pytest.raises(Unavailable, match="is missing"):
        service.private.rekey(Rekey(), no_step)
    assert not (home.keys / "data.json").exists()


def test_the_keys_of_another_home_change_nothing(home: Home, tmp_path: Path) -> None:
    fill(home)
    other = Home(tmp_path / "other").ensure()
    fill(other)
    (home.keys / "data.json").write_bytes((other.keys / "data.json").read_bytes())
    before = {path: path.read_bytes() for path in private_files(home)}
    with memory(home) as service:
        with pytest.raises(CisError):
            service.private.rekey(Rekey(), no_step)
        with pytest.raises(Unavailable, match="another one"):
            put(service, "own/0", "x")
    assert before == {path: path.read_bytes() for path in private_files(home)}


def test_it_waits_for_those_who_use_the_key_and_they_for_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(home)
    monkeypatch.setattr("cis_tui.memory.key_lock.alone.__wrapped__.__kwdefaults__", {"seconds": 0.1})
    monkeypatch.setattr("cis_tui.memory.key_lock.share.__kwdefaults__", {"seconds": 0.1})
    with memory(home) as other:
        assert value_of(other, "own/0") == "value 0"
        with memory(home) as service:
            with pytest.raises(Unavailable) as refused:
                service.private.rekey(Rekey(), no_step)
            assert value_of(service, "own/0") == "value 0"
    assert (refused.value.code, refused.value.retryable) == ("CIS-MEM-071", True)
    with alone(home), memory(home) as service:
        with pytest.raises(Unavailable) as waited:
            service.get("own/0")
        assert peek(str(home.root), "own/0") is None
        assert value_of(service, "own/9") == "value 9", "public memory goes on"
        assert (waited.value.code, waited.value.retryable) == ("CIS-MEM-070", True)
    assert all_values(home) == ENTRIES


def test_whoever_comes_later_does_not_hold_up_a_change(home: Home) -> None:
    first = share(home)
    changed = threading.Event()

    def change() -> None:
        with alone(home):
            changed.set()

    waiting = threading.Thread(target=change)
    waiting.start()
    with pytest.raises(Unavailable):
        while True:
            os.close(share(home, seconds=0.0))
    os.close(first)
    waiting.join(10)
    assert changed.is_set()


def test_a_keyring_forgets_the_old_key(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = tmp_path / "store"
    keyring = fake_keyring(store)

    def system_keyring(env: object) -> Keyring:
        return keyring

    for module in ("rekey", "data_key", "keys"):
        monkeypatch.setattr(f"cis_tui.memory.{module}.system_keyring", system_keyring)
    fill(home)
    (old,) = [path.read_text() for path in store.iterdir()]
    with memory(home) as service:
        assert service.private.rekey(Rekey(), no_step).kept == "keyring"
    (new,) = [path.read_text() for path in store.iterdir()]
    assert new != old
    assert all_values(home) == ENTRIES
    with memory(home) as service, pytest.raises(RuntimeError):
        service.private.rekey(Rekey(), _fail)
    assert [path.read_text() for path in store.iterdir()] == [new], "a change that failed leaves nothing behind"
    with memory(home) as service:
        assert service.private.rekey(Rekey("file"), no_step).kept == "file"
    assert list(store.iterdir()) == []


def _fail(done: int, count: int, what: str) -> None:
    raise RuntimeError(what)


def test_damaged_files_that_were_set_aside_keep_their_key(home: Home) -> None:
    fill(home)
    aside = home.memory / "damaged" / "private" / "then" / "memory-2026-W47.db"
    aside.parent.mkdir(parents=True)
    aside.write_bytes(b"what is left")
    kept = (home.keys / "data.json").read_bytes()
    with memory(home) as service:
        with pytest.raises(Refused) as caught:
            service.private.rekey(Rekey(), no_step)
        assert (caught.value.code, str(home.keys) in caught.value.hint) == ("CIS-MEM-078", True)
        assert (home.keys / "data.json").read_bytes() == kept
        aside.unlink()
        service.private.rekey(Rekey(), no_step)


def test_what_was_searched_is_found_with_the_new_key_and_not_while_locked(home: Home) -> None:
    fill(home)
    query = Query("value 7", 3, None, "", "", None)
    with memory(home) as service:
        before = [hit.item.key for hit in service.search(query).hits]
        assert "own/7" in before
        service.private.rekey(Rekey("passphrase", new="x"), no_step)
        assert [hit.item.key for hit in service.search(query).hits] == before
        service.private.lock()
        result = service.search(query)
        assert "locked" in result.locked
        assert {hit.item.domain for hit in result.hits} <= {PUBLIC}
        service.private.unlock("x")
        assert [hit.item.key for hit in service.search(query).hits] == before


def test_archives_open_with_the_new_key_too(home: Home) -> None:
    fill(home)
    clock = SetClock(MONDAY + 20 * WEEK)
    with memory(home, clock) as service:
        service.archive()
        archives = sorted((home.memory / "archives" / "private").iterdir())
        assert len(archives) == 3
        before = [path.read_bytes() for path in archives]
        assert value_of(service, "own/1") == "value 1"
        report = service.private.rekey(Rekey(), no_step)
        assert report.files == len(list(private_files(home))) >= 4
        assert value_of(service, "own/1") == "value 1"
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in archives)
    assert [path.read_bytes() != old for path, old in zip(archives, before, strict=True)] == [True] * 3
    assert all_values(home) == ENTRIES
    # The archives of before do not open with the key of now.
    archives[0].write_bytes(before[0])
    with memory(home) as service:
        assert any("does not open" in problem for problem in service.check())
        with pytest.raises(Invalid) as caught:
            service.private.rekey(Rekey(), no_step)
        assert caught.value.code == "CIS-MEM-074"
