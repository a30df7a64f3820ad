"""Writes that wait for the next commit. Who commits takes all of them along: a group, with no thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from threading import Lock, Timer, current_thread
from typing import TYPE_CHECKING

from cis_tui.core.errors import CisError, Unavailable

if TYPE_CHECKING:
    from cis_tui.memory.committer import Outcome
    from cis_tui.memory.plan import Entry, Plan

GROUP = 100
"""Entries after which the buffer is flushed."""
FULL = 10 * GROUP
"""Entries that may wait while they cannot be made durable, as on a full disk."""
SECONDS = 5.0
"""Seconds after which the buffer is flushed."""


class _Ticket:
    __slots__ = ("awaited", "done", "entry", "outcome")

    def __init__(self, entry: Entry, *, awaited: bool) -> None:
        self.entry = entry
        self.awaited = awaited
        """A caller waits for the outcome; else the entry stays in the buffer until it is durable."""
        self.done = False
        self.outcome: Outcome = None


class Buffer:
    """Gathers writes and commits them in groups; for any number of threads."""

    def __init__(
        self,
        commit: Callable[[Sequence[Entry]], list[Outcome]],
        *,
        seconds: float = SECONDS,
        on_failure: Callable[[CisError], None] | None = None,
    ) -> None:
        """`on_failure` is told when a flush that nobody called fails; it is tried again after `seconds`."""
        self._commit = commit
        self._seconds = seconds
        self._on_failure = on_failure
        self._pending: list[_Ticket] = []
        self._lock = Lock()
        self._committing = Lock()
        self._timer: Timer | None = None
        self._closed = False
        self._due = GROUP
        """Entries at which to flush: more while flushes fail, for each tries all that wait."""
        self._failure: CisError | None = None
        """Why the last flush failed."""

    def write(self, entry: Entry) -> Plan | None:
        """Commit `entry` with all that waits; durable when this returns.

        Raises:
            CisError: it is not durable.
        """
        ticket = _Ticket(entry, awaited=True)
        self._put([ticket])
        with self._committing:
            # Another caller may have committed it while this one waited.
            if not ticket.done:
                self._commit_pending()
        if isinstance(ticket.outcome, CisError):
            raise ticket.outcome
        return ticket.outcome

    def add(self, entries: Iterable[Entry]) -> None:
        """Take entries in, to be durable after the next flush, which comes when they are 100 or after 5 seconds.

        Raises:
            CisError: a flush was due and failed. The entries stay, unless 1000 waited already: then none was taken.
        """
        if self._failure is not None and len(self._pending) >= FULL:
            raise self._failure
        self._put([_Ticket(entry, awaited=False) for entry in entries])
        if len(self._pending) >= self._due:
            self.flush()
            return
        with self._lock:
            self._start_timer()

    def flush(self) -> None:
        """Commit all that waits; durable when this returns.

        Raises:
            CisError: some of it is not; it stays in the buffer.
        """
        with self._committing:
            failure = self._commit_pending()
        if failure is not None:
            raise failure

    def alone(self) -> Lock:
        """What is held while something is committed: for who commits past the buffer."""
        return self._committing

    def holds(self, key: str) -> bool:
        """Whether a write of `key` waits."""
        return any(ticket.entry.key == key for ticket in tuple(self._pending))

    def __len__(self) -> int:
        return len(self._pending)

    def close(self) -> None:
        """Flush, and take nothing more; no thread is left.

        Raises:
            CisError: some entries could not be made durable and are lost.
        """
        with self._lock:
            self._closed = True
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
            if timer is not current_thread():
                timer.join()
        self.flush()

    def _put(self, tickets: list[_Ticket]) -> None:
        with self._lock:
            if self._closed:
                raise Unavailable("CIS-MEM-040", "memory is closed", retryable=False)
            self._pending.extend(tickets)

    def _commit_pending(self) -> CisError | None:
        """Commit the group that waits; gives the first failure of an entry that nobody awaits."""
        with self._lock:
            group = list(self._pending)
        outcomes: Sequence[Outcome] = [_interrupted()] * len(group)
        failure: CisError | None = None
        try:
            if group:
                outcomes = self._commit([ticket.entry for ticket in group])
        finally:
            failure = self._settle(group, outcomes)
        return failure

    def _settle(self, group: list[_Ticket], outcomes: Sequence[Outcome]) -> CisError | None:
        failure: CisError | None = None
        for ticket, outcome in zip(group, outcomes, strict=True):
            ticket.outcome = outcome
            ticket.done = ticket.awaited or not isinstance(outcome, CisError)
            if isinstance(outcome, CisError) and not ticket.awaited:
                failure = failure or outcome
        with self._lock:
            self._pending = [ticket for ticket in self._pending if not ticket.done]
            self._failure, self._due = failure, GROUP + (len(self._pending) if failure else 0)
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._start_timer()
        return failure

    def _start_timer(self) -> None:
        if self._closed or self._timer is not None or all(ticket.awaited for ticket in self._pending):
            return
        self._timer = Timer(self._seconds, self._flush_late)
        self._timer.daemon = True
        self._timer.start()

    def _flush_late(self) -> None:
        try:
            self.flush()
        except CisError as error:
            if self._on_failure is not None:
                self._on_failure(error)


def _interrupted() -> CisError:
    return Unavailable(
        "CIS-MEM-041", "the write was interrupted; it may be durable or not", hint="look, then try again"
    )
