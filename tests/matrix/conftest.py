"""Homeservers of tests."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.matrix.nodes import Network
from tests.matrix.synapse import Synapse, data_folder, make_server, shared


def _folder(factory: pytest.TempPathFactory) -> Path:
    """What all workers of this run see."""
    base = factory.getbasetemp()
    return (base.parent if base.name.startswith("popen-") else base) / "synapse"


@pytest.fixture(scope="session")
def synapse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synapse]:
    """The server of this test run: make people, and rooms, of your own."""
    with shared(_folder(tmp_path_factory), "one") as (server,):
        yield server


@pytest.fixture(scope="session")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Synapse, Synapse]]:
    """Two servers of this test run that federate, by TLS that is verified."""
    with shared(_folder(tmp_path_factory), "federation") as (left, right):
        yield left, right


@pytest.fixture
def own_synapse() -> Iterator[Synapse]:
    """A server of this test alone, running, to be killed, frozen, started again."""
    server = make_server(data_folder())
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.root, ignore_errors=True)


@pytest.fixture
def slow_synapse() -> Iterator[Synapse]:
    """As `own_synapse`, with few messages a second."""
    server = make_server(data_folder(), settings={"rc_message": {"per_second": 5, "burst_count": 3}})
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.root, ignore_errors=True)


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    """Makes nodes, which end with the test."""
    made = Network(tmp_path / "nodes")
    yield made
    await made.close()
