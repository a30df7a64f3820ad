"""The pages of a database file as they are on the disk, in clear: what SQLite would read, were the file in order.

A file is looked at only; not even its write-ahead log is taken in. Encrypted pages are opened as SQLCipher 4 writes
them: AES-256-CBC with a fresh vector for each, then sealed by HMAC-SHA512 under a key that the salt at the beginning of
the file goes into (https://www.zetetic.net/sqlcipher/design/).
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterator
from struct import unpack

from cis_tui.memory.pages import PAGE, Row, rows_of

_SALT, _VECTOR, _SEAL = 16, 16, 64
_WAL_MAGIC = 0x377F0682
_WAL_HEADER, _FRAME_HEADER = 32, 24


class PageFile:
    """An open database file, and its write-ahead log."""

    def __init__(self, file: int, wal: int | None, key: str | None) -> None:
        """`file`, `wal`: descriptors, which stay the caller's. `key`: 64 hexadecimal digits; None for a clear file."""
        self._file, self._wal = file, wal
        self._frames = dict(_frames(wal)) if wal is not None else {}
        self._key = bytes.fromhex(key) if key is not None else None
        self.count = max(-(-os.fstat(file).st_size // PAGE), *self._frames, 0)
        """How many pages there are."""
        self._usable = PAGE if key is None else PAGE - _VECTOR - _SEAL
        self._seal: bytes | None = None
        self.sealed = self._key is None or self._find_seal(self._key)
        """False for an encrypted file whose salt is lost, or of which no page was written with this key: its pages are
        opened, but whether they are as they were written cannot be known."""

    def rows(self) -> Iterator[Row]:
        """Every row of every table that can be read, from the first page to the last."""
        for number in range(1, self.count + 1):
            page = self.page(number)
            if page is not None:
                yield from rows_of(page, number, self._usable, self.page)

    def page(self, number: int) -> bytes | None:
        """A page in clear; None when there is none, or it is not as it was written."""
        raw = self._raw(number)
        if raw is None or self._key is None:
            return raw
        if self._seal is not None and not _is_sealed(raw, number, self._seal):
            return None
        return _opened(raw, number, self._key)

    def blank(self) -> bool:
        """Whether nothing was ever written, or all is zeros."""
        return all(not any(self._raw(number) or b"") for number in range(1, self.count + 1))

    def _raw(self, number: int) -> bytes | None:
        if number in self._frames and self._wal is not None:
            raw = os.pread(self._wal, PAGE, self._frames[number])
        else:
            raw = os.pread(self._file, PAGE, (number - 1) * PAGE) if 0 < number <= self.count else b""
        return raw if len(raw) == PAGE else None

    def _find_seal(self, key: bytes) -> bool:
        """Find what the pages are sealed with; the log may have a first page with the salt when the file has not."""
        heads = {os.pread(self._file, _SALT, 0), (self._raw(1) or b"")[:_SALT]}
        for head in heads:
            salt = bytes(byte ^ 0x3A for byte in head)
            seal = hashlib.pbkdf2_hmac("sha512", key, salt, 2, 32)
            if any(_is_sealed(self._raw(number), number, seal) for number in range(1, self.count + 1)):
                self._seal = seal
                return True
        return False


def _is_sealed(raw: bytes | None, number: int, seal: bytes) -> bool:
    if raw is None:
        return False
    start = _SALT if number == 1 else 0
    expected = hmac.digest(seal, raw[start:-_SEAL] + number.to_bytes(4, "little"), "sha512")
    return hmac.compare_digest(expected, raw[-_SEAL:])


def _opened(raw: bytes, number: int, key: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    end = PAGE - _VECTOR - _SEAL
    start = _SALT if number == 1 else 0
    decryptor = Cipher(algorithms.AES(key), modes.CBC(raw[end : end + _VECTOR])).decryptor()
    return bytes(start) + decryptor.update(raw[start:end]) + decryptor.finalize() + bytes(PAGE - end)


def _frames(wal: int) -> Iterator[tuple[int, int]]:
    """Each page that a committed transaction has put into the log, and where its content begins; later ones last.

    SQLite takes what follows a damaged frame for the torn end of the log. Here the frame alone is left out: each is
    checked against the sum that the one before it names.
    """
    header = os.pread(wal, _WAL_HEADER, 0)
    if len(header) < _WAL_HEADER:
        return
    magic, _, size, _ = unpack(">4I", header[:16])
    if magic & ~1 != _WAL_MAGIC or size != PAGE:
        return
    order = ">" if magic & 1 else "<"
    salts, before = header[16:24], unpack(">2I", header[24:])
    waiting: list[tuple[int, int]] = []
    place = _WAL_HEADER
    while len(frame := os.pread(wal, _FRAME_HEADER + PAGE, place)) == _FRAME_HEADER + PAGE:
        number, committed = unpack(">2I", frame[:8])
        after = unpack(">2I", frame[16:24])
        if frame[8:16] == salts and _sum(frame[:8] + frame[_FRAME_HEADER:], before, order) == after:
            waiting.append((number, place + _FRAME_HEADER))
            if committed:
                yield from waiting
                waiting.clear()
        before = after
        place += len(frame)


def _sum(data: bytes, before: tuple[int, ...], order: str) -> tuple[int, int]:
    """The checksum of the file format, section 4.2."""
    one, two = before
    words = unpack(f"{order}{len(data) // 4}I", data)
    for index in range(0, len(words), 2):
        one = (one + words[index] + two) & 0xFFFFFFFF
        two = (two + words[index + 1] + one) & 0xFFFFFFFF
    return one, two
