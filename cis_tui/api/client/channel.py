"""One connection to the socket of an engine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

from cis_tui.api import wire
from cis_tui.api.address import socket_address
from cis_tui.core.codec import decode
from cis_tui.core.errors import CisError, Unavailable
from cis_tui.core.paths import Home
from cis_tui.protocol import PROTOCOL_VERSION


class Channel:
    """One connection, after hello. Either answers are matched to calls, or `receive` gives line after line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._waiting: dict[int, asyncio.Future[wire.Message]] = {}
        self._last = 2
        self._matching: asyncio.Task[None] | None = None
        self.lost = asyncio.Event()
        """Set when the connection is gone."""

    @classmethod
    async def open(cls, home: Home, role: str, *, read: bool = True) -> Channel:
        """Connect and say hello; with `read`, begin to match answers to calls."""
        with socket_address(str(home.engine_socket)) as address:
            reader, writer = await asyncio.open_unix_connection(address, limit=wire.MAX_LINE + 1)
        channel = cls(reader, writer)
        try:
            await channel.send(wire.request(1, "hello", {"protocol": PROTOCOL_VERSION, "role": role}))
            answer = await channel.receive()
            if answer.error is not None:
                raise answer.error
        except BaseException:
            await channel.close()
            raise
        if read:
            channel._matching = asyncio.create_task(channel._match())
        return channel

    async def close(self) -> None:
        self._writer.close()
        if self._matching is not None:
            self._matching.cancel()
            await asyncio.gather(self._matching, return_exceptions=True)
        self._lose()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def send(self, line: bytes) -> None:
        if len(line) > wire.MAX_LINE:
            raise wire.too_long()
        if self.lost.is_set():
            raise gone()
        try:
            self._writer.write(line)
            await self._writer.drain()
        except ConnectionError as error:
            raise gone() from error

    async def receive(self) -> wire.Message:
        try:
            return wire.parse(await self._reader.readuntil(b"\n"))
        except (OSError, asyncio.IncompleteReadError) as error:
            raise gone() from error
        except asyncio.LimitOverrunError as error:
            raise wire.too_long() from error

    async def call(self, method: str, params: Mapping[str, object]) -> object:
        self._last += 1
        id = self._last
        answer = self._waiting[id] = asyncio.get_running_loop().create_future()
        try:
            await self.send(wire.request(id, method, params))
            message = await answer
        except asyncio.CancelledError:
            self._writer.write(wire.notification("cancel", {"id": id}))
            raise
        finally:
            self._waiting.pop(id, None)
        if message.error is not None:
            raise message.error
        return message.result

    async def _match(self) -> None:
        """Hand every answer to the call that waits for it, until the connection is lost."""
        try:
            while True:
                message = await self.receive()
                answer = self._waiting.get(message.id) if isinstance(message.id, int) else None
                if answer is not None and not answer.done():
                    answer.set_result(message)
        except CisError as error:
            self._lose(error)

    def _lose(self, error: CisError | None = None) -> None:
        self.lost.set()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_result(wire.Message(None, "", {}, error=error or gone()))


def gone() -> Unavailable:
    """The error for a connection that is lost."""
    return Unavailable("CIS-ENG-010", "the connection to the engine is lost", hint="try again; cis engine status tells")


class Calls:
    """What calls an engine through a channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def _call(self, method: str, /, **params: object) -> Any:
        answer = await self._channel.call(method, params)
        return decode(cast("type[Any]", wire.methods()[method].result), answer)
