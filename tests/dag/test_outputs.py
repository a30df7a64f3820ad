"""What tasks print: whole in the file, clean and bounded everywhere else."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.dag.logfile import pieces
from cis_tui.dag.outputs import BURST, TAIL, Output, TextFeed, read_chunk
from cis_tui.skills.process import Command, Processes


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({min(cut, len(data)) for cut in cuts})
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.sampled_from(["a", "é", "漢", "🙂", "\n", "\r\n", "\x1b[31m", "\x1b[0m", "\x1b]0;title\x07", "\x1b7"])),
    st.lists(st.integers(0, 60), max_size=8),
)
def test_however_bytes_are_cut_the_text_is_the_same(words: list[str], cuts: list[int]) -> None:
    data = "".join(words).encode()
    feed = TextFeed()
    text = "".join(feed.feed(piece) for piece in in_pieces(data, cuts)) + feed.feed(b"", final=True)
    assert text == "".join("" if word[0] == "\x1b" else word.replace("\r", "") for word in words)


@settings(deadline=None, max_examples=40)
@given(st.binary(max_size=80), st.lists(st.integers(0, 80), max_size=5))
def test_nothing_that_a_terminal_obeys_comes_through(data: bytes, cuts: list[int]) -> None:
    feed = TextFeed()
    text = "".join(feed.feed(piece) for piece in in_pieces(data, cuts)) + feed.feed(b"", final=True)
    assert not {letter for letter in text if ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0} - {"\n", "\t"}


async def test_it_is_told_in_bursts_and_kept_whole(tmp_path: Path) -> None:
    heard: list[str] = []
    output = Output(tmp_path / "0.1.log", heard.append)
    for number in range(100):
        output.feed(f"{number}\n".encode())
    assert heard == ["0\n"], "the first at once, the rest together"
    output.close()
    lines = "".join(f"{number}\n" for number in range(100))
    assert "".join(heard) == lines
    assert len(heard) == 2
    assert output.tail() == lines
    assert read_chunk(tmp_path / "0.1.log", 1, 0, 10_000, live=False).text == lines


async def test_what_comes_too_fast_is_said_to_be_in_the_log(tmp_path: Path) -> None:
    heard: list[str] = []
    output = Output(tmp_path / "0.1.log", heard.append)
    output.feed(b"first\n")
    for _ in range(10):
        output.feed(b"x" * 50_000)
    output.close()
    assert len(heard[1]) < 3 * BURST
    assert "bytes are only in the log" in heard[1]
    assert len(output.tail()) == TAIL


async def test_a_hundred_megabytes_cost_little_memory_and_few_events(tmp_path: Path) -> None:
    heard: list[str] = []
    output = Output(tmp_path / "0.1.log", heard.append, limit=8_000_000)
    processes = Processes()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    line = "yes 0123456789012345678901234567890123456789012345678 | head -c 100000000"
    await processes.run(Command(("/bin/sh", "-c", line), tmp_path, {"PATH": "/usr/bin:/bin"}), output.feed)
    took = time.monotonic() - began
    output.close()
    await processes.close()
    found = pieces(tmp_path / "0.1.log")
    assert found[-1].end == 100_000_000
    assert sum(piece.size for piece in found) <= 8_000_000
    assert "92000000 bytes" in read_chunk(tmp_path / "0.1.log", 1, 4_000_000, 200, live=False).text
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10_000, "kilobytes"
    assert len(heard) <= 12 * (took + 1)
    assert sum(map(len, heard)) <= 3 * BURST * len(heard)


async def test_a_task_that_prints_now_and_then_is_heard_soon(tmp_path: Path) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    output = Output(tmp_path / "0.1.log", heard.put_nowait)
    for word in ("one", "two", "three"):
        output.feed(f"{word}\n".encode())
        assert await asyncio.wait_for(heard.get(), 5) == f"{word}\n"
    output.close()


async def test_a_full_disk_loses_the_log_and_nothing_else(tmp_path: Path) -> None:
    os.symlink("/dev/full", tmp_path / "0.1.log")
    output = Output(tmp_path / "0.1.log", lambda text: None)
    output.feed(b"hello\n")
    output.feed(b"world\n")
    assert output.tail() == "hello\nworld\n"
    assert output.failure is not None
    output.close()


TEXT = "".join(f"line {number} é漢🙂\n" for number in range(200))


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 64, 1000, 100_000])
def test_chunk_after_chunk_gives_the_whole(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "0.1.log"
    path.write_text(TEXT, "utf-8")
    text, offset, ended = "", 0, False
    while not ended:
        chunk = read_chunk(path, 1, offset, limit, live=False)
        assert chunk.offset > offset or chunk.ended
        text, offset, ended = text + chunk.text, chunk.offset, chunk.ended
    assert text.replace("\ufffd", "") == TEXT if limit >= 4 else len(text) >= len(TEXT)


def test_the_end_of_a_log(tmp_path: Path) -> None:
    path = tmp_path / "0.1.log"
    path.write_text(TEXT, "utf-8")
    chunk = read_chunk(path, 1, -40, 100, live=False)
    assert chunk.text.endswith("line 199 é漢🙂\n")
    assert (chunk.offset, chunk.ended) == (len(TEXT.encode()), True)
    assert read_chunk(path, 1, chunk.offset, 100, live=False).text == ""


def test_while_the_task_runs_only_whole_lines_are_given(tmp_path: Path) -> None:
    path = tmp_path / "0.1.log"
    path.write_bytes(b"one\ntwo\nthr")
    chunk = read_chunk(path, 1, 0, 100, live=True)
    assert (chunk.text, chunk.offset, chunk.ended) == ("one\ntwo\n", 8, False)
    path.write_bytes(b"one\ntwo\nthree\n")
    assert read_chunk(path, 1, chunk.offset, 100, live=True).text == "three\n"


def test_no_log_is_an_empty_one(tmp_path: Path) -> None:
    chunk = read_chunk(tmp_path / "none.log", 1, 0, 100, live=False)
    assert (chunk.text, chunk.offset, chunk.ended) == ("", 0, True)
