"""What a homeserver tells, taken: looked at, held against the rules, then applied in one transaction.

An event that is no good is set aside with the reason; the others are applied, and nothing ends the reading.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from cis_tui.core.errors import CisError, Invalid, Refused
from cis_tui.core.events import EventType
from cis_tui.core.text import clean
from cis_tui.matrix import identities, ledger, rooms
from cis_tui.matrix.events import Garbage, RoomEvent, RoomNews
from cis_tui.matrix.operations import Operation, carries, open_operation
from cis_tui.matrix.policy import Policy
from cis_tui.matrix.store import Database, Store, Transaction

log = logging.getLogger(__name__)

Handler = Callable[[Operation, Transaction], None]
"""Takes an operation, in the store's thread and its transaction; a `CisError` that it raises sets the event aside."""
Before = Callable[[Operation], Awaitable[None]]
"""Does what is durable by itself and may be repeated, before that transaction."""
Listener = Callable[[RoomEvent, "Operation | None", Transaction], None]
"""Told of every event that was not set aside, and of the operation that it brought, ours too."""
Reveal = Callable[[Sequence[RoomEvent]], Awaitable[Sequence[RoomEvent]]]
_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Kind:
    """What is done about operations of one kind."""

    handler: Handler
    capability: str
    """What who says it must be allowed; empty: everybody may who is not denied."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one room, oldest first."""

    room: str
    events: Sequence[RoomEvent]
    garbage: Sequence[Garbage] = ()
    state: Sequence[RoomEvent] = ()
    live: bool = True
    """Whether they are new, and not of the past."""
    news: RoomNews | None = None
    """What else is told of the room."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """One event after the first look."""

    operation: Operation | None = None
    error: CisError | None = None


class Intake:
    """Takes events; on the engine's event loop, one batch at a time."""

    def __init__(self, store: Store, policy: Policy, did: str) -> None:
        self._store = store
        self._policy = policy
        self._did = did
        self.user = ""
        """The account that is logged in."""
        self.federation = ""
        """The room in which nodes meet."""
        self.kinds: dict[str, Kind] = {}
        self.before: dict[str, Before] = {}
        self.listeners: list[Listener] = []
        self.reveal: Reveal | None = None
        """Decrypts events, where that is needed."""

    async def take(self, batches: Sequence[Batch], also: Callable[[Transaction, int], None]) -> int:
        """Take batches, and do `also`, which is given how many events were new, in the same transaction.

        Raises:
            CisError: nothing can be written now; nothing was taken.
        """
        if self.reveal is not None:
            batches = [replace(batch, events=await self.reveal(batch.events)) for batch in batches]
        looked = await self._store.read(lambda database: self._look(database, batches))
        for id, seen in looked.items():
            if seen.operation is not None and seen.operation.kind in self.before:
                try:
                    await self.before[seen.operation.kind](seen.operation)
                except CisError as error:
                    looked[id] = _Seen(seen.operation, error)
                except Exception as error:
                    looked[id] = _Seen(seen.operation, _failed(error))

        def apply(transaction: Transaction) -> int:
            new = sum(self._apply(transaction, batch, looked) for batch in batches)
            also(transaction, new)
            return new

        return await self._store.write(apply)

    # The first look, which changes nothing

    def _look(self, database: Database, batches: Sequence[Batch]) -> dict[str, _Seen]:
        looked: dict[str, _Seen] = {}
        taken: set[tuple[str, str]] = set()
        for event in (event for batch in batches for event in batch.events):
            if event.id in looked or not carries(event) or ledger.is_seen(database, event.id):
                continue
            try:
                operation = open_operation(event)
                self._check(database, operation, taken)
                looked[event.id] = _Seen(operation)
                taken.add((operation.did, operation.id))
            except CisError as error:
                looked[event.id] = _Seen(None, error)
            except Exception as error:
                looked[event.id] = _Seen(None, _failed(error))
        return looked

    def _check(self, database: Database, operation: Operation, taken: set[tuple[str, str]]) -> None:
        """Hold an operation against the rules, in the order of what a forger has to know."""
        if operation.room != self.federation:
            raise Refused("CIS-MATRIX-033", "this is not the room in which nodes meet")
        if operation.did == self._did and operation.account == self.user:
            return
        if operation.did == self._did:
            raise Refused("CIS-MATRIX-028", "this node's own key speaks by another account")
        identities.check_bound(database, operation)
        kind = self.kinds.get(operation.kind)
        if kind is None:
            raise Invalid("CIS-MATRIX-032", f"operations of the kind {operation.kind[:40]!a} are not known here")
        self._policy.check(operation.did, kind.capability)
        if (operation.did, operation.id) in taken or ledger.is_known(database, operation.did, operation.id):
            raise Refused("CIS-MATRIX-031", "it was said before: this is a replay")

    # The transaction

    def _apply(self, transaction: Transaction, batch: Batch, looked: dict[str, _Seen]) -> int:
        new = 0
        transaction.live = batch.live
        if batch.news is not None:
            rooms.note_room(transaction, batch.news)
        for event in batch.state:
            self._guarded(transaction, event, lambda event=event: self._state(transaction, event))
        for waste in batch.garbage:
            if not waste.id or ledger.note_seen(transaction, waste.id):
                ledger.reject(transaction, waste, batch.room, Invalid("CIS-MATRIX-020", waste.reason))
        for event in batch.events:
            if ledger.note_seen(transaction, event.id):
                new += 1
                seen = looked.get(event.id, _Seen())
                self._guarded(transaction, event, lambda event=event, seen=seen: self._one(transaction, event, seen))
        return new

    def _guarded(self, transaction: Transaction, event: RoomEvent, act: Callable[[], None]) -> None:
        """Do something about an event; if it fails, nothing of that remains, and the event is set aside."""
        told, later = len(transaction.told), len(transaction.later)
        transaction.execute("SAVEPOINT event")
        try:
            act()
        except Exception as error:
            transaction.execute("ROLLBACK TO event")
            transaction.undo_to(told, later)
            problem = error if isinstance(error, CisError) else _failed(error)
            ledger.reject(transaction, event, event.room, problem)
        finally:
            transaction.execute("RELEASE event")

    def _state(self, transaction: Transaction, event: RoomEvent) -> None:
        rooms.note_state(transaction, event)
        if event.room != self.federation:
            return
        if event.type == identities.TYPE:
            for problem in identities.take_identity(transaction, event):
                ledger.reject(transaction, event, event.room, problem)
        elif event.type == "m.room.member" and event.content.get("membership") in ("leave", "ban"):
            identities.free(transaction, event.state_key or "")

    def _one(self, transaction: Transaction, event: RoomEvent, seen: _Seen) -> None:
        if seen.error is not None:
            raise seen.error
        if event.state_key is not None and transaction.live:
            self._state(transaction, event)
        if seen.operation is not None:
            self._operation(transaction, seen.operation)
        elif event.type == "m.room.message" and transaction.live and not event.redacted:
            self._tell(transaction, event)
        for listener in self.listeners:
            listener(event, seen.operation, transaction)

    def _operation(self, transaction: Transaction, operation: Operation) -> None:
        if not ledger.note_operation(transaction, operation.did, operation.id, operation.kind, operation.event):
            if operation.did == self._did:
                return
            raise Refused("CIS-MATRIX-031", "it was said before: this is a replay")
        if operation.did != self._did:
            identities.bind(transaction, operation)
            self.kinds[operation.kind].handler(operation, transaction)

    def _tell(self, transaction: Transaction, event: RoomEvent) -> None:
        body = event.content.get("body")
        told = {
            "room": event.room,
            "event": event.id,
            "sender": event.sender,
            "own": event.sender == self.user,
            "text": clean(body, limit=_SHOWN) if isinstance(body, str) else "",
        }
        transaction.tell(EventType.MATRIX_MESSAGE, told)


def _failed(error: Exception) -> CisError:
    log.error("an event of a room could not be taken", exc_info=error)
    return Invalid("CIS-MATRIX-030", f"it could not be taken: {type(error).__name__}")
