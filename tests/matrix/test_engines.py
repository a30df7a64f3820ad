"""Two people whose engines, in processes of their own, meet at a real homeserver: by the installed command alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.matrix.machines import Machine, until
from tests.matrix.synapse import Synapse


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[tuple[Machine, Machine]]:
    """Ann's and bob's."""
    made = [Machine.make(tmp_path / name, f"#talk-{tmp_path.name}") for name in ("ann", "bob")]
    yield made[0], made[1]
    for machine in made:
        machine.stop()


def test_by_the_command_alone(synapse: Synapse, machines: tuple[Machine, Machine]) -> None:
    ann, bob = machines
    people = synapse.person("ann"), synapse.person("bob")
    assert ann.json("matrix", "status")["user"] == ""
    for machine, person in zip(machines, people, strict=True):
        machine.cis("engine", "start")
        machine.login(synapse, person, "--forget-password")
        assert person.password not in (machine.home / "keys" / "matrix.json").read_text()
        machine.until_state("online")  # without a restart
    sent = ann.json("matrix", "send", "good", "morning")
    assert sent["state"] == "sent"
    until(lambda: bob.messages() == ["good morning"])
    assert f"{people[0].id}: good morning" in bob.cis("matrix", "messages", "--limit", "3")
    listed = {str(each["user"]): each["trust"] for each in json.loads(bob.cis("matrix", "members", "--json"))}
    assert listed == {people[0].id: "pending", people[1].id: "self"}
    assert people[1].id in bob.cis("status")
    assert "online" in bob.cis("doctor")
    bob.kill()
    assert bob.json("matrix", "status")["state"] == "off"
    assert "nodes meet here" in bob.cis("matrix", "rooms")
    bob.cis("matrix", "logout")
    assert "nobody is logged in" in bob.cis("matrix", "status")
    ann.cis("engine", "stop")
    event = ann.cis("matrix", "send", "from no engine").strip()
    assert event.startswith("$")


def test_through_outages_and_lies(own_synapse: Synapse, machines: tuple[Machine, Machine]) -> None:
    ann, bob = machines
    people = own_synapse.person("ann"), own_synapse.person("bob")
    for machine, person in zip(machines, people, strict=True):
        machine.login(own_synapse, person, "--forget-password")
        machine.cis("engine", "start")
        machine.until_state("online")
    own_synapse.kill()
    away = ann.until_state("retrying")
    assert away["retry_in"] is not None
    assert "homeserver away, again in" in ann.cis("matrix", "status")
    said = ann.ask(lambda engine: engine.matrix_send("while it was away", wait=0.2))
    assert said.state == "queued"
    ann.kill()
    own_synapse.start()
    ann.cis("engine", "start")
    until(lambda: bob.messages() == ["while it was away"])
    bob.until_state("online")

    kept = json.loads((bob.home / "keys" / "matrix.json").read_text())
    own_synapse.ask("POST", "/_matrix/client/v3/logout", {}, token=kept["token"])
    assert "takes this login no more" in str(bob.until_state("auth-failed")["problem"])
    bob.login(own_synapse, people[1])
    bob.until_state("online")
    again = json.loads((bob.home / "keys" / "matrix.json").read_text())
    assert again["device"] == kept["device"]
    own_synapse.ask("POST", "/_matrix/client/v3/logout", {}, token=again["token"])
    ann.ask(lambda engine: engine.matrix_send("now it logs in by itself"))
    until(lambda: "now it logs in by itself" in bob.messages())

    room = bob.status().room_id
    mallory = own_synapse.token(own_synapse.person("mallory"))
    own_synapse.ask("POST", f"/_matrix/client/v3/join/{quote(room)}", {}, token=mallory)
    for number, content in enumerate(({"io.cis.op": {"kind": 5}}, {"io.cis.op": "x" * 60_000}, {})):
        sent = f"/_matrix/client/v3/rooms/{quote(room)}/send/io.cis.note/{number}"
        assert "event_id" in own_synapse.ask("PUT", sent, content, token=mallory)
    until(lambda: bob.status().rejected == 3)
    shown = bob.json("matrix", "status")
    assert shown["rejected"] == 3
    assert "this is no operation" in str(shown["rejections"])
    assert "mallory" in bob.cis("matrix", "rejections")
