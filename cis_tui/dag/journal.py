"""The journal of all runs: one writer, one order of events, nothing told before it is on the disk."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Condition, Lock, Thread
from typing import Any, TypeVar

from cis_tui.core.clock import Clock, Instant, utc_now
from cis_tui.core.errors import CisError, Invalid, Unavailable
from cis_tui.core.events import QUIET, Event, EventBus
from cis_tui.core.identity import Identity
from cis_tui.core.text import clean_line
from cis_tui.dag import owner, store
from cis_tui.dag.record import RunRecord

log = logging.getLogger(__name__)
T = TypeVar("T")
Change = tuple[str, Mapping[str, object]]
"""Type and data of an event that is yet to be numbered."""

_encode = json.JSONEncoder(separators=(",", ":")).encode


class _Entry:
    """Events that are committed together, or told without being stored."""

    __slots__ = ("at", "changes", "events", "future", "record", "texts")

    def __init__(
        self,
        at: Instant,
        changes: tuple[Change, ...],
        texts: tuple[str, ...] | None,
        future: asyncio.Future[tuple[Event, ...]] | None,
        record: RunRecord | None,
    ) -> None:
        self.at = at
        self.changes = changes
        self.texts = texts
        """The data as JSON; None: these events are not stored."""
        self.future = future
        self.record = record
        self.events: tuple[Event, ...] = ()


class Journal:
    """Numbers every event of a home, commits those that must last, and publishes all of them in one order.

    A thread of its own takes whatever has gathered since the last commit and writes it in one transaction
    (`synchronous=FULL`), so that many tasks share one flush to the disk.
    """

    def __init__(self, path: Path, bus: EventBus, *, clock: Clock = utc_now, identity: Identity | None = None) -> None:
        """Open or make the journal at `path`; `identity` signs the audit trail of decisions.

        Raises:
            Unavailable: it cannot be opened (CIS-DAG-040), or the engine of another process writes it (CIS-DAG-182).
        """
        self.path = path
        self.bus = bus
        self._clock = clock
        self._identity = identity
        try:
            self._connection = store.open_store(path, create=True)
            self._claim()
            self._last = store.first_number(self._connection) - 1
            self._next_decision = store.first_decision(self._connection)
        except (store.Error, OSError) as error:
            raise _failed("opened", path, error) from error
        self._reserved = self._last
        self._queue: list[_Entry] = []
        self._chores: deque[tuple[Callable[[store.Connection], object], asyncio.Future[Any]]] = deque()
        self._wake = Condition(Lock())
        self._closing = False
        self._thread = Thread(target=self._work, name="cis-journal", daemon=True)
        self._thread.start()

    def _claim(self) -> None:
        try:
            with store.writing(self._connection):
                owner.claim(self._connection, self.path)
        except BaseException:
            self._connection.close()
            raise

    @property
    def last_seq(self) -> int:
        """The number of the newest event."""
        return self._last

    def next_decision(self) -> int:
        """A number for a new decision, never given before in this home."""
        number = self._next_decision
        self._next_decision += 1
        return number

    async def record(self, type: str, data: Mapping[str, object]) -> Event:
        """Store one event; it is on the disk, and published, when this returns.

        Raises:
            Unavailable: the journal cannot be written; nothing was stored (CIS-DAG-041), or is closed (CIS-DAG-042).
            Invalid: it holds what SQLite cannot, such as half a character (CIS-DAG-183).
        """
        return (await self.record_all(((type, data),)))[0]

    async def record_all(self, changes: Iterable[Change], *, record: RunRecord | None = None) -> tuple[Event, ...]:
        """Store several events, all or none; `record` is the definition of a run that starts with them.

        Raises:
            Unavailable: as `record`.
        """
        changes = tuple(changes)
        future: asyncio.Future[tuple[Event, ...]] = asyncio.get_running_loop().create_future()
        texts = tuple(_encode(data) for _, data in changes)
        if not self._put(_Entry(self._clock(), changes, texts, future, record)):
            raise _closed()
        return await future

    def emit(self, type: str, data: Mapping[str, object]) -> None:
        """Publish an event in its order without storing it. May be called from any thread."""
        self.emit_all(((type, data),))

    def note(self, type: str, data: Mapping[str, object]) -> None:
        """Store an event without waiting until it is on the disk. May be called from any thread."""
        self._put(_Entry(self._clock(), ((type, data),), (_encode(data),), None, None))

    def emit_all(self, changes: Iterable[Change]) -> None:
        """Publish events in their order without storing them."""
        self._put(_Entry(self._clock(), tuple(changes), None, None, None))

    async def maintain(self, chore: Callable[[store.Connection], T]) -> T:
        """Let the writer do `chore` between two commits, which wait meanwhile: it has to be short. Gives what it gives.

        Raises:
            Unavailable: as `record`.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with self._wake:
            if self._closing:
                raise _closed()
            self._chores.append((chore, future))
            self._wake.notify()
        return await future

    def events_since(self, seq: int, until: int | None = None) -> list[Event]:
        """The stored events with a number greater than `seq`, and not greater than `until`. Blocks."""
        with store.reading(self.path) as connection:
            return store.read_events(connection, "seq > ? AND seq <= ? ORDER BY seq", (seq, until or 1 << 62))

    def latest(self, limit: int, until: int) -> list[Event]:
        """The last stored events that are news to a person, numbered up to `until`, oldest first. Blocks."""
        where = "seq <= ? AND type NOT IN (SELECT value FROM json_each(?)) ORDER BY seq DESC LIMIT ?"
        with store.reading(self.path) as connection:
            return store.read_events(connection, where, (until, json.dumps(sorted(QUIET)), limit))[::-1]

    def minutes(self, since: float, until: float) -> dict[int, int]:
        """How many stored events are news to a person, by minutes since 1970, from one moment to another. Blocks."""
        with store.reading(self.path) as connection:
            return store.count_minutes(connection, since, until, QUIET)

    def close(self) -> None:
        """Write what is waiting and let go of the file. Blocks."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _put(self, entry: _Entry) -> bool:
        with self._wake:
            if self._closing:
                return False
            self._queue.append(entry)
            self._wake.notify()
        return True

    # What follows runs on the writer's thread.

    def _work(self) -> None:
        while self._wait():
            self._write(self._gather())
            if self._chores:
                self._do(*self._chores.popleft())
        with suppress(store.Error):
            owner.release(self._connection)
        self._connection.close()

    def _wait(self) -> bool:
        """Return when there is something to do; whether there is, or the journal closes."""
        with self._wake:
            while not self._queue and not self._chores and not self._closing:
                self._wake.wait()
            return bool(self._queue or self._chores)

    def _gather(self) -> list[_Entry]:
        """Everything that came since the last time."""
        with self._wake:
            batch, self._queue = self._queue, []
        return batch

    def _write(self, batch: list[_Entry]) -> None:
        """Commit `batch`, tell it, and whoever waits for it; whatever goes wrong, the writer goes on."""
        try:
            self._commit(batch)
        except (store.Error, OSError) as error:
            log.exception("the journal could not be written")
            _settle(batch, _failed("written", self.path, error))
        except Exception as error:
            if len(batch) == 1:
                log.exception("an event could not be stored")
                _settle(batch, _unfit(batch[0].changes, error))
                return
            for entry in batch:  # it is one of them, for which the others shall not pay
                self._write([entry])
        else:
            self._publish(batch)
            _settle(batch, None)

    def _do(self, chore: Callable[[store.Connection], object], future: asyncio.Future[Any]) -> None:
        result: object = None
        failure: Exception | None = None
        try:
            result = chore(self._connection)
        except (store.Error, OSError) as error:
            failure = _failed("written", self.path, error)
        except Exception as error:  # a fault of the chore is told to whom it belongs, and not to everybody who waits
            failure = error

        def tell() -> None:
            if future.done():
                return
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)

        with suppress(RuntimeError):  # that loop has ended, and with it who waited
            future.get_loop().call_soon_threadsafe(tell)

    def _commit(self, batch: list[_Entry]) -> None:
        number = self._last
        rows: list[store.Row] = []
        stored: list[Event] = []
        records: list[RunRecord] = []
        for entry in batch:
            at = entry.at
            plain_at = float(at)  # SQLite is slow to take what is a float or a text only by inheritance
            events: list[Event] = []
            for index, (type, data) in enumerate(entry.changes):
                number += 1
                event = Event(number, at, type, data)
                events.append(event)
                if entry.texts is not None:
                    rows.append(
                        (number, plain_at, str(type), data.get("run", ""), data.get("task"), entry.texts[index])
                    )
                    stored.append(event)
            entry.events = tuple(events)
            if entry.record is not None:
                records.append(entry.record)
        reserve = number + store.NUMBERS if number > self._reserved else None
        if rows or reserve is not None:
            store.append(self._connection, rows, stored, records, reserve, self._identity)
        self._reserved = reserve or self._reserved
        self._last = number

    def _publish(self, batch: list[_Entry]) -> None:
        try:
            self.bus.publish(event for entry in batch for event in entry.events)
        except Exception:
            log.exception("a subscriber of events failed")


def _settle(batch: list[_Entry], error: CisError | None) -> None:
    """Tell everyone who waits for an entry of `batch`, each event loop once."""
    loops: dict[asyncio.AbstractEventLoop, list[_Entry]] = {}
    for entry in batch:
        if entry.future is not None:
            loops.setdefault(entry.future.get_loop(), []).append(entry)
    for loop, entries in loops.items():
        with suppress(RuntimeError):  # that loop has ended, and with it everyone who waited
            loop.call_soon_threadsafe(_tell, entries, error)


def _tell(entries: list[_Entry], error: CisError | None) -> None:
    for entry in entries:
        future = entry.future
        if future is None or future.done():
            continue
        if error is None:
            future.set_result(entry.events)
        else:
            future.set_exception(error)


def _closed() -> Unavailable:
    return Unavailable("CIS-DAG-042", "the run journal is closed", hint="the engine is stopping; try again")


def _unfit(changes: tuple[Change, ...], error: Exception) -> Invalid:
    types = ", ".join(dict.fromkeys(type for type, _ in changes))
    return Invalid("CIS-DAG-183", f"{types} cannot be stored in the run journal: {clean_line(str(error))}")


def _failed(what: str, path: Path, error: Exception) -> Unavailable:
    return Unavailable(
        "CIS-DAG-041" if what == "written" else "CIS-DAG-040",
        f"the run journal {path} cannot be {what}: {error}",
        hint="check that the disk has room and that the file is yours; then resume the run",
    )
