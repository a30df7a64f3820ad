"""The way from inside a confined skill to the memory that it may use: with the standard library alone.

A confined program cannot make a unix socket, as that would lead to every service of its person's session. So its engine
listens at a named pipe in the skill's own folder: whoever writes a name there gets two pipes for themselves, on which
the messages are those of the engine's socket.
"""

from __future__ import annotations

import json
import os
import select
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import cast

READY = b"ready\n"
REQUEST, ANSWER = ".ask", ".told"
"""What the names of the two pipes of a connection end in."""
_TIMEOUT = 30.0
"""Seconds that an answer may take."""


class Door:
    """One connection, through the pipe that `CIS_SOCKET` names, to the memory of the skill's engine.

    Raises:
        OSError: nobody listens.
        CisError: the engine does not let it in.
    """

    def __init__(self, path: str, token: str) -> None:
        base = os.path.join(os.path.dirname(path), f"{os.getpid():x}-{time.monotonic_ns():x}")
        pipes = [base + REQUEST, base + ANSWER]
        self._rest = b""
        try:
            for pipe in pipes:
                os.mkfifo(pipe, 0o600)
            self._answers = os.open(pipes[1], os.O_RDONLY | os.O_NONBLOCK)
            door = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(door, os.fsencode(os.path.basename(base)) + b"\n")
            finally:
                os.close(door)
            if self._line() != READY:
                raise ConnectionRefusedError("the engine does not open its memory to this skill")
            self._requests = os.open(pipes[0], os.O_WRONLY)
        finally:
            for pipe in pipes:
                with suppress(OSError):
                    os.unlink(pipe)
        self.call("hello", {"token": token})

    def call(self, method: str, params: Mapping[str, object]) -> object:
        """The result of `method` as plain JSON data.

        Raises:
            OSError: the engine ended before it answered.
            CisError: the engine answered with an error.
        """
        line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, ensure_ascii=False)
        data = memoryview(line.encode("utf-8", "backslashreplace") + b"\n")
        while data:
            data = data[os.write(self._requests, data) :]
        answer = cast("dict[str, object]", json.loads(self._line()))
        if "error" in answer:
            from cis_tui.core.errors import error_from_wire

            raise error_from_wire(cast("dict[str, dict[str, object]]", answer["error"])["data"])
        return answer["result"]

    def close(self) -> None:
        """Hang up."""
        os.close(self._requests)
        os.close(self._answers)

    def _line(self) -> bytes:
        until = time.monotonic() + _TIMEOUT
        while b"\n" not in self._rest:
            if not select.select([self._answers], [], [], max(until - time.monotonic(), 0))[0]:
                raise TimeoutError("the engine does not answer")
            data = os.read(self._answers, 1 << 16)
            if not data:
                raise ConnectionResetError("the engine ended before it answered")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line + b"\n"
