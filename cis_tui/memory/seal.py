"""Archives of private memory: each block encrypted by AES-256-GCM with a key of the file's own.

    magic | id of the file | key of the file, wrapped | block 0 | … | index | length of the index

The key of the file is random, and wrapped (AES key wrap, RFC 3394) by a key that HKDF (RFC 5869) derives from the data
key for this week alone: another data key needs another head, and no block to be encrypted again (`rewrap`). The id, the
block's number and the number of all are authenticated with each block, so that none can be swapped, left out or taken
from another file. A number is used once with a key, and so is its nonce.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from cis_tui.core.errors import Invalid, Refused, cannot_write
from cis_tui.memory.database import raw_key

_MAGIC = b"CISarch1"
_ID, _WRAPPED = 16, 40
_HEAD = len(_MAGIC) + _ID + _WRAPPED
_INDEX = 0xFFFF_FFFF
"""The number of the index; no block has it."""


class Sealed:
    """The envelope of one encrypted file; see `blocks.Envelope`."""

    def __init__(self, head: bytes, file_key: bytes) -> None:
        """Use `new` or `of`."""
        self.head = head
        self._id = head[len(_MAGIC) : -_WRAPPED]
        self._cipher = AESGCM(file_key)

    @classmethod
    def new(cls, key: str, week: str) -> Sealed:
        """For a file to be written for `week`; `key`: the data key, 64 hexadecimal digits."""
        file_key = AESGCM.generate_key(256)
        return cls(_MAGIC + os.urandom(_ID) + aes_key_wrap(_week_key(key, week), file_key), file_key)

    @classmethod
    def of(cls, path: Path, key: str, week: str) -> Sealed:
        """For the file at `path`, written for `week`.

        Raises:
            Invalid: it was not written for that week with that key, or is damaged (CIS-MEM-063).
            Refused: it cannot be opened (CIS-MEM-061).
        """
        head = _read_head(path)
        return cls(head, _file_key(path, head, key, week))

    def seal(self, number: int, count: int, block: bytes) -> bytes:
        """See `Envelope`."""
        return self._cipher.encrypt(_nonce(number), block, self._id + struct.pack("<I", count))

    def open(self, number: int, count: int, data: bytes) -> bytes:
        """See `Envelope`."""
        return self._decrypt(number, data, self._id + struct.pack("<I", count))

    def seal_index(self, index: bytes) -> bytes:
        """See `Envelope`."""
        data = self._cipher.encrypt(_nonce(_INDEX), index, self._id)
        return data + struct.pack("<I", len(data))

    def open_index(self, data: bytes) -> bytes:
        """See `Envelope`."""
        (length,) = struct.unpack_from("<I", data, len(data) - 4)
        return self._decrypt(_INDEX, data[max(len(data) - 4 - length, 0) : -4], self._id)

    def _decrypt(self, number: int, data: bytes, bound_to: bytes) -> bytes:
        try:
            return self._cipher.decrypt(_nonce(number), data, bound_to)
        except InvalidTag as error:
            raise ValueError("not sealed so") from error


def rewrap(source: Path, target: Path, week: str, old: str, new: str) -> None:
    """Write the archive of `week` at `source`, which the data key `old` opens, to `target` (0600) for the key `new`.

    Raises:
        Invalid: `old` does not open it (CIS-MEM-063), or it is damaged (CIS-MEM-060).
        CisError: it cannot be written (CIS-CORE-012, 013).
    """
    head = _read_head(source)
    wrapped = aes_key_wrap(_week_key(new, week), _file_key(source, head, old, week))
    try:
        with open(source, "rb") as original, open(target, "wb", opener=_private) as copy:
            original.seek(_HEAD)
            copy.write(head[:-_WRAPPED] + wrapped)
            while chunk := original.read(1 << 20):
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
    except OSError as error:
        raise cannot_write(target, error) from error


def _file_key(path: Path, head: bytes, key: str, week: str) -> bytes:
    try:
        return aes_key_unwrap(_week_key(key, week), head[-_WRAPPED:])
    except InvalidUnwrap as error:
        raise Invalid(
            "CIS-MEM-063",
            f"{path} does not open with the key of private memory",
            hint="it is damaged, of another week, or of another key; the other weeks are not affected",
        ) from error


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _read_head(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise Refused("CIS-MEM-061", f"cannot open {path}: {error.strerror}") from error
    if len(head) != _HEAD or not head.startswith(_MAGIC):
        raise Invalid(
            "CIS-MEM-060", f"{path} is damaged: it is no archive of private memory", hint="restore it from a backup"
        )
    return head


def _week_key(key: str, week: str) -> bytes:
    raw_key(key)  # refuses what is no key
    info = f"cis/archive/private/{week}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(bytes.fromhex(key))


def _nonce(number: int) -> bytes:
    return struct.pack("<IQ", number, 0)
