"""What peers are called: DIDs, fingerprints, addresses, and names that people give."""

from __future__ import annotations

import hashlib

from cis_tui.core.errors import Invalid
from cis_tui.core.identity import did_of, did_of_peer, peer_id_of, public_of
from cis_tui.core.text import clean_line
from cis_tui.p2p.addresses import Address, parse_address

NAME_LENGTH = 40
"""Characters of a name."""


def fingerprint(did: str) -> str:
    """A short form of the key of `did` for two people to compare: 8 groups of 4 hexadecimal digits (SHA-256).

    Raises:
        Invalid: `did` is not the did:key of an Ed25519 key (CIS-CORE-031).
    """
    digits = hashlib.sha256(b"cis peer " + public_of(did)).hexdigest()[:32]
    return " ".join(digits[at : at + 4] for at in range(0, 32, 4))


def peer_id(did: str) -> str:
    """The libp2p peer id of the key of `did`.

    Raises:
        Invalid: `did` is not the did:key of an Ed25519 key (CIS-CORE-031).
    """
    return peer_id_of(public_of(did))


def read_did(word: str) -> str:
    """The DID that `word`, a DID with or without `did:key:` or a peer id, writes in full; empty if it is none."""
    try:
        if word.startswith("12D3Koo"):
            return did_of_peer(word)
        did = word if word.startswith("did:") else f"did:key:{word}"
        return did if did_of(public_of(did)) == did else ""
    except Invalid:
        return ""


def read_address(text: str) -> Address:
    """The address that a multiaddr names, and whose it is.

    Raises:
        Invalid: it is none that can be dialled, or does not say whose (CIS-P2P-007, 042).
    """
    address = parse_address(text)
    if not address.did:
        hint = "it ends in /p2p/12D3…; cis peer id on the other machine prints it"
        raise Invalid("CIS-P2P-042", f"{clean_line(text, limit=120)} does not say whose address it is", hint=hint)
    return address


def plain_name(text: str) -> str:
    """`text`, which may come from anybody, as a name that is safe to show and is no DID; may be empty."""
    name = clean_line(text[: 4 * NAME_LENGTH], limit=NAME_LENGTH).strip()
    return "" if name.lower().startswith(("did:", "z6mk", "12d3koo")) else name


def name_of(text: str) -> str:
    """`text` as the name of a peer, as a person typed it; may be empty.

    Raises:
        Invalid: it cannot be one (CIS-P2P-046).
    """
    name = text.strip()
    if plain_name(name) != name:
        hint = "at most 40 characters on one line, and no DID"
        raise Invalid("CIS-P2P-046", f'a peer cannot be called "{clean_line(name, limit=60)}"', hint=hint)
    return name


def own_name() -> str:
    """What this node calls itself to peers with which it is paired: the machine's name."""
    import socket

    return plain_name(socket.gethostname().partition(".")[0])


def short(did: str) -> str:
    """The DID for a line: `z6Mkabcd…wxyz`."""
    key = did.removeprefix("did:key:")
    return f"{key[:8]}…{key[-4:]}" if len(key) > 16 else clean_line(key)
