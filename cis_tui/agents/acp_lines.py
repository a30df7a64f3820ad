"""The lines that a program writes, held to limits before anything looks at them: it may be broken, or hostile."""

from __future__ import annotations

import asyncio
import json
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, cast

MAX_LINE = 16 * 1024 * 1024
"""Bytes of one message."""
MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Bytes of all messages of one answer."""
MAX_ODD = 100
"""Lines of one answer that are no messages: some programs print a greeting."""
MAX_REQUESTS = 2000
"""Requests of the program during one answer."""
MAX_OPEN = 64
"""Those that are answered at the same time."""
BURST, PAUSE = 100, 0.05
"""So many messages take no less than so many seconds: a program that says more has to wait, and nobody else."""
PATIENCE = 30.0
"""Seconds in which it has to take what it is told."""
UPDATE = "session/update"


class Lines:
    """The SDK's `Transport` over a program's standard streams. `Update`s go to `heard`, in order, and no further."""

    def __init__(self, reader: StreamReader, writer: StreamWriter, heard: Callable[[object], bool]) -> None:
        """`heard` takes the parameters of an update, and says whether they are well formed."""
        self._reader = reader
        self._writer = writer
        self._heard = heard
        self._bytes = self._odd = self._asked = self._open = 0
        self._burst = 0
        self._since = 0.0
        self.broken = ""
        """Why nothing more is read; empty as long as it is."""

    def renew(self) -> None:
        """An answer begins: its limits do."""
        self._bytes = self._odd = self._asked = 0

    async def send(self, message: Mapping[str, Any]) -> None:
        """Write one message.

        Raises:
            ConnectionError: the program is gone, or does not read.
        """
        if "method" not in message:
            self._open -= 1
        try:
            self._writer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
            async with asyncio.timeout(PATIENCE):
                await self._writer.drain()
        except TimeoutError as error:
            self.broken = self.broken or "it does not read what it is told"
            raise ConnectionError(self.broken) from error

    async def receive(self) -> dict[str, Any] | None:
        """The next message that is not an update; None when there is none, see `broken`."""
        while not self.broken:
            line = await self._line()
            if line is None:
                return None
            await self._paced()
            message = _message(line)
            if message is not None and self._wanted(message):
                return message
        return None

    async def close(self) -> None:
        """Close what the program reads."""
        with suppress(OSError):
            self._writer.close()

    async def _paced(self) -> None:
        """Let others have their turn: lines that are here already are read without any wait."""
        self._burst += 1
        pause = 0.0
        if self._burst == BURST:
            now = asyncio.get_running_loop().time()
            pause = max(self._since + PAUSE - now, 0)
            self._burst, self._since = 0, now + pause
        await asyncio.sleep(pause)

    async def _line(self) -> bytes | None:
        try:
            line = await self._reader.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            return None
        except asyncio.LimitOverrunError:
            self.broken = f"it sends a line of more than {MAX_LINE // 1024 // 1024} MB"
            return None
        except OSError as error:
            self.broken = str(error)
            return None
        self._bytes += len(line)
        if self._bytes > MAX_ANSWER_BYTES:
            self.broken = f"it sends more than {MAX_ANSWER_BYTES // 1024 // 1024} MB for one answer"
            return None
        return line

    def _wanted(self, message: dict[str, Any]) -> bool:
        """Whether the SDK has to see a message; what it would stumble over is left out, and counted."""
        method, id = message.get("method"), message.get("id")
        if method is None:
            return self._well(isinstance(id, int) and isinstance(message.get("error", {}), dict))
        if not isinstance(method, str) or not isinstance(message.get("params", {}), dict):
            return self._well(False)
        if id is None:
            if method == UPDATE:
                self._well(self._heard(message.get("params")))
            return False
        self._open += 1
        self._asked += 1
        if self._open > MAX_OPEN or self._asked > MAX_REQUESTS:
            many = f"{MAX_OPEN} things at once" if self._open > MAX_OPEN else f"{MAX_REQUESTS} things for one answer"
            self.broken = f"it asks for more than {many}"
            return False
        return self._well(isinstance(id, (int, str)))

    def _well(self, formed: bool) -> bool:
        if not formed:
            self._odd += 1
            if self._odd > MAX_ODD:
                self.broken = f"it sends what is no message of the protocol, more than {MAX_ODD} times"
        return formed


def _message(line: bytes) -> dict[str, Any] | None:
    """A line as a message; for what is none an empty one, None for an empty line."""
    if not line.strip():
        return None
    try:
        data: object = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", data) if isinstance(data, dict) else {}
