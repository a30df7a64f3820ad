"""One client of the engine's socket."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
from collections.abc import Callable, Coroutine
from typing import Protocol

from cis_tui import __version__
from cis_tui.api import wire
from cis_tui.api.outbox import Outbox
from cis_tui.core.errors import CisError, Invalid, NotFound, Refused, Unavailable
from cis_tui.core.events import LOSSY
from cis_tui.protocol import PROTOCOL_VERSION, EngineApi

log = logging.getLogger(__name__)

_FLUSH_TIMEOUT = 1.0
"""Seconds that a connection may take to send its last lines."""
_MAX_REQUESTS = 256
"""Requests of one client that are answered at the same time; more wait unread."""
_WITHOUT_HELLO = frozenset({"hello", "shutdown"})
_ENDS_WITH_CALLER = frozenset({"skill_run", "decision_ask", "peer_pair_wait", "peer_pair_join"})
"""What nobody wants to go on when the caller is gone."""


class Host(Protocol):
    """What a connection needs of its server."""

    @property
    def engine(self) -> EngineApi: ...
    @property
    def outbox(self) -> Callable[[], Outbox]: ...
    @property
    def patience(self) -> float: ...
    @property
    def stopping(self) -> bool: ...
    def entered(self, role: str) -> None: ...
    def left(self, role: str) -> None: ...
    def stay(self) -> None: ...
    def stop(self) -> None: ...


class Connection:
    """Reads requests, answers each in a task of its own, and sends events once they are subscribed to."""

    def __init__(self, host: Host, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._host = host
        self._reader = reader
        self._writer = writer
        self._outbox = host.outbox()
        self._wake = asyncio.Event()
        self._sent = asyncio.Event()
        self._closing = False
        self.role = ""
        """What the client said that it is: `face`, `command`, or an `agent` of the engine itself; empty before that."""
        self._requests: dict[int | str, tuple[str, asyncio.Task[None]]] = {}
        self._room = asyncio.Semaphore(_MAX_REQUESTS)
        self._subscription: asyncio.Task[None] | None = None
        self._reading = asyncio.create_task(self._read())

    async def serve(self) -> None:
        """Serve until the client goes away, breaks the rules, or `close` is called."""
        sender = asyncio.create_task(self._send())
        try:
            await asyncio.wait([self._reading])
        finally:
            await self._end(sender)

    def close(self) -> None:
        """Take no more requests; what is waiting is still sent."""
        self._reading.cancel()

    async def _read(self) -> None:
        try:
            self._check_peer()
            while True:
                await self._receive(await self._read_line())
        except CisError as error:
            self._put(wire.failure(None, error))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass

    async def _end(self, sender: asyncio.Task[None]) -> None:
        self._reading.cancel()
        if self.role:
            self._host.left(self.role)
        if self._subscription is not None:
            self._subscription.cancel()
        for name, task in tuple(self._requests.values()):
            if name in _ENDS_WITH_CALLER:
                task.cancel()
        open_tasks = [task for _, task in self._requests.values()]
        if open_tasks:
            await asyncio.wait(open_tasks, timeout=_FLUSH_TIMEOUT)
        self._closing = True
        self._wake.set()
        await asyncio.wait([sender], timeout=_FLUSH_TIMEOUT)
        sender.cancel()
        self._writer.transport.abort()

    def _check_peer(self) -> None:
        peer: socket.socket = self._writer.get_extra_info("socket")
        _, uid, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
        if uid != os.geteuid():
            log.warning("refused a connection of user %d", uid)
            raise Refused("CIS-ENG-016", "this engine belongs to another user")

    async def _read_line(self) -> bytes:
        try:
            return await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            raise wire.too_long() from None

    async def _receive(self, line: bytes) -> None:
        try:
            message = wire.parse(line)
        except Invalid as error:
            self._put(wire.failure(None, error))
            return
        if message.id is not None:
            await self._room.acquire()
            task = asyncio.create_task(self._answer(message.id, message))
            self._requests[message.id] = (message.method, task)
        elif message.method == "cancel":
            self._cancel(message.params.get("id"))

    def _cancel(self, id: object) -> None:
        for known, (name, task) in tuple(self._requests.items()):
            if known == id and name in _ENDS_WITH_CALLER:
                task.cancel()

    async def _answer(self, id: int | str, message: wire.Message) -> None:
        try:
            self._put(wire.result(id, await self._call(message)))
        except CisError as error:
            self._put(wire.failure(id, error))
        except Exception as error:
            log.exception("%s failed", message.method)
            self._put(wire.failure(id, _internal(error)))
        finally:
            self._requests.pop(id, None)
            self._room.release()

    async def _call(self, message: wire.Message) -> object:
        if not self.role and message.method not in _WITHOUT_HELLO:
            raise Invalid("CIS-ENG-011", "the first message is not hello")
        if self._host.stopping:
            raise Unavailable("CIS-ENG-017", "the engine is stopping")
        own = self._own_methods().get(message.method)
        if own is not None:
            return await own(message)
        method = wire.methods().get(message.method)
        if method is None:
            raise NotFound("CIS-ENG-013", f"the engine has no method {message.method[:80]!r}")
        return await getattr(self._host.engine, method.name)(**method.arguments(message.params))

    def _own_methods(self) -> dict[str, Callable[[wire.Message], Coroutine[object, object, object]]]:
        return {"hello": self._hello, "subscribe": self._subscribe, "stay": self._stay, "shutdown": self._shutdown}

    async def _hello(self, message: wire.Message) -> object:
        spoken, role = message.params.get("protocol"), message.params.get("role")
        if spoken != PROTOCOL_VERSION:
            raise Unavailable(
                "CIS-ENG-011",
                f"the live engine (cis {__version__}) speaks protocol {PROTOCOL_VERSION}, this cis speaks {spoken}",
                hint="cis engine stop ends it; the next command starts one that fits",
                retryable=False,
            )
        if role not in ("face", "command", "agent") or self.role:
            raise Invalid("CIS-ENG-012", 'hello is said once, with role "face", "command" or "agent"')
        self.role = str(role)
        self._host.entered(self.role)
        return {"protocol": PROTOCOL_VERSION, "version": __version__, "pid": os.getpid()}

    async def _subscribe(self, message: wire.Message) -> object:
        since = message.params.get("since")
        if self._subscription is not None or not (since is None or isinstance(since, int)):
            raise Invalid("CIS-ENG-014", "subscribe is said once, with since a number or null")
        if since is None:
            since = (await self._host.engine.status()).last_seq
        self._subscription = asyncio.create_task(self._pump(since))
        return {"since": since}

    async def _stay(self, message: wire.Message) -> object:
        self._host.stay()
        return None

    async def _shutdown(self, message: wire.Message) -> object:
        self._host.stop()
        return None

    async def _pump(self, since: int) -> None:
        try:
            async for event in self._host.engine.events(since):
                lossy = event.type in LOSSY
                if self._outbox.full and not lossy:
                    await self._wait_for_room()
                self._put(wire.event_line(event), lossy=lossy)
        except TimeoutError:
            self._cut_off()
        except Exception:
            log.exception("a subscription failed")
        self.close()

    async def _wait_for_room(self) -> None:
        """Let the reader catch up, such as after a subscription to much that is past.

        Raises:
            TimeoutError: it does not read at all.
        """
        while self._outbox.full:
            self._sent.clear()
            async with asyncio.timeout(self._host.patience):
                await self._sent.wait()

    def _put(self, line: bytes, *, lossy: bool = False) -> None:
        self._outbox.put(line, lossy=lossy)
        if self._outbox.overflown:
            self._cut_off()
        self._wake.set()

    def _cut_off(self) -> None:
        if not self._writer.transport.is_closing():
            log.warning("cut off a client that does not read")
            self._writer.transport.abort()

    async def _send(self) -> None:
        told = 0
        try:
            while True:
                if self._outbox.dropped > told:
                    told = self._outbox.dropped
                    self._writer.write(wire.notification("dropped", {"count": told}))
                self._writer.write(self._outbox.take())
                await self._writer.drain()
                self._sent.set()
                if not self._outbox:
                    if self._closing:
                        return
                    self._wake.clear()
                    await self._wake.wait()
        except ConnectionError:
            self._writer.transport.abort()


def _internal(error: Exception) -> CisError:
    return CisError(
        "CIS-ENG-020", f"the engine failed: {type(error).__name__}: {error}", hint="its log tells more: log/cis.log"
    )
