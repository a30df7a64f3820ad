"""Files in blocks: any part can be read, nothing in them is believed."""

from __future__ import annotations

import gzip
import os
import random
import re
import subprocess
import zlib
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.errors import CisError, Invalid
from cis_tui.memory.blocks import BLOCK, BlockFile, Clear, Envelope, write_blocks
from cis_tui.memory.seal import Sealed, rewrap

KEY, OTHER = "ab" * 32, "cd" * 32
WEEK = "2026-W47"
SIZES = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 77]


@cache
def image(size: int) -> bytes:
    """Bytes that compress about as text does, the same ones each time."""
    chance = random.Random(size)
    return b"".join(chance.choice((b"alpha ", b"beta ", chance.randbytes(3))) for _ in range(size // 3 + 1))[:size]


def written(path: Path, data: bytes, envelope: Envelope) -> Path:
    with path.open("wb") as file:
        write_blocks(file, data, envelope)
    return path


def envelope(path: Path, encrypted: bool) -> Envelope:
    return Sealed.of(path, KEY, WEEK) if encrypted else Clear()


@pytest.fixture(params=[False, True], ids=["clear", "sealed"])
def encrypted(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.mark.parametrize("size", SIZES)
def test_every_part_can_be_read(tmp_path: Path, encrypted: bool, size: int) -> None:
    data = image(size)
    path = written(tmp_path / "file", data, Sealed.new(KEY, WEEK) if encrypted else Clear())
    file = BlockFile(path, envelope(path, encrypted))
    assert file.size == size
    chance = random.Random(1)
    for _ in range(50):
        offset, amount = chance.randrange(size + 10), chance.randrange(3 * BLOCK)
        assert file.read(offset, amount) == data[offset : offset + amount]
    file.close()


@pytest.mark.parametrize("size", SIZES)
def test_a_file_in_clear_is_a_gzip_file(tmp_path: Path, size: int) -> None:
    data = image(size)
    path = written(tmp_path / "file.gz", data, Clear())
    assert gzip.decompress(path.read_bytes()) == data
    assert subprocess.run(("gunzip", "-c", str(path)), capture_output=True, check=True).stdout == data


def test_an_encrypted_file_opens_with_its_key_and_its_week_only(tmp_path: Path) -> None:
    path = written(tmp_path / "file", b"planted value " * 10_000, Sealed.new(KEY, WEEK))
    data = path.read_bytes()
    assert b"planted" not in data
    for found in re.finditer(rb"\x1f\x8b\x08", data):
        with pytest.raises(zlib.error):
            zlib.decompressobj(31).decompress(data[found.start() :])
    for key, week in ((OTHER, WEEK), (KEY, "2026-W46")):
        with pytest.raises(Invalid, match="does not open with the key"):
            Sealed.of(path, key, week)


def test_another_key_needs_no_block_to_be_written_anew(tmp_path: Path) -> None:
    data = image(3 * BLOCK)
    path = written(tmp_path / "file", data, Sealed.new(KEY, WEEK))
    before, copy = path.read_bytes(), tmp_path / "copy"
    rewrap(path, copy, WEEK, KEY, OTHER)
    with pytest.raises(Invalid):
        Sealed.of(copy, KEY, WEEK)
    file = BlockFile(copy, Sealed.of(copy, OTHER, WEEK))
    assert file.read(0, len(data)) == data
    file.close()
    assert copy.read_bytes()[64:] == before[64:] == path.read_bytes()[64:]
    assert copy.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Invalid):
        rewrap(path, tmp_path / "none", WEEK, "ef" * 32, "12" * 32)
    assert not (tmp_path / "none").exists()


def test_blocks_cannot_be_swapped_left_out_or_taken_from_another_file(tmp_path: Path) -> None:
    one = written(tmp_path / "one", os.urandom(3 * BLOCK), Sealed.new(KEY, WEEK)).read_bytes()
    two = written(tmp_path / "two", os.urandom(3 * BLOCK), Sealed.new(KEY, WEEK)).read_bytes()
    length = (len(one) - 64 - 4 - 16 - 16 - 12) // 3
    first, second = slice(64, 64 + length), slice(64 + length, 64 + 2 * length)
    swapped = one[:64] + one[second] + one[first] + one[64 + 2 * length :]
    for forged in (swapped, one[:64] + two[first] + one[64 + length :], one[:64] + one[second.start :]):
        path = tmp_path / "forged"
        path.write_bytes(forged)
        with pytest.raises(Invalid):
            file = BlockFile(path, Sealed.of(path, KEY, WEEK))
            try:
                file.read(0, 3 * BLOCK)
            finally:
                file.close()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), encrypted=st.booleans())
def test_damage_is_an_error_and_never_other_bytes(
    tmp_path_factory: pytest.TempPathFactory, seed: int, encrypted: bool
) -> None:
    chance = random.Random(seed)
    data = image(2 * BLOCK + 999)
    path = tmp_path_factory.mktemp("damage") / "file"
    written(path, data, Sealed.new(KEY, WEEK) if encrypted else Clear())
    bad = bytearray(path.read_bytes())
    match chance.randrange(4):
        case 0:
            bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
        case 1:
            del bad[chance.randrange(len(bad)) :]
        case 2:
            del bad[chance.randrange(len(bad))]
        case _:
            start = chance.randrange(len(bad))
            bad[start : start + 64] = chance.randbytes(64)
    path.write_bytes(bad)
    try:
        file = BlockFile(path, envelope(path, encrypted))
    except CisError:
        return
    try:
        assert file.read(0, len(data)) == data, "the damage is where nothing is said, as in a gzip header"
    except CisError as error:
        assert str(path) in error.message
    finally:
        file.close()


@settings(max_examples=40, deadline=None)
@given(junk=st.binary(max_size=300), encrypted=st.booleans())
def test_junk_is_an_error(tmp_path_factory: pytest.TempPathFactory, junk: bytes, encrypted: bool) -> None:
    path = tmp_path_factory.mktemp("junk") / "file"
    path.write_bytes((b"CISarch1" if encrypted else b"") + junk)
    with pytest.raises(CisError):
        BlockFile(path, envelope(path, encrypted))


def test_a_block_that_unpacks_to_more_than_it_should_is_refused(tmp_path: Path) -> None:
    class Bomb(Clear):
        def seal(self, number: int, count: int, block: bytes) -> bytes:
            packer = zlib.compressobj(9, zlib.DEFLATED, 31)
            return packer.compress(bytes(64 * 1024 * 1024)) + packer.flush()

    path = written(tmp_path / "bomb", bytes(BLOCK), Bomb())
    file = BlockFile(path, Clear())
    with pytest.raises(Invalid, match="not what it should be"):
        file.read(0, 10)
    file.close()
