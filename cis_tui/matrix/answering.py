"""Questions that other nodes ask in a room: written down, answered, and answered again after a crash.

What comes is held against these, in this order: shape, room, account, signature, who may ask that at all (all before it
comes here), its time, its id. It is written down before anything is done. Who answers knows what was begun before, so
that nothing is done twice; the answer has the same id however often it is given, and the room has it once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from cis_tui.core.errors import CisError, Invalid, Refused, error_to_wire
from cis_tui.matrix import ledger, media, questions
from cis_tui.matrix.events import Garbage
from cis_tui.matrix.operations import Operation
from cis_tui.matrix.outbound import Outgoing
from cis_tui.matrix.questions import Taken, answer_id
from cis_tui.matrix.service import MatrixService
from cis_tui.matrix.store import Transaction

log = logging.getLogger(__name__)
WINDOW = 600.0
"""Seconds by which the time of a question may differ from that of this machine."""
EXPIRED = "CIS-MATRIX-081"
_MOST_OF_ONE = 32
"""Questions of one node that are answered at the same time."""

Handler = Callable[[str, str, bytes, float], Awaitable[bytes]]
"""DID of who asks, kind of operation, what is asked, seconds that it was on its way; to what is answered."""


@dataclass(frozen=True, slots=True)
class Way:
    """How questions of one protocol are said in a room."""

    protocol: str
    kinds: Mapping[str, str]
    """What is asked to the kind of its operation; the event's type is `io.cis.` and that."""
    answer: str
    """The kind of answers."""
    capabilities: Mapping[str, str]
    """Kind to what who asks has to be allowed."""
    handler: Handler


class Answering:
    """Answers what is asked in the room. On the engine's event loop."""

    def __init__(self, service: MatrixService, me: str) -> None:
        self._service = service
        self._store = service.store
        self._me = me
        self._kinds: dict[str, Way] = {}
        self._under_way: dict[int, tuple[str, asyncio.Task[None]]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._again = False
        self._closed = False

    def speak(self, way: Way) -> None:
        """Answer one more protocol."""
        for kind in way.kinds.values():
            self._kinds[kind] = way
            self._service.handle(kind, self._take, capability=way.capabilities.get(kind, ""))

    async def close(self) -> None:
        """Answer nothing more; what was not answered is when the next engine lives."""
        self._closed = True
        tasks = [task for _, task in self._under_way.values()] + ([self._looking] if self._looking else [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def wake(self) -> None:
        """Answer what is to be answered, also what an engine before this one had begun to."""
        self._again = True
        if not self._closed and (self._looking is None or self._looking.done()):
            self._looking = asyncio.get_running_loop().create_task(self._look())

    def _take(self, operation: Operation, transaction: Transaction) -> None:
        """Write a question down, if it is one for this node, to be answered once that is durable."""
        data, now = operation.data, transaction.now
        if data.get("to") != self._me:
            return
        until = data.get("until")
        if type(until) is not int or not (isinstance(data.get("text"), str) or isinstance(data.get("file"), dict)):
            raise Invalid("CIS-MATRIX-022", "this is no operation: it asks nothing")
        late = abs(now - operation.at) > WINDOW or now * 1000 > until
        questions.take(transaction, operation, late=late)
        if late:
            said = operation.at.iso()[:19].replace("T", " ")
            error = Refused(EXPIRED, f"{operation.kind} was asked at {said} UTC, and is of no use any more")
            ledger.reject(transaction, Garbage(operation.event, operation.account, ""), operation.room, error)
        transaction.after(self.wake)

    async def _look(self) -> None:
        while self._again:
            self._again = False
            try:
                waiting = await self._store.read(questions.unanswered)
            except CisError as error:
                log.warning("questions in the room cannot be read: %s", error.message)
                return
            for taken in waiting:
                busy = sum(did == taken.did for did, _ in self._under_way.values())
                if taken.number not in self._under_way and taken.kind in self._kinds and busy < _MOST_OF_ONE:
                    task = asyncio.get_running_loop().create_task(self._answer(taken))
                    self._under_way[taken.number] = taken.did, task

    async def _answer(self, taken: Taken) -> None:
        try:
            data: dict[str, object] = {"to": taken.did, "ask": taken.id, **await self._told(taken)}
            kind = self._kinds[taken.kind].answer
            waiting = self._service.seal(Outgoing(f"io.cis.{kind}", kind, data, "", taken.event), answer_id(taken))

            def put(transaction: Transaction) -> None:
                questions.note_answered(transaction, taken.number)
                self._service.put(transaction, waiting)

            await self._store.write(put)
        except CisError as error:  # it is tried again when the homeserver is back, or with the next engine
            log.warning("a question of %s waits: %s (%s)", taken.did, error.message, error.code)
            del self._under_way[taken.number]
        else:
            del self._under_way[taken.number]
            self.wake()

    async def _told(self, taken: Taken) -> Mapping[str, object]:
        """What is said to a question.

        Raises:
            CisError: the homeserver is away.
        """
        if taken.late:
            return _error(Refused(EXPIRED, "it came too late, or the clocks of both nodes differ", retryable=True))
        try:
            body = await media.unpacked(self._service.client, taken.data)
        except CisError as error:
            if error.retryable:
                raise
            return _error(error)
        age = max(self._service.now() - taken.at, 0.0)
        try:
            reply = await self._kinds[taken.kind].handler(taken.did, taken.kind, body, age)
        except Exception as error:
            log.exception("a question of %s cannot be answered", taken.did)
            return _error(Invalid("CIS-MATRIX-089", f"it cannot be answered: {type(error).__name__}"))
        return await media.packed(self._service.client, reply)


def _error(error: CisError) -> Mapping[str, object]:
    """What is said of an error; what else belongs to it stays here."""
    return {"error": {name: value for name, value in error_to_wire(error).items() if name != "context"}}
