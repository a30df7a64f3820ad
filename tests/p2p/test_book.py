"""Who may speak, and what a person says about it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

import cis_tui.p2p.book
from cis_tui.core.clock import Instant
from cis_tui.core.errors import Invalid, NotFound, Refused
from cis_tui.core.identity import Identity, peer_id_of
from cis_tui.core.paths import Home
from cis_tui.p2p.book import PeerBook
from cis_tui.p2p.link import Admission
from cis_tui.p2p.model import Mode, Trust, Via

ME = Identity(b"m" * 32).did


@dataclass
class Time:
    """A clock that a test turns."""

    now: float = 1_700_000_000.0

    def __call__(self) -> Instant:
        return Instant(self.now)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def book(home: Home, time: Time) -> Iterator[PeerBook]:
    made = PeerBook(home, own_did=ME, clock=time, steady=time)
    yield made
    made.close()


def did(number: int = 0) -> str:
    return Identity(number.to_bytes(32, "big")).did


def another(home: Home, mode: Mode = Mode.WHITELIST, share: tuple[str, ...] = ("",)) -> PeerBook:
    """The same book as another process has it."""
    return PeerBook(home, own_did=ME, mode=mode, share=share)


def test_nobody_is_admitted_before_a_person_allows_them(book: PeerBook) -> None:
    assert book.admits(did()) is Admission.REFUSE
    peer = book.allow(did(), name="desk")
    assert (peer.status, peer.name, peer.own, peer.last_seen) == (Trust.ALLOWED, "desk", False, None)
    assert book.admits(did()) is Admission.ADMIT
    assert book.share(did()) == ("",)
    assert book.deny("desk").status is Trust.DENIED
    assert book.admits(did()) is Admission.REFUSE
    assert book.share(did()) == ()


@pytest.mark.parametrize(
    ("mode", "stranger", "allowed"),
    [
        (Mode.WHITELIST, Admission.REFUSE, Admission.ADMIT),
        (Mode.OPEN, Admission.ADMIT, Admission.ADMIT),
        (Mode.QUARANTINE, Admission.PAIRING, Admission.ADMIT),
        (Mode.SOLITARY, Admission.REFUSE, Admission.REFUSE),
    ],
)
def test_the_mode_decides_about_strangers_and_never_for_the_denied(
    home: Home, mode: Mode, stranger: Admission, allowed: Admission
) -> None:
    book = another(home, mode)
    book.allow(did(1))
    book.deny(did(2))
    book.may_pair = lambda did: True
    assert book.admits(did(1)) is allowed
    assert book.admits(did(2)) is Admission.REFUSE
    assert book.admits(ME) is Admission.REFUSE, "this node itself is no peer"
    book.may_pair = lambda did: False
    assert book.admits(did(3)) is stranger
    assert not any(peer.did == did(3) for peer in book.peers()), "mode open allows nobody for good"
    book.close()


def test_what_another_process_says_holds_at_once(book: PeerBook, home: Home) -> None:
    assert book.admits(did()) is Admission.REFUSE
    other = another(home)
    other.allow(did())
    assert book.admits(did()) is Admission.ADMIT
    other.deny(did())
    assert book.admits(did()) is Admission.REFUSE
    other.close()


def test_the_book_is_for_its_owner_alone_and_outlives_its_process(book: PeerBook, home: Home) -> None:
    book.allow(did(), name="desk", own=True)
    book.add(f"/ip4/192.0.2.7/tcp/7677/p2p/{peer_id_of(Identity(bytes(32)).public)}")
    book.set_share("desk", ("notes/", "todo/"))
    file = home.peers_db
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    again = another(home)
    peer = again.find("desk")
    assert (peer.did, peer.own, peer.addrs) == (did(), True, ("/ip4/192.0.2.7/tcp/7677",))
    assert again.share(did()) == ("notes/", "todo/")
    again.close()


def test_peers_are_found_by_whatever_is_theirs_alone(book: PeerBook) -> None:
    beginning = did(1)[:13]
    twin = next(number for number in range(2, 1000) if did(number).startswith(beginning))
    book.allow(did(1), name="n1")
    book.allow(did(twin), name="n2")
    key = did(1).removeprefix("did:key:")
    for word in (did(1), key, "n1", key[:-4], peer_id_of(Identity((1).to_bytes(32, "big")).public)):
        assert book.find(word).did == did(1)
    with pytest.raises(NotFound, match="can be 2 peers") as many:
        book.find(beginning)
    assert many.value.code == "CIS-P2P-041"
    for word in ("", "n", "z6Mk", did(7), "did:key:", "../../etc"):
        with pytest.raises(NotFound):
            book.find(word)


def test_a_did_has_one_spelling(book: PeerBook) -> None:
    book.deny(did())
    with pytest.raises(NotFound):
        book.allow(did().replace("did:key:z", "did:key:z1"))


def test_a_name_is_one_peers_and_safe_to_show(book: PeerBook) -> None:
    book.allow(did(1), name="desk")
    with pytest.raises(Invalid, match="another peer is called"):
        book.allow(did(2), name="desk")
    assert book.admits(did(2)) is Admission.REFUSE, "nothing is half done"
    for name in ("a\x1b[31mb", "x" * 41, did(3), "z6Mkfoo", "two\nlines", "\u202eksed"):
        with pytest.raises(Invalid) as refused:
            book.rename("desk", name)
        assert refused.value.code == "CIS-P2P-046"
    assert book.rename("desk", "").name == ""


def test_a_hostile_name_that_comes_with_a_pairing_is_cleaned_and_numbered(book: PeerBook) -> None:
    book.allow(did(1), name="desk")
    assert book.admit_paired(did(2), name="desk", own=True).name == "desk 2"
    assert book.admit_paired(did(3), name="\x1b[2J\u202edesk\x07", own=False).name == "desk 3"
    assert book.admit_paired(did(4), name=did(1), own=False).name == ""
    assert book.admit_paired(did(1), name="other", own=True).name == "desk", "what a person said stays"


def test_a_denied_peer_is_not_paired(book: PeerBook) -> None:
    book.deny(did())
    with pytest.raises(Refused) as refused:
        book.admit_paired(did(), name="", own=True)
    assert refused.value.code == "CIS-P2P-057"
    assert book.admits(did()) is Admission.REFUSE


def test_strangers_are_written_down_slowly_and_not_without_end(
    book: PeerBook, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cis_tui.p2p.book, "PENDING", 25)
    told = [book.saw(did(number), ["/ip4/192.0.2.1/tcp/1"], Via.MDNS) for number in range(1000)]
    assert sum(peer is not None for peer in told) == 20, "a flood is cut off"
    for number in range(1000, 1040):
        time.now += 7
        book.saw(did(number), (), Via.INCOMING)
    assert {peer.did for peer in book.peers()} == {did(number) for number in range(1015, 1040)}, "the latest are kept"


def test_no_flood_pushes_out_whom_a_person_spoke_of(
    book: PeerBook, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cis_tui.p2p.book, "PENDING", 5)
    book.allow(did(1))
    book.deny(did(2))
    book.add(f"/ip4/192.0.2.7/tcp/7677/p2p/{peer_id_of(Identity((3).to_bytes(32, 'big')).public)}")
    for number in range(1000, 1020):
        time.now += 7
        book.saw(did(number), (), Via.MDNS)
    for number in (1, 2, 3):
        assert book.find(did(number))


def test_announced_addresses_do_not_push_out_proven_and_given_ones(book: PeerBook, time: Time) -> None:
    peer_id = peer_id_of(Identity((1).to_bytes(32, "big")).public)
    book.allow(did(1))
    book.add(f"/ip4/192.0.2.7/tcp/7677/p2p/{peer_id}")
    book.met(did(1), "/ip4/192.0.2.8/tcp/7677")
    for number in range(20):
        time.now += 100
        book.saw(did(1), [f"/ip4/198.51.100.{number}/tcp/1"], Via.MDNS)
    addrs = book.find(did(1)).addrs
    assert addrs[:2] == ("/ip4/192.0.2.8/tcp/7677", "/ip4/192.0.2.7/tcp/7677")
    assert len(addrs) == 8


def test_a_peer_that_is_seen_often_is_not_written_often(book: PeerBook, home: Home, time: Time) -> None:
    book.allow(did())
    book.met(did(), "/ip4/192.0.2.8/tcp/7677")
    reader = sqlite3.connect(home.peers_db)
    (before,) = reader.execute("PRAGMA data_version").fetchone()
    for _ in range(50):
        book.saw(did(), (), Via.MDNS)
        book.met(did(), "/ip4/192.0.2.8/tcp/7677")
    assert reader.execute("PRAGMA data_version").fetchone() == (before,)
    time.now += 100
    book.met(did(), "")
    assert book.find(did()).last_seen == time.now
    reader.close()


def test_what_is_shared_is_the_settings_or_ones_own(home: Home) -> None:
    book = another(home, share=("team/",))
    book.allow(did())
    assert book.share(did()) == ("team/",)
    book.set_share(did(), ())
    assert book.share(did()) == ()
    book.set_share(did(), ("a/", "", "b/"))
    assert book.share(did()) == ("",)
    book.set_share(did(), None)
    assert book.share(did()) == ("team/",)
    for wrong in (("x" * 300,), ("a\x1bb",), tuple(f"{n}/" for n in range(65))):
        with pytest.raises(Invalid) as refused:
            book.set_share(did(), wrong)
        assert refused.value.code == "CIS-P2P-047"
    book.close()


def test_this_node_is_not_its_own_peer(book: PeerBook) -> None:
    for act in (book.allow, book.deny):
        with pytest.raises(Invalid) as refused:
            act(ME)
        assert refused.value.code == "CIS-P2P-045"


def test_who_is_denied_in_a_book_that_replaced_another_is_out_at_once(book: PeerBook, home: Home) -> None:
    book.allow(did(1))
    assert book.admits(did(1)) is Admission.ADMIT
    home.peers_db.rename(home.peers_db.with_suffix(".old"))
    assert book.admits(did(1)) is Admission.REFUSE, "what was moved away holds no longer"
    book.allow(did(2))
    assert book.admits(did(2)) is Admission.ADMIT
    other = another(home)
    other.deny(did(2))
    assert book.admits(did(2)) is Admission.REFUSE
    other.close()


def test_a_damaged_book_admits_nobody_and_says_so(book: PeerBook, home: Home) -> None:
    book.allow(did())
    book.close()
    for file in home.peers_db.parent.iterdir():
        file.write_bytes(os.urandom(4096))
    broken = another(home)
    assert broken.admits(did()) is Admission.REFUSE
    with pytest.raises(Invalid) as damaged:
        broken.peers()
    assert damaged.value.code == "CIS-P2P-043"
    broken.close()


def test_forgotten_is_a_stranger_again(book: PeerBook) -> None:
    book.allow(did(), name="desk")
    book.forget("desk")
    assert book.peers() == ()
    assert book.admits(did()) is Admission.REFUSE
