"""The archive under kill -9, beside processes that write, and through 120 weeks of an uneven life."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from cis_tui.core.clock import iso_week, utc_now
from cis_tui.core.errors import CisError
from cis_tui.core.paths import Home
from cis_tui.memory.records import Domain, MemoryItem, MemoryWrite
from cis_tui.memory.service import MemoryService
from tests.conftest import ROOT
from tests.memory.support import MONDAY, NODE, PRIVATE, PUBLIC, WEEK, SetClock, files_below, memory, put, value_of
from tests.memory.test_processes import acknowledged, start

STEPS = ("carried", "written", "named", "removed", "forgotten", "unlinked", "dropped")


def archive_and_die(home: Home, now: float, step: str, times: int) -> int:
    command = (sys.executable, "-m", "tests.memory.archiving", str(home.root), str(now), step, str(times))
    return subprocess.run(command, cwd=ROOT, timeout=60).returncode


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_after_any_step_loses_nothing(home: Home, step: str) -> None:
    clock = SetClock()
    kept: dict[str, MemoryItem] = {}
    with memory(home, clock) as service:
        for number in range(4):
            for domain in (PUBLIC, PRIVATE):
                kept[f"project/{domain}/{number}"] = put(service, f"project/{domain}/{number}", f"p{number}", domain)
                put(service, f"tmp/{domain}/{number}", f"t{number}", domain)
                put(service, f"project/{domain}/often", f"o{number}", domain)
            clock.now += WEEK
    for times in (1, 2, 3):
        assert archive_and_die(home, clock.now, step, times) in (-signal.SIGKILL, 0)
        with memory(home, clock) as service:
            assert {key: value_of(service, key) for key in kept} == {key: item.value for key, item in kept.items()}
            assert value_of(service, "tmp/public/3") == value_of(service, "tmp/private/3") == "t3"
            assert service.check() == []
    with memory(home, clock, hot_weeks=1, total_weeks=2) as service:
        service.archive()
        service.archive()
        for domain in (PUBLIC, PRIVATE):
            names = [path.name for path in (home.memory / "archives" / domain).iterdir()]
            assert sorted(names) == ["2026-W49.db.gz", "2026-W50.db.gz"]
            assert [path.name for path in (home.memory / domain).glob("memory-*.db")] == ["memory-2026-W51.db"]
            assert value_of(service, f"project/{domain}/often") == "o3"
            assert [value_of(service, f"tmp/{domain}/{number}") for number in range(4)] == [None, None, "t2", "t3"]
        for key, item in kept.items():
            (found,) = service.history(key)
            assert (found.value, found.version, found.created_at) == (item.value, item.version, item.created_at)
        assert service.check() == []
    assert not [path for path in files_below(home.root) if path.name.endswith((".tmp", "-wal", "-shm"))]


def test_what_a_log_holds_beyond_its_archive_is_not_lost(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        put(service, "tmp/one", "1", PUBLIC)
        put(service, "tmp/two", "2", PUBLIC)
        log = home.memory / "public" / "memory-2026-W47.db"
        service.flush()
    whole = log.read_bytes()
    clock.now += 4 * WEEK
    with memory(home, clock) as service:
        service.archive()
        put(service, "tmp/one", "newer", PUBLIC)
    # The state after a kill between the last two steps: the archive has its name, the log is there.
    log.write_bytes(whole)
    with memory(home, clock) as service:
        assert value_of(service, "tmp/two") == "2"
        put(service, "tmp/two", "newer", PUBLIC)
        assert [report.carried for report in service.archive()] == [0]
        assert not log.exists()
        assert [item.value for item in service.history("tmp/two")] == ["newer", "2"]
        assert service.check() == []


def test_processes_that_write_while_their_week_is_archived_lose_nothing(home: Home) -> None:
    writers = [start(home, f"{prefix}{number}", 250) for number, prefix in enumerate(("tmp/w", "w", "tmp/w"))]
    clock = SetClock(utc_now())
    archived = 0
    service = MemoryService(home, node=NODE, clock=clock, hot_weeks=1, total_weeks=1000)
    deadline = time.monotonic() + 90
    while any(writer.poll() is None for writer in writers) and time.monotonic() < deadline:
        clock.now += WEEK
        archived += sum(not report.waiting for report in service.archive())
    lines = [line for writer in writers for line in writer.communicate(timeout=100)[0].splitlines(keepends=True)]
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    service.close()
    assert archived > 2
    expected = acknowledged(lines)
    with memory(home, clock) as after:
        assert {key: value_of(after, key) for key in expected} == expected
        assert after.check() == []
        assert sum(after.history("shared")[0].version.values()) == 3 * 50


class Killed(BaseException):
    """Stands for the end of the process."""


class Life:
    """A person's memory through the weeks, and what must be in it."""

    def __init__(self, home: Home, seed: int) -> None:
        self.home = home
        self.chance = random.Random(seed)
        self.clock = SetClock(MONDAY)
        self.facts: dict[str, MemoryItem] = {}
        self.noise: dict[str, str] = {}
        self.kills = 0

    def week(self, number: int) -> None:
        """Write, and archive unless the machine sleeps."""
        with memory(self.home, self.clock) as service:
            self._write(service, number)
        asleep = self.chance.random() < 0.3
        while not asleep and self.archive_is_killed():
            self.kills += 1
        back = self.chance.random() < 0.1
        self.clock.now += -2.5 * WEEK if back else WEEK

    def archive_is_killed(self) -> bool:
        deadly = self.chance.choice((*STEPS, "", "", "", ""))

        def done(step: str) -> None:
            if step == deadly:
                raise Killed

        with memory(self.home, self.clock) as service:
            try:
                service.archive(on_step=done)
            except Killed:
                return True
        return False

    def _write(self, service: MemoryService, number: int) -> None:
        domain = self.chance.choice((PUBLIC, PRIVATE))
        key = f"project/fact-{self.chance.randrange(25)}"
        self.facts[key] = put(service, key, f"in {number}")
        self.facts[f"user/password-{number % 10}"] = put(service, f"user/password-{number % 10}", f"secret {number}")
        pinned = MemoryWrite(f"tmp/pinned-{number}", "pinned", domain, pinned=True)
        self.facts[pinned.key] = service.set(pinned)
        if number % 7 == 3 and f"tmp/pinned-{number - 3}" in self.facts:
            service.delete(f"tmp/pinned-{number - 3}")
            del self.facts[f"tmp/pinned-{number - 3}"]
        put(service, f"tmp/noise-{number}", "noise", domain)
        self.noise[f"tmp/noise-{number}"] = iso_week(self.clock())

    def check(self) -> None:
        """See that what should be there is there, and nothing else."""
        with memory(self.home, self.clock) as service:
            for key, item in self.facts.items():
                found = service.get(key)
                assert found is not None, key
                assert (found.value, found.version, found.created_at, found.domain) == (
                    item.value,
                    item.version,
                    item.created_at,
                    item.domain,
                )
            archives = {domain: self._archives(domain) for domain in Domain}
            assert all(len(weeks) <= 54 for weeks in archives.values())
            oldest = min(weeks[0] for weeks in archives.values())
            for key, week in self.noise.items():
                assert (service.get(key) is not None) or week < max(weeks[0] for weeks in archives.values()), key
                if week < oldest and service.get(key) is not None:
                    # Written while the clock was set back, so that it lies in a later week than its own.
                    assert service.history(key)[0].week < oldest
            assert service.check() == []

    def _archives(self, domain: Domain) -> list[str]:
        return sorted(path.name[:8] for path in (self.home.memory / "archives" / domain).iterdir())


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1])
def test_120_weeks(home: Home, seed: int) -> None:
    life = Life(home, seed)
    for number in range(120):
        life.week(number)
        if number % 20 == 19:
            life.check()
    life.clock.now += 10 * WEEK
    while life.archive_is_killed():
        pass
    life.check()
    assert life.kills > 20
    with memory(home, life.clock) as service:
        gone = [key for key in life.noise if service.get(key) is None]
        assert "tmp/noise-0" in gone and 10 < len(gone) < 90
        assert {item.key for item in service.list("user/").items} == {f"user/password-{n}" for n in range(10)}


def test_who_reads_while_weeks_are_archived_and_dropped_gets_answers(home: Home) -> None:
    clock = SetClock()
    wrong: list[object] = []
    rounds = 0
    over = threading.Event()

    def read() -> None:
        nonlocal rounds
        with memory(home, clock) as reader:
            while not over.is_set():
                rounds += 1
                try:
                    kept = [value_of(reader, "project/kept"), reader.history("project/kept")[0].value]
                    reader.list()
                    for item in reader.list("tmp/").items:
                        if reader.get(item.key) is not None:
                            reader.history(item.key)
                    wrong.extend(value for value in kept if value != "kept")
                except CisError as error:
                    wrong.append(error.message)

    with memory(home, clock, hot_weeks=1, total_weeks=2) as service:
        put(service, "project/kept", "kept", PUBLIC)
        thread = threading.Thread(target=read)
        thread.start()
        try:
            for number in range(25):
                put(service, f"tmp/{number}", "x", PUBLIC if number % 2 else PRIVATE)
                clock.now += WEEK
                assert [report.waiting for report in service.archive() if report.waiting] == []
        finally:
            over.set()
            thread.join(60)
    assert wrong == []
    assert rounds > 3
