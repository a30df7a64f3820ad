"""Memory against a dictionary: whatever is done in whatever order, what is read is what was written."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cis_tui.core.paths import Home
from cis_tui.memory.classify import classify
from cis_tui.memory.records import Domain, IndexType, MemoryItem, MemoryWrite
from cis_tui.memory.service import MemoryService
from tests.memory.support import NODE, PRIVATE, SetClock

KEYS = st.sampled_from(["a", "a/b", "a/password", "aé", "b", "tmp/%"])
VALUES = st.one_of(st.text(max_size=5), st.just(b"\xff\x00"))
DOMAINS = st.sampled_from([None, None, Domain.PUBLIC, Domain.PRIVATE])


class MemoryMachine(RuleBasedStateMachine):
    """Every operation, on two services of one home, beside a dictionary."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.home = Home(Path(self.folder.name) / "home")
        self.clock = SetClock()
        self.current: dict[str, tuple[str | bytes, Domain]] = {}
        self.versions: dict[str, list[str | bytes]] = {}
        self.services = [self.opened(), self.opened()]

    def opened(self) -> MemoryService:
        return MemoryService(self.home, node=NODE, clock=self.clock)

    def wrote(self, write: MemoryWrite, default: Domain | None) -> None:
        domain = write.domain
        if domain is None and classify(write.key).index_type is IndexType.SENSITIVE:
            domain = PRIVATE
        if domain is None and write.key in self.current:
            domain = self.current[write.key][1]
        self.current[write.key] = (write.value, domain or default or PRIVATE)
        self.versions.setdefault(write.key, []).append(write.value)

    @rule(which=st.integers(0, 1), key=KEYS, value=VALUES, domain=DOMAINS, default=DOMAINS)
    def set(self, which: int, key: str, value: str | bytes, domain: Domain | None, default: Domain | None) -> None:
        write = MemoryWrite(key, value, domain)
        item = self.services[which].set(write, default_domain=default)
        self.wrote(write, default)
        assert (item.value, item.domain) == self.current[key]

    @rule(which=st.integers(0, 1), writes=st.lists(st.tuples(KEYS, VALUES, DOMAINS), max_size=4), wait=st.booleans())
    def buffer(self, which: int, writes: list[tuple[str, str | bytes, Domain | None]], wait: bool) -> None:
        service = self.services[which]
        for each in writes:
            service.set_nowait(MemoryWrite(*each))
            self.wrote(MemoryWrite(*each), None)
            item = service.get(each[0])
            assert item is not None and item.value == each[1]
        if wait or which:
            service.flush()
        else:
            service.list()

    @rule(which=st.integers(0, 1), key=KEYS)
    def delete(self, which: int, key: str) -> None:
        assert self.services[which].delete(key) is (key in self.current)
        if self.current.pop(key, None) is not None:
            self.versions[key].append("")

    @rule(which=st.integers(0, 1), key=KEYS)
    def get(self, which: int, key: str) -> None:
        item = self.services[which].get(key)
        assert (None if item is None else (item.value, item.domain)) == self.current.get(key)

    @rule(which=st.integers(0, 1))
    def reopen(self, which: int) -> None:
        self.services[which].close()
        self.services[which] = self.opened()

    @rule(seconds=st.sampled_from([0.0, 0.001, 3600.0, -3600.0, 8 * 86400.0, -8 * 86400.0]))
    def jump(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(domain=st.sampled_from(["public", "private"]))
    def lose_catalogue(self, domain: str) -> None:
        for service in self.services:
            service.close()
        for path in (self.home.memory / domain).glob("catalogue-*"):
            path.unlink()
        self.services = [self.opened(), self.opened()]

    @rule(which=st.integers(0, 1), prefix=st.sampled_from(["", "a", "a/", "tmp/%", "tmp/_"]))
    def list(self, which: int, prefix: str) -> None:
        page = self.services[which].list(prefix)
        expected = {key: value for key, value in self.current.items() if key.startswith(prefix)}
        assert {item.key: (item.value, item.domain) for item in page.items} == expected
        assert [item.key for item in page.items] == sorted(expected)
        assert page.total == len(expected)

    @rule(which=st.integers(0, 1), key=KEYS)
    def history(self, which: int, key: str) -> None:
        history: tuple[MemoryItem, ...] = self.services[which].history(key)
        assert [item.value for item in reversed(history)] == self.versions.get(key, [])
        assert [item.version for item in reversed(history)] == [{NODE: n + 1} for n in range(len(history))]
        assert not any(item.concurrent for item in history)

    @invariant()
    def counts_are_right(self) -> None:
        domains = [domain for _, domain in self.current.values()]
        assert self.services[0].counts() == {domain.value: domains.count(domain) for domain in Domain}

    def teardown(self) -> None:
        problems = [problem for service in self.services for problem in service.check()]
        for service in self.services:
            service.close()
        self.folder.cleanup()
        assert problems == []


TestMemoryMachine = MemoryMachine.TestCase
TestMemoryMachine.settings = settings(
    deadline=None, max_examples=15, stateful_step_count=25, suppress_health_check=[HealthCheck.too_slow]
)
