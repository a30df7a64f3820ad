"""The figures of memory."""

from __future__ import annotations

from cis_tui.core.paths import Home
from cis_tui.memory.layers import Layer, Meter
from cis_tui.memory.queries import Query
from tests.memory.support import MONDAY, PRIVATE, PUBLIC, WEEK, SetClock, memory, put, value_of


def test_what_is_held_is_counted_by_domain_kind_and_week(home: Home) -> None:
    clock = SetClock(MONDAY)
    with memory(home, clock) as service:
        put(service, "user/preference/theme", "dark", PUBLIC)
        put(service, "project/config/x", "1", PUBLIC)
        clock.now += WEEK
        put(service, "project/config/x", "2", PUBLIC)
        put(service, "user/api-key", "abc123")
        private, public = service.stats().domains
        assert (public.domain, public.entries, private.entries) == (PUBLIC, 2, 1)
        assert public.kinds == {"ProjectConfig": 1, "UserPreference": 1}
        assert private.kinds == {"Sensitive": 1}
        assert [(log.week, log.entries) for log in public.logs] == [("2026-W47", 1), ("2026-W48", 1)]
        assert all(log.bytes > 4096 for log in public.logs)


def test_a_domain_that_cannot_be_opened_says_why_and_the_other_is_counted(home: Home) -> None:
    with memory(home) as service:
        put(service, "shared", "x", PUBLIC)
        put(service, "own", "x", PRIVATE)
    (home.keys / "data.json").unlink()
    with memory(home) as service:
        private, public = service.stats().domains
        assert (public.entries, public.problem) == (1, "")
        assert private.entries is None
        assert [log.entries for log in private.logs] == [None]
        assert "data.json is missing" in private.problem


def test_layers_count_what_they_were_asked_and_what_they_answered(home: Home) -> None:
    with memory(home) as service:
        put(service, "note", "x")
        assert [value_of(service, key) for key in ("note", "note", "none")] == ["x", "x", None]
        layers = {stats.layer: stats for stats in service.stats().layers}
        assert (layers[Layer.CACHE].asked, layers[Layer.CACHE].answered) == (3, 1)
        assert (layers[Layer.LOGS].asked, layers[Layer.LOGS].answered) == (2, 1)
        assert 0 < layers[Layer.CACHE].p50 <= layers[Layer.CACHE].p95


def test_a_meter_tells_the_middle_and_the_slow_end() -> None:
    meter = Meter()
    for seconds in range(1, 101):
        meter.hit(float(seconds))
    meter.miss()
    stats = meter.stats(Layer.LOGS)
    assert (stats.asked, stats.answered, stats.p50, stats.p95) == (101, 100, 51.0, 96.0)


def test_a_search_is_counted_and_answered_by_meaning_where_nothing_speaks_against_it(home: Home) -> None:
    with memory(home) as service:
        put(service, "notes/drink", "coffee is brewed on the third floor")
        result = service.search(Query("coffee"))
        layers = {stats.layer: stats for stats in service.stats().layers}
        vectors = layers[Layer.VECTORS]
        assert (vectors.asked, vectors.answered) == (1, 0 if result.semantic else 1)
