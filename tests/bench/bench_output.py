"""What output costs, masked, bounded and told, against the bare write; how many events a second there can be."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import secrets
import time
from pathlib import Path

import pytest

from cis_tui.core.events import EventBus
from cis_tui.dag.journal import Journal
from cis_tui.dag.outputs import Output
from cis_tui.dag.secrecy import Secrets

pytestmark = pytest.mark.bench
SIZE = 32_000_000
BLOCK = 65_536
LINE = (
    "Compiling ok passed INFO 12:01:22 [ 12%] unused foo /usr/lib/python3.11/site-packages/jinja2/environment.py"
    " https://example.org/x?y=1 d41d8cd98f00b204e9800998ecf8427e 4b825dc642cb6eb9a060e54bf8d69288fbee4904 warning:"
)
EVENTS = 20_000


def text() -> bytes:
    """Lines as compilers and tests print them."""
    chance, words = random.Random(1), LINE.split()
    lines = [" ".join(chance.choice(words) for _ in range(12)) + "\n" for _ in range(5000)]
    whole = "".join(lines).encode()
    return (whole * (SIZE // len(whole) + 1))[:SIZE]


@pytest.mark.parametrize("known", [0, 1, 5])
async def test_cost_of_output(tmp_path: Path, known: int) -> None:
    data = text()
    began = time.process_time()
    file = os.open(tmp_path / "plain", os.O_WRONLY | os.O_CREAT)
    for place in range(0, SIZE, BLOCK):
        os.write(file, data[place : place + BLOCK])
    os.close(file)
    plain = time.process_time() - began
    values = Secrets()
    values.add(*(secrets.token_hex(24) for _ in range(known)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    output = Output(tmp_path / "a.1.log", lambda text: None, secrets=values, limit=8_000_000)
    for place in range(0, SIZE, BLOCK):
        output.feed(data[place : place + BLOCK])
    output.close()
    used = time.process_time() - began
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(
        f"\n{known} values known: {SIZE / used / 1e6:5.0f} MB of output a second of CPU, {used / plain:4.1f}× the bare"
        f" write; memory grew by {grown / 1000:.1f} MB"
    )
    assert grown < 20_000, "kilobytes"
    assert used / SIZE < 1e-6, "slower than a megabyte a second"


async def test_events_a_second(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "runs.db", EventBus())
    data = {"run": "r", "task": "t", "text": "x" * 100}
    began = time.perf_counter()
    await asyncio.gather(*(journal.record("TaskRetried", data) for _ in range(EVENTS)))
    stored = EVENTS / (time.perf_counter() - began)
    began = time.perf_counter()
    for _ in range(EVENTS):
        journal.emit("TaskOutput", data)
    await journal.record("TaskRetried", data)
    told = EVENTS / (time.perf_counter() - began)
    await asyncio.get_running_loop().run_in_executor(None, journal.close)
    print(f"\nevents a second: {stored:,.0f} stored, {told:,.0f} told")
    assert stored > 1000
