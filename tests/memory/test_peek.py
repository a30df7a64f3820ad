"""The quick look at one value gives what the service gives, or leaves it to the service."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.paths import Home
from cis_tui.memory.database import Database
from cis_tui.memory.keys import load_key
from cis_tui.memory.peek import peek
from tests.memory.support import PRIVATE, PUBLIC, WEEK, SetClock, memory, put, value_of

KEYS = ("a", "b/c", "ü?#%")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(KEYS),
        st.sampled_from(["text", "", b"\xff\x00", "zwei\nZeilen", None]),
        st.sampled_from([PRIVATE, PUBLIC]),
        st.integers(0, 2),
    ),
    max_size=6,
)


@given(STEPS)
@settings(deadline=None, max_examples=25)
def test_it_answers_as_the_service_does(steps: list[tuple[str, str | bytes | None, object, int]]) -> None:
    clock = SetClock()
    with TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home %41")
        with memory(home, clock) as service:
            for key, value, domain, weeks in steps:
                clock.now += weeks * WEEK + 1
                if value is None:
                    service.delete(key)
                else:
                    put(service, key, value, PUBLIC if domain is PUBLIC else PRIVATE)
        for key in KEYS:
            quick = peek(str(home.root), key)
            with memory(home, clock) as service:
                assert quick == value_of(service, key)


def test_it_counts_as_a_use(home: Home) -> None:
    with memory(home) as service:
        put(service, "k", "v")
    assert peek(str(home.root), "k") == "v"
    with memory(home) as service:
        item = service.get("k")
    assert item is not None
    assert item.access_count == 2
    assert item.last_accessed_at is not None


def test_it_sees_what_another_process_has_just_written(home: Home) -> None:
    with memory(home) as service:
        put(service, "k", "old")
        put(service, "k", "new")
        assert peek(str(home.root), "k") == "new"


def test_it_waits_for_nobody_who_writes(home: Home) -> None:
    with memory(home) as service:
        put(service, "k", "v")
    log = Database(next((home.memory / "private").glob("memory-*.db")), load_key(home))
    log.begin()
    try:
        assert peek(str(home.root), "k") == "v"
    finally:
        log.rollback()
        log.close()


def test_nothing_is_made_in_an_empty_home(tmp_path: Path) -> None:
    assert peek(str(tmp_path / "none"), "k") is None
    assert list(tmp_path.iterdir()) == []


def test_a_lagging_catalogue_is_left_to_the_service(home: Home) -> None:
    with memory(home) as service:
        put(service, "k", "old", PUBLIC)
        put(service, "k", "new", PUBLIC)
    catalogue = Database(next((home.memory / "public").glob("catalogue-*.db")))
    catalogue.run("UPDATE weeks SET last = 1")
    catalogue.run("UPDATE heads SET row = 1")
    catalogue.close()
    assert peek(str(home.root), "k") is None
    with memory(home) as service:
        assert value_of(service, "k") == "new"
    assert peek(str(home.root), "k") == "new"


@pytest.mark.parametrize("kind", ["memory-", "catalogue-"])
def test_tables_of_another_version_are_left_to_the_service(home: Home, kind: str) -> None:
    with memory(home) as service:
        put(service, "k", "v", PUBLIC)
    file = Database(next((home.memory / "public").glob(f"{kind}*.db")))
    file.run("PRAGMA user_version=99")
    file.close()
    assert peek(str(home.root), "k") is None


@pytest.mark.parametrize("kind", ["memory-", "catalogue-"])
def test_a_damaged_file_is_left_to_the_service(home: Home, kind: str) -> None:
    with memory(home) as service:
        put(service, "k", "v", PRIVATE)
    next((home.memory / "private").glob(f"{kind}*.db")).write_bytes(b"no database" * 500)
    assert peek(str(home.root), "k") is None


def test_a_key_that_is_not_plain_is_left_to_the_service(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIS_PASSPHRASE", "correct horse")
    with memory(home) as service:
        put(service, "mine", "v", PRIVATE)
        put(service, "ours", "v", PUBLIC)
    assert peek(str(home.root), "mine") is None
    assert peek(str(home.root), "ours") == "v"


def test_a_key_that_others_can_read_is_left_to_the_service(home: Home) -> None:
    with memory(home) as service:
        put(service, "k", "v", PRIVATE)
    (home.keys / "data.json").chmod(0o644)
    assert peek(str(home.root), "k") is None


def test_it_loads_next_to_nothing() -> None:
    program = "import sys, cis_tui.memory.peek; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"dataclasses", "inspect", "typing", "pathlib", "asyncio", "pydantic", "argparse", "hashlib", "logging"}
    assert not heavy & set(loaded)
