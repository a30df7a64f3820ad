"""The journal: committed before it is told, one order, numbers used once, nobody left waiting."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from cis_tui.core.clock import Instant
from cis_tui.core.errors import Invalid, NotFound, Unavailable
from cis_tui.core.events import Event, EventBus
from cis_tui.core.paths import Home
from cis_tui.dag import store
from cis_tui.dag.begin import run_started
from cis_tui.dag.history import RunHistory
from cis_tui.dag.journal import Journal
from cis_tui.dag.model import DagSpec, TaskSpec
from cis_tui.dag.record import RunRecord
from cis_tui.dag.state import RunState


@asynccontextmanager
async def journal_at(path: Path, bus: EventBus | None = None) -> AsyncGenerator[Journal]:
    journal = Journal(path, bus or EventBus(), clock=lambda: Instant(1_700_000_000))
    try:
        yield journal
    finally:
        journal.close()


def stored(path: Path) -> list[Event]:
    with store.reading(path) as connection:
        return store.read_events(connection, "seq > 0 ORDER BY seq", ())


def modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def size(path: Path) -> int:
    return path.stat().st_size


def fail(event: Event) -> None:
    raise ZeroDivisionError(event.type)


async def test_recorded_means_committed_then_published_then_returned(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    bus = EventBus()
    on_disk_when_told: list[bool] = []
    bus.subscribe(lambda event: on_disk_when_told.append(event in stored(path)))
    async with journal_at(path, bus) as journal:
        event = await journal.record("TaskStarted", {"run": "r", "task": "a"})
        assert on_disk_when_told == [True]
        assert stored(path) == [event]


async def test_stored_and_passing_events_share_one_order(tmp_path: Path) -> None:
    bus = EventBus()
    heard: list[Event] = []
    bus.subscribe(heard.append)
    async with journal_at(tmp_path / "runs.db", bus) as journal:
        waits: list[asyncio.Task[Event]] = []
        for number in range(300):
            journal.emit("TaskOutput", {"run": "r", "n": 2 * number})
            waits.append(asyncio.create_task(journal.record("TaskStarted", {"run": "r", "n": 2 * number + 1})))
            if number % 7 == 0:
                await asyncio.sleep(0)
        recorded = await asyncio.gather(*waits)
    assert [event.seq for event in heard] == list(range(1, 601))
    assert [event.seq for event in recorded] == sorted(event.seq for event in recorded)
    assert [event for event in heard if event.type == "TaskStarted"] == list(recorded)
    assert stored(tmp_path / "runs.db") == list(recorded)


async def test_threads_may_emit(tmp_path: Path) -> None:
    bus = EventBus()
    heard: list[Event] = []
    bus.subscribe(heard.append)
    async with journal_at(tmp_path / "runs.db", bus) as journal:
        threads = [
            threading.Thread(target=lambda: [journal.emit("MemorySet", {"key": "k"}) for _ in range(200)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [event.seq for event in heard] == list(range(1, 801))


async def test_several_changes_are_one_transaction(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    async with journal_at(path) as journal:
        with pytest.raises(TypeError, match="not JSON serializable"):
            await journal.record_all([("TaskStarted", {"run": "r"}), ("TaskStarted", {"run": object()})])
        await journal.record_all([("TaskStarted", {"run": "r", "task": task}) for task in "ab"])
        assert [event.data["task"] for event in stored(path)] == ["a", "b"]


async def test_what_cannot_be_stored_fails_who_says_it_and_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    async with journal_at(path) as journal:
        tasks = ("a", "half a \ud83d", "b")
        told = (journal.record("TaskStarted", {"run": "r", "task": task}) for task in tasks)
        first, refused, last = await asyncio.wait_for(asyncio.gather(*told, return_exceptions=True), 20)
        assert isinstance(refused, Invalid) and "TaskStarted" in refused.message
        assert stored(path) == [first, last], "they were committed with it"

        def broken(connection: store.Connection) -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(journal.maintain(broken), 20)
        await asyncio.wait_for(journal.record("TaskStarted", {"run": "r", "task": "c"}), 20)


async def test_the_folder_of_a_project_need_not_be_utf_8(tmp_path: Path) -> None:
    folder, home = os.fsdecode(b"/caf\xe9"), Home(tmp_path)
    spec = DagSpec("build", tasks=(TaskSpec("a"),), file=f"{folder}/build.toml")
    async with journal_at(home.runs_db) as journal:
        record = RunRecord("r1", spec, project=folder)
        started = run_started("r1", spec, folder, {}, ())
        await asyncio.wait_for(journal.record_all([("RunStarted", started)], record=record), 20)
        failed = {"run": "r1", "task": "a", "debt": True, "error": "no"}
        await journal.record("TaskFailed", failed)
    history = RunHistory(home, lambda run: None)
    assert [run.project for run in history.list(folder)] == [folder]
    assert [debt.project for debt in history.debts(project=folder)] == [folder]
    assert history.record("r1").spec.file == spec.file
    assert history.durations("build", folder) == {}
    assert history.list("/elsewhere") == ()


async def test_numbers_are_never_used_again(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    used: list[int] = []
    for _ in range(3):
        async with journal_at(path) as journal:
            journal.emit("TaskOutput", {"run": "r"})
            used.append((await journal.record("TaskStarted", {"run": "r"})).seq)
            journal.emit("TaskOutput", {"run": "r"})
        used.append(journal.last_seq)
    assert used == sorted(set(used))


def test_numbers_of_passing_events_are_not_used_again_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    program = f"""
import os, pathlib, signal
from cis_tui.core.events import EventBus
from cis_tui.dag.journal import Journal
bus = EventBus()
bus.subscribe(lambda event: event.seq == 25_000 and (print(event.seq, flush=True), os.kill(os.getpid(), 9)))
journal = Journal(pathlib.Path({str(path)!r}), bus)
for number in range(25_000):
    journal.emit("TaskOutput", {{"run": "r"}})
signal.pause()
"""
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert child.returncode == -signal.SIGKILL
    journal = Journal(path, EventBus())
    assert journal.last_seq >= int(child.stdout)
    journal.close()


async def test_close_writes_what_is_waiting_and_ends_the_thread(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    journal = Journal(path, EventBus())
    waits = [asyncio.ensure_future(journal.record("TaskStarted", {"run": "r"})) for _ in range(50)]
    await asyncio.sleep(0)
    journal.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "cis-journal"]
    assert len(await asyncio.gather(*waits)) == 50
    assert len(stored(path)) == 50
    with pytest.raises(Unavailable, match="closed"):
        await journal.record("TaskStarted", {"run": "r"})
    journal.emit("TaskOutput", {"run": "r"})
    journal.close()
    assert os.listdir(tmp_path) == ["runs.db"], "the log was not folded in"


async def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    async with journal_at(tmp_path / "runs.db") as journal:
        await journal.record("TaskStarted", {"run": "r"})
        assert modes(tmp_path) == {0o600}


async def test_what_is_no_journal_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    path.write_bytes(b"something else altogether, and long enough for a header" * 100)
    with pytest.raises(Unavailable, match="cannot be opened"):
        Journal(path, EventBus())


@contextmanager
def full_disk(size: int) -> Generator[None]:
    """No file may grow beyond `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


async def test_a_full_disk_fails_who_waits_and_heals(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "runs.db"
    async with journal_at(path) as journal:
        first = await journal.record("TaskStarted", {"run": "r", "task": "first"})
        with full_disk(size(tmp_path / "runs.db-wal") + 10_000):
            big = {"run": "r", "task": "big", "output": "x" * 100_000}
            results = await asyncio.wait_for(
                asyncio.gather(*(journal.record("TaskCompleted", big) for _ in range(3)), return_exceptions=True), 20
            )
        assert all(isinstance(result, Unavailable) for result in results)
        assert "disk" in str(results[0])
        again = await journal.record("TaskStarted", {"run": "r", "task": "again"})
        assert again.seq > first.seq
        assert [event.data["task"] for event in stored(path)] == ["first", "again"]
    assert "could not be written" in caplog.text


async def test_a_subscriber_that_fails_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bus = EventBus()
    bus.subscribe(fail)
    async with journal_at(tmp_path / "runs.db", bus) as journal:
        for _ in range(3):
            await journal.record("TaskStarted", {"run": "r"})
    assert "subscriber" in caplog.text


async def test_who_stops_waiting_disturbs_nobody(tmp_path: Path) -> None:
    async with journal_at(tmp_path / "runs.db") as journal:
        impatient = asyncio.ensure_future(journal.record("TaskStarted", {"run": "r", "task": "a"}))
        await asyncio.sleep(0)
        impatient.cancel()
        await journal.record("TaskStarted", {"run": "r", "task": "b"})
    assert [event.data["task"] for event in stored(tmp_path / "runs.db")] == ["a", "b"]


async def test_a_run_can_be_told_from_its_events_and_its_definition(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    spec = DagSpec("d", (TaskSpec("a", env={"X": "1"}, input={"n": [1, {"m": None}]}), TaskSpec("b", deps=("a",))))
    record = RunRecord("r1", spec, "/p", "p", 3, {"dba": "did:key:z"}, {"version": "1.0", "n": 2}, True)
    async with journal_at(path) as journal:
        started = ("RunStarted", run_started("r1", spec, "/p", record.params))
        await journal.record_all([started], record=record)
        await journal.record("TaskCompleted", {"run": "r1", "task": "a", "attempt": 1, "exit_code": 0})
        with store.reading(path) as connection:
            (summary,) = store.read_summaries(connection, "", 10)
            definition = connection.execute("SELECT definition FROM runs").fetchone()[0]
    assert (summary.id, summary.dag, summary.tasks_total, summary.tasks_ended) == ("r1", "d", 2, 1)
    assert RunRecord.loads(definition) == record
    state = RunState.from_events(stored(path))
    assert state is not None
    assert (state.tasks["a"].status, state.tasks["b"].status) == ("completed", "pending")
    assert state.tasks["b"].deps == ("a",)


async def test_a_run_that_goes_on_is_listed_however_many_have_ended_since(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    spec = DagSpec("d", (TaskSpec("a"),))
    async with journal_at(path) as journal:
        for name in ("long", "one", "two", "three"):
            record = RunRecord(name, spec, "/p", "p", 1, {}, {}, True)
            await journal.record_all([("RunStarted", run_started(name, spec, "/p", {}))], record=record)
            if name != "long":
                await journal.record("RunCompleted", {"run": name, "status": "completed"})
        with store.reading(path) as connection:
            assert [run.id for run in store.read_summaries(connection, "", 2)] == ["three", "long"]
            assert [run.id for run in store.read_summaries(connection, "/p", 9)] == ["three", "two", "one", "long"]
            assert store.read_summaries(connection, "/other", 9) == []


def test_a_journal_whose_engine_was_killed_before_it_had_tables_is_no_journal_yet(home: Home) -> None:
    store.open_store(home.runs_db, create=True).close()
    connection = store.open_store(home.runs_db, create=False)
    for table in ("events", "runs", "decisions", "debts", "meta"):
        connection.execute(f"DROP TABLE IF EXISTS {table}")
    connection.close()
    assert RunHistory(home).list() == ()
    with pytest.raises(NotFound):
        RunHistory(home).show("x")


async def test_what_was_news_is_counted_by_the_minute(tmp_path: Path) -> None:
    now = 1_700_000_000.0
    journal = Journal(tmp_path / "runs.db", EventBus(), clock=lambda: Instant(now))
    try:
        for ago, type in ((7200, "ProjectOpened"), (3500, "ProjectReloaded"), (130, "SkillOutput"), (61, "DagLoaded")):
            now = 1_700_000_000.0 - ago
            await journal.record(type, {"project": "/p"})
        minutes = journal.minutes(1_700_000_000 - 3600, 1_700_000_000)
        assert minutes == {(1_700_000_000 - 3500) // 60: 1, (1_700_000_000 - 61) // 60: 1}, "output is no news"
        assert sum(journal.minutes(0, 2e9).values()) == 3 and journal.minutes(2e9, 3e9) == {}
    finally:
        journal.close()
