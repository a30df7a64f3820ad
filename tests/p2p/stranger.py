"""Peers that do not keep to anything, made of the library's parts and of bare sockets. For the trio side of a test."""

# pyright: reportUnknownMemberType=false, reportCallIssue=false, reportArgumentType=false

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import trio
from libp2p.crypto.ed25519 import create_new_key_pair

from cis_tui.p2p.wire import BoundedStream, KeptYamux, SecureLine, Securing, TcpLine


async def in_trio(function: Callable[[], Awaitable[Any]]) -> Any:
    """Run `function` in a trio of its own, beside the test."""
    return await asyncio.to_thread(cast("Any", trio).run, function)


class Stranger:
    """Somebody with a key, who connects to a node on this machine."""

    def __init__(self, seed: bytes, port: int) -> None:
        self._securing = Securing(create_new_key_pair(seed))
        self._port = port

    async def tcp(self) -> trio.SocketStream:
        """A bare TCP connection."""
        return await trio.open_tcp_stream("127.0.0.1", self._port)

    async def secured(self) -> tuple[TcpLine, SecureLine]:
        """A connection on which both keys are proven, and nothing more."""
        line = TcpLine(await self.tcp(), outbound=True)
        return line, await self._securing.secure(line, None)

    @asynccontextmanager
    async def connected(self) -> AsyncGenerator[KeptYamux]:
        """A whole connection."""
        line, secured = await self.secured()
        try:
            muxed = await self._securing.multiplex(secured, outbound=True)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(muxed.start)
                await muxed.event_started.wait()
                yield muxed
                nursery.cancel_scope.cancel()
        finally:
            await trio.aclose_forcefully(line._stream)  # pyright: ignore[reportPrivateUsage]


async def open_stream(muxed: KeptYamux, protocol: str) -> BoundedStream:
    """A new stream on which `protocol` is agreed."""
    stream = BoundedStream(await muxed.open_stream())
    await stream.choose(protocol)
    return stream


async def ended(stream: trio.SocketStream, *, within: float) -> bool:
    """Whether the other side closes the connection within so many seconds."""
    with trio.move_on_after(within):
        try:
            while await stream.receive_some(65_536):
                pass
        except trio.BrokenResourceError:
            pass
        return True
    return False
