"""Versions from elsewhere: whatever comes in whatever order, all nodes agree on what is current and on what is not."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cis_tui.core.errors import CisError
from cis_tui.core.paths import Home
from cis_tui.memory.records import IndexType, MemoryRecord, MemoryWrite
from cis_tui.memory.service import MemoryService
from cis_tui.memory.versions import concurrent, version_name
from tests.memory.support import MONDAY, NODE, PRIVATE, PUBLIC, WEEK, SetClock, memory, put, value_of

OTHER = "did:key:z6MkOtherNode"
NOW = int(SetClock()() * 1000) << 16


def record(key: str = "note", value: str | bytes | None = "theirs", **fields: Any) -> MemoryRecord:
    """A record of the other node."""
    told: dict[str, Any] = {"vector": {OTHER: 1}, "origin": OTHER, "hlc": NOW}
    return MemoryRecord(key, value, "general", IndexType.USER_PREFERENCE, **(told | fields))


def test_what_comes_from_elsewhere_is_there_and_told(home: Home) -> None:
    events: list[tuple[str, object]] = []

    def keep(type: str, data: Mapping[str, object]) -> None:
        events.append((type, data))

    service = MemoryService(home, node=NODE, clock=SetClock(), on_event=keep)
    report = service.merge([record(pinned=True), record("gone", None)])
    assert (report.added, report.known, report.disputed, report.refused) == (2, 0, (), ())
    item = service.get("note")
    assert item is not None
    assert (item.value, item.domain, item.origin, item.version, item.pinned) == (
        "theirs",
        PUBLIC,
        OTHER,
        {OTHER: 1},
        True,
    )
    data = {"key": "note", "domain": "public", "origin": OTHER, "concurrent": False}
    assert ("MemoryMerged", data) in events
    again = service.merge([record(pinned=True), record("gone", None), record("gone", None)])
    assert (again.added, again.known) == (0, 3)
    service.close()
    with memory(home) as later:
        assert value_of(later, "note") == "theirs"


def test_what_was_written_without_knowing_the_other_is_kept_and_can_be_settled(home: Home) -> None:
    with memory(home) as service:
        put(service, "note", "mine", PUBLIC)
        report = service.merge([record(vector={OTHER: 2})])
        assert report.disputed == ("note",)
        (conflict,) = service.revisions.conflicts()
        assert (conflict.key, conflict.winner.value) == ("note", "theirs")
        assert [item.value for item in conflict.others] == ["mine"]
        assert [(item.value, item.concurrent) for item in service.history("note")] == [
            ("theirs", False),
            ("mine", True),
        ]
        mine = conflict.others[0]
        with pytest.raises(CisError) as unknown:
            service.revisions.resolve("note", keep="9-nobody")
        assert unknown.value.code == "CIS-MEM-088"
        settled = service.revisions.resolve("note", keep=version_name(mine.version, mine.origin))
        assert (settled.value, settled.version) == ("mine", {NODE: 2, OTHER: 2})
        assert service.revisions.conflicts() == ()
        assert service.merge([record(vector={OTHER: 2})]).disputed == ()


def test_a_deletion_and_a_write_at_the_same_time_are_a_conflict_too(home: Home) -> None:
    with memory(home) as service:
        put(service, "note", "old", PUBLIC)
        service.delete("note")
        service.merge([record(vector={NODE: 1, OTHER: 1})])
        (conflict,) = service.revisions.conflicts()
        assert {conflict.winner.deleted, conflict.others[0].deleted} == {True, False}
        gone = next(item for item in (conflict.winner, *conflict.others) if item.deleted)
        assert service.revisions.resolve("note", keep=version_name(gone.version, gone.origin)).deleted
        assert (service.get("note"), service.revisions.conflicts()) == (None, ())


def test_a_new_write_settles_nothing_that_it_does_not_replace(home: Home) -> None:
    third = "did:key:z6MkThirdNode"
    with memory(home) as service:
        service.merge([record(), record(value="third", vector={third: 1}, origin=third)])
        put(service, "note", "mine")
        (conflict,) = service.revisions.conflicts()
        assert conflict.winner.value == "mine"
        assert len(conflict.others) == 1
        with pytest.raises(CisError, match="by somebody else"):
            service.revisions.undo()


def test_a_public_entry_from_elsewhere_hides_no_private_one_silently(home: Home) -> None:
    with memory(home) as service:
        put(service, "note", "private", PRIVATE)
        service.merge([record()])
        (conflict,) = service.revisions.conflicts()
        assert (conflict.winner.value, [item.value for item in conflict.others]) == ("theirs", ["private"])
        mine = conflict.others[0]
        settled = service.revisions.resolve("note", keep=version_name(mine.version, mine.origin))
        assert (settled.value, settled.domain) == ("private", PRIVATE)
        assert [rec.value for rec in service.records("note")] == [None, "theirs"]


def test_undo_does_not_touch_what_somebody_else_changed(home: Home) -> None:
    with memory(home) as service:
        mine = put(service, "note", "mine", PUBLIC)
        service.merge([record(vector={**mine.version, OTHER: 1})])
        with pytest.raises(CisError) as refused:
            service.revisions.undo()
        assert (refused.value.code, int(refused.value.exit)) == ("CIS-MEM-083", 4)
        assert value_of(service, "note") == "theirs"


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (record("a\nb"), "CIS-MEM-001"),
        (record("k" * 513), "CIS-MEM-001"),
        (record(value="x" * (8 * 1024 * 1024 + 1)), "CIS-MEM-002"),
        (record(value="\ud800"), "CIS-MEM-002"),
        (replace(record(), category="\x1b[2J"), "CIS-MEM-003"),
        (replace(record(), index_type=IndexType.FREQUENTLY_QUERIED), "CIS-MEM-085"),
        (record(vector={}), "CIS-MEM-085"),
        (record(vector={NODE: 1}), "CIS-MEM-085"),
        (record(vector={OTHER: 0}), "CIS-MEM-085"),
        (record(vector={OTHER: 2**40 + 1}), "CIS-MEM-085"),
        (record(vector={OTHER: True}), "CIS-MEM-085"),
        (record(vector={OTHER: 1, **{f"did:key:{n}": 1 for n in range(64)}}), "CIS-MEM-085"),
        (record(vector={"\x1b": 1}, origin="\x1b"), "CIS-MEM-085"),
        (record(vector={"did:" + "x" * 200: 1}, origin="did:" + "x" * 200), "CIS-MEM-085"),
        (record(hlc=-1), "CIS-MEM-085"),
        (record(hlc=2**63), "CIS-MEM-085"),
        (record(undoes=-1), "CIS-MEM-085"),
        (record(vector={OTHER: 10**9 + 1}), "CIS-MEM-085"),
        (record(epoch="0000000g", seq=1), "CIS-MEM-085"),
        (record(epoch="00000001"), "CIS-MEM-085"),
        (record(epoch="00000001", seq=-1), "CIS-MEM-085"),
        (record("user/api-key"), "CIS-MEM-087"),
        (record(value="ghp_" + "a1B2c3D4e5" * 4), "CIS-MEM-087"),
        (replace(record(), index_type=IndexType.SENSITIVE), "CIS-MEM-087"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_is_refused_and_the_rest_is_taken(home: Home, bad: MemoryRecord, code: str) -> None:
    with memory(home) as service:
        report = service.merge([bad, record("good")])
        ((position, error),) = report.refused
        assert (position, error.code, report.added) == (0, code, 1)
        assert [item.key for item in service.list().items] == ["good"]


def test_a_version_that_counts_more_than_anybody_can_have_written_is_refused(home: Home) -> None:
    with memory(home) as service:
        put(service, "note", "mine", PUBLIC)
        report = service.merge([record(vector={OTHER: 1_000_001}), record(vector={OTHER: 1, NODE: 1_000_002})])
        assert [error.code for _, error in report.refused] == ["CIS-MEM-085"] * 2
        assert (value_of(service, "note"), service.revisions.conflicts()) == ("mine", ())


def test_a_clock_that_is_wrong_by_years_changes_no_other(home: Home) -> None:
    clock = SetClock()
    far = int((MONDAY + 70 * 365 * 86400) * 1000) << 16
    with memory(home, clock) as service:
        service.merge([record(hlc=far), record("past", hlc=0)])
        assert value_of(service, "note") == "theirs"
        assert [path.name for path in (home.memory / "public").glob("memory-*.db")] == ["memory-2026-W47.db"]
        mine = put(service, "note", "mine")
        assert (value_of(service, "note"), mine.created_at) == ("mine", clock())
        assert put(service, "other", "x", PUBLIC).created_at - clock() < 1
        assert service.revisions.undo().item.deleted
        clock.now += 6 * WEEK
        service.archive()
        assert value_of(service, "note") == "mine"


def test_more_branches_than_nodes_write_at_once_are_refused(home: Home) -> None:
    def branch(number: int) -> MemoryRecord:
        node = f"did:key:n{number:03}"
        return record(vector={node: 1}, origin=node)

    with memory(home) as service:
        report = service.merge([branch(number) for number in range(100)])
        assert (report.added, len(report.refused)) == (32, 68)
        chain = [record("chain", str(n), vector={OTHER: n}, hlc=NOW + n) for n in range(1, 500)]
        assert service.merge(chain[::-1]).added == 499
        assert value_of(service, "chain") == "499"
        with pytest.raises(CisError):
            service.merge([record()] * 1001)


def test_what_comes_late_opens_no_old_log_and_says_its_own_week(home: Home) -> None:
    with memory(home) as service:
        service.merge([record(hlc=int((MONDAY - week * WEEK) * 1000) << 16, key=f"k{week}") for week in range(20)])
        assert [path.name for path in (home.memory / "public").glob("memory-*.db")] == ["memory-2026-W47.db"]
        item = service.get("k5")
        assert item is not None and item.week == "2026-W42"


def test_what_is_sensitive_or_private_is_given_to_nobody(home: Home) -> None:
    with memory(home) as service:
        service.set(MemoryWrite("team/password", "planted", PUBLIC))
        put(service, "own", "planted", PRIVATE)
        assert service.records("team/password") == service.records("own") == ()
        put(service, "moved", "fine", PUBLIC)
        put(service, "moved", "planted", PRIVATE)
        assert [rec.value for rec in service.records("moved")] == [None, "fine"]


NODES = [f"did:key:z6MkNode{name}" for name in "ABC"]
KEYS = st.sampled_from(["a", "b"])


class MergeMachine(RuleBasedStateMachine):
    """Three nodes that write, and give each other some of what they have, in any order and any number of times."""

    @initialize(skews=st.tuples(*[st.sampled_from([0.0, -3600.0, 7200.0, 4 * 86400.0 * 0.2])] * 3))
    def begin(self, skews: tuple[float, ...]) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clocks = [SetClock(MONDAY + 86400 + skew) for skew in skews]
        self.homes = [Home(Path(self.folder.name) / str(number)) for number in range(3)]
        self.nodes = [self.opened(number) for number in range(3)]
        self.written: dict[str, set[frozenset[tuple[str, int]]]] = {}

    def opened(self, number: int) -> MemoryService:
        return MemoryService(self.homes[number], node=NODES[number], clock=self.clocks[number])

    @rule(at=st.integers(0, 2), key=KEYS, value=st.text(max_size=3), pinned=st.booleans())
    def write(self, at: int, key: str, value: str, pinned: bool) -> None:
        item = self.nodes[at].set(MemoryWrite(key, value, PUBLIC, pinned=pinned))
        vector = frozenset(item.version.items())
        assert vector not in self.written.setdefault(key, set()), "no version is made twice"
        self.written[key].add(vector)

    @rule(at=st.integers(0, 2), key=KEYS)
    def delete(self, at: int, key: str) -> None:
        self.nodes[at].delete(key)

    @rule(at=st.integers(0, 2))
    def undo(self, at: int) -> None:
        try:
            self.nodes[at].revisions.undo()
        except CisError as error:
            assert error.code in ("CIS-MEM-082", "CIS-MEM-083")

    @rule(at=st.integers(0, 2), key=KEYS, data=st.data())
    def resolve(self, at: int, key: str, data: st.DataObject) -> None:
        conflict = next((each for each in self.nodes[at].revisions.conflicts() if each.key == key), None)
        if conflict is not None:
            kept = data.draw(st.sampled_from([conflict.winner, *conflict.others]))
            settled = self.nodes[at].revisions.resolve(key, keep=version_name(kept.version, kept.origin))
            assert (settled.value, settled.deleted) == (kept.value, kept.deleted)
            assert all(each.key != key for each in self.nodes[at].revisions.conflicts())

    @rule(giver=st.integers(0, 2), taker=st.integers(0, 2), key=KEYS, data=st.data())
    def give(self, giver: int, taker: int, key: str, data: st.DataObject) -> None:
        """A part of what a node has reaches another: some of it lost, some twice, in any order."""
        records = self.nodes[giver].records(key)
        if records:
            sent = data.draw(st.lists(st.sampled_from(records), max_size=2 * len(records)))
            assert self.nodes[taker].merge(sent).refused == ()

    @rule(at=st.integers(0, 2))
    def lose_catalogue(self, at: int) -> None:
        self.nodes[at].close()
        for path in (self.homes[at].memory / "public").glob("catalogue-*"):
            path.unlink()
        self.nodes[at] = self.opened(at)

    @rule(seconds=st.sampled_from([0.001, 60.0, 8 * 86400.0]))
    def time_passes(self, seconds: float) -> None:
        for clock in self.clocks:
            clock.now += seconds

    @invariant()
    def what_is_read_is_the_winner(self) -> None:
        for node in getattr(self, "nodes", []):
            for conflict in node.revisions.conflicts():
                history = {frozenset(item.version.items()) for item in node.history(conflict.key)}
                for item in conflict.others:
                    assert concurrent(item.version, conflict.winner.version)
                    assert frozenset(item.version.items()) in history, "nothing is dropped"
                current = node.current(conflict.key)
                assert (current is None) is conflict.winner.deleted
                assert current is None or current.version == conflict.winner.version

    def everything(self, node: MemoryService) -> object:
        """What all nodes are to agree on."""
        items = [(item.key, item.value, item.version, item.pinned) for item in node.list().items]
        conflicts = [
            (each.key, each.winner.version, sorted(sorted(item.version.items()) for item in each.others))
            for each in node.revisions.conflicts()
        ]
        return items, conflicts

    def teardown(self) -> None:
        if not hasattr(self, "nodes"):
            return
        try:
            for source in self.nodes:
                for target in self.nodes:
                    for key in ("a", "b"):
                        for each in source.records(key):
                            assert target.merge([each]).refused == ()
            for source in self.nodes:
                for target in self.nodes:
                    assert all(target.merge(source.records(key)).added == 0 for key in ("a", "b"))
            seen = [self.everything(node) for node in self.nodes]
            assert seen[0] == seen[1] == seen[2]
            self.lose_catalogue(0)
            assert self.everything(self.nodes[0]) == seen[0]
            assert [node.check() for node in self.nodes] == [[], [], []]
        finally:
            for node in self.nodes:
                node.close()
            self.folder.cleanup()


TestMergeMachine = MergeMachine.TestCase
TestMergeMachine.settings = settings(
    deadline=None, max_examples=15, stateful_step_count=25, suppress_health_check=[HealthCheck.too_slow]
)
