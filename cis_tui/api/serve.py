"""The life of an engine process: from its start until nobody needs it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from cis_tui.api.server import EngineServer
from cis_tui.core.paths import Home
from cis_tui.engine import Engine

GRACE = 5.0
"""Seconds that an engine lives on after it is needed last, so that a face that reconnects finds it."""
_LOOK = 1.0
"""Seconds between looks at a run that goes on while nobody is attached."""


async def serve(home: Home, *, ready: Callable[[], None], grace: float = GRACE) -> None:
    """Be the engine of `home` until nobody is attached, no run is active and none asked it to stay, or a signal.

    `ready` is called once, when clients can connect.

    Raises:
        Unavailable: another engine is live (CIS-ENG-001).
    """
    engine = await Engine.start(home, peers_after=0.0)
    server = EngineServer(engine, home)
    try:
        await server.start()
        _stop_on_signals(server)
        ready()
        await _until_unneeded(engine, server, grace)
    finally:
        server.hide()
        await engine.close()
        await server.close()


async def _until_unneeded(engine: Engine, server: EngineServer, grace: float) -> None:
    while not server.stopping:
        server.changed.clear()
        attached = engine.staying or server.clients > 0
        limit = None if attached else grace if engine.idle else _LOOK
        try:
            async with asyncio.timeout(limit):
                await server.changed.wait()
        except TimeoutError:
            if limit == grace and engine.idle:
                return


def _stop_on_signals(server: EngineServer) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, server.stop)
