"""The node's key and DID."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cis_tui.core.errors import Invalid, Refused
from cis_tui.core.identity import did_of, did_of_peer, load_identity, node_id, peer_id_of, public_of, verify
from cis_tui.core.paths import Home


def test_the_identity_stays_and_is_private(home: Home) -> None:
    first = load_identity(home)
    key = home.identity / "ed25519.key"
    assert load_identity(home).did == first.did == node_id(home)
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700
    assert first.seed.hex() not in repr(first)


def test_a_did_of_the_specification() -> None:
    """The example of the did:key method for Ed25519."""
    did = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
    assert did_of(public_of(did)) == did


def test_a_signature_binds_message_and_key(home: Home) -> None:
    identity = load_identity(home)
    signature = identity.sign(b"yes")
    assert verify(identity.did, b"yes", signature)
    assert not verify(identity.did, b"no", signature)
    assert not verify(did_of(b"\1" * 32), b"yes", signature)
    assert not verify("did:key:zNonsense", b"yes", signature)


@pytest.mark.parametrize("did", ["", "did:web:x", "did:key:z0OIl", "did:key:z6Mk", "did:key:z" + "6" * 5000])
def test_a_hostile_did_is_refused(did: str) -> None:
    with pytest.raises(Invalid):
        public_of(did)


def test_a_key_has_one_name() -> None:
    did, peer = did_of(b"\1" * 32), peer_id_of(b"\1" * 32)
    assert did_of_peer(peer) == did
    with pytest.raises(Invalid):
        public_of(did.replace("did:key:z", "did:key:z1"))
    for other in (f"1{peer}", peer[1:], f"{peer[0]}1{peer[1:]}"):
        with pytest.raises(Invalid):
            did_of_peer(other)


def test_a_damaged_or_open_key_is_never_replaced(home: Home) -> None:
    load_identity(home)
    key = home.identity / "ed25519.key"
    key.chmod(0o644)
    with pytest.raises(Refused, match="other users"):
        load_identity(home)
    key.chmod(0o600)
    key.write_text("damaged")
    with pytest.raises(Invalid, match="does not hold an Ed25519 key"):
        load_identity(home)
    assert key.read_text() == "damaged"


def test_two_processes_at_once_agree_on_one_identity(home: Home) -> None:
    code = (
        "import sys; from pathlib import Path; from cis_tui.core.paths import Home;"
        "from cis_tui.core.identity import load_identity; print(load_identity(Home(Path(sys.argv[1]))).did)"
    )
    command = [sys.executable, "-c", code, str(home.root)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    dids = {process.communicate()[0] for process in processes}
    assert dids == {node_id(home) + "\n"}
