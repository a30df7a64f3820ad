"""Compiled modules on the disk, by content: what was compiled once is not compiled again.

A compiled module is machine code that runs as it is, so nothing is taken from the disk but what this home has put there
itself: every file begins with a keyed hash over its name and its content, and the key follows from the node's own.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from contextlib import suppress
from pathlib import Path

from cis_tui.core.document import open_regular
from cis_tui.core.paths import private_dir, write_private

CONFIGURATION = "fuel epoch components 2"
"""Names how modules are compiled, see `worker.configured`; another name, and everything is compiled anew."""
KEEP = 64
"""Modules that are kept, those used last."""
MAX_FILE = 128 * 1024 * 1024
_MAC = 32


class CompiledCache:
    """The compiled modules of one home. Its methods block; they never raise: without the cache it only takes longer."""

    def __init__(self, folder: Path, secret: bytes) -> None:
        """`secret`: the key of the hash, 32 bytes, the same as long as what was put here is to be taken."""
        self._folder = folder
        self._secret = secret

    def get(self, digest: str) -> bytes | None:
        """The compiled module whose source has this SHA-256; None if it is not there, or not ours."""
        name = self._name(digest)
        path = self._folder / name
        try:
            with open_regular(path, os.O_NOFOLLOW) as file:
                data = file.read(MAX_FILE + 1)
            os.utime(path)
        except OSError:
            return None
        mac, content = data[:_MAC], data[_MAC:]
        if len(data) > MAX_FILE or not hmac.compare_digest(mac, self._mac(name, content)):
            self.discard(digest)
            return None
        return content

    def put(self, digest: str, compiled: bytes) -> None:
        """Keep a compiled module; replaced as a whole, so that nobody ever reads a half one."""
        name = self._name(digest)
        if len(compiled) + _MAC > MAX_FILE:
            return
        with suppress(OSError):
            private_dir(self._folder)
            write_private(self._folder / name, self._mac(name, compiled) + compiled)
            self._prune()

    def discard(self, digest: str) -> None:
        """Drop a module that is of no use."""
        with suppress(OSError):
            (self._folder / self._name(digest)).unlink()

    def _name(self, digest: str) -> str:
        from importlib.metadata import version  # late: it brings the parsers of mail

        key = f"{digest} wasmtime {version('wasmtime')} {CONFIGURATION} {os.uname().machine}"
        return f"{hashlib.sha256(key.encode()).hexdigest()}.cwasm"

    def _mac(self, name: str, content: bytes) -> bytes:
        return hmac.digest(self._secret, name.encode() + b"\0" + content, "sha256")

    def _prune(self) -> None:
        files = sorted(self._folder.glob("*.cwasm"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in files[KEEP:]:
            path.unlink(missing_ok=True)
