"""The counters that tell every process whether what it keeps is still true."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from cis_tui.core.paths import Home
from cis_tui.memory.epochs import Epochs
from tests.memory.support import PRIVATE, PUBLIC, memory, put, value_of

KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from cis_tui.core.paths import Home
from cis_tui.memory.epochs import Epochs
from cis_tui.memory.records import Domain, MemoryWrite
from cis_tui.memory.service import MemoryService
home = Home(Path(sys.argv[1]))
class Killed(Epochs):
    def end(self, domain, number):
        os.kill(os.getpid(), signal.SIGKILL)
service = MemoryService(home)
service._recall._epochs = Killed(home)
service.set(MemoryWrite("note", "new", Domain.PUBLIC))
"""


def test_a_change_is_an_epoch_and_while_it_lasts_there_is_none(home: Home) -> None:
    one, other = Epochs(home), Epochs(home)
    before = one.now()
    assert before == other.now()
    number = one.begin(PRIVATE)
    assert other.now() is None
    one.end(PRIVATE, number)
    assert other.now() not in (None, before)


def test_a_late_end_of_an_earlier_change_does_not_end_a_later_one(home: Home) -> None:
    epochs = Epochs(home)
    first = epochs.begin(PUBLIC)
    second = epochs.begin(PUBLIC)
    epochs.end(PUBLIC, first)
    assert epochs.now() is None
    epochs.end(PUBLIC, second)
    assert epochs.now() is not None


def test_what_is_cached_is_looked_up_again_after_a_writer_was_killed_between_commit_and_counting(home: Home) -> None:
    with memory(home) as service:
        put(service, "note", "old", PUBLIC)
        assert value_of(service, "note") == "old"
        killed = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, str(home.root)], env=dict(os.environ))
        assert killed.returncode == -signal.SIGKILL
        assert value_of(service, "note") == "new"
        put(service, "other", "x", PUBLIC)
        assert service.get("note") is not None
        assert value_of(service, "note") == "new"


def test_a_hit_is_answered_by_the_cache_and_a_write_elsewhere_ends_that(home: Home) -> None:
    with memory(home) as service, memory(home) as other:
        put(service, "note", "1")
        answers = [value_of(service, "note"), value_of(service, "note")]
        put(other, "note", "2")
        answers += [value_of(service, "note"), value_of(service, "note")]
        assert answers == ["1", "1", "2", "2"]
        layers = {stats.layer.value: (stats.asked, stats.answered) for stats in service.stats().layers}
        assert layers["L1"] == (4, 2)
        assert layers["L3"] == (2, 2)
