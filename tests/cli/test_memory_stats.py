"""`cis memory stats`."""

from __future__ import annotations

import json

from cis_tui.cli.memory_stats import duration, size
from cis_tui.core.paths import Home
from tests.cli.support import cis


def test_it_tells_what_is_held_and_how_the_layers_do(home: Home) -> None:
    cis("memory", "set", "shared", "x", "--domain", "public")
    cis("memory", "set", "user/api-key", "abc123")
    told = cis("memory", "stats").out
    assert "public: 1 entry\n" in told
    assert "1 Sensitive" in told
    assert "L1 entries read last" in told
    assert "abc123" not in told
    found = json.loads(cis("memory", "stats", "--json").out)
    assert [domain["entries"] for domain in found["domains"]] == [1, 1]
    assert [layer["layer"] for layer in found["layers"]] == ["L1", "L2", "L3", "L4"]


def test_with_a_live_engine_it_tells_what_the_engine_did(home: Home) -> None:
    cis("memory", "set", "note", "x")
    cis("engine", "start")
    try:
        for _ in range(3):
            cis("memory", "get", "note")
        layers = {layer["layer"]: layer for layer in json.loads(cis("memory", "stats", "--json").out)["layers"]}
        assert (layers["L1"]["asked"], layers["L1"]["answered"]) == (3, 2)
    finally:
        cis("engine", "stop")


def test_figures_are_for_people() -> None:
    assert [size(count) for count in (0, 999, 4200, 5_000_000, 7_100_000_000)] == [
        "0 B",
        "999 B",
        "4.2 kB",
        "5.0 MB",
        "7.1 GB",
    ]
    assert [duration(seconds) for seconds in (0, 3.1e-6, 0.0124, 2)] == ["-", "3.1 us", "12.4 ms", "2.0 s"]


def test_what_is_locked_is_not_counted_as_nothing(home: Home) -> None:
    cis("memory", "set", "own", "x", env={"CIS_PASSPHRASE": "open sesame"})
    told = cis("memory", "stats")
    assert "private: entries unknown\n" in told.out
    assert "? current" in told.out
    assert "private memory is locked" in told.err
    assert [domain["entries"] for domain in cis("memory", "stats", "--json").json["domains"]] == [None, 0]
