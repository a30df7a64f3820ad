"""A node that is killed while it merges has all that it acknowledged, and hears the rest afterwards."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cis_tui.memory.records import Domain, MemoryWrite
from tests.conftest import ROOT
from tests.sync.support import Lost, Replica, pull, talk

BEN = """
import sys
from pathlib import Path
from tests.sync.support import Replica
ben = Replica(Path(sys.argv[1]), "ben")
print("ready", flush=True)
for line in sys.stdin:
    print(ben.sync.answer(sys.argv[2], bytes.fromhex(line)).hex(), flush=True)
"""


@pytest.mark.parametrize("seed", range(3))
def test_what_was_acknowledged_is_there_after_a_kill(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    ann = Replica(tmp_path, "ann")
    ben_did = Replica(tmp_path, "ben").did
    fatal = chance.randint(2, 6)
    with subprocess.Popen(
        [sys.executable, "-c", BEN, str(tmp_path), ann.did],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        asked = 0

        def carry(body: bytes) -> bytes:
            nonlocal asked
            asked += 1
            if asked == fatal:
                threading.Timer(chance.uniform(0, 0.01), child.kill).start()
            assert child.stdin is not None and child.stdout is not None
            try:
                child.stdin.write(body.hex() + "\n")
                child.stdin.flush()
            except BrokenPipeError as error:
                raise Lost from error
            answer = child.stdout.readline()
            if not answer.endswith("\n"):
                raise Lost
            return bytes.fromhex(answer)

        acknowledged: set[str] = set()
        with pytest.raises(Lost):
            for number in range(100):
                keys = [f"key/{number}/{n}" for n in range(20)]
                ann.memory.set_many(MemoryWrite(key, "x" * 500, Domain.PUBLIC) for key in keys)
                assert talk(ann.sync.push(ben_did), carry).sent == 20
                acknowledged.update(keys)
        child.stdin.close()
    ben = Replica(tmp_path, "ben")
    try:
        assert ben.memory.check() == []
        there = {item.key for item in ben.memory.list().items}
        assert acknowledged <= there
        pull(ben, ann)
        assert ben.dump() == ann.dump()
    finally:
        ann.close()
        ben.close()
