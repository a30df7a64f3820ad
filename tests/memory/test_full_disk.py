"""A full or read-only disk: said clearly, nothing acknowledged is lost, and memory works again when there is room."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cis_tui.core.errors import CisError, Refused, Unavailable, cannot_write
from cis_tui.core.paths import Home, write_private
from cis_tui.memory import buffer
from cis_tui.memory.keys import load_key
from cis_tui.memory.records import Domain, MemoryWrite
from cis_tui.memory.service import MemoryService
from tests.memory.support import NODE, PRIVATE, PUBLIC, memory, put, value_of


class Mounted:
    """A small disk of its own."""

    says = "the disk is full"

    def __init__(self, place: Path) -> None:
        self.place = place
        place.mkdir()
        mount("-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place))

    def fill(self, room: int = 0) -> None:
        """Leave no more than `room` bytes."""
        ballast = os.open(self.place / "ballast", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            while True:
                os.write(ballast, bytes(4096))
        except OSError:
            os.truncate(ballast, max(0, os.fstat(ballast).st_size - room))
        finally:
            os.close(ballast)

    def clear(self) -> None:
        (self.place / "ballast").unlink()

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.place)], check=True)


class Limited:
    """A disk on which this process may write no file longer than a limit: what anybody can have."""

    says = "cannot write"

    def __init__(self, place: Path) -> None:
        self.place = place
        place.mkdir()
        self._soft, self._hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self, room: int = 0) -> None:
        longest = max((path.stat().st_size for path in self.place.rglob("*") if path.is_file()), default=0)
        resource.setrlimit(resource.RLIMIT_FSIZE, (longest + room if room else 1, self._hard))

    def clear(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._soft, self._hard))

    def close(self) -> None:
        self.clear()


Disk = Mounted | Limited


def mount(*words: str) -> bool:
    return subprocess.run(["mount", *words], capture_output=True, check=False).returncode == 0


def can_mount() -> bool:
    """Whether this account may have disks of its own."""
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], check=False).returncode == 0


@pytest.fixture(params=[Limited, Mounted] if can_mount() else [Limited])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    made: Disk = request.param(tmp_path / "disk")
    yield made
    made.close()


@pytest.fixture(params=[PUBLIC, PRIVATE])
def domain(request: pytest.FixtureRequest) -> Domain:
    return request.param


def write_until_full(service: MemoryService, domain: Domain) -> tuple[list[str], CisError]:
    """The keys that were acknowledged, and what ended it."""
    kept: list[str] = []
    while True:
        key = f"kept/{len(kept)}"
        try:
            put(service, key, key * 100, domain)
        except CisError as error:
            return kept, error
        kept.append(key)


@pytest.mark.parametrize("room", [0, 20_000, 100_000])
def test_what_was_acknowledged_stays_and_nothing_else(disk: Disk, domain: Domain, room: int) -> None:
    home = Home(disk.place / "home")
    with memory(home) as service:
        put(service, "first", "x", domain)
        disk.fill(room)
        kept, error = write_until_full(service, domain)
        assert isinstance(error, Unavailable)
        assert error.message.startswith(f"cannot write {home.memory / domain / 'memory-2026-W47.db'}: ")
        assert disk.says in error.message
        assert error.hint
        disk.clear()
        put(service, "later", "y", domain)
        assert [item.key for item in service.list(limit=10_000).items] == sorted(["first", "later", *kept])
        assert service.check() == []
    with memory(home) as service:
        assert all(value_of(service, key) == key * 100 for key in kept)
        assert all(len(service.history(key)) == 1 for key in kept)


def test_what_waits_is_kept_and_written_when_there_is_room(
    disk: Disk, domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buffer.Buffer.__init__, "__kwdefaults__", {"seconds": 0.05, "on_failure": None})
    failed = threading.Event()
    service = MemoryService(Home(disk.place / "home"), node=NODE, on_event=lambda kind, _: failed.set())
    try:
        put(service, "first", "x", domain)
        failed.clear()
        disk.fill()
        for number in range(50):
            service.set_nowait(MemoryWrite(f"n/{number}", "waits", domain))
        assert failed.wait(10), "the retry tells of its failure"
        with pytest.raises(Unavailable, match=disk.says):
            service.flush()
        disk.clear()
        service.flush()
        assert len(service.list("n/").items) == 50
        assert {len(service.history(f"n/{number}")) for number in range(50)} == {1}
    finally:
        disk.clear() if isinstance(disk, Limited) else None
        service.close()


def test_the_buffer_has_an_end(disk: Disk) -> None:
    with memory(Home(disk.place / "home")) as service:
        put(service, "first", "x", PUBLIC)
        disk.fill()
        taken = 0
        for number in range(3 * buffer.FULL):
            try:
                service.set_nowait(MemoryWrite(f"n/{number}", "waits", PUBLIC))
                taken += 1
            except Unavailable:
                pass
        disk.clear()
        service.flush()
        assert taken == buffer.FULL - buffer.FULL // buffer.GROUP
        assert service.list("n/").total == buffer.FULL


@pytest.mark.parametrize("room", [0, 5_000, 20_000, 50_000, 90_000, 150_000])
def test_a_home_that_could_not_be_begun_can_be_begun_later(disk: Disk, domain: Domain, room: int) -> None:
    home = Home(disk.place / "home")
    if room and isinstance(disk, Limited):
        resource.setrlimit(resource.RLIMIT_FSIZE, (room // 3, -1))
    else:
        disk.fill(room)
    try:
        with memory(home) as service:
            put(service, "early", "x", domain)
    except CisError as error:
        assert disk.says in error.message
        early = None
    else:
        early = "x"
    disk.clear()
    with memory(home) as service:
        put(service, "later", "y", domain)
        assert (value_of(service, "early"), value_of(service, "later")) == (early, "y")
        assert service.check() == []


def test_a_read_only_home_is_named(tmp_path: Path, domain: Domain) -> None:
    disk = Mounted(tmp_path / "disk") if can_mount() else Limited(tmp_path / "disk")
    home = Home(disk.place / "home")
    cis = [sys.executable, "-m", "cis_tui.cli", "--home", str(home.root), "memory", "set", "--domain", domain]
    try:
        # Another process has nothing open afterwards.
        subprocess.run([*cis, "a", "x"], check=True)
        if isinstance(disk, Mounted):
            assert mount("-o", "remount,ro", str(disk.place))
        else:
            (home.memory / domain).chmod(0o500)
        told = subprocess.run([*cis, "b", "y"], capture_output=True, text=True, check=False)
    finally:
        disk.close()
    if os.geteuid() == 0 and isinstance(disk, Limited):
        assert told.returncode == 0, "no mode stops this account"
        return
    assert told.returncode == 4, told.stderr
    assert str(disk.place) in told.stderr
    assert "hint:" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_folder_in_the_place_of_a_file_is_named(home: Home, domain: Domain) -> None:
    load_key(home)
    log = home.memory / domain / "memory-2026-W47.db"
    log.mkdir(parents=True)
    with memory(home) as service, pytest.raises(Refused) as told:
        put(service, "a", "x", domain)
    assert str(log) in told.value.message
    assert told.value.hint


@pytest.mark.parametrize("part", ["memory", "memory/public", "memory/private", "keys", "identity"])
def test_a_file_in_the_place_of_a_folder_is_named(home: Home, part: str) -> None:
    (home.root / part).parent.mkdir(exist_ok=True)
    (home.root / part).write_text("not a folder")
    with memory(home) as service, pytest.raises(CisError) as told:
        service._node = None  # pyright: ignore[reportPrivateUsage]
        put(service, "a", "x", PRIVATE if part != "memory/public" else PUBLIC)
    assert str(home.root / part) in told.value.message


def test_errors_of_the_disk_are_told_by_kind(tmp_path: Path) -> None:
    full = cannot_write(tmp_path, OSError(errno.ENOSPC, "No space left on device"))
    assert (full.exit, full.retryable, full.message) == (6, True, f"cannot write {tmp_path}: the disk is full")
    closed = cannot_write(tmp_path, OSError(errno.EROFS, "Read-only file system"))
    assert (closed.exit, closed.message) == (4, f"cannot write {tmp_path}: Read-only file system")
    (tmp_path / "file").mkdir()
    with pytest.raises(Refused, match="Is a directory"):
        write_private(tmp_path / "file", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
