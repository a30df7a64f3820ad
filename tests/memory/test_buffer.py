"""The group that commits together: who commits, when, and what becomes of failures."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from cis_tui.core.clock import Instant
from cis_tui.core.errors import CisError, Unavailable
from cis_tui.memory.buffer import Buffer
from cis_tui.memory.committer import Outcome
from cis_tui.memory.plan import Entry
from cis_tui.memory.records import IndexType


def entry(key: str) -> Entry:
    return Entry(key, "x", None, None, "general", IndexType.TEMPORARY, pinned=False, at=Instant(0))


class Disk:
    """Takes groups, and fails, or waits, when it is told to."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.failing = False
        self.bad = ""
        self.wrote = threading.Event()
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()

    def commit(self, group: Sequence[Entry]) -> list[Outcome]:
        self.entered.set()
        assert self.open.wait(10)
        keys = [entry.key for entry in group]
        if self.failing:
            return [Unavailable("X", "the disk is full") for _ in keys]
        self.groups.append(keys)
        self.wrote.set()
        return [Unavailable("X", f"bad: {key}") if key == self.bad else None for key in keys]


def test_a_hundred_entries_are_flushed_by_themselves() -> None:
    disk = Disk()
    buffer = Buffer(disk.commit)
    for number in range(99):
        buffer.add([entry(str(number))])
    assert (disk.groups, len(buffer), buffer.holds("7")) == ([], 99, True)
    buffer.add([entry("99")])
    assert ([len(group) for group in disk.groups], len(buffer), buffer.holds("7")) == ([100], 0, False)
    buffer.close()


def test_what_waits_is_flushed_after_a_while() -> None:
    disk = Disk()
    buffer = Buffer(disk.commit, seconds=0.02)
    buffer.add([entry("a"), entry("b")])
    assert disk.wrote.wait(10)
    buffer.close()
    assert disk.groups == [["a", "b"]]


def test_an_awaited_write_takes_along_what_waits() -> None:
    disk = Disk()
    buffer = Buffer(disk.commit)
    buffer.add([entry("a")])
    buffer.write(entry("b"))
    assert disk.groups == [["a", "b"]]
    buffer.close()


def test_who_comes_during_a_commit_is_in_the_next_one_together() -> None:
    disk = Disk()
    disk.open.clear()
    buffer = Buffer(disk.commit)
    first = threading.Thread(target=buffer.write, args=(entry("first"),))
    first.start()
    assert disk.entered.wait(10)
    followers = [threading.Thread(target=buffer.write, args=(entry(str(number)),)) for number in range(8)]
    for follower in followers:
        follower.start()
    while len(buffer) < 9:
        threading.Event().wait(0.001)
    disk.open.set()
    for thread in (first, *followers):
        thread.join()
    assert [len(group) for group in disk.groups] == [1, 8]
    buffer.close()


def test_a_failure_reaches_the_one_it_concerns() -> None:
    disk = Disk()
    disk.bad = "bad"
    buffer = Buffer(disk.commit)
    with pytest.raises(Unavailable, match="bad: bad"):
        buffer.write(entry("bad"))
    buffer.write(entry("good"))
    assert len(buffer) == 0
    buffer.close()


def test_what_cannot_be_written_stays_and_is_tried_again() -> None:
    disk = Disk()
    failures: list[CisError] = []
    failed = threading.Event()

    def told(error: CisError) -> None:
        failures.append(error)
        failed.set()

    buffer = Buffer(disk.commit, seconds=0.02, on_failure=told)
    disk.failing = True
    buffer.add([entry("a")])
    with pytest.raises(Unavailable, match="full"):
        buffer.flush()
    assert failed.wait(10)
    assert len(buffer) == 1
    disk.failing = False
    assert disk.wrote.wait(10)
    buffer.close()
    assert disk.groups == [["a"]]
    assert all(error.message == "the disk is full" for error in failures)


def test_an_interruption_of_the_one_who_commits_is_no_success_for_the_others() -> None:
    class Interrupt(BaseException):
        pass

    def interrupted(group: Sequence[Entry]) -> list[Outcome]:
        raise Interrupt

    buffer = Buffer(interrupted)
    with pytest.raises(Interrupt):
        buffer.write(entry("a"))
    assert len(buffer) == 0
    buffer.add([entry("b")])
    with pytest.raises(Interrupt):
        buffer.close()


def test_after_closing_nothing_is_taken_and_no_thread_is_left() -> None:
    before = threading.active_count()
    disk = Disk()
    buffer = Buffer(disk.commit)
    buffer.add([entry("a")])
    buffer.close()
    buffer.close()
    assert threading.active_count() == before
    assert disk.groups == [["a"]]
    with pytest.raises(Unavailable, match="closed"):
        buffer.add([entry("b")])
