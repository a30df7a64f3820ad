"""Any number of nodes, any order, any loss: in the end all have the same entries and the same conflicts."""

from __future__ import annotations

import random
import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from cis_tui.core.errors import CisError
from cis_tui.memory.records import Domain
from tests.memory.support import MONDAY, SetClock
from tests.sync.support import Lost, Replica, settle, talk

COUNT = 4
NODES = st.integers(0, COUNT - 1)
KEYS = st.sampled_from(["a", "b", "team/c", "team/d"])
TEAM = ("team/",)


class Convergence(RuleBasedStateMachine):
    """Four nodes with clocks of their own; between the first and the last only `team/` is shared."""

    @initialize(skews=st.tuples(*[st.sampled_from([0.0, -3600.0, 90_000.0, 70 * 365 * 86_400.0])] * COUNT))
    def begin(self, skews: tuple[float, ...]) -> None:
        self.folder = tempfile.TemporaryDirectory()
        root = Path(self.folder.name)
        self.nodes = [Replica(root, f"n{n}", clock=SetClock(MONDAY + 86_400 + skew)) for n, skew in enumerate(skews)]
        first, last = self.nodes[0], self.nodes[-1]
        first.policy.shares[last.did] = last.policy.shares[first.did] = TEAM
        self.apart: set[int] = set()
        self.kept: list[tuple[int, int, bytes]] = []

    @rule(at=NODES, key=KEYS, value=st.text(max_size=2))
    def write(self, at: int, key: str, value: str) -> None:
        self.nodes[at].put(key, value)

    @rule(at=NODES, key=KEYS)
    def keep_private(self, at: int, key: str) -> None:
        self.nodes[at].put(key, "planted", Domain.PRIVATE)

    @rule(at=NODES, key=KEYS)
    def delete(self, at: int, key: str) -> None:
        self.nodes[at].memory.delete(key)

    @rule(at=NODES)
    def resolve(self, at: int) -> None:
        for conflict in self.nodes[at].memory.revisions.conflicts()[:1]:
            self.nodes[at].memory.revisions.resolve(conflict.key)

    @rule(one=NODES, other=NODES, push=st.booleans(), lost=st.integers(0, 6), seed=st.integers(0, 99))
    def speak(self, one: int, other: int, push: bool, lost: int, seed: int) -> None:
        """One asks or tells another; the message number `lost`, or its answer, does not arrive."""
        if one == other or (one in self.apart) != (other in self.apart):
            return
        speaker, listener = self.nodes[one], self.nodes[other]
        chance, count = random.Random(seed), 0

        def carry(body: bytes) -> bytes:
            nonlocal count
            count += 1
            self.kept.append((one, other, body))
            if count == lost and chance.random() < 0.5:
                raise Lost
            answer = listener.sync.answer(speaker.did, body)
            if count == lost:
                raise Lost
            return answer

        conversation = speaker.sync.push(listener.did) if push else speaker.sync.pull(listener.did)
        with suppress(Lost):
            talk(conversation, carry)

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """Something that was said long ago arrives again."""
        if self.kept:
            one, other, body = data.draw(st.sampled_from(self.kept[-20:]))
            self.nodes[other].sync.answer(self.nodes[one].did, body)

    @rule(at=NODES)
    def part(self, at: int) -> None:
        self.apart ^= {at}

    @rule(at=NODES, wiped=st.booleans())
    def fall(self, at: int, wiped: bool) -> None:
        """A node begins again, sometimes with nothing but its key."""
        node = self.nodes[at]
        if wiped and len(self.nodes[(at + 1) % COUNT].memory.list().items):
            node.wipe()
        else:
            node.restart()

    @rule(seconds=st.sampled_from([0.001, 60.0, 8 * 86_400.0]))
    def time_passes(self, seconds: float) -> None:
        for node in self.nodes:
            node.clock.now += seconds

    def teardown(self) -> None:
        if not hasattr(self, "nodes"):
            return
        try:
            settle(self.nodes)
            dumps = [node.dump() for node in self.nodes]
            assert all(dump == dumps[0] for dump in dumps)
            for node in self.nodes:
                assert not [error for _, error in node.refusals if error.code not in ("CIS-SYNC-012",)]
                assert "planted" not in [item.value for item in node.memory.list(domain=Domain.PUBLIC).items]
            before = [len(node.memory.history(key)) for node in self.nodes for key in ("a", "team/c")]
            for _, other, body in self.kept:
                self.nodes[other].sync.answer(self.nodes[0].did, body)
            settle(self.nodes)
            assert [len(node.memory.history(key)) for node in self.nodes for key in ("a", "team/c")] == before
        except CisError as error:
            raise AssertionError(error.message) from error
        finally:
            for node in self.nodes:
                node.close()
            self.folder.cleanup()


TestConvergence = Convergence.TestCase
TestConvergence.settings = settings(
    deadline=None, max_examples=5, stateful_step_count=20, suppress_health_check=[HealthCheck.too_slow]
)
