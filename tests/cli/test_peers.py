"""`cis peer`, with a live engine and without."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cis_tui.core.identity import Identity, peer_id_of
from cis_tui.core.paths import Home
from tests.cli.support import CIS, call, cis

OTHER = Identity(b"o" * 32)
ADDR = f"/ip4/192.0.2.7/tcp/7677/p2p/{peer_id_of(OTHER.public)}"
ESCAPES = "\x1b]0;owned\x07\x1b[31m"


def test_the_book_is_kept_without_an_engine(capsys: pytest.CaptureFixture[str]) -> None:
    added = call(capsys, "peer", "add", ADDR)
    assert added.code == 0
    assert f"cis peer allow {OTHER.did}" in added.err, "an address alone admits nobody"
    assert call(capsys, "peer", "list", "--json").json[0]["status"] == "pending"
    allowed = call(capsys, "peer", "allow", OTHER.did, "--name", "desk", "--own", "--json").json
    assert (allowed["did"], allowed["status"], allowed["own"], allowed["name"]) == (OTHER.did, "allowed", True, "desk")
    assert allowed["addrs"] == [ADDR]
    assert "all public memory" in call(capsys, "peer", "show", "desk").out
    assert "notes/, todo/" in call(capsys, "peer", "share", "desk", "notes/", "todo/").out
    assert call(capsys, "peer", "share", "desk", "--nothing", "--json").json["share"] == []
    assert call(capsys, "peer", "share", "desk", "--default", "--json").json["own_share"] is False
    assert call(capsys, "peer", "rename", "desk", "tower").code == 0
    assert call(capsys, "peer", "deny", "tower", "--json").json["status"] == "denied"
    listed = call(capsys, "peer", "list").out
    assert "denied" in listed
    assert OTHER.did in listed
    status = call(capsys, "peer", "status", "--json").json
    assert (status["state"], status["mode"], status["denied"]) == ("off", "whitelist", 1)
    assert call(capsys, "peer", "forget", "tower").code == 0
    assert call(capsys, "peer", "list", "--json").json == []


def test_a_peer_not_seen_yet_is_allowed_by_its_did_or_peer_id_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "peer", "allow", peer_id_of(OTHER.public), "--json").json["did"] == OTHER.did
    assert call(capsys, "peer", "deny", OTHER.did).code == 0


def test_the_identity_has_its_shape(capsys: pytest.CaptureFixture[str]) -> None:
    found = call(capsys, "peer", "id", "--json").json
    assert set(found) == {"did", "peer_id", "addrs"}
    assert found["addrs"] == [], "there is no address while nothing listens"
    assert "cis engine start" in call(capsys, "peer", "id").err


@pytest.mark.parametrize(
    ("words", "code", "exit"),
    [
        (["show", "nobody"], "CIS-P2P-040", 3),
        (["allow", "did:key:z6MkNonsense"], "CIS-P2P-040", 3),
        (["rename", OTHER.did, "desk"], "CIS-P2P-040", 3),
        (["add", "localhost:7677"], "CIS-P2P-007", 5),
        (["add", "/ip4/192.0.2.7/tcp/7677"], "CIS-P2P-042", 5),
        (["pair", "12-34"], "CIS-P2P-053", 5),
        (["pair", "42-719-305"], "CIS-P2P-060", 6),
        (["pair"], "CIS-P2P-060", 6),
        (["sync"], "CIS-ENG-002", 6),
        (["pair", "--at", ADDR], "CIS-CLI-003", 2),
        (["share", "x", "a/", "--all"], "CIS-CLI-003", 2),
        (["allow", OTHER.did, "--name", ESCAPES], "CIS-P2P-046", 5),
    ],
)
def test_what_cannot_be_done_is_said(
    capsys: pytest.CaptureFixture[str], words: list[str], code: str, exit: int
) -> None:
    got = call(capsys, "peer", *words, "--json")
    assert (got.error["code"], got.code) == (code, exit)
    told = call(capsys, "peer", *words)
    assert "\x1b" not in told.err


def test_a_hostile_name_is_shown_as_text(capsys: pytest.CaptureFixture[str], home: Home) -> None:
    call(capsys, "peer", "allow", OTHER.did)
    db = sqlite3.connect(home.peers_db)
    db.execute("UPDATE peers SET name = ?", (f"{ESCAPES}desk[bold]",))
    db.commit()
    db.close()
    for words in (["list"], ["show", OTHER.did], ["share", OTHER.did], ["deny", OTHER.did]):
        told = call(capsys, "peer", *words)
        assert "desk[bold]" in told.out
        assert "\x1b" not in told.out


def test_status_tells_of_peers_and_a_damaged_book_hides_nothing_else(
    capsys: pytest.CaptureFixture[str], home: Home
) -> None:
    call(capsys, "peer", "add", ADDR)
    assert "1 waits for your word; cis peer list" in call(capsys, "status").out
    assert call(capsys, "status", "--json").json["peers"]["pending"] == 1
    for file in home.peers_db.parent.iterdir():
        file.write_bytes(b"no database" * 1000)
    told = call(capsys, "status")
    assert told.code == 0
    assert "damaged" in told.out
    assert call(capsys, "peer", "list").code == 5


def test_doctor_looks_at_the_book(capsys: pytest.CaptureFixture[str], home: Home) -> None:
    def told() -> dict[str, Any]:
        return next(check for check in call(capsys, "doctor", "--json").json if check["name"] == "peers")

    assert "none are known" in told()["message"]
    call(capsys, "peer", "allow", OTHER.did)
    assert told()["message"] == "1 may speak, 0 wait for your word"
    home.peers_db.chmod(0o644)
    assert str(home.peers_db) in call(capsys, "doctor").out
    home.peers_db.write_bytes(b"no database" * 1000)
    assert told()["state"] == "fail"


@pytest.fixture
def far(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of another home; its engine, if it has one, is ended."""
    env = {"CIS_HOME": str(tmp_path / "far")}
    yield env
    cis("engine", "stop", env=env)


def _json(*words: str, env: Mapping[str, str] | None = None) -> Any:
    done = cis(*words, "--json", env=env)
    assert done.code == 0, done
    return done.json


def test_two_homes_are_paired_by_a_code_that_can_be_taken_back(
    far: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("ENABLED", "true"), ("LISTEN_PORT", "0"), ("MDNS", "false")):
        monkeypatch.setenv(f"CIS_P2P_{name}", value)
    assert cis("engine", "start", env=far).code == 0
    show = [CIS, "peer", "pair", "--json"]
    with subprocess.Popen(show, env={**os.environ, **far}, stdout=subprocess.PIPE, text=True) as showing:
        assert showing.stdout is not None
        assert json.loads(showing.stdout.readline())["state"] == "open"
        showing.send_signal(signal.SIGINT)
        assert showing.wait(20) == 130
    assert not _json("peer", "status", env=far)["pairing"]

    addr = next(addr for addr in _json("peer", "id", env=far)["addrs"] if "127.0.0.1" in addr)
    with subprocess.Popen(show, env={**os.environ, **far}, stdout=subprocess.PIPE, text=True) as showing:
        assert showing.stdout is not None
        code = json.loads(showing.stdout.readline())["code"]
        there = _json("peer", "pair", code, "--at", addr, "--name", "desk")
        ended = json.loads(showing.stdout.readline())
        assert showing.wait(20) == 0
    assert (there["status"], there["own"], there["connected"], there["name"]) == ("allowed", True, True, "desk")
    assert (ended["state"], ended["did"]) == ("paired", _json("peer", "id")["did"])
    here = _json("peer", "list", env=far)[0]
    assert (here["did"], here["status"], here["own"]) == (ended["did"], "allowed", True)
    told = cis("peer", "sync", "--json", env=far)
    assert told.code == 6, "the other home's engine ended with its command"
    assert (told.json[0]["did"], told.json[0]["done"]) == (here["did"], False)
