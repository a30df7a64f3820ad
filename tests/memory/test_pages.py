"""Rows read from the bare pages of a file are what SQLite wrote, in clear and encrypted, from the log beside it too."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cis_tui.memory.database import Database, create
from cis_tui.memory.pagefile import PageFile
from cis_tui.memory.pages import PAGE, Value, rows_of
from cis_tui.memory.salvage import opened

KEY = "ab" * 32
values = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50),
    st.binary(max_size=50),
    st.integers(0, 20_000).map(lambda size: "x" * size),
    st.integers(0, 20_000).map(bytes),
)
tables = st.lists(st.tuples(values, values, values), max_size=40)


def prepare(database: Database) -> None:
    database.run("CREATE TABLE t (a, b, c)")


def rows_in(path: Path, key: str | None) -> dict[int, tuple[Value, ...]]:
    with opened(path, key) as pages:
        assert pages.sealed
        return {row: values for row, values in pages.rows() if len(values) == 3}


@pytest.mark.parametrize("key", [None, KEY])
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables, tables)
def test_every_row_is_read_as_it_was_written(
    tmp_path: Path, key: str | None, first: list[tuple[Value, ...]], later: list[tuple[Value, ...]]
) -> None:
    path = tmp_path / "x.db"
    path.unlink(missing_ok=True)
    create(path, key, prepare)
    database = Database(path, key)
    database.run("PRAGMA wal_autocheckpoint=0")
    database.many("INSERT INTO t VALUES (?, ?, ?)", first)
    database.run("PRAGMA wal_checkpoint(TRUNCATE)")
    database.begin()
    database.many("INSERT INTO t VALUES (?, ?, ?)", later)
    database.commit()
    database.begin()
    database.many("INSERT INTO t VALUES (?, ?, ?)", [("never", "committed", "x" * 9000)] * 3)
    expected = {row: values for row, *values in database.all("SELECT rowid, * FROM t")}
    database.rollback()
    kept = {row: tuple(values) for row, values in expected.items() if row <= len(first) + len(later)}
    try:
        assert rows_in(path, key) == kept
    finally:
        database.close()
    assert rows_in(path, key) == kept


def test_another_key_seals_nothing(tmp_path: Path) -> None:
    create(tmp_path / "x.db", KEY, prepare)
    with opened(tmp_path / "x.db", "cd" * 32) as pages:
        assert not pages.sealed
        assert list(pages.rows()) == []


@given(st.integers(), st.integers(1, 3))
def test_garbage_is_no_error(seed: int, number: int) -> None:
    page = Random(seed).randbytes(PAGE)
    begun = bytes([0x0D]) + page[1:]
    for hostile in (begun, begun[:3] + b"\xff\xff" + begun[5:], bytes(100) + begun[:-100]):
        list(rows_of(hostile, number, PAGE, {2: page}.get))


def test_pages_that_lead_in_circles_are_no_error() -> None:
    cell = b"\xff\x80\x00\x01" + b"x" * 3000
    page = bytes([0x0D, 0, 0, 0, 1, 0, 0, 0, 1, 0]) + bytes(246) + cell
    page = page.ljust(PAGE, b"\0")
    circle = (7).to_bytes(4, "big").ljust(PAGE, b"\0")
    assert list(rows_of(page, 2, PAGE, {7: circle}.get)) == []


@pytest.fixture
def logged(tmp_path: Path) -> Callable[[], tuple[int, int]]:
    """A file with nothing but its tables, and a log with three transactions; gives descriptors of both."""
    path = tmp_path / "x.db"
    create(path, None, prepare)
    database = Database(path)
    for number in range(3):
        database.run("INSERT INTO t VALUES (?, ?, ?)", (number, f"{number}" * 3000, None))
    (tmp_path / "copy").write_bytes(path.read_bytes())
    (tmp_path / "copy-wal").write_bytes(Path(f"{path}-wal").read_bytes())
    database.close()
    return lambda: (os.open(tmp_path / "copy", os.O_RDONLY), os.open(tmp_path / "copy-wal", os.O_RDONLY))


def test_a_damaged_frame_of_the_log_hides_none_but_itself(
    logged: Callable[[], tuple[int, int]], tmp_path: Path
) -> None:
    wal = tmp_path / "copy-wal"
    data = bytearray(wal.read_bytes())
    frames = (len(data) - 32) // (24 + PAGE)
    data[32 + (frames - 2) * (24 + PAGE) + 24 + 2000] ^= 1
    wal.write_bytes(data)
    file, log = logged()
    try:
        found = {row for row, _ in PageFile(file, log, None).rows()}
    finally:
        os.close(file)
        os.close(log)
    assert 3 in found
