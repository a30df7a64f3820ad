"""Finding each other on one network, and what lies are worth there."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from zeroconf import ServiceStateChange

from cis_tui.core.errors import Invalid
from cis_tui.core.identity import did_of
from cis_tui.p2p.addresses import Address
from cis_tui.p2p.lan import MAX_HOSTS, MAX_NAMES, SERVICE, Lan, announced
from tests.conftest import ROOT
from tests.p2p.conftest import until

DID = did_of(bytes(32))


def in_a_network_of_its_own(script: str) -> subprocess.CompletedProcess[str]:
    """Run a module of the tests where there is no network but one that nobody else is on."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode:
        pytest.skip("this machine does not let a process have a network of its own")
    command = f"{script} exec {sys.executable} -W error -W ignore::DeprecationWarning -m tests.p2p."
    module = "lan_meeting" if "lo" in script else "alone"
    return subprocess.run(["unshare", "-rn", "sh", "-c", command + module], cwd=ROOT, capture_output=True, text=True)


def test_nodes_meet_on_a_network_and_lies_do_nothing_but_show() -> None:
    done = in_a_network_of_its_own("ip link set lo up;")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "nothing is written to the terminal"
    told = json.loads(done.stdout)
    assert told["answer"] == "cba"
    assert told["discovered"]
    assert told["linked"], "no lie became a connection"
    lies = told["refused"]
    assert "an announcement that names no DID" in lies
    assert "somebody announces the DID of this node" in lies
    assert any(lie.startswith("somebody else answers there") for lie in lies), "the key proves who it is"


def test_a_node_without_any_network_works_alone() -> None:
    done = in_a_network_of_its_own("")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert json.loads(done.stdout) == {"addrs": [], "answered": "Unavailable", "mdns": "failed"}


def test_an_announcement_says_who_and_where() -> None:
    properties = [(b"v", b"1"), (b"did", DID.encode())]
    found = announced(properties, ["192.0.2.1", "fd00::1", "fe80::1%3", "127.0.0.1", "0.0.0.0"], 7677)
    assert [str(address) for address in found] == ["/ip4/192.0.2.1/tcp/7677", "/ip6/fd00::1/tcp/7677"]
    assert {address.did for address in found} == {DID}
    assert [str(address) for address in announced(properties, ["127.0.0.1"], 7677)] == ["/ip4/127.0.0.1/tcp/7677"]
    assert len(announced(properties, [f"192.0.2.{place}" for place in range(99)], 1)) == MAX_HOSTS
    assert announced(properties, ["192.0.2.1"], 0) == ()


@pytest.mark.parametrize("claimed", [None, b"", b"\xff\xfe", b"did:key:z6Mk", b"did:web:example.org", DID.encode() * 9])
def test_an_announcement_that_names_nobody_is_refused(claimed: bytes | None) -> None:
    with pytest.raises(Invalid, match="names no DID"):
        announced([(b"did", claimed)], ["192.0.2.1"], 7677)


class Heard:
    """A `Lan` without a network, and whom it has found; names below `silent` never tell where they are."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, silent: int = 0, complete: bool = False) -> None:
        self.seen: list[str] = []

        class Info:
            """What was announced by a name, which is a number."""

            port = 7677

            def __init__(self, service: str, name: str) -> None:
                self.number = int(name.partition(".")[0])
                self.properties = {b"did": did_of(self.number.to_bytes(32, "big")).encode()}

            def load_from_cache(self, zeroconf: object) -> bool:
                return complete and self.number >= silent

            async def async_request(self, zeroconf: object, patience: int) -> bool:
                if self.number < silent:
                    await asyncio.Event().wait()
                return True

            def parsed_scoped_addresses(self) -> list[str]:
                return ["192.0.2.1"]

        monkeypatch.setattr("zeroconf.asyncio.AsyncServiceInfo", Info)
        self._lan = Lan(DID, lambda: 7677, found=self._found, refuse=self._refuse, changed=lambda: None)

    def announce(self, number: int) -> None:
        heard: Any = self._lan._heard  # pyright: ignore[reportPrivateUsage]
        heard(None, SERVICE, f"{number}.{SERVICE}", ServiceStateChange.Added)

    async def end(self) -> None:
        asking: dict[str, asyncio.Task[None]] = self._lan._asking  # pyright: ignore[reportPrivateUsage]
        for task in tuple(asking.values()):
            task.cancel()
        await asyncio.gather(*asking.values(), return_exceptions=True)

    def _found(self, did: str, addresses: Sequence[Address]) -> None:
        self.seen.append(did)

    def _refuse(self, did: str, reason: str, addr: str) -> None:
        raise AssertionError(reason)


async def test_however_many_false_announcements_there_are_a_new_node_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard(monkeypatch)
    for number in range(1, MAX_NAMES + 50):
        heard.announce(number)
        if number % 100 == 0:
            await until(lambda told=number: len(heard.seen) == told)
    await until(lambda: len(heard.seen) == MAX_NAMES + 49)


async def test_names_that_say_nothing_keep_nobody_waiting_who_says_all(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard(monkeypatch, silent=MAX_NAMES + 9, complete=True)
    for number in range(1, MAX_NAMES + 10):
        heard.announce(number)
    await asyncio.sleep(0)
    assert heard.seen == [did_of((MAX_NAMES + 9).to_bytes(32, "big"))], "at once, by what came along"
    await heard.end()
