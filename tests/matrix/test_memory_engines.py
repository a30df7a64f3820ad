"""Two people whose engines, in processes of their own, have one public memory: by the installed command alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.matrix.machines import Machine, until
from tests.matrix.synapse import Synapse


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[tuple[Machine, Machine]]:
    """Ann's and bob's."""
    made = [Machine.make(tmp_path / name, f"#know-{tmp_path.name}") for name in ("ann", "bob")]
    yield made[0], made[1]
    for machine in made:
        machine.stop()


def memory_of(machine: Machine) -> dict[str, Any]:
    return cast("dict[str, Any]", machine.json("matrix", "status")["memory"])


def test_memory_by_the_command_alone(synapse: Synapse, machines: tuple[Machine, Machine]) -> None:
    ann, bob = machines
    dids = [str(machine.json("peer", "id")["did"]) for machine in machines]
    for machine, name in zip(machines, ("ann", "bob"), strict=True):
        machine.cis("engine", "start")
        machine.login(synapse, synapse.person(name))
        machine.until_state("online")
    ann.cis("memory", "set", "--domain", "public", "motto", "ship it")
    ann.cis("memory", "set", "--domain", "private", "plan", "planted")
    until(lambda: memory_of(ann)["said"])
    until(lambda: "may not: memory" in bob.cis("matrix", "rejections"))
    ann.cis("peer", "allow", dids[1])
    bob.cis("peer", "allow", dids[0])
    until(lambda: "ship it" in bob.cis("memory", "list", "--json"))
    assert bob.cis("memory", "get", "motto").strip() == "ship it"
    bob.cis("memory", "set", "--domain", "public", "motto", "ship it now")
    until(lambda: ann.cis("memory", "get", "motto").strip() == "ship it now")
    member = until(lambda: next((each for each in memory_of(bob)["members"] if each["heard"]), None))
    assert member["did"] == dids[0] and member["holes"] == 0
    assert f"{dids[0]}: heard" in bob.cis("matrix", "status")
    assert "planted" not in bob.cis("memory", "list", "--json")
