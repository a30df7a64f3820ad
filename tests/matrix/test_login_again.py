"""A login that the homeserver ended is made anew by itself, by the password that was given once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.matrix.machines import Machine, until
from tests.matrix.synapse import Synapse


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """One with an engine."""
    made = Machine.make(tmp_path / "ann", f"#again-{tmp_path.name}")
    yield made
    made.stop()


def test_by_what_the_settings_say_and_after_a_token_ended(synapse: Synapse, machine: Machine) -> None:
    person = synapse.person("ann")
    machine.cis("config", "set", "matrix.homeserver", synapse.url)
    machine.cis("config", "set", "matrix.user", person.id)
    machine.cis("engine", "start")
    machine.cis("matrix", "login", "--password-stdin", input=f"{person.password}\n")
    machine.until_state("online")
    kept = machine.home / "keys" / "matrix.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    token = json.loads(kept.read_text())["token"]
    synapse.ask("POST", "/_matrix/client/v3/logout", {}, token=token)
    assert until(lambda: json.loads(kept.read_text())["token"] != token)
    assert machine.until_state("online")["user"] == person.id
    assert machine.json("matrix", "send", "still here")["state"] == "sent"
