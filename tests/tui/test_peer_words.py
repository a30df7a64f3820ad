"""Peers in words, without a screen: what is typed as shares, what events say, how a peer stands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cis_tui.core.events import Event
from cis_tui.dag.views import DecisionKind, Origin, Subject
from cis_tui.p2p.model import Mode, PeerInfo, Trust
from cis_tui.tui.activity import event_text
from cis_tui.tui.peer_acts import read_share, share_text
from cis_tui.tui.peer_detail import peer_lines
from cis_tui.tui.peer_words import latency, shares, standing
from cis_tui.tui.widgets.tray import Tray
from cis_tui.tui.words import asker
from cis_tui.tui.writers import short_did
from tests.tui.helpers import DID, HOSTILE, NOW, HandClock, decision, vote
from tests.tui.peers import LAPTOP, STRANGER

WHO = f"laptop ({short_did(LAPTOP.did)})"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", None),
        (" , ", None),
        ("*", ("",)),
        ("project/, *", ("",)),
        ("-", ()),
        ("project/*,  team/notes/", ("project/", "team/notes/")),
    ],
)
def test_what_is_typed_as_shared(typed: str, meant: tuple[str, ...] | None) -> None:
    assert read_share(typed) == meant
    if meant is not None:
        assert read_share(share_text(meant)) == meant


def test_what_is_shared_is_told() -> None:
    assert [shares(()), shares(("",)), shares(("a/", "b/"))] == ["nothing", "all that is public", "a/*, b/*"]
    assert [latency(None), latency(0.0002), latency(0.0123)] == ["", "<1 ms", "12 ms"]


def test_how_a_peer_stands_is_told_by_mark_and_word() -> None:
    assert standing(LAPTOP, Mode.WHITELIST)[:2] == ("◆", "own")
    assert standing(replace(LAPTOP, own=False), Mode.WHITELIST)[:2] == ("✓", "allowed")
    assert standing(STRANGER, Mode.WHITELIST)[:2] == ("?", "pending")
    assert standing(STRANGER, Mode.QUARANTINE)[:2] == ("⊘", "quarantined")
    assert standing(replace(STRANGER, admitted=True), Mode.OPEN)[:2] == ("✓", "open to all")
    assert standing(replace(STRANGER, status=Trust.DENIED), Mode.OPEN)[:2] == ("✗", "denied")


@pytest.mark.parametrize(
    ("type", "data", "said"),
    [
        ("PeerDiscovered", {"via": "mdns"}, f"{WHO} was found: on this network (mDNS)"),
        ("PeerConnected", {"transport": "tcp", "addr": "/ip4/10.0.0.1"}, f"{WHO} is connected: tcp /ip4/10.0.0.1"),
        ("PeerDisconnected", {"reason": "denied"}, f"{WHO} is gone: denied"),
        ("PeerRefused", {"reason": "not allowed", "addr": "/ip4/1"}, f"{WHO} at /ip4/1 was refused: not allowed"),
        ("PeerRefused", {"peer": "", "reason": "garbage"}, "somebody who proved no key was refused: garbage"),
        ("PeerChanged", {"change": "allowed"}, f"{WHO} was allowed"),
        ("PairingEnded", {"change": "paired"}, f"{WHO} is paired"),
        ("PairingEnded", {"peer": "", "change": "spent"}, "a pairing code was typed wrong too often"),
        ("SyncQueued", {"key": "a/b", "peers": ["x", "y"]}, "a/b  waits for 2 peers"),
        ("SyncQueued", {"key": "a/b", "peers": []}, "a/b  everybody has it"),
        ("SyncAcked", {"pending": 3}, f"{WHO} has acknowledged; 3 changes to go"),
        ("SyncAcked", {"pending": 0}, f"{WHO} has acknowledged everything"),
        ("PeerChanged", {"change": "of a later version"}, f"{WHO} of a later version"),
    ],
)
def test_what_happens_to_peers_is_told_in_words(type: str, data: dict[str, object], said: str) -> None:
    assert event_text(Event(1, NOW, type, {"peer": LAPTOP.did, "name": "laptop", **data})) == said


def test_an_event_names_the_run_by_its_dag() -> None:
    failed = Event(1, NOW, "TaskFailed", {"run": "4cffb1b2aa", "task": "push", "error": "exit 2"})
    assert event_text(failed) == "push  run 4cffb1b2  exit 2"
    assert event_text(failed, {"4cffb1b2aa": "release"}) == "push  release 4cffb1b2  exit 2"
    began = Event(1, NOW, "RunStarted", {"run": "4cffb1b2aa", "dag": "release"})
    assert event_text(began, {"4cffb1b2aa": "release"}) == "release 4cffb1b2"


def test_a_merged_entry_tells_where_it_comes_from_and_whether_it_is_disputed() -> None:
    data = {"key": "a/b", "origin": LAPTOP.did, "concurrent": False}
    assert event_text(Event(1, NOW, "MemoryMerged", data)) == f"a/b  came, written by {short_did(LAPTOP.did)}"
    assert f"written by {WHO}" in event_text(Event(1, NOW, "MemoryMerged", data), {LAPTOP.did: "laptop"})
    assert "stands against another version" in event_text(Event(1, NOW, "MemoryMerged", data | {"concurrent": True}))


def test_names_and_reasons_of_others_are_made_harmless() -> None:
    data = {"peer": LAPTOP.did, "name": HOSTILE, "reason": HOSTILE, "addr": HOSTILE}
    said = event_text(Event(1, NOW, "PeerRefused", data))
    assert "\x1b" not in said and "\x9b" not in said and "\u202e" not in said
    assert short_did(LAPTOP.did) in said


def test_why_memory_does_not_become_one_is_told() -> None:
    def said(peer: PeerInfo) -> str:
        return "\n".join(text for line in peer_lines(peer, Mode.WHITELIST, lambda _: "k") for text, _ in line)

    assert "sync fails" not in said(LAPTOP)
    failing = said(replace(LAPTOP, problem="\x1b[2Jthe disk is full"))
    assert "the disk is full; it is tried again" in failing and "\x1b" not in failing


def test_a_vote_of_another_node_says_who_asks_in_the_tray() -> None:
    origin = Origin("d7", "77aa", HOSTILE)
    foreign = vote(run="", asker=LAPTOP.did, origin=origin, subject=Subject.VOTE)
    tray = Tray(HandClock())
    tray.show([foreign])
    said = "".join(text for text, _ in tray.line(0, 200))
    assert short_did(LAPTOP.did) in said and "release / announce  asks for votes" in said and "\x1b" not in said
    own = vote(asker=DID)
    assert asker(own) == "", "this node asks itself"
    assert asker(replace(decision("x", DecisionKind.CONFIRMED), asker=LAPTOP.did)) == f"{short_did(LAPTOP.did)}: "
