"""Two people whose engines, in processes of their own, meet at a real homeserver: by the installed command alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

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
    (message,) = until(lambda: bob.events("MatrixMessage"))
    about = {"room": sent["room"], "event": sent["event"], "sender": people[0].id, "own": False}
    assert message == {**about, "text": "good morning"}
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
