"""What the engine and a worker say to each other over a socket: a kind, a small table, and bytes.

A frame is two lengths of four bytes each, the table as JSON, and the bytes. No side trusts the other with a length.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

HEAD = struct.Struct(">II")
NUMBER = struct.Struct(">I")
"""The number of a call, by which a worker is told to end it."""
MAX_TABLE = 65_536
"""Bytes of the table of a frame."""
MAX_BYTES = 128 * 1024 * 1024
"""Bytes of the rest of a frame: a compiled module is the greatest that is sent."""


class BadFrame(ValueError):
    """The other side said what is no frame."""


class Frame(NamedTuple):
    """One message."""

    table: Mapping[str, Any]
    """Has a `kind`."""
    data: bytes = b""

    @property
    def kind(self) -> str:
        return str(self.table.get("kind", ""))


def pack(kind: str, data: bytes = b"", **table: object) -> bytes:
    """A frame as it is sent."""
    head = json.dumps({"kind": kind, **table}, separators=(",", ":")).encode()
    return b"".join((HEAD.pack(len(head), len(data)), head, data))


def lengths(head: bytes) -> tuple[int, int]:
    """How long the two parts after `head` are.

    Raises:
        BadFrame: longer than any frame is.
    """
    table, data = HEAD.unpack(head)
    if table > MAX_TABLE or data > MAX_BYTES:
        raise BadFrame("a frame is too long")
    return table, data


def frame(table: bytes, data: bytes) -> Frame:
    """The frame with these two parts.

    Raises:
        BadFrame: it is none.
    """
    try:
        content = json.loads(table)
    except (ValueError, RecursionError) as error:
        raise BadFrame(str(error)) from error
    if not isinstance(content, dict):
        raise BadFrame("a frame without a table")
    return Frame(content, data)  # pyright: ignore[reportUnknownArgumentType]


def read(take: Callable[[int], bytes]) -> Frame:
    """The next frame, of which `take` gives so many bytes.

    Raises:
        BadFrame: it is none.
    """
    table, data = lengths(take(HEAD.size))
    return frame(take(table), take(data))
