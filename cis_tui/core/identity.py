"""Who this node is: an Ed25519 key and the DID that follows from it (W3C did:key method, section 3.1)."""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cis_tui.core.errors import Invalid, Refused
from cis_tui.core.paths import Home, private_dir, sync_dir, write_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_NAME = "ed25519.key"
DID_NAME = "did"
_ED25519_PUB = b"\xed\x01"
# Multihash "identity" of 36 bytes: a protobuf PublicKey of type Ed25519 with a key of 32 bytes.
_PEER_ID = b"\x00\x24\x08\x01\x12\x20"
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@dataclass(frozen=True)
class Identity:
    """The node's key pair."""

    seed: bytes
    """The private key: 32 bytes."""

    @cached_property
    def _key(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @cached_property
    def public(self) -> bytes:
        """The public key: 32 bytes."""
        return self._key.public_key().public_bytes_raw()

    @cached_property
    def did(self) -> str:
        """Such as `did:key:z6Mk…`."""
        return did_of(self.public)

    def sign(self, message: bytes) -> bytes:
        """The Ed25519 signature (RFC 8032) of `message`: 64 bytes."""
        return self._key.sign(message)

    def derived(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose, which tells nothing of the private key (HMAC-SHA256)."""
        return hmac.digest(self.seed, b"cis " + purpose.encode(), "sha256")

    def __repr__(self) -> str:
        return f"Identity({self.did})"


def did_of(public: bytes) -> str:
    """The did:key of an Ed25519 public key of 32 bytes."""
    return "did:key:z" + _base58(_ED25519_PUB + public)


def peer_id_of(public: bytes) -> str:
    """The libp2p peer id of an Ed25519 public key of 32 bytes (libp2p peer-ids, "identity" multihash of the key)."""
    return _base58(_PEER_ID + public)


def public_of(did: str) -> bytes:
    """The Ed25519 public key, 32 bytes, that `did` names.

    Raises:
        Invalid: `did` is not the did:key of an Ed25519 key (CIS-CORE-031).
    """
    data = _unbase58(did.removeprefix("did:key:z")) if did.startswith("did:key:z") and len(did) <= 80 else b""
    if len(data) != 34 or data[:2] != _ED25519_PUB:
        raise Invalid("CIS-CORE-031", f"not the did:key of an Ed25519 key: {did[:80]}")
    return data[2:]


def did_of_peer(peer_id: str) -> str:
    """The did:key of the same key as the libp2p peer id `peer_id`.

    Raises:
        Invalid: `peer_id` is not that of an Ed25519 key (CIS-CORE-034).
    """
    data = b"\0" + _unbase58(peer_id[1:]) if peer_id.startswith("1") and len(peer_id) <= 80 else b""
    if len(data) != 38 or data[:6] != _PEER_ID:
        raise Invalid("CIS-CORE-034", f"not the peer id of an Ed25519 key: {peer_id[:80]}")
    return did_of(data[6:])


def verify(did: str, message: bytes, signature: bytes) -> bool:
    """Whether `signature` over `message` was made with the key of `did`."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public_of(did)).verify(signature, message)
    except (InvalidSignature, Invalid, ValueError):
        return False
    return True


def load_identity(home: Home) -> Identity:
    """The identity of `home`; made at first use.

    Raises:
        Invalid: the key file is damaged (CIS-CORE-030).
        Refused: the key file can be read by others (CIS-CORE-032), or not by us (CIS-CORE-033).
    """
    path = home.identity / KEY_NAME
    try:
        return Identity(_read_seed(path))
    except FileNotFoundError:
        return _create(home, path)
    except OSError as error:
        raise Refused("CIS-CORE-033", f"cannot read {path}: {error.strerror}", hint="see that it is yours") from error


def node_id(home: Home) -> str:
    """The DID of `home`, without loading cryptography when the identity is already there."""
    try:
        did = (home.identity / DID_NAME).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        did = ""
    if did.startswith("did:key:z6Mk") and (home.identity / KEY_NAME).exists():
        return did
    identity = load_identity(home)
    write_private(home.identity / DID_NAME, identity.did.encode() + b"\n")
    return identity.did


def _read_seed(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise Refused(
            "CIS-CORE-032",
            f"{path} can be read by other users",
            hint=f"chmod 600 {path}",
        )
    text = path.read_text("ascii", errors="replace").strip()
    try:
        seed = bytes.fromhex(text)
    except ValueError:
        seed = b""
    if len(seed) != 32:
        raise Invalid(
            "CIS-CORE-030",
            f"{path} does not hold an Ed25519 key (64 hexadecimal digits)",
            hint="restore it from a backup; a new key would be a new identity",
        )
    return seed


def _create(home: Home, path: Path) -> Identity:
    """Write a new key unless another process was faster."""
    private_dir(path.parent)
    seed = os.urandom(32)
    temporary = path.with_name(f".{KEY_NAME}.{os.getpid()}.tmp")
    write_private(temporary, seed.hex().encode() + b"\n")
    try:
        os.link(temporary, path)
    except FileExistsError:
        seed = _read_seed(path)
    finally:
        temporary.unlink()
    sync_dir(path.parent)
    identity = Identity(seed)
    write_private(home.identity / DID_NAME, identity.did.encode() + b"\n")
    return identity


def _unbase58(text: str) -> bytes:
    """The number that `text` writes, as bytes without leading zeros; empty if it writes none, or one with a zero."""
    if text.startswith("1"):
        return b""  # a zero before it would be a second name for the same key
    number = 0
    for letter in text:
        digit = _BASE58.find(letter)
        if digit < 0:
            return b""
        number = number * 58 + digit
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _base58(data: bytes) -> str:
    number = int.from_bytes(data, "big")
    letters: list[str] = []
    while number:
        number, digit = divmod(number, 58)
        letters.append(_BASE58[digit])
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + "".join(reversed(letters))
