"""The engine's unix socket (contract, "Homes and files")."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from cis_tui.api.address import socket_address
from cis_tui.api.connection import Connection
from cis_tui.api.outbox import Outbox
from cis_tui.api.wire import MAX_LINE
from cis_tui.core.errors import Unavailable
from cis_tui.core.paths import Home
from cis_tui.protocol import EngineApi

log = logging.getLogger(__name__)


class ServedEngine(EngineApi, Protocol):
    """An engine that can be served."""

    staying: bool
    faces: int

    @property
    def idle(self) -> bool: ...


class EngineServer:
    """Serves `engine` on the home's socket, to its owner only. The engine's lock must be held by this process."""

    def __init__(
        self,
        engine: ServedEngine,
        home: Home,
        *,
        lasting: bool = True,
        patience: float = 10.0,
        outbox: Callable[[], Outbox] = Outbox,
    ) -> None:
        """`lasting` is false for an engine that ends with the command whose process it lives in.

        A client that takes nothing for `patience` seconds, while its `outbox` is full, is cut off.
        """
        self.engine = engine
        self._lasting = lasting
        self.outbox = outbox
        self.patience = patience
        self.stopping = False
        """Whether a client asked for the end; requests are refused from then on."""
        self.changed = asyncio.Event()
        """Set whenever a client comes or goes, or asks the engine to stay or stop."""
        self._path = str(home.engine_socket)
        self._server: asyncio.Server | None = None
        self._inode = 0
        self._connections: dict[Connection, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Begin to listen; a socket that a dead engine left is replaced."""
        self._server = await asyncio.start_unix_server(self._connected, sock=self._bind(), limit=MAX_LINE)

    @property
    def clients(self) -> int:
        """Connections that are open, of faces and commands; what an agent of the engine starts keeps nobody."""
        return sum(connection.role != "agent" for connection in self._connections)

    def hide(self) -> None:
        """Remove the socket, so that nobody new comes; those who are connected stay."""
        if self._server is not None:
            self._server.close()
            with suppress(FileNotFoundError):
                if os.stat(self._path).st_ino == self._inode:
                    os.unlink(self._path)

    async def close(self) -> None:
        """Remove the socket and let every client go, after its last lines are sent."""
        self.hide()
        for connection in self._connections:
            connection.close()
        await asyncio.gather(*self._connections.values(), return_exceptions=True)

    def entered(self, role: str) -> None:
        """A client said hello."""
        self.engine.faces += role == "face"
        self.changed.set()

    def left(self, role: str) -> None:
        """A client that had said hello is gone."""
        self.engine.faces -= role == "face"

    def stay(self) -> None:
        """Live on without a face.

        Raises:
            Unavailable: this engine cannot (CIS-ENG-019).
        """
        if not self._lasting:
            raise Unavailable(
                "CIS-ENG-019",
                f"the live engine belongs to a command (process {os.getpid()}) and ends with it",
                hint="try again when that command has ended",
            )
        self.engine.staying = True
        self.changed.set()

    def stop(self) -> None:
        """Refuse requests from now on and let `changed` tell whoever keeps the engine that it is to end."""
        self.stopping = True
        self.changed.set()

    def _bind(self) -> socket.socket:
        with suppress(FileNotFoundError):
            os.unlink(self._path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # On Linux the file takes the mode that the socket has when it is bound: it is never open wider.
            os.fchmod(listener.fileno(), 0o600)
            with socket_address(self._path) as address:
                listener.bind(address)
            self._inode = os.stat(self._path).st_ino
            listener.setblocking(False)
        except BaseException:
            listener.close()
            raise
        return listener

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, reader, writer)
        self._connections[connection] = asyncio.create_task(self._serve(connection))
        self.changed.set()

    async def _serve(self, connection: Connection) -> None:
        try:
            await connection.serve()
        finally:
            del self._connections[connection]
            self.changed.set()
