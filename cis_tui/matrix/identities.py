"""Which node speaks by which account: `io.cis.identity`, a state event that only its account can set.

Its content has an operation of the kind `identity` for each node of the account. A node is bound to the account that
spoke for it first, until that account takes it back or leaves; who has copied a node's key cannot use it elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from cis_tui.core.errors import CisError, Refused
from cis_tui.core.text import clean_line
from cis_tui.matrix.events import RoomEvent, short
from cis_tui.matrix.operations import OP, Operation, open_operation
from cis_tui.matrix.store import Database, Transaction

TYPE = "io.cis.identity"
MAX_NODES = 16
"""Of one account."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A node and its account."""

    did: str
    user: str
    device: str
    key: str = ""
    """Ed25519 fingerprint of the device, where the room is encrypted."""


def bind(transaction: Transaction, operation: Operation) -> None:
    """See that a node speaks by its account; it is bound if it was not.

    Raises:
        Refused: it is bound to another account (CIS-MATRIX-028).
    """
    known = bound(transaction.database, operation.did)
    if known is not None and known.user != operation.account:
        shown = clean_line(known.user, limit=100)
        raise Refused("CIS-MATRIX-028", f"{operation.did} speaks by another account, {shown}")
    key = short(operation.data.get("ed25519")) if operation.kind == "identity" else (known.key if known else "")
    if known is None or (operation.kind == "identity" and (known.device, known.key) != (operation.device, key)):
        values = (operation.did, operation.account, operation.device, key, transaction.now)
        transaction.execute("INSERT OR REPLACE INTO identities VALUES(?, ?, ?, ?, ?)", values)


def check_bound(database: Database, operation: Operation) -> None:
    """As `bind`, and change nothing."""
    known = bound(database, operation.did)
    if known is not None and known.user != operation.account:
        shown = clean_line(known.user, limit=100)
        raise Refused("CIS-MATRIX-028", f"{operation.did} speaks by another account, {shown}")


def bound(database: Database, did: str) -> Bound | None:
    """The account of a node."""
    row = database.execute("SELECT did, user, device, key FROM identities WHERE did = ?", (did,)).fetchone()
    return Bound(*map(str, row)) if row else None


def nodes(database: Database) -> list[Bound]:
    """Every node that is bound."""
    return [Bound(*map(str, row)) for row in database.execute("SELECT did, user, device, key FROM identities")]


def take_identity(transaction: Transaction, event: RoomEvent) -> list[CisError]:
    """Bind what a state event says of its account, and let go of what it says no more; gives why parts were refused."""
    if event.state_key != event.sender:
        return [Refused("CIS-MATRIX-029", "an identity was set by another account than its own")]
    problems: list[CisError] = []
    named: set[str] = set()
    for each in _operations(event.content):
        try:
            operation = open_operation(replace(event, content={OP: each}))
            named.add(operation.did)
            bind(transaction, operation)
        except CisError as error:
            problems.append(error)
    for known in nodes(transaction.database):
        if known.user == event.sender and known.did not in named:
            transaction.execute("DELETE FROM identities WHERE did = ?", (known.did,))
    return problems


def with_node(content: Mapping[str, object], did: str, operation: Mapping[str, object] | None) -> dict[str, object]:
    """The content of an identity with what a node says of itself in place of what it said; None: without it."""
    others = [each for each in _operations(content) if each.get("by") != did]
    return {"nodes": [*others[: MAX_NODES - 1], *([operation] if operation is not None else [])]}


def node_in(content: Mapping[str, object], did: str) -> Mapping[str, object] | None:
    """What a node says of itself in an identity."""
    return next((each for each in _operations(content) if each.get("by") == did), None)


def free(transaction: Transaction, user: str) -> None:
    """An account has left: its nodes may speak by others."""
    transaction.execute("DELETE FROM identities WHERE user = ?", (user,))


def _operations(content: Mapping[str, object]) -> list[dict[str, object]]:
    found = content.get("nodes")
    items = cast("list[object]", found)[:MAX_NODES] if isinstance(found, list) else []
    return [cast("dict[str, object]", each) for each in items if isinstance(each, dict)]
