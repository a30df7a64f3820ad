"""A live engine with its socket, in the test's own loop."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from cis_tui.api.client import RemoteEngine
from cis_tui.api.server import EngineServer
from cis_tui.core.paths import Home
from cis_tui.engine import Engine


@pytest_asyncio.fixture
async def engine(home: Home) -> AsyncIterator[Engine]:
    """An engine on the test's home."""
    engine = await Engine.start(home)
    yield engine
    await engine.close()


@pytest_asyncio.fixture
async def server(engine: Engine, home: Home) -> AsyncIterator[EngineServer]:
    """The engine's socket."""
    server = EngineServer(engine, home)
    await server.start()
    yield server
    await server.close()


@pytest_asyncio.fixture
async def remote(server: EngineServer, home: Home) -> AsyncIterator[RemoteEngine]:
    """A client of it."""
    remote = await RemoteEngine.connect(home)
    yield remote
    await remote.close()
