"""What a run wrote into memory is taken back; what others wrote is kept."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.clock import Instant
from cis_tui.core.errors import Invalid
from cis_tui.core.paths import Home
from cis_tui.memory.records import UNDOING, Domain, MemoryItem, MemoryWrite
from cis_tui.memory.rollback import Restored, roll_back
from cis_tui.memory.service import MemoryService
from tests.memory.support import MONDAY, PRIVATE, PUBLIC, WEEK, SetClock, memory, value_of

RUN = "r1"
BEGAN = Instant(MONDAY)


def put(service: MemoryService, key: str, value: str, run: str = "", domain: Domain | None = PUBLIC) -> MemoryItem:
    return service.set(MemoryWrite(key, value, domain, run=run))


def values(service: MemoryService) -> dict[str, tuple[object, Domain, bool]]:
    return {item.key: (item.value, item.domain, item.pinned) for item in service.list().items}


def test_entries_are_as_they_were_and_that_once(home: Home) -> None:
    with memory(home) as service:
        put(service, "kept", "before")
        put(service, "moved", "before", domain=PRIVATE)
        put(service, "dropped", "before")
        service.revisions.pin("kept")
        before = values(service)
        for number in range(3):
            put(service, "kept", f"after {number}", RUN)
            put(service, "new", f"{number}", RUN)
            put(service, "secret", f"{number}", RUN, PRIVATE)
        put(service, "moved", "after", RUN)
        service.delete("dropped", run=RUN)
        found = roll_back(service, RUN, BEGAN)
        assert [each.key for each in found] == ["dropped", "kept", "", "new", ""], "what is private has no name"
        assert all(each.done for each in found)
        assert values(service) == before
        history = service.history("kept")
        assert [item.value for item in history][:2] == ["before", "after 2"], "a new version"
        assert roll_back(service, RUN, BEGAN) == found
        assert service.history("kept") == history


def test_what_others_wrote_is_kept_and_told(home: Home) -> None:
    with memory(home) as service:
        put(service, "later", "run", RUN)
        put(service, "later", "mine")
        put(service, "between", "run", RUN)
        put(service, "between", "mine")
        put(service, "between", "run again", RUN)
        put(service, "other", "of another run", "r2")
        between, later = roll_back(service, RUN, BEGAN)
        assert (value_of(service, "later"), value_of(service, "between")) == ("mine", "mine")
        assert value_of(service, "other") == "of another run"
        assert (later.done, between.done) == (False, False)
        assert later.detail.endswith("that is kept")
        assert "in between" in between.detail


def test_what_a_step_of_the_rollback_writes_is_not_taken_back(home: Home) -> None:
    with memory(home) as service:
        put(service, "status", "deployed", RUN)
        put(service, "status", "rolled back", RUN + UNDOING)
        assert roll_back(service, RUN, BEGAN) == [Restored("status", True)]
        assert value_of(service, "status") == "rolled back"


def test_what_is_written_after_the_rollback_stays_when_it_is_tried_again(home: Home) -> None:
    with memory(home) as service:
        put(service, "key", "run", RUN)
        roll_back(service, RUN, BEGAN)
        put(service, "key", "mine")
        assert roll_back(service, RUN, BEGAN) == [Restored("key", True)]
        assert value_of(service, "key") == "mine"


def test_every_revision_is_a_write_of_its_run(home: Home) -> None:
    with memory(home) as service:
        put(service, "pinned", "x")
        put(service, "undone", "x")
        put(service, "undone", "y")
        before = values(service)
        service.revising(RUN).undo()
        service.revising(RUN).pin("pinned")
        assert values(service) != before
        assert roll_back(service, RUN, BEGAN) == [Restored("pinned", True), Restored("undone", True)]
        assert values(service) == before


def test_of_a_week_that_is_archived_it_is_told_that_nobody_knows(home: Home) -> None:
    clock = SetClock()
    with memory(home, clock) as service:
        put(service, "config/x", "before")
        put(service, "config/x", "run", RUN)
        clock.now += 6 * WEEK
        assert any(report.week == "2026-W47" for report in service.archive())
        (told,) = roll_back(service, RUN, BEGAN)
        assert not told.done
        assert "not known any more" in told.detail
        assert roll_back(service, RUN, clock()) == []


def test_who_wrote_it_no_other_node_learns(home: Home) -> None:
    with memory(home) as service:
        put(service, "key", "x", "run-of-mine")
        put(service, "plain", "x")
        (record,) = service.records("key")
        assert "run-of-mine" not in repr(record)
        for bad in ("x" * 65, "a\nb"):
            with pytest.raises(Invalid):
                put(service, "key", "x", bad)
    (log,) = (home.memory / "public").glob("memory-*.db")
    with sqlite3.connect(log) as connection:
        assert connection.execute("SELECT count(*) FROM run_writes").fetchone() == (1,)


class Act(NamedTuple):
    key: str
    domain: Domain | None
    deletes: bool

    def do(self, service: MemoryService, run: str, value: str = "") -> None:
        if self.deletes:
            service.delete(self.key, run=run)
        else:
            service.set(MemoryWrite(self.key, f"{self.key}{value}", self.domain, run=run))


ACTS = st.lists(st.builds(Act, st.sampled_from("ab"), st.sampled_from([None, *Domain]), st.booleans()), max_size=8)


@settings(max_examples=25, deadline=None)
@given(before=ACTS, during=ACTS)
def test_a_run_that_was_alone_leaves_no_trace(
    tmp_path_factory: pytest.TempPathFactory, before: list[Act], during: list[Act]
) -> None:
    with memory(Home(tmp_path_factory.mktemp("home")).ensure()) as service:
        for act in before:
            act.do(service, "")
        found = values(service)
        for number, act in enumerate(during):
            act.do(service, RUN, str(number))
        assert all(each.done for each in roll_back(service, RUN, BEGAN))
        assert values(service) == found
