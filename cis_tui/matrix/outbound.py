"""Says what is to be said: one thing after another, first what is kept in the outbox, then what sources still have.

One at a time, since what is said at once makes gaps where servers federate. A transaction is said once, however often
it is tried: the homeserver knows it by its number.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from cis_tui.core.errors import CisError
from cis_tui.core.retry import Retry
from cis_tui.matrix import outbox
from cis_tui.matrix.client import MatrixClient
from cis_tui.matrix.failures import AWAY, NO_TOKEN, TOO_OFTEN, retry_after
from cis_tui.matrix.operations import MAX_DATA
from cis_tui.matrix.outbox import Waiting
from cis_tui.matrix.store import Store, Transaction

log = logging.getLogger(__name__)
_RETRY = Retry(backoff=0.5, factor=2.0, max_delay=30.0)
_TRIES = 6
"""Of something over which a homeserver that is there stumbles."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Something that a source wants said."""

    type: str
    """Of the event, such as `m.room.message`."""
    kind: str
    """Of the operation, such as `memory`."""
    data: Mapping[str, object]
    body: str = ""
    """For people; an `m.room.message` needs one."""
    relates_to: str = ""
    """The event that it answers."""
    about: object = None
    """What the source wants to know when it was said."""


class Source(Protocol):
    """Has things to be said that need no outbox, since they follow from what is kept elsewhere.

    Called in threads, one call at a time.
    """

    def next(self, limit: int) -> Outgoing | None:
        """What is to be said next, with at most `limit` bytes of data; None: nothing now."""
        ...

    def sent(self, outgoing: Outgoing, event: str) -> None:
        """It was said."""
        ...

    def refused(self, outgoing: Outgoing, error: CisError) -> None:
        """The homeserver will never take it."""
        ...


class Sender:
    """Says it, for one login."""

    def __init__(
        self,
        client: MatrixClient,
        store: Store,
        sources: list[Source],
        *,
        seal: Callable[[Outgoing, str], Waiting],
        conceal: Callable[[Waiting], Awaitable[Waiting]],
        online: asyncio.Event,
        suspect: Callable[[], None],
        changed: Callable[[str, str], object],
    ) -> None:
        """`seal` makes an event of an operation, under a new number; `conceal` encrypts one where that is needed.

        `changed` is told what became of one.
        """
        self._client = client
        self._store = store
        self._sources = sources
        self._seal = seal
        self._conceal = conceal
        self._online = online
        self._suspect = suspect
        self._changed = changed
        self._wake = asyncio.Event()
        self._failed = 0

    def wake(self) -> None:
        """There is something new to be said."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._online.wait()
            self._wake.clear()
            try:
                busy = await self._one_of_outbox() or await self._one_of_sources()
            except Exception as error:  # the file, or what a source reads, cannot be used now
                log.warning("nothing can be said now", exc_info=error)
                await asyncio.sleep(_RETRY.max_delay)
                continue
            if not busy:
                await self._wake.wait()

    async def _one_of_outbox(self) -> bool:
        waiting = await self._store.read(outbox.first)
        if waiting is None:
            return False
        event, error = await self._say(waiting)

        def settle(transaction: Transaction) -> None:
            if error is None:
                outbox.sent(transaction, waiting.txn, event)
            else:
                outbox.failed(transaction, waiting.txn, error.message)

        await self._store.write(settle)
        self._changed(waiting.txn, "sent" if error is None else "failed")
        return True

    async def _one_of_sources(self) -> bool:
        for source in self._sources:
            outgoing = await asyncio.to_thread(source.next, MAX_DATA)
            if outgoing is None:
                continue
            try:
                waiting = self._seal(outgoing, "")
                event, error = await self._say(waiting)
            except CisError as bad:
                event, error = "", bad
            if error is None:
                await asyncio.to_thread(source.sent, outgoing, event)
            else:
                log.warning("a source wants said what cannot be: %s", error.message)
                await asyncio.to_thread(source.refused, outgoing, error)
            return True
        return False

    async def _say(self, waiting: Waiting) -> tuple[str, CisError | None]:
        """Say it, however long it takes; gives the event, or why it will never be one."""
        tries = 0
        while True:
            await self._online.wait()
            try:
                said = await self._conceal(waiting)
                event = await self._client.send(said.room, said.type, said.content, said.txn)
            except CisError as error:
                tries += "status" in error.context and error.code == AWAY  # it is there, and cannot take this
                if error.code not in (AWAY, TOO_OFTEN, NO_TOKEN) or tries >= _TRIES:
                    return "", error
                await self._pause(error)
            else:
                self._failed = 0
                return event, None

    async def _pause(self, error: CisError) -> None:
        """Wait, until the homeserver wants to be asked again."""
        self._failed += 1
        if error.code != TOO_OFTEN:
            self._suspect()
        await asyncio.sleep(retry_after(error) or _RETRY.delay(self._failed))
