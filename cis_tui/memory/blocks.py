"""A file of which any part can be read without the rest: compressed in blocks, with a list of where each lies.

    [head] block 0 | block 1 | … | index

A block is a gzip member (RFC 1952), and so is the index of a file in clear: an empty one, with the list in its extra
field. The whole is a gzip file that any `gunzip` takes. In an encrypted file (see `seal`) every part is encrypted
for itself, after it is compressed.

Nothing in a file is believed before it is checked: sizes are bounded, and must fit each other and the file.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from cis_tui.core.errors import CisError, Invalid, Refused, Unavailable

BLOCK = 64 * 1024
"""Bytes of a block before it is compressed; more in a file that would have too many blocks."""
MAX_BLOCK = 16 * 1024 * 1024
MAX_BLOCKS = 16_000
"""The sizes of so many fit into the extra field of one gzip member."""
LEVEL = 6
"""Of compression: what gzip itself does."""
_GZIP = 31
"""zlib's word for the gzip format with its checksum."""
_KEPT = 16
"""Blocks that stay decompressed."""
_MEMBER = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff"
_EMPTY = b"\x03\0" + bytes(8)
"""Nothing, compressed, with its checksum and length."""
_FIXED = struct.Struct("<4sIQ")
_MAGIC = b"cis1"


class Envelope(Protocol):
    """What a file is wrapped in."""

    head: bytes
    """What the file begins with."""

    def seal(self, number: int, count: int, block: bytes) -> bytes:
        """Block `number` of `count` as it lies in the file."""
        ...

    def open(self, number: int, count: int, data: bytes) -> bytes:
        """What `seal` was given.

        Raises:
            ValueError: it was not sealed as this block of this file.
        """
        ...

    def seal_index(self, index: bytes) -> bytes:
        """The index as it lies at the end of the file; its last bytes say how long it is."""
        ...

    def open_index(self, data: bytes) -> bytes:
        """What `seal_index` was given, from the end of a file.

        Raises:
            ValueError: there is none.
        """
        ...


class Clear:
    """No envelope: the file is a gzip file."""

    head = b""

    def seal(self, number: int, count: int, block: bytes) -> bytes:
        """See `Envelope`."""
        return block

    def open(self, number: int, count: int, data: bytes) -> bytes:
        """See `Envelope`."""
        return data

    def seal_index(self, index: bytes) -> bytes:
        """See `Envelope`."""
        field = index + struct.pack("<II", zlib.crc32(index), len(index))
        extra = b"CI" + struct.pack("<H", len(field)) + field
        return _MEMBER + struct.pack("<H", len(extra)) + extra + _EMPTY

    def open_index(self, data: bytes) -> bytes:
        """See `Envelope`."""
        end = len(data) - len(_EMPTY) - 8
        (length,) = struct.unpack_from("<I", data, end + 4)
        index = data[max(end - length, 0) : end]
        if not data.endswith(self.seal_index(index[:65_000])):
            raise ValueError("no index")
        return index


def write_blocks(file: BinaryIO, image: bytes | memoryview, envelope: Envelope) -> None:
    """Write `image` to `file`.

    Raises:
        OSError: it cannot be written.
    """
    block_size = BLOCK
    while len(image) > block_size * MAX_BLOCKS:
        block_size *= 2
    count = -(-len(image) // block_size)
    file.write(envelope.head)
    sizes: list[int] = []
    for number in range(count):
        block = _compress(image[number * block_size : (number + 1) * block_size])
        sizes.append(file.write(envelope.seal(number, count, block)))
    index = _FIXED.pack(_MAGIC, block_size, len(image)) + struct.pack(f"<{count}I", *sizes)
    file.write(envelope.seal_index(index))


class BlockFile:
    """A file that `write_blocks` wrote, open for reading. Not for two threads at once."""

    def __init__(self, path: Path, envelope: Envelope) -> None:
        """Open the file at `path`; its blocks are looked at when they are read.

        Raises:
            Invalid: it is no such file, or damaged (CIS-MEM-060).
            Refused, Unavailable: it cannot be read (CIS-MEM-061, CIS-MEM-062).
        """
        self.path = path
        self._envelope = envelope
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Refused("CIS-MEM-061", f"cannot open {path}: {error.strerror}") from error
        try:
            self._read_index()
        except (ValueError, struct.error) as error:
            self.close()
            raise self._damaged("its index cannot be read") from error
        except BaseException:
            self.close()
            raise

    def read(self, offset: int, amount: int) -> bytes:
        """`amount` bytes of the image from `offset` on; fewer where it ends.

        Raises:
            Invalid: a block is damaged (CIS-MEM-060).
            Unavailable: the disk failed (CIS-MEM-062).
        """
        end = min(offset + amount, self.size)
        parts: list[bytes] = []
        while offset < end:
            number, start = divmod(offset, self._block_size)
            part = self._block(number)[start : start + end - offset]
            parts.append(part)
            offset += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Let go of the file; may be called again."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _read_index(self) -> None:
        length = os.fstat(self._descriptor).st_size
        head = self._envelope.head
        if self._pread(0, len(head)) != head:
            raise ValueError("another head")
        tail_size = min(length - len(head), 65_536 + 64)
        tail = self._pread(length - tail_size, tail_size)
        index = self._envelope.open_index(tail)
        magic, self._block_size, self.size = _FIXED.unpack_from(index)
        sizes: tuple[int, ...] = struct.unpack(f"<{(len(index) - _FIXED.size) // 4}I", index[_FIXED.size :])
        known = magic == _MAGIC and BLOCK <= self._block_size <= MAX_BLOCK
        if not known or len(sizes) != -(-self.size // self._block_size):
            raise ValueError("sizes that do not fit")
        self._starts = list(_running_sum(len(head), sizes))
        if self._starts[-1] + len(self._envelope.seal_index(index)) != length or max(sizes, default=0) > 2 * MAX_BLOCK:
            raise ValueError("sizes that do not fit the file")

    def _block(self, number: int) -> bytes:
        block = self._blocks.get(number)
        if block is None:
            block = self._blocks[number] = self._decompressed(number)
            if len(self._blocks) > _KEPT:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return block

    def _decompressed(self, number: int) -> bytes:
        start, count = self._starts[number], len(self._starts) - 1
        data = self._pread(start, self._starts[number + 1] - start)
        expected = min(self._block_size, self.size - number * self._block_size)
        try:
            member = self._envelope.open(number, count, data)
            unpacker = zlib.decompressobj(_GZIP)
            block = unpacker.decompress(member, expected + 1)
        except (ValueError, zlib.error) as error:
            raise self._damaged(f"block {number} cannot be read") from error
        if len(block) != expected or not unpacker.eof or unpacker.unused_data:
            raise self._damaged(f"block {number} is not what it should be")
        return block

    def _pread(self, offset: int, amount: int) -> bytes:
        try:
            return os.pread(self._descriptor, amount, offset)
        except OSError as error:
            raise Unavailable("CIS-MEM-062", f"cannot read {self.path}: {error.strerror}") from error

    def _damaged(self, what: str) -> CisError:
        return Invalid(
            "CIS-MEM-060",
            f"{self.path} is damaged: {what}",
            hint="restore it from a backup; the other weeks are not affected",
        )


def _compress(data: bytes | memoryview) -> bytes:
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP)
    return packer.compress(data) + packer.flush()


def _running_sum(start: int, sizes: Iterable[int]) -> Iterator[int]:
    yield start
    for size in sizes:
        start += size
        yield start
