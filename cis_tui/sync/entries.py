"""One version of an entry on the wire: checked field by field, and signed by the node that made it.

    {"author":DID,"category":…,"classed":false,"epoch":"0badcafe","hlc":N,"key":…,"pinned":false,"seq":N,
     "sha256":HEX,"sig":HEX,"size":N,"text":true,"type":"UserPreference","undoes":0,"value":…,"vector":{DID:N}}

A tombstone has an empty `sha256`, and no `value`. A value that is large has no `value` either: it is fetched in parts.
What is signed is everything but `sig` and `value`, so that a version can be told from a forged one before its value is
there; the value is held to `size` and `sha256`. The signature is Ed25519 over `cis-entry-1`, a NUL and the SHA-256 of
that in canonical JSON.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from cis_tui.core.errors import Invalid, Refused
from cis_tui.core.identity import Identity, public_of
from cis_tui.memory.dots import Dot
from cis_tui.memory.records import MAX_VALUE, IndexType, MemoryRecord
from cis_tui.sync.canonical import canonical

if TYPE_CHECKING:
    from nacl.signing import VerifyKey

INLINE = 64 * 1024
"""Bytes of a value that goes with its entry."""
MAX_VECTOR = 64
"""Nodes in a vector."""
_DOMAIN = b"cis-entry-1\0"
_SHAPE: Mapping[str, type] = {
    "author": str,
    "category": str,
    "classed": bool,
    "epoch": str,
    "hlc": int,
    "key": str,
    "pinned": bool,
    "seq": int,
    "sha256": str,
    "sig": str,
    "size": int,
    "text": bool,
    "type": str,
    "undoes": int,
    "vector": dict,
}
_KINDS = {kind.value: kind for kind in IndexType if kind is not IndexType.SENSITIVE}


@dataclass(frozen=True, slots=True)
class Arrived:
    """An entry that somebody sent, of which the shape is right, but which nobody has believed yet."""

    record: MemoryRecord
    """With the value that came along; an empty one where that is to be fetched."""
    sha256: str
    size: int
    text: bool
    whole: bool
    """Its value is there, or there is none."""
    signed: bytes
    """What the signature is over."""

    @property
    def dot(self) -> Dot:
        return Dot(self.record.origin, self.record.epoch, self.record.seq, self.record.hlc)


def entry_of(record: MemoryRecord, identity: Identity) -> dict[str, object]:
    """`record` as it goes to other nodes; what `identity` has made is signed now.

    Raises:
        Refused: somebody else made it, and there is no signature (CIS-SYNC-014).
    """
    data = value_bytes(record)
    head = _head(record, data)
    signature = record.signature
    if signature is None:
        if record.origin != identity.did:
            raise Refused("CIS-SYNC-014", f"nobody has signed this version of {record.key}")
        signature = identity.sign(_signed(head))
    entry = {**head, "sig": signature.hex()}
    if record.value is not None and len(data) <= INLINE:
        entry["value"] = record.value if isinstance(record.value, str) else base64.b64encode(data).decode()
    return entry


def read_entry(data: object) -> Arrived:
    """An entry as somebody sent it.

    Raises:
        Invalid: it has not the shape of one, or its value is not what it says (CIS-SYNC-010).
    """
    fields = _fields(data)
    record = MemoryRecord(
        key=cast("str", fields["key"]),
        value="" if fields["sha256"] else None,
        category=cast("str", fields["category"]),
        index_type=_KINDS[cast("str", fields["type"])],
        vector=cast("dict[str, int]", fields["vector"]),
        origin=cast("str", fields["author"]),
        hlc=cast("int", fields["hlc"]),
        pinned=cast("bool", fields["pinned"]),
        classed=cast("bool", fields["classed"]),
        undoes=cast("int", fields["undoes"]),
        epoch=cast("str", fields["epoch"]),
        seq=cast("int", fields["seq"]),
        signature=_hexadecimal(fields["sig"], 64),
    )
    head = {name: value for name, value in fields.items() if name not in ("sig", "value")}
    arrived = Arrived(
        record=record,
        sha256=cast("str", fields["sha256"]),
        size=cast("int", fields["size"]),
        text=cast("bool", fields["text"]),
        whole=record.value is None,
        signed=_signed(head),
    )
    return with_value(arrived, _inline(fields["value"], arrived.text)) if "value" in fields else arrived


def with_value(arrived: Arrived, value: bytes) -> Arrived:
    """`arrived` with its value, which was fetched.

    Raises:
        Invalid: it is not the value that was signed (CIS-SYNC-010).
    """
    if not arrived.sha256 or len(value) != arrived.size or hashlib.sha256(value).hexdigest() != arrived.sha256:
        raise _wrong(arrived.record.key, "its value is not the one that was signed")
    try:
        held: str | bytes = value.decode() if arrived.text else value
    except UnicodeDecodeError as error:
        raise _wrong(arrived.record.key, "its value is no text") from error
    return replace(arrived, record=replace(arrived.record, value=held), whole=True)


def check_signature(arrived: Arrived) -> None:
    """See that the author has made what is said to be theirs.

    Raises:
        Refused: they have not (CIS-SYNC-011).
    """
    # libsodium takes half the time that OpenSSL does, and lets other threads run meanwhile.
    from nacl.exceptions import CryptoError

    try:
        _public_key(arrived.record.origin).verify(arrived.signed, arrived.record.signature or b"")
    except (CryptoError, Invalid, ValueError) as error:
        raise Refused(
            "CIS-SYNC-011", f"{arrived.record.origin[:80]!a} has not signed this version of {arrived.record.key!a:.80}"
        ) from error


def value_bytes(record: MemoryRecord) -> bytes:
    """The value of `record` as bytes; none of a tombstone."""
    value = record.value or b""
    return value.encode() if isinstance(value, str) else value


def _head(record: MemoryRecord, data: bytes) -> dict[str, object]:
    return {
        "author": record.origin,
        "category": record.category,
        "classed": record.classed,
        "epoch": record.epoch,
        "hlc": record.hlc,
        "key": record.key,
        "pinned": record.pinned,
        "seq": record.seq,
        "sha256": "" if record.value is None else hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "text": isinstance(record.value, str),
        "type": record.index_type.value,
        "undoes": record.undoes,
        "vector": dict(record.vector),
    }


def _fields(data: object) -> dict[str, object]:
    if not isinstance(data, dict):
        raise _wrong("?", "it is no object")
    fields = cast("dict[str, object]", data)
    key = str(fields.get("key", "?"))
    if set(fields) - {"value"} != set(_SHAPE):
        raise _wrong(key, "it has other fields than an entry has")
    for name, kind in _SHAPE.items():
        if type(fields[name]) is not kind:
            raise _wrong(key, f"{name} is no {kind.__name__}")
    vector = cast("dict[str, object]", fields["vector"])
    if not 0 < len(vector) <= MAX_VECTOR or any(type(count) is not int for count in vector.values()):
        raise _wrong(key, "its vector is none")
    if fields["type"] not in _KINDS:
        raise _wrong(key, f"{fields['type']!a:.40} is no kind of entry that nodes share")
    if not 0 <= cast("int", fields["size"]) <= MAX_VALUE:
        raise _wrong(key, f"a value of {fields['size']} bytes cannot be kept")
    if fields["sha256"]:
        _hexadecimal(fields["sha256"], 32)
    elif fields["size"] or fields["text"] or "value" in fields:
        raise _wrong(key, "it is a tombstone with a value")
    return fields


def _inline(value: object, text: bool) -> bytes:
    if not isinstance(value, str):
        raise _wrong("?", "its value is no text")
    if text:
        return value.encode()
    try:
        return base64.b64decode(value, validate=True)
    except ValueError as error:
        raise _wrong("?", "its value is no base64") from error


def _signed(head: Mapping[str, object]) -> bytes:
    return _DOMAIN + hashlib.sha256(canonical(head)).digest()


def _hexadecimal(text: object, size: int) -> bytes:
    try:
        data = bytes.fromhex(str(text))
    except ValueError:
        data = b""
    if len(data) != size or data.hex() != text:
        raise _wrong("?", f"{text!a:.20} is not {size} bytes in hexadecimal digits")
    return data


@lru_cache(512)
def _public_key(did: str) -> VerifyKey:
    from nacl.signing import VerifyKey

    return VerifyKey(public_of(did))


def _wrong(key: str, why: str) -> Invalid:
    return Invalid("CIS-SYNC-010", f"a version of {key!a:.80} that came in cannot be: {why}")
