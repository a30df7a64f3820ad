"""What is too large for an event: a file at the homeserver, which the signed event names by its SHA-256.

A homeserver may give other bytes, or none; what does not have the digest and the size that were signed is not taken.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping
from typing import Protocol

from cis_tui.core.document import as_table
from cis_tui.core.errors import Invalid, Refused, Unavailable

MAX_FILE = 16_000_000
"""Bytes of one."""
MAX_TEXT = 40_000
"""Bytes that go into an event; more go as a file."""
_SHA256 = re.compile("[0-9a-f]{64}")


class Files(Protocol):
    """A homeserver that keeps files."""

    async def upload_limit(self) -> int: ...

    async def upload(self, data: bytes) -> str: ...

    async def download(self, address: str, limit: int) -> bytes: ...


async def put(files: Files, data: bytes) -> dict[str, object]:
    """Keep `data` at the homeserver; gives what an event says of it.

    Raises:
        Invalid: it is more than the homeserver takes, or than `MAX_FILE` (CIS-MATRIX-086).
        CisError: the homeserver is away.
    """
    most = min(MAX_FILE, await files.upload_limit())  # beyond that it would cut the line
    if len(data) > most:
        raise Invalid("CIS-MATRIX-086", f"{len(data)} bytes are too many for one file, at most {most} are kept")
    digest = await asyncio.to_thread(hashlib.sha256, data)
    return {"mxc": await files.upload(data), "sha256": digest.hexdigest(), "size": len(data)}


async def get(files: Files, said: Mapping[str, object]) -> bytes:
    """What an event has said is kept at the homeserver.

    Raises:
        Invalid: it says that of no file that would be taken (CIS-MATRIX-087).
        Refused: the homeserver gives something else (CIS-MATRIX-088).
        CisError: the homeserver is away, or has it no more.
    """
    address, sha256, size = said.get("mxc"), said.get("sha256"), said.get("size")
    named = isinstance(address, str) and isinstance(sha256, str) and _SHA256.fullmatch(sha256) is not None
    if not named or type(size) is not int or not 0 <= size <= MAX_FILE:
        raise Invalid("CIS-MATRIX-087", "this names no file, or one that is too large")
    data = await files.download(str(address), size)
    if len(data) != size or (await asyncio.to_thread(hashlib.sha256, data)).hexdigest() != sha256:
        raise Refused("CIS-MATRIX-088", "the homeserver gives another file than the one that was signed")
    return data


async def packed(files: Files | None, body: bytes) -> dict[str, object]:
    """UTF-8 as it stands in an operation: as it is, or as a file if it is long.

    Raises:
        CisError: as `put`; there is no homeserver (CIS-MATRIX-080).
    """
    if len(body) <= MAX_TEXT:
        return {"text": body.decode()}
    return {"file": await put(_there(files), body)}


async def unpacked(files: Files | None, data: Mapping[str, object]) -> bytes:
    """What stands in an operation.

    Raises:
        CisError: as `get`; there is no homeserver (CIS-MATRIX-080).
    """
    text = data.get("text")
    return text.encode() if isinstance(text, str) else await get(_there(files), as_table(data.get("file")))


def away() -> Unavailable:
    """There is no homeserver now."""
    return Unavailable("CIS-MATRIX-080", "the room in which nodes meet cannot be reached")


def _there(files: Files | None) -> Files:
    if files is None:
        raise away()
    return files
