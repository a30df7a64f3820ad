"""The helper process: it answers, it fails with a reason, and it never outlives who started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from cis_tui.memory.child import Child, ChildFailed
from tests.conftest import ROOT
from tests.memory.support import until

ECHO = "tests.memory.echo"
PATH = {"PYTHONPATH": str(ROOT)}

_OWNER = """
import sys
from cis_tui.memory.child import Child
child = Child("tests.memory.echo")
print(child.ask(b"pid").decode(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def child() -> Iterator[Child]:
    child = Child(ECHO, env=PATH)
    yield child
    child.close()


def alive(pid: int) -> bool:
    """Whether the process lives; one that has ended and was not waited for does not."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_it_answers_one_after_the_other_whatever_its_libraries_print(child: Child) -> None:
    assert not child.ready.is_set()
    answers: list[bytes] = []

    def ask(number: int) -> None:
        answers.append(child.ask(f"q{number}".encode()))

    threads = [Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [f"Q{n}".encode() for n in range(8)]
    assert child.ready.is_set()


def test_a_long_message_comes_through(child: Child) -> None:
    assert child.ask(b"x" * 3_000_000) == b"X" * 3_000_000


def test_it_says_why_it_cannot_answer() -> None:
    broken = Child(ECHO, "broken", env=PATH)
    with pytest.raises(ChildFailed, match="there is no model") as failure:
        broken.ask(b"x")
    assert failure.value.code == "CIS-MEM-050"
    broken.close()


def test_after_its_death_another_one_answers(child: Child) -> None:
    with pytest.raises(ChildFailed, match="ended"):
        child.ask(b"die")
    assert not child.ready.is_set()
    assert child.ask(b"again") == b"AGAIN"


def test_it_sees_no_setting_and_no_passphrase(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIS_PASSPHRASE", "planted")
    other = Child(ECHO, env=PATH)
    assert other.ask(b"settings") == b""
    other.close()


def test_it_ends_when_nobody_asks() -> None:
    idle = Child(ECHO, env=PATH, idle_seconds=0.05)
    pid = int(idle.ask(b"pid"))
    until(lambda: not alive(pid))
    assert idle.ask(b"x") == b"X"
    idle.close()


def test_it_ends_when_it_is_closed(child: Child) -> None:
    pid = int(child.ask(b"pid"))
    child.close()
    assert not alive(pid)
    with pytest.raises(ChildFailed):
        child.ask(b"x")


def test_it_ends_when_its_owner_is_killed() -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **PATH},
    )
    with owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert alive(pid)
        owner.send_signal(signal.SIGKILL)
    until(lambda: not alive(pid))
