"""What an archived entry costs, beside unpacking its week, which is what a plain gzip would take."""

from __future__ import annotations

import gzip
import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cis_tui.core.paths import Home
from cis_tui.memory.records import Domain, MemoryWrite
from cis_tui.memory.service import MemoryService
from tests.memory.support import WEEK, SetClock, memory

pytestmark = pytest.mark.bench
COUNT = 60_000
WORDS = (Path(__file__).parent.parent.parent / "README.md").read_text("utf-8").split()


def milliseconds(what: Callable[[], object]) -> float:
    began = time.perf_counter()
    what()
    return (time.perf_counter() - began) * 1000


def unpacked(path: Path, key: str) -> object:
    """The value of `key`, by unpacking everything."""
    database = sqlite3.connect(":memory:")
    database.deserialize(gzip.decompress(path.read_bytes()))
    found = database.execute("SELECT value FROM log_entries WHERE key = ?", (key,)).fetchone()
    database.close()
    return found


def cold_get(home: Home, clock: SetClock, key: str) -> None:
    with memory(home, clock) as service:
        assert service.get(key) is not None


def filled(home: Home, clock: SetClock, domain: Domain) -> None:
    chance = random.Random(7)
    with memory(home, clock) as service:
        service.set_many(
            MemoryWrite(f"tmp/{number:06d}", " ".join(chance.choices(WORDS, k=60)), domain) for number in range(COUNT)
        )


def warm_gets(service: MemoryService) -> list[float]:
    """Milliseconds of gets of keys that no cache holds, from a week that is open."""
    chance = random.Random(3)
    keys = [f"tmp/{chance.randrange(COUNT):06d}" for _ in range(300)]
    return sorted(milliseconds(lambda key=key: service.get(key)) for key in keys)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("domain", Domain)
def test_an_archived_get(home: Home, domain: Domain) -> None:
    clock = SetClock()
    filled(home, clock, domain)
    clock.now += 4 * WEEK
    with memory(home, clock) as service:
        began = time.perf_counter()
        report = next(report for report in service.archive() if report.domain is domain)
        took = time.perf_counter() - began
    cold = min(milliseconds(lambda key=key: cold_get(home, clock, key)) for key in ("tmp/000123", "tmp/054321"))
    missing = SetClock(clock.now)
    with memory(home, missing) as service:
        service.get("tmp/000001")
        warm = warm_gets(service)
        miss = min(milliseconds(lambda number=number: service.get(f"no/{number}")) for number in range(20))
    path = home.memory / "archives" / domain / f"{report.week}.db.gz"
    print(
        f"\n{domain}: {report.size_before / 1e6:.0f} MB archived in {took:.1f} s to {report.size_after / 1e6:.1f} MB;"
        f" get cold {cold:.1f} ms, warm p50 {warm[150]:.2f} p95 {warm[285]:.2f} ms, missing {miss:.3f} ms"
    )
    if domain is Domain.PUBLIC:
        whole = min(milliseconds(lambda: unpacked(path, "tmp/000123")) for _ in range(2))
        print(f"unpacking the week: {whole:.0f} ms, {whole / cold:.0f}x of cold, {whole / warm[150]:.0f}x of warm")
        assert cold * 5 < whole
    assert warm[150] < 5
    assert cold < 100
