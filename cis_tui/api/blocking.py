"""Calls to a live engine with nothing but a socket: for commands that must be fast."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from typing import cast

from cis_tui.api.address import socket_address

PROTOCOL = 1
"""`protocol.PROTOCOL_VERSION`, without loading what that module loads."""
_TIMEOUT = 30.0
"""Seconds that an answer may take."""


class Line:
    """One connection to the engine that listens on a socket.

    Raises:
        OSError: nobody listens.
        CisError: the engine is of another version, or stopping.
    """

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(_TIMEOUT)
            with socket_address(path) as address:
                self._socket.connect(address)
            self._lines = self._socket.makefile("rb")
            self.call("hello", {"protocol": PROTOCOL, "role": "command"})
        except BaseException:
            self._socket.close()
            raise

    def call(self, method: str, params: Mapping[str, object]) -> object:
        """The result of `method` as plain JSON data.

        Raises:
            OSError: the engine ended before it answered.
            CisError: the engine answered with an error.
        """
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        line = json.dumps(request, ensure_ascii=False)
        # A lone surrogate becomes the JSON escape \udcXX.
        self._socket.sendall(line.encode("utf-8", "backslashreplace") + b"\n")
        answered = self._lines.readline()
        if not answered:
            raise ConnectionResetError("the engine ended before it answered")
        answer = cast("dict[str, object]", json.loads(answered))
        if "error" in answer:
            from cis_tui.core.errors import error_from_wire

            raise error_from_wire(cast("dict[str, dict[str, object]]", answer["error"])["data"])
        return answer["result"]

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()
