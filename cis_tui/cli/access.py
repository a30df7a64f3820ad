"""How a command comes to an engine: the live one, the files, or one in its own process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from cis_tui.api.launch import connect
from cis_tui.cli.context import Context
from cis_tui.cli.output import note
from cis_tui.core.errors import Unavailable

if TYPE_CHECKING:
    from cis_tui.api.client import RemoteEngine
    from cis_tui.api.server import EngineServer
    from cis_tui.cli.offline import Offline
    from cis_tui.engine import Engine
    from cis_tui.protocol import EngineApi

_LEAVE = 2.0
"""Seconds that commands of other terminals have to hang up before an engine of this process ends."""

_LOOK = 0.2
"""Seconds between looks whether they have."""


@asynccontextmanager
async def reading(context: Context) -> AsyncGenerator[EngineApi | Offline]:
    """The live engine, or the files of the home when there is none: for what only looks."""
    remote = await connect(context.home)
    if remote is None:
        from cis_tui.cli.offline import Offline

        yield Offline(context.home)
        return
    try:
        yield remote
    finally:
        await remote.close()


@asynccontextmanager
async def live(context: Context, *, hint: str) -> AsyncGenerator[RemoteEngine]:
    """The live engine.

    Raises:
        Unavailable: there is none (CIS-ENG-002); `hint` says what to do instead.
    """
    remote = await connect(context.home)
    if remote is None:
        raise no_engine(context, hint)
    try:
        yield remote
    finally:
        await remote.close()


def no_engine(context: Context, hint: str) -> Unavailable:
    """The error for a command that needs a live engine."""
    return Unavailable("CIS-ENG-002", f"no engine is live in {context.home.root}", hint=hint, retryable=False)


@asynccontextmanager
async def working(context: Context) -> AsyncGenerator[EngineApi]:
    """The live engine, or one in this process, which others can reach while it works."""
    remote: RemoteEngine | None = None
    own: Engine | None = None
    while remote is None and own is None:
        remote = await connect(context.home)
        own = await _start(context) if remote is None else None
    if own is not None:
        async with _served(own, context):
            yield own
    if remote is not None:
        try:
            yield remote
        finally:
            await remote.close()


async def _start(context: Context) -> Engine | None:
    """An engine in this process; None when another process was faster."""
    from cis_tui.engine import Engine

    try:
        return await Engine.start(context.home, project=context.project)
    except Unavailable as error:
        if error.code != "CIS-ENG-001":
            raise
        return None


@asynccontextmanager
async def _served(engine: Engine, context: Context) -> AsyncGenerator[None]:
    """Offer `engine` on the home's socket for as long as the block runs and others have runs in it."""
    from cis_tui.api.server import EngineServer

    server = EngineServer(engine, context.home, lasting=False)
    watch = asyncio.create_task(_end_when_told(server, asyncio.current_task()))
    try:
        await server.start()
        yield
        await _let_others_finish(engine, server)
    except asyncio.CancelledError:
        if not server.stopping:
            raise
        hint = "cis run list shows what can be resumed"
        raise Unavailable("CIS-ENG-017", "the engine of this command was stopped", hint=hint) from None
    finally:
        watch.cancel()
        server.hide()
        await engine.close()
        await server.close()


async def _end_when_told(server: EngineServer, task: asyncio.Task[object] | None) -> None:
    while not server.stopping:
        server.changed.clear()
        await server.changed.wait()
    if task is not None:
        task.cancel()


async def _let_others_finish(engine: Engine, server: EngineServer) -> None:
    if not engine.idle:
        note("runs of other terminals go on in this process; it ends with them (Ctrl-C leaves them to be resumed)")
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _LEAVE
    while not engine.idle or (server.clients > engine.faces and loop.time() < deadline):
        server.changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK):
                await server.changed.wait()
