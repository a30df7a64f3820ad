"""A signed envelope: who says something, of which kind it is, and what. Whoever brings it need not be trusted.

    {"body":{…},"by":"did:key:z6Mk…","kind":"vote","sig":"<128 hexadecimal digits>","v":1}

in canonical JSON. The signature is Ed25519 over `cis-envelope-1`, a NUL and the SHA-256 of the same object without
`sig`: so no signature of one kind, or of another use of the key, can be taken for one of another. That a body was said
now, and for whom, is for the body to say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import cast

from cis_tui.core.errors import Invalid, Refused
from cis_tui.core.identity import Identity, verify
from cis_tui.sync.canonical import canonical, parse

VERSION = 1
_DOMAIN = b"cis-envelope-1\0"
_FIELDS = {"body", "by", "kind", "sig", "v"}

Body = Mapping[str, object]


def seal(identity: Identity, kind: str, body: Body) -> bytes:
    """What `identity` says, signed.

    Raises:
        Invalid: `body` has no canonical form (CIS-SYNC-001).
    """
    said = {"body": body, "by": identity.did, "kind": kind, "v": VERSION}
    return canonical({**said, "sig": identity.sign(_digest(said)).hex()})


def open_envelope(data: bytes, kind: str, limit: int) -> tuple[str, dict[str, object]]:
    """Who said it, as a DID, and the body of an envelope of `kind` with at most `limit` bytes.

    Raises:
        Invalid: it is too large (CIS-SYNC-002), or no envelope of that kind (CIS-SYNC-001, 003).
        Refused: it was not signed by who it says (CIS-SYNC-004).
    """
    envelope = parse(data, limit)
    if not isinstance(envelope, dict) or envelope.keys() != _FIELDS:
        raise Invalid("CIS-SYNC-003", "this is no signed envelope")
    said = cast("dict[str, object]", envelope)
    signature, by, body = said.pop("sig"), said["by"], said["body"]
    if said["v"] != VERSION or said["kind"] != kind:
        raise Invalid("CIS-SYNC-003", f"this is no envelope of the kind {kind}, version {VERSION}")
    if not isinstance(by, str) or not isinstance(body, dict):
        raise Invalid("CIS-SYNC-003", "this is no signed envelope")
    if not verify(by, _digest(said), _signature(signature)):
        raise Refused("CIS-SYNC-004", f"{by[:80]!a} did not sign what it is said to say")
    return by, cast("dict[str, object]", body)


def _digest(said: Mapping[str, object]) -> bytes:
    return _DOMAIN + hashlib.sha256(canonical(said)).digest()


def _signature(text: object) -> bytes:
    try:
        signature = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        signature = b""
    return signature if len(signature) == 64 and signature.hex() == text else b""
