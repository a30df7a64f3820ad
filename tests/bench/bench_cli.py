"""What the commands that scripts call in loops cost from a cold start, against `python -c pass` in the same run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from cis_tui.core.paths import Home
from tests.cli.support import CIS, cis

pytestmark = pytest.mark.bench
ROUNDS = 40
LIMIT = 4.0
"""What `cis memory get` may cost, in starts of Python."""
REFERENCE = [sys.executable, "-c", "pass"]


def cost(command: list[str]) -> tuple[float, float]:
    """Wall and CPU milliseconds of one process."""
    before, began = os.times(), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    wall, after = time.perf_counter() - began, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall * 1000, cpu * 1000


def ratio(command: list[str]) -> float:
    """How many starts of Python `command` costs. They take turns, so that a busy machine is busy for both."""
    walls: tuple[list[float], list[float]] = ([], [])
    cpus: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for index, words in enumerate((REFERENCE, command)):
            wall, cpu = cost(words)
            walls[index].append(wall)
            cpus[index].append(cpu)
    reference, measured = min(walls[0]), min(walls[1])
    shown = " ".join(command[1:])
    cpu_ratio = sum(cpus[1]) / sum(cpus[0])
    print(
        f"\ncis {shown:<24} {measured:6.1f} ms, python -c pass {reference:.1f} ms:"
        f" {measured / reference:.2f}x (CPU {cpu_ratio:.2f}x)"
    )
    return measured / reference


@pytest.fixture
def written(home: Home) -> None:
    """A home in which something is remembered, in private and in public."""
    cis("memory", "set", "k", "value")
    cis("memory", "set", "shared", "value", "--domain", "public")


@pytest.fixture
def live(written: None) -> Iterator[None]:
    """The same with a live engine."""
    cis("engine", "start")
    yield
    cis("engine", "stop")


@pytest.mark.parametrize("key", ["k", "shared"])
def test_get_from_the_files(written: None, key: str) -> None:
    assert ratio([CIS, "memory", "get", key]) < LIMIT


def test_get_through_a_live_engine(live: None) -> None:
    assert ratio([CIS, "memory", "get", "k"]) < LIMIT


def test_the_version(written: None) -> None:
    assert ratio([CIS, "--version"]) < 1.5


@pytest.mark.parametrize("words", [("memory", "list"), ("memory", "set", "k", "v"), ("memory", "history", "k")])
def test_other_short_ways(written: None, words: tuple[str, ...]) -> None:
    assert ratio([CIS, *words]) < 12
