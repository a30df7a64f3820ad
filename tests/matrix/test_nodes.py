"""Engines with no way to each other but a room at a real homeserver: votes and tasks, through kills of all of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast
from urllib.parse import quote

import pytest

from cis_tui.core.clock import Instant, utc_now
from cis_tui.core.identity import Identity, load_identity
from cis_tui.core.paths import Home
from cis_tui.dag.telling import detail_rows
from cis_tui.dag.views import Choice, Decision
from cis_tui.matrix.account import Account, read_account, write_account
from cis_tui.matrix.operations import OP, seal_operation
from cis_tui.sync.envelope import seal
from tests import zygote
from tests.e2e.test_two_nodes import Machine, until
from tests.matrix.synapse import Synapse

EXPOSED = "echo begun; sleep 60"
DAG = f"""
[[dag.tasks]]
id = "migrate"
command = "echo migrated"
level = {{ type = "arbitrated", stakeholders = ["dba"], quorum = 1, timeout = 600 }}
[[dag.tasks]]
id = "far"
deps = ["migrate"]
command = "echo far away; pwd"
target_node = "bob"
[[dag.tasks]]
id = "long"
deps = ["far"]
command = "{EXPOSED}"
target_node = "bob"
"""


def make(folder: Path, name: str, server: Synapse, room: str) -> Machine:
    """A machine that is logged in, and has no network of peers; its engine lives."""
    root, home = folder / name / "work", folder / name / "home"
    root.mkdir(parents=True)
    machine = Machine(home, root, {**os.environ, "CIS_HOME": str(home), "CIS_P2P_ENABLED": "false"})
    machine.cis("init")
    (home / "config.toml").write_text(f'[p2p]\nexpose = ["command:{EXPOSED}"]\n[matrix]\nroom = "{room}"\n')
    person = server.person(name)
    token = server.token(person, device="NODE")
    write_account(Home(home), Account(server.url, person.id, "NODE", token))
    machine.cis("engine", "start")
    return machine


@pytest.fixture
def machines(tmp_path: Path, own_synapse: Synapse) -> Iterator[tuple[Machine, Machine]]:
    """Ann's and bob's, who meet in a room and are two machines of one person."""
    ann, bob = (make(tmp_path, name, own_synapse, "#work") for name in ("ann", "bob"))
    try:
        for machine, other, name in ((ann, bob, "bob"), (bob, ann, "ann")):
            did = other.ask(lambda engine: engine.peer_identity()).did
            machine.ask(lambda engine, did=did, name=name: engine.peer_allow(did, name=name, own=True))
        for machine in (ann, bob):
            until(lambda machine=machine: machine.ask(lambda engine: engine.matrix_status()).nodes == 2)
        yield ann, bob
    finally:
        for machine in (ann, bob):
            zygote.run("engine", "stop", cwd=machine.root, env=machine.env)


def react(server: Synapse, room: str, mark: str) -> str:
    """Somebody without a node reacts to what people are told of a vote; gives what that was."""
    path = f"/_matrix/client/v3/rooms/{quote(room)}"
    token = server.token(server.person("carol"))
    server.ask("POST", f"{path}/join", {}, token=token)
    found = server.ask("GET", f"{path}/messages?dir=b&limit=50", token=token)
    notice = next(each for each in cast("list[dict[str, object]]", found["chunk"]) if each["type"] == "m.room.message")
    relation = {"rel_type": "m.annotation", "event_id": notice["event_id"], "key": mark}
    assert server.ask("PUT", f"{path}/send/m.reaction/1", {"m.relates_to": relation}, token=token)["event_id"]
    return str(cast("dict[str, object]", notice["content"])["body"])


def shown(machine: Machine, id: str) -> str:
    """A decision as every face tells it."""
    detail = machine.ask(lambda engine: engine.decision_show(id))
    return "\n".join(f"{label} {text}" for label, text in detail_rows(detail))


def asked(machine: Machine, kind: str) -> Decision:
    """The open decision of a kind, once it is asked."""
    return until(lambda: next((each for each in machine.decisions() if each.kind == kind), None))


def test_votes_and_tasks_outlive_homeserver_and_engines(
    own_synapse: Synapse, machines: tuple[Machine, Machine]
) -> None:
    ann, bob = machines
    project = ann.root / ".cis" / "project.toml"
    project.write_text(
        f'{project.read_text()}\n[stakeholders]\ndba = "{bob.ask(lambda engine: engine.peer_identity()).did}"\n'
    )
    (ann.root / ".cis" / "dags" / "both.toml").write_text(DAG)
    ann.cis("trust")
    run = str(json.loads(ann.cis("dag", "run", "both", "--detach", "--json"))["id"])

    vote = asked(bob, "arbitrated")
    room = ann.ask(lambda engine: engine.matrix_status()).room_id
    assert react(own_synapse, room, "👍").startswith("Vote asked: both / migrate\necho migrated\n")
    until(lambda: "advice 1 person: 👍; advice only" in shown(bob, vote.id))
    own_synapse.kill()
    bob.ask(lambda engine: engine.decision_vote(vote.id, Choice.APPROVE, reason="backup is made"))
    bob.kill()
    own_synapse.start()
    bob.cis("engine", "start")

    far = asked(bob, "confirmed")
    assert "asks: far of its run" in far.prompt
    until(lambda: vote.id not in [each.id for each in bob.decisions()])
    assert ann.task(run, "migrate").output == "migrated\n"
    assert "vote dba  approve: backup is made" in shown(bob, vote.id)
    bob.ask(lambda engine: engine.decision_approve(far.id))
    until(lambda: "begun" in ann.ask(lambda engine: engine.run_logs(run, "long")).text)
    assert ann.task(run, "far").output.startswith(f"far away\n{bob.home}")
    assert ann.task(run, "far").worker == "bob"

    bob.kill()
    bob.cis("engine", "start")
    lost = asked(ann, "interrupted")
    assert lost.task == "long"
    assert "its engine ended while it ran" in lost.prompt
    ann.ask(lambda engine: engine.decision_reject(lost.id))
    until(lambda: ann.ask(lambda engine: engine.run_show(run)).status == "failed")
    jobs = [each for each in bob.ask(lambda engine: engine.run_list()) if "long" in each.dag]
    assert len(jobs) == 1
    for machine in machines:
        assert machine.ask(lambda engine: engine.matrix_status()).rejections == ()


class Forger:
    """Says in the room what anybody could who has an account there, and has come by a key."""

    def __init__(self, server: Synapse, room: str, to: str) -> None:
        self._server = server
        self.person = server.person("carol")
        self._token = server.token(self.person)
        self._path = f"/_matrix/client/v3/rooms/{quote(room)}"
        self._room = room
        self._to = to
        server.ask("POST", f"{self._path}/join", {}, token=self._token)

    def said(self, type: str) -> list[dict[str, object]]:
        """What events of a type say, the latest first."""
        found = self._server.ask("GET", f"{self._path}/messages?dir=b&limit=100", token=self._token)
        events = cast("list[dict[str, object]]", found["chunk"])
        return [cast("dict[str, object]", each["content"]) for each in events if each["type"] == type]

    def say(self, content: dict[str, object], *, token: str = "") -> None:
        path = f"{self._path}/send/io.cis.task.request/{os.urandom(8).hex()}"
        told = self._server.ask("PUT", path, content, token=token or self._token)
        assert told["event_id"], told

    def ask(self, identity: Identity, what: dict[str, str], *, age: float = 0.0) -> dict[str, object]:
        """What asks for a task that was signed so many seconds ago."""
        now = Instant(utc_now() - age)
        id = os.urandom(4).hex()
        job = {"id": f"{id}-1", "run": "r", "task": id, "dag": "d", **what}
        text = json.dumps({"what": "run", "data": job})
        body = seal(identity, "task", {"to": self._to, "way": "ask", "text": text})
        data = {"to": self._to, "until": int(now * 1000) + 70_000, "text": body.decode()}
        about = {"account": self.person.id, "device": "D", "room": self._room, "at": now, "id": os.urandom(16).hex()}
        return {OP: seal_operation(identity, "task.request", data, **about)}  # pyright: ignore[reportArgumentType]


def test_a_task_that_is_copied_old_or_of_a_stranger_is_not_run_and_is_shown(
    own_synapse: Synapse, machines: tuple[Machine, Machine]
) -> None:
    ann, bob = machines
    mark = bob.root / "mark"
    (ann.root / ".cis" / "dags" / "one.toml").write_text(
        f'[[dag.tasks]]\nid = "one"\ncommand = "echo x >> {mark}"\ntarget_node = "bob"\n'
    )
    ann.cis("trust")
    ann.cis("dag", "run", "one", "--detach")
    first = asked(bob, "confirmed")
    bob.ask(lambda engine: engine.decision_approve(first.id))
    until(mark.exists)
    room, did = (bob.ask(lambda engine: engine.matrix_status()).room_id, bob.ask(lambda engine: engine.status()).did)
    forger = Forger(own_synapse, room, did)
    (genuine,) = forger.said("io.cis.task.request")
    account = read_account(Home(ann.home))
    assert account is not None
    eve, free = Identity(os.urandom(32)), {"line": f"echo y >> {mark}"}

    def refused(code: str) -> None:
        until(lambda: [each.code for each in bob.ask(lambda engine: engine.matrix_rejections(1))] == [code])

    forger.say(genuine)
    refused("CIS-MATRIX-024")
    forger.say(genuine, token=account.token)
    refused("CIS-MATRIX-031")
    forger.say(forger.ask(eve, free))
    refused("CIS-MATRIX-041")
    forger.say(forger.ask(load_identity(Home(ann.home)), free))
    refused("CIS-MATRIX-028")
    bob.ask(lambda engine: engine.peer_allow(eve.did, name="eve"))
    forger.say(forger.ask(eve, free))
    refused("CIS-MATRIX-041")
    bob.ask(lambda engine: engine.peer_allow(eve.did, name="eve", own=True))
    forger.say(forger.ask(eve, free, age=71))
    refused("CIS-MATRIX-081")
    forger.say(forger.ask(eve, {"skill": "nowhere"}))
    until(lambda: "nowhere" in str(forger.said("io.cis.task.answer")[0]))
    forger.say(forger.ask(eve, free))
    assert "echo y" in asked(bob, "confirmed").prompt, "what is not exposed waits for a person"
    assert len(bob.ask(lambda engine: engine.run_list())) == 2
    assert mark.read_text() == "x\n"
