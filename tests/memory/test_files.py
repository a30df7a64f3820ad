"""What lies on the disk: modes, no private text in clear, and files that are not what they should be."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from cis_tui.core.errors import Invalid, Refused, Unavailable
from cis_tui.core.paths import Home
from cis_tui.memory.database import Database
from cis_tui.memory.records import MemoryWrite
from tests.memory.support import PUBLIC, WEEK, SetClock, files_below, memory, put, value_of

PLANT = "plantedvalue7351"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in files_below(folder)}


def test_only_the_owner_can_read_anything(home: Home) -> None:
    old = os.umask(0)
    try:
        with memory(home) as service:
            put(service, "own", "x")
            put(service, "open", "x", PUBLIC)
            service.get("own")
            open_files = files_below(home.root)
            assert any(path.name.endswith("-wal") for path in open_files)
            assert all(path.stat().st_mode & 0o777 == 0o600 for path in open_files)
    finally:
        os.umask(old)
    for folder in (home.root, *(path for path in home.root.rglob("*") if path.is_dir())):
        assert folder.stat().st_mode & 0o777 == 0o700
    (home.memory / "public").chmod(0o755)
    with memory(home) as service:
        (problem,) = service.check()
    assert problem == f"{home.memory / 'public'} can be read by other users: chmod go= {home.memory / 'public'}"


def test_no_private_value_or_name_is_found_on_the_disk(home: Home, capfd: pytest.CaptureFixture[str]) -> None:
    clock = SetClock()
    key, category = f"name{PLANT}/x", f"kind{PLANT}"
    with memory(home, clock) as service:
        service.set(MemoryWrite(key, PLANT, category=category))
        service.set_nowait(MemoryWrite(f"{key}/2", PLANT * 1000))
        assert value_of(service, key) == PLANT
        put(service, "open", "visible", PUBLIC)
        clock.now += WEEK
        service.set_many(MemoryWrite(f"{key}/{number}", f"{PLANT}{number}") for number in range(300))
        service.delete(key)
        service.history(key)
        service.list("name")
        shutil.copytree(home.root, home.root.parent / "while-open")
    everything = contents(home.root) | contents(home.root.parent / "while-open")
    assert any(b"visible" in data for data in everything.values()), "the search itself works"
    assert [name for name, data in everything.items() if PLANT.encode() in data] == []
    assert capfd.readouterr() == ("", "")


def test_another_key_opens_nothing_and_changes_nothing(home: Home, capfd: pytest.CaptureFixture[str]) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        put(service, "own", "x")
        put(service, "open", "x", PUBLIC)
    other = Home(home.root.parent / "other")
    with memory(other, clock) as service:
        put(service, "own", "y")
    right = (home.keys / "data.json").read_bytes()
    shutil.copy(other.keys / "data.json", home.keys / "data.json")
    clock.now += WEEK
    for remove_catalogue in (False, True):
        if remove_catalogue:
            for path in (home.memory / "private").glob("catalogue-*"):
                path.unlink()
        before = contents(home.memory / "private")
        with memory(home, clock) as service:
            assert value_of(service, "open") == "x"
            for attempt in (lambda: service.get("own"), lambda: put(service, "own", "z"), service.list):
                with pytest.raises(Unavailable, match="written with another") as caught:
                    attempt()
                assert caught.value.code == "CIS-MEM-024"
            assert service.check() != []
        assert contents(home.memory / "private") == before
    (home.keys / "data.json").write_bytes(right)
    with memory(home, clock) as service:
        assert value_of(service, "own") == "x"
        assert service.check() == []
    assert capfd.readouterr() == ("", ""), "SQLCipher would draw over the workspace"


@pytest.mark.parametrize("left", [0, 6000])
def test_the_only_log_cut_short_is_told_from_a_wrong_key(home: Home, left: int) -> None:
    with memory(home) as service:
        put(service, "own", "x" * 20_000)
        put(service, "open", "x", PUBLIC)
    os.truncate(home.memory / "private" / "memory-2026-W47.db", left)
    with memory(home) as service:
        assert value_of(service, "open") == "x"
        for attempt in (lambda: service.get("own"), lambda: put(service, "own", "z")):
            with pytest.raises(Invalid, match=r"memory-2026-W47\.db is damaged") as caught:
                attempt()
            assert "cis doctor --repair" in caught.value.hint


def test_a_damaged_log_is_named_and_told_from_a_wrong_key(home: Home, capfd: pytest.CaptureFixture[str]) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        put(service, "own/old", "x" * 20_000)
        clock.now += WEEK
        put(service, "own/new", "x")
    path = home.memory / "private" / "memory-2026-W47.db"
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)
    with memory(home, clock) as service:
        assert value_of(service, "own/new") == "x"
        with pytest.raises(Invalid, match=r"memory-2026-W47\.db is damaged"):
            service.get("own/old")
        assert any("memory-2026-W47.db is damaged" in problem for problem in service.check())
        put(service, "own/new", "y")
    assert capfd.readouterr() == ("", "")


def test_a_log_of_a_later_version_is_left_alone(home: Home) -> None:
    with memory(home) as service:
        put(service, "open", "x", PUBLIC)
    log = Database(home.memory / "public" / "memory-2026-W47.db")
    log.run("PRAGMA user_version=99")
    log.close()
    with memory(home) as service:
        for attempt in (lambda: service.get("open"), lambda: put(service, "open", "y")):
            with pytest.raises(Invalid, match="has the form 99"):
                attempt()


def test_where_nothing_can_be_written_the_folder_is_named(home: Home) -> None:
    home.memory.mkdir()
    (home.memory / "public").write_text("a file is in the way")
    with memory(home) as service, pytest.raises(Refused) as caught:
        put(service, "open", "x", PUBLIC)
    assert str(home.memory / "public") in caught.value.message


def test_a_service_that_waits_too_long_for_another_says_who_is_in_the_way(home: Home) -> None:
    with memory(home) as service:
        put(service, "open", "x", PUBLIC)
        path = home.memory / "public" / "memory-2026-W47.db"
        holder, waiter = Database(path), Database(path)
        holder.begin()
        with pytest.raises(Unavailable, match="in use by another process") as caught:
            waiter.begin(seconds=0.05)
        assert caught.value.retryable
        # A use that cannot be written down does not fail the read, and is not lost.
        for _ in range(150):
            assert value_of(service, "open") == "x"
        holder.rollback()
        assert service.list().items[0].access_count == 150
        holder.close()
        waiter.close()


def test_what_cannot_be_attached_is_named(tmp_path: Path) -> None:
    database = Database.nothing()
    with pytest.raises(Refused, match=f"cannot open {tmp_path}/gone.db"):
        database.attach(tmp_path / "gone.db", "old", None)
    database.close()
