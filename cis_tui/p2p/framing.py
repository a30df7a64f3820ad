"""One message: its length as a varint (protobuf encoding, unsigned), then its bytes."""

from __future__ import annotations

from typing import Protocol

MAX_MESSAGE = 1_048_576
"""Bytes of one request or answer."""


class Stream(Protocol):
    """What messages are read from and written to; a read gives exactly `n` bytes or raises."""

    limit: int

    async def read(self, n: int | None = None) -> bytes: ...

    async def write(self, data: bytes) -> None: ...


class TooLarge(Exception):
    """A message was announced that is larger than is taken."""


def framed(message: bytes) -> bytes:
    """`message` as it goes over a stream."""
    length, prefix = len(message), bytearray()
    while length > 0x7F:
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    prefix.append(length)
    return bytes(prefix) + message


async def read_message(stream: Stream, most: int = MAX_MESSAGE) -> bytes:
    """The next message.

    Raises:
        TooLarge: it is longer than `most`, or its length no varint; nothing of it was read.
    """
    length = 0
    for shift in range(0, 28, 7):
        digit = (await stream.read(1))[0]
        length |= (digit & 0x7F) << shift
        if not digit & 0x80:
            break
    else:
        raise TooLarge("a length of more than four bytes")
    if length > most:
        raise TooLarge(f"{length} bytes")
    stream.limit = most
    return await stream.read(length) if length else b""
