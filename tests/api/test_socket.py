"""An engine and its clients over the real socket."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import pytest

from cis_tui.api import wire
from cis_tui.api.blocking import Line
from cis_tui.api.client import RemoteEngine
from cis_tui.api.outbox import Outbox
from cis_tui.api.server import EngineServer
from cis_tui.core.clock import Instant
from cis_tui.core.errors import CisError, Invalid, NotFound, Unavailable
from cis_tui.core.events import Event
from cis_tui.core.paths import Home
from cis_tui.engine import Engine
from cis_tui.memory.records import Domain, MemoryWrite
from cis_tui.protocol import PROTOCOL_VERSION

HELLO = {"jsonrpc": "2.0", "id": 1, "method": "hello", "params": {"protocol": PROTOCOL_VERSION, "role": "command"}}


async def talk(home: Home, *lines: bytes, answers: int) -> list[dict[str, Any]]:
    """Send raw lines and read as many answers."""
    reader, writer = await asyncio.open_unix_connection(str(home.engine_socket), limit=wire.MAX_LINE)
    writer.writelines(lines)
    got = [json.loads(await reader.readline()) for _ in range(answers)]
    writer.close()
    await writer.wait_closed()
    return got


def encoded(message: object) -> bytes:
    return json.dumps(message).encode() + b"\n"


async def take(engine: RemoteEngine, since: int | None, count: int) -> list[Event]:
    """The first events of a stream."""
    got: list[Event] = []
    stream = cast("AsyncGenerator[Event]", engine.events(since))
    async with aclosing(stream):
        async for event in stream:
            got.append(event)
            if len(got) == count:
                break
    return got


async def test_a_face_cannot_tell_which_engine_it_holds(engine: Engine, remote: RemoteEngine) -> None:
    stored = await remote.memory_set(MemoryWrite("a/b", b"\xff\x00", Domain.PUBLIC, pinned=True))
    assert stored == (await engine.memory_history("a/b"))[0]
    found = await remote.memory_get("a/b")
    assert found is not None
    assert (found.value, found.domain, found.pinned) == (b"\xff\x00", Domain.PUBLIC, True)
    assert await remote.memory_get("missing") is None
    page = await remote.memory_list("a/", domain=Domain.PUBLIC)
    assert (page.total, page.items[0].key) == (1, "a/b")
    assert await remote.memory_delete("a/b") is True
    status = await remote.status()
    assert status.home == str(engine.home.root)
    assert await remote.run_list() == ()
    assert await remote.decision_list(all=True) == ()


async def test_an_error_comes_over_as_what_it_is(remote: RemoteEngine) -> None:
    with pytest.raises(NotFound) as caught:
        await remote.run_show("nothing")
    assert caught.value.code == "CIS-DAG-060"
    assert caught.value.hint


async def test_the_socket_is_for_its_owner_only(server: EngineServer, home: Home) -> None:
    assert stat.S_IMODE(os.stat(home.engine_socket).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(home.root).st_mode) == 0o700


async def test_calls_are_answered_side_by_side(remote: RemoteEngine) -> None:
    keys = [f"k{number}" for number in range(50)]
    await asyncio.gather(*(remote.memory_set(MemoryWrite(key, key)) for key in keys))
    items = await asyncio.gather(*(remote.memory_get(key) for key in keys))
    assert [item.value for item in items if item] == keys


async def test_a_face_is_counted_and_a_command_is_not(engine: Engine, server: EngineServer, home: Home) -> None:
    face = await RemoteEngine.connect(home, "face")
    command = await RemoteEngine.connect(home, "command")
    assert (engine.faces, server.clients) == (1, 2)
    await face.close()
    await command.close()
    while server.clients:
        server.changed.clear()
        await server.changed.wait()
    assert engine.faces == 0


async def test_another_protocol_is_told_and_left_alone(server: EngineServer, home: Home) -> None:
    hello = HELLO | {"params": {"protocol": 99, "role": "face"}}
    status = {"jsonrpc": "2.0", "id": 2, "method": "status"}
    first, second = await talk(home, encoded(hello), encoded(status), answers=2)
    assert "speaks protocol" in first["error"]["message"]
    assert first["error"]["data"]["exit"] == 6
    assert "cis engine stop" in first["error"]["data"]["hint"]
    assert "hello" in second["error"]["message"]


@pytest.mark.parametrize("line", [b"garbage\n", b"[1,2]\n", b"\x00\xff\n", b'{"id":{},"method":"x"}\n', b"\n"])
async def test_garbage_is_answered_and_the_talk_goes_on(server: EngineServer, home: Home, line: bytes) -> None:
    question = encoded({"id": 5, "method": "memory_get", "params": {"key": "x"}})
    answers = {answer["id"]: answer for answer in await talk(home, encoded(HELLO), line, question, answers=3)}
    assert "result" in answers[1]
    assert answers[None]["error"]["data"]["code"] == "CIS-ENG-012"
    assert answers[5] == {"jsonrpc": "2.0", "id": 5, "result": None}


@pytest.mark.parametrize("method", ["events", "close", "__init__", "_journal", "bus", "nothing"])
async def test_only_the_protocol_may_be_called(server: EngineServer, home: Home, method: str) -> None:
    _, answer = await talk(home, encoded(HELLO), encoded({"id": 2, "method": method}), answers=2)
    assert answer["error"]["code"] == -32601


async def test_a_line_that_is_too_long_ends_only_that_connection(
    server: EngineServer, home: Home, remote: RemoteEngine
) -> None:
    reader, writer = await asyncio.open_unix_connection(str(home.engine_socket))
    writer.write(encoded(HELLO))
    await reader.readline()
    writer.write(b"x" * (wire.MAX_LINE + 70_000))
    answer = json.loads(await reader.readline())
    assert answer["error"]["data"]["code"] == "CIS-ENG-015"
    assert await reader.read() == b""
    writer.close()
    assert (await remote.status()).faces == 0


async def test_a_call_that_is_too_long_is_refused_before_it_is_sent(remote: RemoteEngine) -> None:
    with pytest.raises(Invalid, match="16 MB"):
        await remote.memory_get("x" * wire.MAX_LINE)
    assert await remote.memory_get("x") is None


async def test_a_stranger_is_refused(server: EngineServer, home: Home) -> None:
    if os.geteuid() != 0:
        assert stat.S_IMODE(os.stat(home.engine_socket).st_mode) == 0o600  # only root can become a stranger
        return
    program = (
        "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        "print(s.makefile().readline())"
    )
    output = b""
    for _ in range(10):  # an engine that starts closes its home again
        # Let the stranger in as far as the file system goes, so that only the check of the peer is left.
        for folder in (home.root, *home.root.parents):
            folder.chmod(folder.stat().st_mode | 0o011)
        home.engine_socket.chmod(0o666)
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-S", "-c", program, str(home.engine_socket), stdout=asyncio.subprocess.PIPE
        )
        output, _ = await child.communicate()
        if output:
            break
    assert "belongs to another user" in json.loads(output)["error"]["message"]


async def test_events_come_in_order_and_can_be_taken_up_again(engine: Engine, remote: RemoteEngine) -> None:
    before = (await remote.status()).last_seq
    for number in range(10):
        await remote.memory_set(MemoryWrite(f"k{number}", "v"))
    first = await take(remote, before, 4)
    rest = await take(remote, first[-1].seq, 6)
    assert [event.data["key"] for event in (*first, *rest)] == [f"k{number}" for number in range(10)]
    assert [event.seq for event in (*first, *rest)] == sorted({event.seq for event in (*first, *rest)})


async def test_a_stream_without_a_start_has_what_happens_after_it(remote: RemoteEngine) -> None:
    await remote.memory_set(MemoryWrite("before", "v"))
    await take(remote, 0, 1)  # it has been told
    stream = remote.events()
    first = asyncio.ensure_future(anext(stream))
    while not first.done():
        await remote.memory_set(MemoryWrite("after", "v"))
    assert (await first).data["key"] == "after"
    await cast("AsyncGenerator[Event]", stream).aclose()


async def test_two_clients_see_the_same_events(server: EngineServer, remote: RemoteEngine, home: Home) -> None:
    other = await RemoteEngine.connect(home)
    since = (await remote.status()).last_seq
    await other.memory_set(MemoryWrite("k", "v"))
    ours, theirs = await asyncio.gather(take(remote, since, 1), take(other, since, 1))
    assert ours == theirs
    await other.close()


async def test_what_was_stored_before_a_restart_can_still_be_taken_up(home: Home, tmp_path: Path) -> None:
    dag = tmp_path / "one.toml"
    dag.write_text('[[dag.tasks]]\nid = "a"\n')
    engine = await Engine.start(home)
    view = await engine.run_start("", str(dag), {})
    async for event in engine.events(0):
        if event.type == "RunCompleted":
            break
    await engine.close()
    engine = await Engine.start(home)
    async with Served(engine, home) as remote:
        events = await take(remote, 0, 2)
        assert (events[0].type, events[0].data["run"]) == ("RunStarted", view.id)
    await engine.close()


async def test_a_client_that_does_not_read_loses_its_connection_and_hurts_nobody(engine: Engine, home: Home) -> None:
    server = EngineServer(engine, home, patience=0.2, outbox=lambda: Outbox(max_lines=50))
    await server.start()
    slow_reader, slow_writer = await asyncio.open_unix_connection(str(home.engine_socket), limit=1024)
    slow_writer.write(encoded(HELLO) + encoded({"id": 2, "method": "subscribe", "params": {"since": 0}}))
    quick = await RemoteEngine.connect(home)
    assert server.clients == 2
    key = "k" * 500
    while server.clients == 2:
        await quick.memory_set(MemoryWrite(key, "v"))
    assert await quick.memory_get(key) is not None
    seen = [json.loads(line) async for line in slow_reader if line.endswith(b"\n")]
    last = max(line["params"]["event"]["seq"] for line in seen if line.get("method") == "event")
    slow_writer.close()
    again = await take(quick, last, 1)
    assert again[0].seq == last + 1
    await quick.close()
    await server.close()


async def test_what_may_be_lost_is_lost_first_and_counted(engine: Engine, home: Home) -> None:
    server = EngineServer(engine, home, outbox=lambda: Outbox(lossy_lines=5))
    await server.start()
    key = "k" * 500
    await engine.memory_set(MemoryWrite(key, "v"))
    reader, writer = await asyncio.open_unix_connection(str(home.engine_socket), limit=1024)
    writer.write(encoded(HELLO) + encoded({"id": 2, "method": "subscribe", "params": {"since": 0}}))
    got: list[dict[str, Any]] = [json.loads(await reader.readline()) for _ in range(3)]
    for _ in range(3000):  # far more than a socket holds, while nobody reads
        await engine.memory_get(key)
    await engine.memory_set(MemoryWrite("last", "v"))
    while not (got[-1].get("method") == "event" and got[-1]["params"]["event"]["data"].get("key") == "last"):
        got.append(json.loads(await reader.readline()))
    types = [line["params"]["event"]["type"] for line in got if line.get("method") == "event"]
    dropped = max(line["params"]["count"] for line in got if line.get("method") == "dropped")
    assert dropped > 0
    assert types.count("MemoryAccess") + dropped == 3000
    assert types.count("MemorySet") == 2
    writer.close()
    await server.close()


async def test_a_client_knows_how_much_it_missed(home: Home) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(wire.result(wire.parse(await reader.readline()).id, {}))
        if line := await reader.readline():
            writer.write(wire.result(wire.parse(line).id, {}))
            writer.write(wire.notification("dropped", {"count": 7}))
            writer.write(wire.event_line(Event(3, Instant(0), "MemorySet")))
            writer.write(wire.notification("dropped", {"count": 9}))
            writer.write(wire.event_line(Event(4, Instant(0), "MemorySet")))
        await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(serve, str(home.engine_socket))
    remote = await RemoteEngine.connect(home)
    assert [event.seq for event in await take(remote, 0, 2)] == [3, 4]
    assert remote.dropped == 9
    await remote.close()
    server.close()
    await server.wait_closed()


async def test_a_pending_call_learns_that_the_engine_is_gone(server: EngineServer, remote: RemoteEngine) -> None:
    stream = remote.events()
    waiting = asyncio.ensure_future(anext(stream))
    await remote.status()
    await server.close()
    with pytest.raises(Unavailable) as caught:
        await remote.status()
    assert caught.value.retryable
    with pytest.raises(Unavailable):
        await waiting


async def test_closing_the_client_ends_its_streams_quietly(server: EngineServer, home: Home) -> None:
    remote = await RemoteEngine.connect(home)

    async def read() -> int:
        return len([event async for event in remote.events(0)])

    reading = asyncio.ensure_future(read())
    await remote.memory_set(MemoryWrite("k", "v"))
    while server.clients < 2:
        server.changed.clear()
        await server.changed.wait()
    await remote.close()
    assert await reading >= 0


async def test_the_socket_of_a_dead_engine_is_replaced(engine: Engine, home: Home) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(home.engine_socket))
    left.close()
    server = EngineServer(engine, home)
    await server.start()
    remote = await RemoteEngine.connect(home)
    assert (await remote.status()).pid == os.getpid()
    await remote.close()
    await server.close()
    assert not home.engine_socket.exists()


async def test_a_home_deep_in_the_file_system_is_served(tmp_path: Path) -> None:
    home = Home(tmp_path / ("deep" * 30) / "home").ensure()
    engine = await Engine.start(home)
    async with Served(engine, home) as remote:
        assert (await remote.status()).home == str(home.root)
        line = await asyncio.to_thread(Line, str(home.engine_socket))
        assert await asyncio.to_thread(line.call, "memory_get", {"key": "x"}) is None
        line.close()
    await engine.close()


async def test_the_plain_client_gets_results_and_errors(server: EngineServer, home: Home) -> None:
    def speak() -> tuple[object, CisError]:
        line = Line(str(home.engine_socket))
        try:
            item = line.call("memory_set", {"write": {"key": "k", "value": "v"}})
            with pytest.raises(NotFound) as caught:
                line.call("run_show", {"run": "none"})
            return item, caught.value
        finally:
            line.close()

    item, error = await asyncio.to_thread(speak)
    assert cast("dict[str, object]", item)["domain"] == "private"
    assert error.code == "CIS-DAG-060"
    await server.close()
    with pytest.raises(OSError):
        Line(str(home.engine_socket))


async def test_shutdown_is_answered_and_then_refuses(server: EngineServer, home: Home) -> None:
    first, second = await talk(
        home,
        encoded({"id": 1, "method": "shutdown"}),
        encoded(HELLO),
        answers=2,
    )
    assert first["result"] is None
    assert second["error"]["data"]["code"] == "CIS-ENG-017"
    assert server.stopping


async def test_an_engine_of_a_command_cannot_be_asked_to_stay(engine: Engine, home: Home) -> None:
    server = EngineServer(engine, home, lasting=False)
    await server.start()
    remote = await RemoteEngine.connect(home)
    with pytest.raises(Unavailable, match="belongs to a command"):
        await remote.stay()
    await remote.close()
    await server.close()


class Served:
    """A server and a client of it, for as long as the block runs."""

    def __init__(self, engine: Engine, home: Home) -> None:
        self._home = home
        self._server = EngineServer(engine, home)

    async def __aenter__(self) -> RemoteEngine:
        await self._server.start()
        self._remote = await RemoteEngine.connect(self._home)
        return self._remote

    async def __aexit__(self, *_: object) -> None:
        await self._remote.close()
        await self._server.close()
