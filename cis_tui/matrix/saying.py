"""Saying something in a room: operations of this node, and what people write. Kept until the homeserver has it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from cis_tui.core.clock import Clock
from cis_tui.core.errors import Invalid, NotFound, Unavailable
from cis_tui.core.identity import Identity
from cis_tui.matrix import outbox, views
from cis_tui.matrix.account import Account
from cis_tui.matrix.intake import Intake
from cis_tui.matrix.model import MatrixSent
from cis_tui.matrix.operations import OP, new_id, seal_operation
from cis_tui.matrix.outbound import Outgoing, Sender
from cis_tui.matrix.outbox import Waiting
from cis_tui.matrix.store import Store, Transaction


class Saying:
    """The part of `MatrixService` that says something."""

    store: Store
    intake: Intake
    account: Account | None
    _identity: Identity
    _clock: Clock
    _sender: Sender | None

    def wake(self) -> None:
        """Say what sources have."""
        if self._sender is not None:
            self._sender.wake()

    def seal(self, outgoing: Outgoing, id: str = "") -> Waiting:
        """The event that says an operation, as this node, by this account, in the room.

        Raises:
            Unavailable: nobody is logged in, or the room is not known yet (CIS-MATRIX-034).
            Invalid: it cannot be said in a room (CIS-MATRIX-025, 026).
        """
        account, room = self.account, self.intake.federation
        if account is None or not room:
            hint = "cis matrix status tells how it stands"
            raise Unavailable("CIS-MATRIX-034", "the room in which nodes meet is not known yet", hint=hint)
        id = id or new_id()
        operation = seal_operation(
            self._identity,
            outgoing.kind,
            outgoing.data,
            account=account.user,
            device=account.device,
            room=room,
            at=self._clock(),
            id=id,
        )
        content: dict[str, object] = {OP: operation}
        if outgoing.type == "m.room.message" or outgoing.body:
            content |= {"msgtype": "m.notice", "body": outgoing.body}
        if outgoing.relates_to:
            content["m.relates_to"] = {"rel_type": "m.reference", "event_id": outgoing.relates_to}
        return Waiting(id, room, outgoing.type, content)

    async def queue(
        self, type: str, kind: str, data: Mapping[str, object], *, body: str = "", relates_to: str = "", id: str = ""
    ) -> str:
        """Have an operation said in the room, whenever the homeserver is there; durable on return. Gives its id.

        Raises:
            CisError: as `seal`, or the file cannot be written.
        """
        waiting = self.seal(Outgoing(type, kind, data, body, relates_to), id)
        await self.store.write(lambda transaction: self.put(transaction, waiting))
        return waiting.txn

    def put(self, transaction: Transaction, waiting: Waiting) -> None:
        """Have something said as a part of a transaction: what `seal` made, or a plain event."""
        outbox.put(transaction, waiting.txn, waiting.room, waiting.type, waiting.content)
        transaction.after(self.wake)

    async def post(self, type: str, content: Mapping[str, object], *, room: str = "", txn: str = "") -> MatrixSent:
        """Have a plain event said, such as what a person writes; durable on return.

        Raises:
            NotFound: there is no such room (CIS-MATRIX-036).
            Invalid: the event would be too large (CIS-MATRIX-025).
        """
        target = await self.store.read(lambda database: views.find_room(database, room))
        size = len(str(content).encode("utf-8", "replace"))
        if size > 60_000:
            raise Invalid("CIS-MATRIX-025", f"a message of {size} bytes is more than a room takes")
        waiting = Waiting(txn or new_id(), target, type, content)
        await self.store.write(lambda transaction: self.put(transaction, waiting))
        return await self.sent(waiting.txn)

    async def sent(self, txn: str) -> MatrixSent:
        """How far something that was to be said has come.

        Raises:
            NotFound: nothing of that number was (CIS-MATRIX-037).
        """
        found = await self.store.read(lambda database: outbox.find(database, txn))
        if found is None:
            raise NotFound("CIS-MATRIX-037", f"nothing was said as {txn[:80]!a}")
        return found

    async def said(self, txn: str, *, timeout: float) -> MatrixSent:
        """The same, once it was sent or has failed, or when `timeout` seconds are over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while (found := await self.sent(txn)).state.value == "queued":  # noqa: ASYNC110 - rows of a file
                    await asyncio.sleep(0.05)
                return found
        return await self.sent(txn)
