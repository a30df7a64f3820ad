"""Whatever a room loses, doubles and mixes up, and whatever comes by another way too: in the end all have the same."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from cis_tui.core.errors import CisError
from cis_tui.matrix.digest import Pace
from cis_tui.matrix.memory_news import Relay
from cis_tui.matrix.sayings import MEMORY
from cis_tui.memory.records import Domain
from tests.matrix.room_support import Guest, Room, settle
from tests.memory.support import MONDAY, SetClock
from tests.sync.support import pull, push

IN_ROOM, COUNT = 3, 4
GUESTS, NODES = st.integers(0, IN_ROOM - 1), st.integers(0, COUNT - 1)
KEYS = st.sampled_from(["a", "b", "team/c", "large"])


class Convergence(RuleBasedStateMachine):
    """Three nodes in a room; a fourth is never there, and is a peer of all by other ways."""

    @initialize(skews=st.tuples(*[st.sampled_from([0.0, -3600.0, 90_000.0])] * COUNT), seed=st.integers(0, 9))
    def begin(self, skews: tuple[float, ...], seed: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        root = Path(self.folder.name)
        self.room = Room()
        pace = Pace(settle=5.0, digest=60.0, ask=(1.0, 3.0), longest=240.0, gather=0.5, again=60.0)
        self.guests = [
            Guest(
                root,
                f"g{number}",
                self.room,
                clock=SetClock(MONDAY + 86_400 + skew),
                relay=Relay((1.0, 8.0), (300.0, 900.0)),
                pace=pace,
                seed=seed,
            )
            for number, skew in enumerate(skews)
        ]
        self.inside = self.guests[:IN_ROOM]
        for guest in self.inside:
            guest.members = {each.did for each in self.inside}
        self.kept: list[int] = []

    @rule(at=NODES, key=KEYS, value=st.text(max_size=2))
    def write(self, at: int, key: str, value: str) -> None:
        self.guests[at].replica.put(key, value + "x" * 50_000 if key == "large" else value)

    @rule(at=NODES, key=KEYS)
    def keep_private(self, at: int, key: str) -> None:
        self.guests[at].replica.put(key, "planted", Domain.PRIVATE)

    @rule(at=NODES, key=KEYS)
    def delete(self, at: int, key: str) -> None:
        self.guests[at].replica.memory.delete(key)

    @rule(at=NODES)
    def resolve(self, at: int) -> None:
        for conflict in self.guests[at].replica.memory.revisions.conflicts()[:1]:
            self.guests[at].replica.memory.revisions.resolve(conflict.key)

    @rule(at=GUESTS, arrives=st.booleans(), noted=st.booleans())
    def say(self, at: int, arrives: bool, noted: bool) -> None:
        self.inside[at].say(arrives=arrives, noted=noted)

    @rule(at=GUESTS, data=st.data(), media=st.booleans())
    def hear(self, at: int, data: st.DataObject, media: bool) -> None:
        """Any event, new or old, reaches a node; a value that lies beside it perhaps does not."""
        if self.room.events:
            self.inside[at].hear(data.draw(st.integers(0, len(self.room.events) - 1)), media=media)

    @rule(data=st.data())
    def redact(self, data: st.DataObject) -> None:
        # What a node has lost of its own, and nobody can read in the room any more, comes by other ways only.
        first = self.inside[0].did
        said = [number for number, event in enumerate(self.room.events) if (event.did, event.kind) == (first, MEMORY)]
        if said:
            self.room.redacted.add(data.draw(st.sampled_from(said)))

    @rule(one=NODES, other=NODES, pushes=st.booleans())
    def meet(self, one: int, other: int, pushes: bool) -> None:
        """The same changes take the other way too."""
        if one != other:
            (push if pushes else pull)(self.guests[one].replica, self.guests[other].replica)

    @rule(at=GUESTS)
    def restart(self, at: int) -> None:
        self.inside[at].restart()

    @rule(at=st.integers(1, IN_ROOM - 1), ledger=st.booleans())
    def wipe(self, at: int, ledger: bool) -> None:
        if len(self.guests[(at + 1) % IN_ROOM].replica.memory.list().items):
            self.inside[at].wipe(ledger=ledger)

    @rule(seconds=st.sampled_from([0.01, 2.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        for guest in self.guests:
            guest.steady.now += seconds
            guest.replica.clock.now += seconds

    def teardown(self) -> None:
        if not hasattr(self, "guests"):
            return
        try:
            settle(self.inside)
            dumps = [guest.replica.dump() for guest in self.inside]
            assert all(dump == dumps[0] for dump in dumps)
            for guest in self.inside:
                assert not guest.rejected, guest.rejected
                assert all(each.holes == 0 for each in guest.memory.status().members)
            assert not any("planted" in event.text for event in self.room.events)
            assert b"planted" not in self.room.media.values()
            assert all(len(event.text) < 46_000 for event in self.room.events)
            said = len(self.room.events)
            for guest in self.inside:
                for number in range(said):
                    guest.hear(number)
            assert [guest.replica.dump() for guest in self.inside] == dumps
        except CisError as error:
            raise AssertionError(error.message) from error
        finally:
            for guest in self.guests:
                guest.close()
            self.folder.cleanup()


TestConvergence = Convergence.TestCase
TestConvergence.settings = settings(
    deadline=None, max_examples=6, stateful_step_count=30, suppress_health_check=[HealthCheck.too_slow]
)
