"""Damaged memory is salvaged: what can be read is there again, what cannot is named, nothing is thrown away."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from cis_tui.core.paths import Home
from cis_tui.memory.database import Database
from cis_tui.memory.keys import load_key
from cis_tui.memory.records import Domain, MemoryWrite
from cis_tui.memory.repair import Repair, repair_memory
from tests.memory.support import PRIVATE, PUBLIC, WEEK, SetClock, files_below, memory, value_of

COUNT = 600
PAGE = 4096


def value(number: int) -> str:
    """Some are short, some fill pages."""
    return f"value {number} " * (3 if number % 50 else 1500)


@pytest.fixture(params=[PUBLIC, PRIVATE])
def domain(request: pytest.FixtureRequest) -> Domain:
    return request.param


@pytest.fixture
def log(home: Home, domain: Domain) -> Path:
    """The log of a week with many entries, on the disk whole."""
    with memory(home) as service:
        service.set_many(MemoryWrite(f"key/{number}", value(number), domain) for number in range(COUNT))
    return home.memory / domain / "memory-2026-W47.db"


def mend(home: Home) -> list[Repair]:
    return repair_memory(home, partial(load_key, home))


def change(path: Path, place: int, data: bytes) -> None:
    with open(path, "r+b") as file:
        file.seek(place)
        file.write(data)


def page(path: Path, number: int, data: bytes | None = None) -> None:
    """Overwrite a page, with noise unless told otherwise."""
    change(path, (number - 1) * PAGE, random.Random(number).randbytes(PAGE) if data is None else data)


def middle(path: Path) -> int:
    """The number of the page in the middle of the file."""
    return path.stat().st_size // PAGE // 2


def three_pages(path: Path) -> None:
    for number in range(3):
        page(path, middle(path) + number)


def check_survivors(home: Home, repair: Repair) -> int:
    """See that every entry is as it was, or named as lost; gives how many there are."""
    with memory(home) as service:
        assert service.check() == []
        there = {item.key for item in service.list("key/", limit=10 * COUNT).items}
        for key in there:
            assert value_of(service, key) == value(int(key.removeprefix("key/")))
        gone = {f"key/{number}" for number in range(COUNT)} - there
        assert len(gone) == repair.lost_keys
        if repair.lost_public_keys:
            assert set(repair.lost_public_keys) == gone
        service.set(MemoryWrite("key/0", value(0)))
    return len(there)


DAMAGE: dict[str, tuple[Callable[[Path], None], int]] = {
    "pages in the middle": (three_pages, COUNT - 130),
    "a zeroed page": (lambda path: page(path, middle(path), bytes(PAGE)), COUNT - 60),
    "the root of the table": (lambda path: page(path, 2), COUNT),
    "cut in the middle": (lambda path: os.truncate(path, path.stat().st_size // 2 + 77), COUNT // 3),
    "a zeroed header": (lambda path: change(path, 0, bytes(100)), COUNT),
    "a header of noise": (lambda path: change(path, 0, random.Random(1).randbytes(100)), COUNT),
    "the first page": (lambda path: page(path, 1), COUNT),
    "the form of the tables": (lambda path: change(path, 16, b"\xff" * 48), COUNT),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_log_is_salvaged(home: Home, log: Path, domain: Domain, kind: str) -> None:
    damage, least = DAMAGE[kind]
    damage(log)
    damaged = log.read_bytes()
    with memory(home) as service:
        assert any(str(log) in problem for problem in service.check())
    assert log.read_bytes() == damaged, "looking changes nothing"
    (repair,) = mend(home)
    assert (repair.file, repair.action) == (str(log), "salvaged")
    assert Path(repair.kept, log.name).read_bytes() == damaged
    assert repair.salvaged + repair.lost == COUNT
    assert repair.salvaged >= least
    assert bool(repair.lost) == bool(repair.lost_ranges) == bool(repair.lost_keys)
    assert bool(repair.lost_public_keys) == bool(repair.lost_keys and domain is PUBLIC)
    assert check_survivors(home, repair) == repair.salvaged
    assert mend(home) == []
    for path in files_below(home.root):
        assert path.stat().st_mode & 0o077 == 0, path
        assert domain is PUBLIC or b"value 7" not in path.read_bytes()


def test_a_file_of_zeros_is_begun_anew(home: Home, log: Path, domain: Domain) -> None:
    for size in (0, log.stat().st_size):
        log.write_bytes(bytes(size))
        repair = mend(home)[0]
        assert (repair.action, repair.salvaged) == ("salvaged", 0)
        assert check_survivors(home, repair) == 0
        shutil.rmtree(home.root)
        with memory(home) as service:
            service.set_many(MemoryWrite(f"key/{number}", value(number), domain) for number in range(COUNT))


def test_what_lies_in_the_write_ahead_log_alone_is_salvaged(home: Home, log: Path, domain: Domain) -> None:
    with memory(home) as service:
        service.set_many(MemoryWrite(f"late/{number}", f"late {number}", domain) for number in range(50))
        # As a kill leaves it: the log beside the file was not taken in.
        shutil.copytree(home.root, home.root.parent / "killed")
    killed = Home(home.root.parent / "killed")
    there = killed.memory / domain / log.name
    assert there.with_name(f"{log.name}-wal").stat().st_size > 0
    change(there, 0, bytes(100))
    page(there, 5)
    mend(killed)
    with memory(killed) as service:
        assert service.check() == []
        assert value_of(service, "late/49") == "late 49"
        assert len(service.list("late/").items) == 50
        assert len(service.list("key/", limit=2 * COUNT).items) >= COUNT - 80


def test_other_weeks_serve_and_keys_go_back_to_what_they_hold(home: Home, domain: Domain) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        service.set_many(MemoryWrite(f"key/{number}", "old", domain) for number in range(20))
        clock.now += WEEK
        service.set_many(MemoryWrite(f"key/{number}", "new", domain) for number in range(10))
        service.delete("key/15")
    log = home.memory / domain / "memory-2026-W48.db"
    log.write_bytes(bytes(log.stat().st_size))
    (repair,) = mend(home)
    assert (repair.lost_keys, repair.reverted_keys) == (10, 10)
    with memory(home, clock) as service:
        assert service.check() == []
        assert value_of(service, "key/3") == "old"
        assert value_of(service, "key/15") is None, "what was deleted does not come back"
        assert value_of(service, "key/16") == "old"


def test_what_is_healthy_is_not_touched(home: Home, log: Path, domain: Domain) -> None:
    before = {path: (path.read_bytes(), path.stat().st_ino) for path in files_below(home.root)}
    assert mend(home) == []
    assert {path: (path.read_bytes(), path.stat().st_ino) for path in files_below(home.root)} == before


def test_another_key_is_no_damage(home: Home) -> None:
    with memory(home) as service:
        service.set(MemoryWrite("own", "x", PRIVATE))
    other = Home(home.root.parent / "other")
    with memory(other) as service:
        service.set(MemoryWrite("own", "y", PRIVATE))
    shutil.copy(other.keys / "data.json", home.keys / "data.json")
    for catalogue_too in (False, True):
        if catalogue_too:
            for path in (home.memory / "private").glob("catalogue-*"):
                path.unlink()
        before = {path: path.read_bytes() for path in files_below(home.memory / "private")}
        (repair,) = mend(home)
        assert repair.action == "left"
        assert "written with another" in repair.message
        assert {path: path.read_bytes() for path in files_below(home.memory / "private")} == before
    log = home.memory / "private" / "memory-2026-W47.db"
    log.write_bytes(bytes(8192))
    assert mend(home)[0].action == "left", "nothing proves the key"


def test_a_locked_key_touches_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIS_PASSPHRASE", "open sesame")
    with memory(home) as service:
        service.set(MemoryWrite("own", "x", PRIVATE))
    log = home.memory / "private" / "memory-2026-W47.db"
    page(log, 1)
    before = log.read_bytes()
    monkeypatch.delenv("CIS_PASSPHRASE")
    (repair,) = mend(home)
    assert (repair.action, "locked" in repair.message) == ("left", True)
    assert log.read_bytes() == before
    monkeypatch.setenv("CIS_PASSPHRASE", "open sesame")
    assert mend(home)[0].salvaged == 1


def test_a_damaged_catalogue_is_made_anew(home: Home, log: Path, domain: Domain) -> None:
    (path,) = (home.memory / domain).glob("catalogue-*.db")
    page(path, path.stat().st_size // PAGE // 2)
    (repair,) = mend(home)
    assert (repair.action, repair.lost) == ("rebuilt", 0)
    assert check_survivors(home, repair) == COUNT


def test_rows_that_only_the_catalogue_knows_are_named(home: Home, log: Path, domain: Domain) -> None:
    database = Database(log, load_key(home) if domain is PRIVATE else None)
    database.run("DELETE FROM log_entries WHERE id > 590")
    database.close()
    (repair,) = mend(home)
    assert (repair.action, repair.lost, repair.lost_keys) == ("rebuilt", 10, 10)
    assert check_survivors(home, repair) == 590


def test_a_log_in_use_is_left_alone(home: Home, log: Path, domain: Domain) -> None:
    key = load_key(home) if domain is PRIVATE else None
    program = (
        "import sys; from pathlib import Path; from cis_tui.memory.database import Database\n"
        f"database = Database(Path({str(log)!r}), {key!r}); database.all('SELECT count(*) FROM vectors')\n"
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == b"open\n"
        page(log, middle(log))
        (repair,) = mend(home)
        assert (repair.action, "in use by another process" in repair.message) == ("left", True)
        process.stdin.close()
    assert mend(home)[0].action == "salvaged"


def test_a_repair_that_was_killed_is_finished_by_the_next(home: Home, log: Path, domain: Domain) -> None:
    page(log, middle(log))
    expected = mend(home)[0]
    folder = Path(expected.kept)
    # Killed after the damaged log was moved; then somebody wrote.
    folder.rename(folder.with_name(f".{folder.name}"))
    log.unlink()
    with memory(home) as service:
        assert service.get("key/1") is None
        service.set(MemoryWrite("key/1", "newer", domain))
    found = mend(home)
    assert len(found) == 1, found
    repair = found[0]
    assert repair.kept == str(folder)
    assert repair.salvaged == expected.salvaged + 1
    with memory(home) as service:
        assert service.check() == []
        assert len(service.history("key/1")) == 2
        assert value_of(service, "key/599") == value(599)


def test_a_move_that_was_killed_half_way_is_undone(home: Home, log: Path, domain: Domain) -> None:
    with memory(home) as service:
        service.set(MemoryWrite("late", "x", domain))
        shutil.copytree(home.root, home.root.parent / "killed")
    killed = Home(home.root.parent / "killed")
    aside = killed.memory / "damaged" / domain / ".2026-W47-20261117T000000000Z"
    aside.mkdir(parents=True)
    wal = killed.memory / domain / f"{log.name}-wal"
    wal.rename(aside / wal.name)
    assert mend(killed) == []
    assert not aside.exists()
    with memory(killed) as service:
        assert value_of(service, "late") == "x"


def test_what_was_left_half_written_is_removed(home: Home, log: Path) -> None:
    (log.parent / ".new.db").write_bytes(b"half")
    (home.keys / ".data.json.123.tmp").parent.mkdir(exist_ok=True)
    (home.keys / ".data.json.123.tmp").write_bytes(b"half")
    assert {repair.action for repair in mend(home)} == {"removed"}
    assert not (log.parent / ".new.db").exists()
    assert not (home.keys / ".data.json.123.tmp").exists()


def test_vectors_are_salvaged_too(home: Home, log: Path, domain: Domain) -> None:
    database = Database(log, load_key(home) if domain is PRIVATE else None)
    database.many(
        "INSERT OR REPLACE INTO vectors VALUES (?, 'm', ?)", ((row, bytes([row % 256]) * 768) for row in range(1, 101))
    )
    database.close()
    page(log, 2)
    mend(home)
    database = Database(log, load_key(home) if domain is PRIVATE else None)
    found = database.all("SELECT row, model, vector FROM vectors WHERE model = 'm' ORDER BY row")
    database.close()
    assert found == [(row, "m", bytes([row % 256]) * 768) for row in range(1, 101)]
