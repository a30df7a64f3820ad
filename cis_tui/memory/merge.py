"""The door for versions that were made elsewhere: what a record may be, before anything of it is kept.

Who sent it was admitted, but need not be well. Whether a record is taken depends on the record alone, so that all nodes
take the same ones, in whatever order they come; only what claims to count a million versions more than anybody knows
of (`leaps`) is held against what is there. A clock that is wrong is no reason to refuse: two nodes that are apart by a
year still have to agree.
"""

from __future__ import annotations

from collections.abc import Sequence

from cis_tui.core.errors import Invalid, Refused
from cis_tui.memory.classify import classify
from cis_tui.memory.inherit import SAID
from cis_tui.memory.intake import check_line, check_write
from cis_tui.memory.plan import Version
from cis_tui.memory.records import MAX_KEY, IndexType, MemoryRecord, MemoryWrite
from cis_tui.memory.versions import Vector, join

MAX_RECORDS = 1000
"""Of one call."""
MAX_NODES = 64
"""In one vector."""
MAX_COUNT = 2**40
"""Of one node's versions of a key; what is counted honestly never comes near."""
MAX_NODE_NAME = 128
"""Bytes."""
MAX_LEAP = 10**6
"""Versions of a node that a key may have beyond those that are known here."""
MAX_FIRST = 10**9
"""The same, of a key that is not known here."""


def leaps(vector: Vector, known: Sequence[Vector]) -> bool:
    """Whether `vector` counts versions that nobody can have written since the newest ones `known` here."""
    if not known:
        return any(count > MAX_FIRST for count in vector.values())
    joined = join(*known)
    return any(count > joined.get(node, 0) + MAX_LEAP for node, count in vector.items())


def version_of(record: MemoryRecord) -> Version:
    """The version that `record` describes.

    Raises:
        Invalid: no node can have made it so (CIS-MEM-001 to 003, 085).
        Refused: it is Sensitive (CIS-MEM-087).
    """
    value = check_write(MemoryWrite(record.key, "" if record.value is None else record.value))
    check_line("CIS-MEM-003", "a category", record.category, MAX_KEY)
    _check_vector(record.key, record.vector, record.origin)
    _check_time(record)
    _check_dot(record)
    if record.index_type is IndexType.FREQUENTLY_QUERIED:
        raise _impossible(record.key, f"{record.index_type.value} is earned by use on each node, and not given")
    found = classify(record.key, value)
    if record.value is not None and IndexType.SENSITIVE in (record.index_type, found.index_type):
        raise Refused("CIS-MEM-087", f"{record.key} is Sensitive ({found.reason}) and is not taken from other nodes")
    return Version(
        key=record.key,
        value=None if record.value is None else value,
        category=record.category,
        index_type=record.index_type,
        vector=dict(record.vector),
        origin=record.origin,
        hlc=record.hlc,
        pinned=record.pinned,
        reason=SAID if record.classed else found.reason,
        classed=record.classed,
        undoes=record.undoes,
        epoch=record.epoch,
        seq=record.seq,
        signature=record.signature,
    )


def _check_vector(key: str, vector: Vector, origin: str) -> None:
    if not 0 < len(vector) <= MAX_NODES:
        raise _impossible(key, f"its vector has {len(vector)} nodes")
    for node, count in vector.items():
        if not (node.startswith("did:") and node.isascii() and node.isprintable() and len(node) <= MAX_NODE_NAME):
            raise _impossible(key, f"{node!a:.80} is no node")
        if isinstance(count, bool) or not 0 < count <= MAX_COUNT:
            raise _impossible(key, f"a node cannot have written {count!a:.30} versions")
    if origin not in vector:
        raise _impossible(key, "its origin did not count it")


def _check_time(record: MemoryRecord) -> None:
    for time in (record.hlc, record.undoes):
        if isinstance(time, bool) or not 0 <= time < 2**63:
            raise _impossible(record.key, f"{time!a:.30} is no time")


def _check_dot(record: MemoryRecord) -> None:
    if isinstance(record.seq, bool) or not 0 <= record.seq <= MAX_COUNT:
        raise _impossible(record.key, f"{record.seq!a:.30} is no number of a version")
    hexadecimal = len(record.epoch) == 8 and all(digit in "0123456789abcdef" for digit in record.epoch)
    if not hexadecimal if record.seq else record.epoch:
        raise _impossible(record.key, f"{record.epoch!a:.30} is no epoch")


def _impossible(key: str, why: str) -> Invalid:
    return Invalid("CIS-MEM-085", f"a version of {key} from another node cannot be: {why}")
