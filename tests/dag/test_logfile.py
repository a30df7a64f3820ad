"""A log that is too long keeps its beginning and its end, each at its place, and says how much is missing."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cis_tui.dag.logfile import LogFile, more_folder, pieces, read_bytes
from cis_tui.dag.outputs import read_chunk


def written(path: Path, limit: int, *parts: bytes) -> bytes:
    """Write a log in parts; all that was written."""
    log = LogFile(path, limit)
    for part in parts:
        log.write(part)
    log.close()
    assert log.failure is None
    return b"".join(parts)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(0, 700), max_size=8), limit=st.integers(8, 900), step=st.integers(1, 400))
def test_beginning_and_end_are_whole_and_what_is_missing_is_counted(
    tmp_path: Path, sizes: list[int], limit: int, step: int
) -> None:
    path = tmp_path / "a.1.log"
    parts = [bytes((number * 7 + place) % 251 for place in range(size)) for number, size in enumerate(sizes)]
    data = written(path, limit, *parts)
    found = pieces(path)
    assert found[-1].end == len(data)
    assert sum(piece.size for piece in found) <= limit
    assert found[0].size == min(len(data), limit // 2)
    assert len(data) <= limit // 2 or sum(piece.size for piece in found[1:]) >= min(len(data) - limit // 2, limit // 4)
    offset = lost = 0
    while offset < len(data):
        missing, place, got = read_bytes(found, offset, step)
        assert got == data[place : place + len(got)]
        assert got
        lost += missing
        offset = place + len(got)
    assert lost + sum(piece.size for piece in found) == len(data)


def test_a_reader_is_told_where_something_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.1.log"
    lines = [f"line {number:05d}\n".encode() for number in range(1000)]
    written(path, 1600, *lines)
    text, offset, ended = "", 0, False
    while not ended:
        chunk = read_chunk(path, 1, offset, 300, live=False)
        assert chunk.offset > offset
        text, offset, ended = text + chunk.text, chunk.offset, chunk.ended
    assert text.startswith("line 00000\n")
    assert text.endswith("line 00999\n")
    assert text.count("bytes were not kept: the log was too long") == 1
    assert read_chunk(path, 1, -11, 100, live=False).text == "line 00999\n"


def test_an_attempt_that_is_made_again_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.1.log"
    written(path, 100, b"x" * 1000)
    assert more_folder(path).exists()
    written(path, 100, b"short\n")
    assert read_chunk(path, 1, 0, 100, live=False).text == "short\n"
    assert not more_folder(path).exists()
