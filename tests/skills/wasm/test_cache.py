"""Compiled modules on the disk: nothing is run that this home has not put there itself."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from cis_tui.skills.wasm import cache as caches
from cis_tui.skills.wasm.cache import CompiledCache
from tests.skills.wasm.support import ECHO, handling, shop

if TYPE_CHECKING:
    import pytest

DIGEST = hashlib.sha256(b"source").hexdigest()


def the_file(folder: Path) -> Path:
    (path,) = folder.glob("*.cwasm")
    return path


def test_what_was_put_is_given(tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path / "c", b"k" * 32)
    assert cache.get(DIGEST) is None
    cache.put(DIGEST, b"machine code")
    assert cache.get(DIGEST) == b"machine code"
    assert CompiledCache(tmp_path / "c", b"k" * 32).get(DIGEST) == b"machine code"
    assert cache.get(hashlib.sha256(b"another").hexdigest()) is None
    path = the_file(tmp_path / "c")
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)


def test_what_was_changed_is_neither_given_nor_kept(tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path / "c", b"k" * 32)
    for place in (0, 31, 32, -1):
        cache.put(DIGEST, b"machine code")
        path = the_file(tmp_path / "c")
        data = bytearray(path.read_bytes())
        data[place] ^= 1
        path.write_bytes(data)
        assert cache.get(DIGEST) is None
        assert not path.exists()
    for data in (b"", b"short"):
        cache.put(DIGEST, b"machine code")
        the_file(tmp_path / "c").write_bytes(data)
        assert cache.get(DIGEST) is None


def test_what_another_put_is_not_given(tmp_path: Path) -> None:
    CompiledCache(tmp_path / "c", b"o" * 32).put(DIGEST, b"machine code")
    assert CompiledCache(tmp_path / "c", b"k" * 32).get(DIGEST) is None


def test_one_module_is_not_given_for_another(tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path / "c", b"k" * 32)
    cache.put(DIGEST, b"machine code")
    first = the_file(tmp_path / "c")
    other = hashlib.sha256(b"another").hexdigest()
    cache.put(other, b"other code")
    second = next(path for path in (tmp_path / "c").glob("*.cwasm") if path != first)
    second.write_bytes(first.read_bytes())
    assert cache.get(other) is None


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path / "c", b"k" * 32)
    cache.put(DIGEST, b"machine code")
    path = the_file(tmp_path / "c")
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert cache.get(DIGEST) is None


def test_those_that_were_not_used_for_long_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "KEEP", 2)
    cache = CompiledCache(tmp_path / "c", b"k" * 32)
    digests = [hashlib.sha256(bytes([number])).hexdigest() for number in range(3)]
    for number, digest in enumerate(digests[:2]):
        cache.put(digest, b"code")
        os.utime(the_file(tmp_path / "c") if number == 0 else max((tmp_path / "c").glob("*")), (number, number))
    assert cache.get(digests[0]) == b"code", "which is a use"
    cache.put(digests[2], b"code")
    assert [cache.get(digest) for digest in digests] == [b"code", None, b"code"]


async def test_a_module_is_compiled_once(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        await here.call(ECHO)
    path = the_file(tmp_path / "cache")
    before = path.stat().st_ino
    async with shop(tmp_path) as here:
        assert (await here.call(ECHO)).success
        assert path.stat().st_ino == before
        await here.call(handling("(call $number (i32.const 1))"))
    assert len(list((tmp_path / "cache").glob("*.cwasm"))) == 2


async def test_machine_code_that_does_not_fit_is_made_anew(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        skill = here.skill(ECHO)
        digest = hashlib.sha256((skill.folder / skill.entry).read_bytes()).hexdigest()
        CompiledCache(tmp_path / "cache", b"k" * 32).put(digest, b"of another library")
        assert (await here.call(skill)).success
        assert the_file(tmp_path / "cache").stat().st_size > 1000


async def test_a_cache_that_cannot_be_written_only_takes_longer(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    async with shop(tmp_path) as here:
        assert (await here.call(ECHO)).success
