"""Several processes at once, and processes that are killed."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from cis_tui.core.paths import Home
from tests.conftest import ROOT
from tests.memory.support import PRIVATE, PUBLIC, memory, put, value_of


def start(home: Home, name: str, count: int) -> subprocess.Popen[str]:
    command = (sys.executable, "-m", "tests.memory.writer", str(home.root), name, str(count))
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def acknowledged(lines: list[str]) -> dict[str, str]:
    """The last value of each key that is one process's own."""
    pairs = (line.rstrip("\n").split("=", 1) for line in lines if line.endswith("\n"))
    return {key: value for key, value in pairs if key != "shared"}


def test_processes_that_write_at_once_lose_nothing(home: Home) -> None:
    writers = [start(home, f"writer{number}", 60) for number in range(4)]
    lines = [line for writer in writers for line in writer.communicate(timeout=100)[0].splitlines(keepends=True)]
    assert [writer.returncode for writer in writers] == [0, 0, 0, 0]
    with memory(home) as service:
        expected = acknowledged(lines)
        assert len(expected) == 4 * 48
        assert {item.key: item.value for item in service.list(limit=1000).items if item.key != "shared"} == expected
        assert service.list().total == len(expected) + 1
        history = service.history("shared")
        assert len(history) == 48
        assert sum(history[0].version.values()) == 48, "each saw all that were before it"
        assert not any(item.concurrent for item in history)
        assert service.check() == []


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_process_loses_nothing_that_it_acknowledged(home: Home, seed: int) -> None:
    chance = random.Random(seed)
    expected: dict[str, str] = {}
    with memory(home) as witness:
        put(witness, "witness", "before", PUBLIC if seed % 2 else PRIVATE)
        for attempt in range(3):
            writers = [start(home, f"writer{attempt}{number}", 100_000) for number in range(2)]
            for writer in writers:
                assert writer.stdout is not None
                lines = [writer.stdout.readline() for _ in range(chance.randrange(1, 40))]
                writer.kill()
                expected |= acknowledged(lines + writer.stdout.readlines())
                writer.stdout.close()
                writer.wait()
        # One that had everything open all the time, and one that opens it now, must agree.
        assert {key: value_of(witness, key) for key in expected} == expected
        assert value_of(witness, "witness") == "before"
    with memory(home) as service:
        assert {key: value_of(service, key) for key in expected} == expected
        shared = service.history("shared")
        assert [sum(item.version.values()) for item in shared] == list(range(len(shared), 0, -1))
        assert service.check() == []
        put(service, "after", "x")
    assert not leftovers(home.root)


def leftovers(root: Path) -> list[Path]:
    """Files that closing should have tidied away."""
    return [path for path in root.rglob("*") if path.name.endswith(("-wal", "-shm", ".tmp"))]
