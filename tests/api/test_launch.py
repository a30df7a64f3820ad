"""Engines in processes of their own: found, started, ended."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cis_tui.api.client import RemoteEngine
from cis_tui.api.launch import connect, launch, start_engine
from cis_tui.api.serve import serve
from cis_tui.core.errors import CisError, Invalid, Unavailable
from cis_tui.core.lock import engine_live, take_lock
from cis_tui.core.paths import Home
from cis_tui.dag.history import RunHistory
from cis_tui.memory.records import MemoryWrite


@pytest_asyncio.fixture
async def launched(home: Home) -> AsyncIterator[RemoteEngine]:
    """A face on an engine process, which is gone when the test ends."""
    engine = await launch(home)
    yield engine
    await engine.close()
    try:
        last = await connect(home)
    except Unavailable:
        last = None
    if last is not None:
        await last.shutdown()
        await last.close()


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def gone(pid: int) -> None:
    """Return when the process has ended."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    descriptor = os.pidfd_open(pid)
    loop.add_reader(descriptor, ended.set)
    await ended.wait()
    loop.remove_reader(descriptor)
    os.close(descriptor)


async def test_there_is_no_engine_until_one_is_launched(home: Home) -> None:
    assert await connect(home) is None
    home.engine_socket.touch()
    assert await connect(home) is None


async def test_an_engine_lives_in_a_session_of_its_own(home: Home, launched: RemoteEngine) -> None:
    status = await launched.status()
    assert status.faces == 1
    assert status.pid != os.getpid()
    assert os.getsid(status.pid) != os.getsid(0)
    assert status.pid not in children_of(os.getpid())
    assert os.readlink(f"/proc/{status.pid}/cwd") == "/"


async def test_many_who_launch_at_once_share_one_engine(home: Home, launched: RemoteEngine) -> None:
    pid = (await launched.status()).pid
    others = await asyncio.gather(*(launch(home) for _ in range(4)))
    assert {(await other.status()).pid for other in others} == {pid}
    for other in others:
        await other.close()


async def test_those_who_launch_the_first_engine_together_share_it(home: Home) -> None:
    engines = await asyncio.gather(*(launch(home, "command") for _ in range(3)))
    assert len({(await engine.status()).pid for engine in engines}) == 1
    await engines[0].shutdown()
    for engine in engines:
        await engine.close()


async def test_what_keeps_an_engine_from_starting_is_said(home: Home) -> None:
    home.config_file.write_text("[memory]\nhot_weeks = 'many'\n")
    with pytest.raises(Invalid, match="hot_weeks"):
        await launch(home)
    assert not engine_live(home)


async def test_an_engine_that_dies_at_once_leaves_its_last_words(home: Home) -> None:
    with pytest.raises(Unavailable, match="ended while it started") as caught:
        await asyncio.to_thread(start_engine, home, python="/bin/ls")
    assert "invalid option" in caught.value.hint


async def test_an_engine_that_never_comes_up_is_not_waited_for_long(home: Home, tmp_path: Path) -> None:
    stuck = tmp_path / "stuck"
    stuck.write_text("#!/bin/sh\nsleep 60 &\n")
    stuck.chmod(0o755)
    with pytest.raises(Unavailable, match="did not come up"):
        await asyncio.to_thread(start_engine, home, python=str(stuck), timeout=0.5)


async def test_a_lock_without_a_socket_is_waited_for_and_then_told(home: Home) -> None:
    lock = take_lock(home)
    try:
        with pytest.raises(Unavailable, match="cannot be reached") as caught:
            await connect(home, settle=0.2)
        assert "cis engine stop" in caught.value.hint
    finally:
        os.close(lock)


async def test_a_killed_engine_fails_its_pending_calls_and_a_new_one_takes_over(
    home: Home, launched: RemoteEngine
) -> None:
    pid = (await launched.status()).pid
    await launched.memory_set(MemoryWrite("kept", "v"))
    os.kill(pid, signal.SIGSTOP)
    waiting = [asyncio.ensure_future(launched.memory_get("kept")) for _ in range(3)]
    await asyncio.sleep(0)
    os.kill(pid, signal.SIGKILL)
    for call in waiting:
        with pytest.raises(Unavailable) as caught:
            await call
        assert caught.value.retryable
    again = await launch(home)
    item = await again.memory_get("kept")
    assert item is not None
    assert (await again.status()).pid != pid
    await again.shutdown()
    await again.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_a_signal_ends_an_engine_cleanly(home: Home, launched: RemoteEngine, number: signal.Signals) -> None:
    pid = (await launched.status()).pid
    os.kill(pid, number)
    await gone(pid)
    assert not home.engine_socket.exists()
    assert not engine_live(home)
    assert home.log_file.with_name("engine.err").read_text() == ""
    with pytest.raises(CisError):
        await launched.status()


async def test_shutdown_returns_when_the_engine_has_ended(home: Home, launched: RemoteEngine) -> None:
    await launched.shutdown()
    assert not home.engine_socket.exists()
    assert not engine_live(home)


async def test_an_engine_ends_when_nobody_needs_it(home: Home) -> None:
    ready = asyncio.Event()
    living = asyncio.ensure_future(serve(home, ready=ready.set, grace=1.0))
    await ready.wait()
    face = await RemoteEngine.connect(home, "face")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(living), 1.3)
    await face.close()
    face = await RemoteEngine.connect(home, "face")  # within the grace, such as after a dropped line
    await face.close()
    await asyncio.wait_for(living, 10)
    assert not home.engine_socket.exists()


async def test_an_engine_stays_when_it_was_asked_to(home: Home) -> None:
    ready = asyncio.Event()
    living = asyncio.ensure_future(serve(home, ready=ready.set, grace=0.5))
    await ready.wait()
    command = await RemoteEngine.connect(home)
    await command.stay()
    await command.close()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(living), 0.8)
    last = await RemoteEngine.connect(home)
    await last.shutdown()
    await last.close()
    await asyncio.wait_for(living, 10)


async def test_an_engine_lives_as_long_as_a_run(home: Home, tmp_path: Path) -> None:
    dag = tmp_path / "wait.toml"
    dag.write_text(f'[[dag.tasks]]\nid = "a"\ncommand = "until test -e {tmp_path}/go; do sleep 0.05; done"\n')
    ready = asyncio.Event()
    living = asyncio.ensure_future(serve(home, ready=ready.set, grace=0.5))
    await ready.wait()
    command = await RemoteEngine.connect(home)
    view = await command.run_start("", str(dag), {})
    await command.close()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(living), 1.0)
    (tmp_path / "go").touch()
    await asyncio.wait_for(living, 10)
    assert RunHistory(home).show(view.id).status == "completed"
