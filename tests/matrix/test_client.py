"""A homeserver, asked for what the rest stands on."""

from __future__ import annotations

import asyncio
import os

import pytest

from cis_tui.core.errors import CisError
from cis_tui.matrix.account import homeserver_url
from cis_tui.matrix.client import MatrixClient
from cis_tui.matrix.signing_in import find_homeserver
from tests.matrix.nodes import Network
from tests.matrix.synapse import Synapse


async def test_files_are_kept_where_nobody_reads_them(synapse: Synapse, network: Network) -> None:
    ann = await network.add(synapse)
    await ann.start()
    client = ann.service.client
    assert client is not None
    data = b"for who has the address " + os.urandom(300_000)
    address = await client.upload(data)
    assert await client.download(address, len(data)) == data
    kept = await asyncio.to_thread(
        lambda: [path.read_bytes() for path in (synapse.root / "media").rglob("*") if path.is_file()]
    )
    assert any(len(each) == len(data) + 16 for each in kept)
    assert not any(b"for who has the address" in each for each in kept)
    for bad, code in (
        (address[:-1] + ("0" if address[-1] != "0" else "1"), "CIS-MATRIX-009"),
        (address.partition("#")[0], "CIS-MATRIX-008"),
        ("mxc://../../x#" + "0" * 64, "CIS-MATRIX-008"),
        (f"mxc://{synapse.name}/nothing#" + "0" * 64, "CIS-MATRIX-006"),
    ):
        with pytest.raises(CisError) as caught:
            await client.download(bad, len(data))
        assert caught.value.code == code
    with pytest.raises(CisError, match="answers with more than"):
        await client.download(address, 1000)
    assert await client.upload_limit() == 20 * 1024 * 1024


async def test_where_clients_go_is_asked_of_the_server(synapse: Synapse) -> None:
    assert await find_homeserver(f"localhost:{synapse.port}") == synapse.url
    assert await find_homeserver(synapse.url) == synapse.url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("matrix.example.org", "https://matrix.example.org"),
        ("https://Matrix.example.org:8448/", "https://matrix.example.org:8448"),
        ("localhost:8008", "http://localhost:8008"),
        ("http://[::1]:8008", "http://[::1]:8008"),
        ("http://matrix.example.org", ""),
        ("https://ann:secret@matrix.example.org", ""),
        ("ftp://x", ""),
        ("https://x:port", ""),
        ("https://", ""),
    ],
)
def test_an_address_of_a_homeserver(text: str, url: str) -> None:
    if url:
        assert homeserver_url(text) == url
        return
    with pytest.raises(CisError) as caught:
        homeserver_url(text)
    assert caught.value.code == "CIS-MATRIX-010"


async def test_a_homeserver_that_is_none() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"next_batch": 5, "deep": ' + b"[" * 3_000
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    client = MatrixClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", token="t")
    try:
        with pytest.raises(CisError, match="answered no JSON") as caught:
            await client.sync("s1", quick=True)
        assert caught.value.retryable
    finally:
        await client.close()
        server.close()
    client = MatrixClient(client.homeserver)
    with pytest.raises(CisError, match="away"):
        await client.whoami()
    await client.close()
