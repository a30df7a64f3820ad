"""Processes end with everything that they started, whoever ends first."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cis_tui.core.errors import Unavailable
from cis_tui.skills.guardian import kill_marked, marked
from cis_tui.skills.process import GRACE, Command, Ended, Processes


@asynccontextmanager
async def processes() -> AsyncGenerator[Processes]:
    mine = Processes()
    try:
        yield mine
    finally:
        await mine.close()
        gc.collect()  # a transport that was not closed complains now


def script(folder: Path, line: str, **more: object) -> Command:
    return Command(("/bin/sh", "-c", line), folder, dict(os.environ), **more)  # pyright: ignore[reportArgumentType]


def alive(pid: int) -> bool:
    """Whether the process is there and not a zombie."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def until(holds: Callable[[], bool], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - it is other processes that are waited for
            await asyncio.sleep(0.01)


def pids(file: Path) -> list[int]:
    return [int(word) for word in file.read_text().split()] if file.exists() else []


async def test_output_and_errors_come_in_their_order(tmp_path: Path) -> None:
    heard = bytearray()
    async with processes() as mine:
        ended = await mine.run(script(tmp_path, "echo a; echo b >&2; echo c; exit 3"), heard.extend)
    assert (bytes(heard), ended.exit_code, ended.timed_out) == (b"a\nb\nc\n", 3, False)
    assert ended.duration > 0


async def test_output_and_errors_apart(tmp_path: Path) -> None:
    out, err = bytearray(), bytearray()
    async with processes() as mine:
        await mine.run(script(tmp_path, "echo a; echo b >&2"), out.extend, err.extend)
    assert (bytes(out), bytes(err)) == (b"a\n", b"b\n")


@pytest.mark.parametrize("size", [0, 10, 1_000_000])
async def test_input_arrives_whole(tmp_path: Path, size: int) -> None:
    heard = bytearray()
    async with processes() as mine:
        await mine.run(script(tmp_path, "wc -c", input=b"x" * size), heard.extend)
    assert int(heard) == size


async def test_input_that_nobody_reads_hurts_nobody(tmp_path: Path) -> None:
    async with processes() as mine:
        ended = await mine.run(script(tmp_path, "exit 0", input=b"x" * 5_000_000), lambda data: None)
    assert ended.exit_code == 0


async def test_a_signal_is_named(tmp_path: Path) -> None:
    async with processes() as mine:
        ended = await mine.run(script(tmp_path, "kill -KILL $$"), lambda data: None)
    assert (ended.exit_code, ended.signal) == (137, "SIGKILL")


async def test_what_cannot_start_says_so(tmp_path: Path) -> None:
    async with processes() as mine:
        with pytest.raises(FileNotFoundError):
            await mine.run(Command(("/no/such/program",), tmp_path, {}), lambda data: None)
        with pytest.raises(FileNotFoundError):
            await mine.run(script(tmp_path / "gone", "true"), lambda data: None)
        with pytest.raises(ValueError, match="null byte"):
            await mine.run(Command(("echo", "a\0b"), tmp_path, {}), lambda data: None)


TREE = """
sleep 1000 & echo $! >> pids
setsid sleep 1000 & echo $! >> pids
setsid sh -c 'trap "" TERM; echo $$ >> pids; while :; do sleep 1000; done' &
echo $$ >> pids
touch ready
"""


async def tree_is_up(folder: Path) -> None:
    await until(lambda: (folder / "ready").exists() and len(pids(folder / "pids")) == 4)


async def test_a_start_that_is_cancelled_ends_what_it_started_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    connect = loop.connect_read_pipe

    async def late(*pipe: Any) -> Any:
        await until((tmp_path / "ready").exists)
        starting.cancel()
        return await connect(*pipe)

    monkeypatch.setattr(loop, "connect_read_pipe", late)
    async with processes() as mine:
        line = "sleep 1000 & echo $! $$ > pids; touch ready; wait"
        starting = asyncio.ensure_future(mine.run(script(tmp_path, line), lambda data: None))
        await asyncio.wait({starting}, timeout=15)
        assert starting.cancelled()
        assert len(pids(tmp_path / "pids")) == 2
        assert not [pid for pid in pids(tmp_path / "pids") if alive(pid)]


async def test_when_the_time_is_up_the_whole_tree_dies(tmp_path: Path) -> None:
    async with processes() as mine:
        ended = await mine.run(script(tmp_path, TREE + "wait", timeout=1.5), lambda data: None)
        assert ended == Ended(None, ended.duration, timed_out=True)
        assert len(pids(tmp_path / "pids")) == 4
        assert not [pid for pid in pids(tmp_path / "pids") if alive(pid)]


async def test_a_polite_process_may_clean_up(tmp_path: Path) -> None:
    line = "trap 'echo bye > farewell; exit 0' TERM; while :; do sleep 0.02; done"
    async with processes() as mine:
        ended = await mine.run(script(tmp_path, line, timeout=1), lambda data: None)  # by then it is up
    assert ended.timed_out
    assert ended.duration < 1 + GRACE
    assert (tmp_path / "farewell").read_text() == "bye\n"


async def test_cancelled_the_whole_tree_dies_before_the_caller_goes_on(tmp_path: Path) -> None:
    async with processes() as mine:
        work = asyncio.ensure_future(mine.run(script(tmp_path, TREE + "wait"), lambda data: None))
        await tree_is_up(tmp_path)
        work.cancel()
        await asyncio.sleep(0.05)
        work.cancel()  # an impatient caller changes nothing
        with pytest.raises(asyncio.CancelledError):
            await work
        assert not [pid for pid in pids(tmp_path / "pids") if alive(pid)]


async def test_what_is_left_in_the_background_ends_with_its_process(tmp_path: Path) -> None:
    async with processes() as mine:
        began = time.monotonic()
        ended = await mine.run(script(tmp_path, "sleep 1000 & echo $! > pids"), lambda data: None)
        assert ended.exit_code == 0
        assert time.monotonic() - began < 5
        assert not [pid for pid in pids(tmp_path / "pids") if alive(pid)]


async def test_what_escaped_ends_with_the_engine(tmp_path: Path) -> None:
    async with processes() as mine:
        line = "setsid sleep 1000 >/dev/null 2>&1 & echo $! > pids"
        assert (await mine.run(script(tmp_path, line), lambda data: None)).exit_code == 0
    assert not [pid for pid in pids(tmp_path / "pids") if alive(pid)]


async def test_closing_leaves_no_thread_and_starts_nothing(tmp_path: Path) -> None:
    before = threading.active_count()
    async with processes() as mine:
        for _ in range(5):
            await mine.run(script(tmp_path, "true"), lambda data: None)
    await until(lambda: threading.active_count() <= before)
    with pytest.raises(Unavailable):
        await mine.run(script(tmp_path, "true"), lambda data: None)


ENGINE = """
import asyncio, os, sys
from pathlib import Path
from cis_tui.skills.process import Command, Processes
async def main():
    command = Command(("/bin/sh", "-c", sys.argv[1]), Path(sys.argv[2]), dict(os.environ))
    await Processes().run(command, lambda data: None)
asyncio.run(main())
"""


def children(parent: int) -> list[int]:
    """The processes that `parent` started and that live."""
    found: list[int] = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                if int(file.read().rpartition(")")[2].split()[1]) == parent:
                    found.append(int(name))
        except OSError:
            continue
    return found


async def test_a_killed_engine_leaves_nothing_alive(tmp_path: Path) -> None:
    engine = await asyncio.create_subprocess_exec(sys.executable, "-c", ENGINE, TREE + "wait", str(tmp_path))
    await tree_is_up(tmp_path)
    everything = {*children(engine.pid), *pids(tmp_path / "pids")}
    assert len(everything) == 5, "the four of the tree, and the guardian"
    assert all(map(alive, everything))
    engine.send_signal(signal.SIGKILL)
    await engine.wait()
    await until(lambda: not any(map(alive, everything)))


async def test_only_what_bears_the_whole_mark_is_found(tmp_path: Path) -> None:
    env = {**os.environ, "CIS_RUN": f"run-{os.getpid()}", "CIS_TASK": "build"}
    sleeper = await asyncio.create_subprocess_exec("sleep", "1000", env=env)
    run = f"CIS_RUN=run-{os.getpid()}"
    await until(lambda: marked(run) == [sleeper.pid])
    assert marked(run, "CIS_TASK=build") == [sleeper.pid]
    assert marked(run, "CIS_TASK=buil") == []
    assert marked(run[:-1]) == []
    kill_marked(run)
    assert await sleeper.wait() == -signal.SIGKILL
