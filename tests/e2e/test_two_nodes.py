"""Two people, or one with two machines: engines in processes of their own that vote, and run tasks, for each other."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import pytest

from cis_tui.api.client import RemoteEngine
from cis_tui.api.launch import connect
from cis_tui.core.paths import Home
from cis_tui.dag.views import Decision, TaskView
from cis_tui.p2p.model import PeerIdentity
from tests import zygote

T = TypeVar("T")


@dataclass
class Machine:
    """A home with a live engine, and a project."""

    home: Path
    root: Path
    env: dict[str, str]

    def cis(self, *words: str) -> str:
        done = zygote.run(*words, cwd=self.root, env=self.env)
        out, err = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == 0, f"cis {' '.join(words)}: {done.returncode}\n{out}{err}"
        return out

    def ask(self, what: Callable[[RemoteEngine], Awaitable[T]]) -> T:
        """What its live engine answers."""

        async def call() -> T:
            engine = await connect(Home(self.home))
            assert engine is not None
            try:
                return await what(engine)
            finally:
                await engine.close()

        return asyncio.run(call())

    def decisions(self) -> tuple[Decision, ...]:
        return self.ask(lambda engine: engine.decision_list())

    def task(self, run: str, id: str) -> TaskView:
        return next(task for task in self.ask(lambda engine: engine.run_show(run)).tasks if task.id == id)

    def kill(self) -> None:
        """End the engine as a power cut would."""
        pid = int((self.home / "engine.lock").read_text())
        os.kill(pid, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{pid}").exists())

    def who(self) -> PeerIdentity:
        """Its identity, once it can be reached."""

        return until(lambda: found if (found := self.ask(lambda engine: engine.peer_identity())).addrs else None)

    def know(self, other: PeerIdentity, name: str, *, own: bool) -> None:
        """Admit another node, and say where it is."""
        near = next(addr for addr in other.addrs if "/127.0.0.1/" in addr)

        async def tell(engine: RemoteEngine) -> None:
            await engine.peer_add(near)
            await engine.peer_allow(other.did, name=name, own=own)

        self.ask(tell)


def until(holds: Callable[[], T | bool | None]) -> T:
    """What `holds` gives as soon as that is something."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = holds()
        if found:
            return cast("T", found)
        time.sleep(0.05)
    raise AssertionError("it did not happen")


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[tuple[Machine, Machine]]:
    """Ann's and bob's, whose engines live and know each other."""
    made: list[Machine] = []
    for name in ("ann", "bob"):
        root = tmp_path / name / "work"
        root.mkdir(parents=True)
        home = tmp_path / name / "home"
        settings = {"CIS_P2P_ENABLED": "true", "CIS_P2P_LISTEN_PORT": "0", "CIS_P2P_MDNS": "false"}
        machine = Machine(home, root, {**os.environ, "CIS_HOME": str(home), **settings})
        machine.cis("init")
        (home / "config.toml").write_text(f'[p2p]\nexpose = ["command:{EXPOSED}"]\n')
        made.append(machine)
    try:
        for machine in made:
            machine.cis("engine", "start")
        ann, bob = made
        ann.know(bob.who(), "bob", own=True)
        bob.know(ann.who(), "ann", own=True)
        yield ann, bob
    finally:
        for machine in made:
            zygote.run("engine", "stop", cwd=machine.root, env=machine.env)


EXPOSED = "echo begun; sleep 60"


def test_votes_and_tasks_between_two_engines(machines: tuple[Machine, Machine]) -> None:
    ann, bob = machines
    project = ann.root / ".cis" / "project.toml"
    project.write_text(f'{project.read_text()}\n[stakeholders]\ndba = "{bob.who().did}"\n')
    (ann.root / ".cis" / "dags" / "both.toml").write_text(
        '[[dag.tasks]]\nid = "migrate"\ncommand = "echo migrated"\n'
        'level = { type = "arbitrated", stakeholders = ["dba"], quorum = 1, timeout = 600 }\n'
        '[[dag.tasks]]\nid = "far"\ndeps = ["migrate"]\ncommand = "echo far away; pwd"\ntarget_node = "bob"\n'
        '[[dag.tasks]]\nid = "long"\ndeps = ["far"]\n'
        f'command = "{EXPOSED}"\ntarget_node = "bob"\n'
    )
    ann.cis("trust")
    run = str(json.loads(ann.cis("dag", "run", "both", "--detach", "--json"))["id"])

    (vote,) = until(bob.decisions)
    shown = bob.cis("decision", "show", vote.id)
    assert "echo migrated" in shown
    assert ann.who().did in shown
    bob.kill()
    bob.cis("engine", "start")
    assert [each.id for each in bob.decisions()] == [vote.id], "it is asked still"
    ann.know(bob.who(), "bob", own=True)
    bob.cis("decision", "vote", vote.id, "approve", "--reason", "backup is made")

    far = until(lambda: next((each for each in bob.decisions() if each.kind == "confirmed"), None))
    assert vote.id not in [each.id for each in bob.decisions()]
    assert "asks: far of its run" in far.prompt
    bob.ask(lambda engine: engine.decision_approve(far.id))
    until(lambda: "begun" in ann.ask(lambda engine: engine.run_logs(run, "long")).text)
    assert ann.task(run, "migrate").output == "migrated\n"
    assert ann.task(run, "far").output.startswith(f"far away\n{bob.home}")
    assert ann.task(run, "far").worker == "bob"

    bob.kill()
    bob.cis("engine", "start")
    ann.know(bob.who(), "bob", own=True)
    (lost,) = until(ann.decisions)
    assert (lost.kind, lost.task) == ("interrupted", "long")
    assert "its engine ended while it ran" in lost.prompt
    ann.ask(lambda engine: engine.decision_reject(lost.id))
    until(lambda: ann.ask(lambda engine: engine.run_show(run)).status == "failed")
