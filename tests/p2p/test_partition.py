"""A line that is cut while both sides write the same: soon after that memory is one again, with the conflict."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT

HEALED = 2.0
"""Seconds after which memory has to be one again."""


def cut_for(seconds: float) -> None:
    if not (shutil.which("tc") and shutil.which("unshare")):
        pytest.skip("this machine has no tools to cut a line")
    if subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode:
        pytest.skip("this machine does not let a process have a network of its own")
    script = f"ip link set lo up; exec {sys.executable} -m tests.p2p.partition both {seconds}"
    done = subprocess.run(["unshare", "-rn", "sh", "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sides = json.loads(done.stdout)
    healed = max(side["memory"] for side in sides)
    print(f"\na line that was cut for {seconds:g} s: memory was one again {healed:.2f} s later")
    for side in sides:
        assert side["conflict"] == ["by left", "by right"], "both sides show it"
        assert side["memory"] < HEALED


def test_what_both_sides_wrote_while_the_line_was_cut_is_there_at_once() -> None:
    cut_for(1.5)


@pytest.mark.bench
def test_a_line_that_was_cut_for_twelve_seconds() -> None:
    cut_for(12)
