"""What the scheduler adds to a task: 1,000 and 10,000 no-ops, against the least that a durable scheduler must do.

The reference is asyncio with a SQLite journal in WAL mode: two rows a task, each task waits for its own rows, one
flush to the disk for all rows that have gathered. The runs take turns, so that a busy machine is busy for both.
"""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from cis_tui.core.config import Settings
from cis_tui.core.events import Event, EventBus, EventType
from cis_tui.core.identity import Identity
from cis_tui.core.paths import Home
from cis_tui.dag.journal import Journal
from cis_tui.dag.model import DagSpec, TaskSpec
from cis_tui.dag.runs import RunService
from cis_tui.dag.views import RunStatus

if TYPE_CHECKING:
    import sqlite3 as sqlite
else:
    import sqlcipher3.dbapi2 as sqlite

pytestmark = pytest.mark.bench
TASKS = 1000
MANY = 10_000
ROUNDS = 5
Shape = dict[str, tuple[str, ...]]
"""Task to what it needs."""


def wide() -> Shape:
    return {f"t{number}": () for number in range(TASKS)}


def chain() -> Shape:
    return {f"t{number}": (f"t{number - 1}",) if number else () for number in range(TASKS)}


def deep() -> Shape:
    """A hundred layers of ten, each task after all of the layer before: 9,900 edges."""
    return _layers(TASKS, 10)


def layered() -> Shape:
    """Ten layers of a hundred, each task after ten of the layer before: 9,000 edges."""
    return _layers(TASKS, 100)


def large() -> Shape:
    """A hundred layers of a hundred, each task after ten of the layer before: 99,000 edges."""
    return _layers(MANY, 100)


def _layers(tasks: int, width: int) -> Shape:
    shape: Shape = {}
    for number in range(tasks):
        layer, place = divmod(number, width)
        before = [f"t{(layer - 1) * width + (place + step) % width}" for step in range(10)] if layer else []
        shape[f"t{number}"] = tuple(before)
    return shape


class ReferenceJournal:
    """Rows go to a thread, which writes what has gathered in one transaction and tells who waits."""

    def __init__(self, path: Path) -> None:
        self._queue: SimpleQueue[tuple[tuple[str, str, str], asyncio.Future[None]] | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = Thread(target=self._write, args=(path,))
        self._thread.start()

    def put(self, run: str, task: str, state: str) -> asyncio.Future[None]:
        future = self._loop.create_future()
        self._queue.put(((run, task, json.dumps({"state": state, "at": time.time()})), future))
        return future

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()

    def _write(self, path: Path) -> None:
        connection = sqlite.connect(str(path), isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE journal(seq INTEGER PRIMARY KEY, run TEXT, task TEXT, data TEXT)")
        going = True
        while going:
            batch = [self._queue.get()]
            while not self._queue.empty():
                batch.append(self._queue.get())
            going = batch[-1] is not None
            entries = [entry for entry in batch if entry is not None]
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO journal(run, task, data) VALUES(?, ?, ?)", [row for row, _ in entries])
            connection.execute("COMMIT")
            self._loop.call_soon_threadsafe(_wake, [future for _, future in entries])
        connection.close()


def _wake(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        future.set_result(None)


@dataclass(frozen=True)
class Cost:
    cpu: float
    """Seconds of CPU."""
    wall: float
    """Seconds."""

    @classmethod
    def since(cls, cpu: float, wall: float) -> Cost:
        return cls(time.process_time() - cpu, time.perf_counter() - wall)


async def reference(shape: Shape, folder: Path) -> Cost:
    """What the reference takes."""
    journal = ReferenceJournal(folder / "reference.db")
    dependants: dict[str, list[str]] = {task: [] for task in shape}
    waiting = {task: len(needs) for task, needs in shape.items()}
    for task, needs in shape.items():
        for need in needs:
            dependants[need].append(task)
    began = time.process_time(), time.perf_counter()
    async with asyncio.TaskGroup() as group:

        async def work(task: str) -> None:
            await journal.put("run", task, "started")
            await journal.put("run", task, "completed")
            for dependant in dependants[task]:
                waiting[dependant] -= 1
                if waiting[dependant] == 0:
                    group.create_task(work(dependant))

        for task, count in list(waiting.items()):
            if count == 0:
                group.create_task(work(task))
    journal.close()
    return Cost.since(*began)


async def ours(shape: Shape, folder: Path) -> Cost:
    """What the real service takes, from the call that starts the run until all is written and closed."""
    home = Home(folder / "home").ensure()
    journal = Journal(home.runs_db, EventBus())
    service = RunService(home=home, journal=journal, identity=Identity(bytes(32)), settings=Settings())
    over = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hear(event: Event) -> None:
        if event.type == EventType.RUN_COMPLETED:
            loop.call_soon_threadsafe(over.set)

    journal.bus.subscribe(hear)
    spec = DagSpec("noops", tuple(TaskSpec(task, deps=needs) for task, needs in shape.items()))
    began = time.process_time(), time.perf_counter()
    view = await service.start(spec, project=str(folder))
    await over.wait()
    await service.close()
    journal.close()
    used = Cost.since(*began)
    ended = service.history.show(view.id)
    assert ended.status is RunStatus.COMPLETED
    assert len(ended.tasks) == len(shape)
    return used


def measure(run: Callable[[Shape, Path], Coroutine[None, None, Cost]], shape: Shape, folder: Path) -> Cost:
    folder.mkdir()
    gc.collect()
    return asyncio.run(run(shape, folder))


@pytest.mark.parametrize("shape", [wide, chain, deep, layered, large], ids=lambda shape: shape.__name__)
def test_cost_of_a_task(shape: Callable[[], Shape], tmp_path: Path) -> None:
    tasks = len(shape())
    pairs = [
        (measure(ours, shape(), tmp_path / f"ours{turn}"), measure(reference, shape(), tmp_path / f"reference{turn}"))
        for turn in range(ROUNDS)
    ]
    mine = min(cost.cpu for cost, _ in pairs)
    theirs = min(cost.cpu for _, cost in pairs)
    wall, their_wall = min(cost.wall for cost, _ in pairs), min(cost.wall for _, cost in pairs)
    print(
        f"\n{shape.__name__:8}  CPU {mine * 1e6 / tasks:6.1f} µs a task, reference {theirs * 1e6 / tasks:6.1f}:"
        f" {mine / theirs:4.2f}×   wall {wall * 1e6 / tasks:6.1f} µs, {wall / their_wall:4.2f}×"
    )
    assert mine <= 4 * theirs
