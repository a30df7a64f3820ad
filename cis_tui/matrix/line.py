"""The way to nodes by the room in which they meet: questions and answers, each a signed operation.

A room keeps what is said in it. So a question is asked once, and has its answer whenever the other node is there, be
that after this engine has ended; one that is of no use any more by then is answered as such, and asked anew.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from functools import partial
from typing import Protocol

from cis_tui.core.clock import Instant
from cis_tui.core.document import as_table
from cis_tui.core.errors import Unavailable, error_from_stranger
from cis_tui.matrix import identities, media, questions
from cis_tui.matrix.advice import NOTICE
from cis_tui.matrix.answering import EXPIRED, WINDOW, Answering, Way
from cis_tui.matrix.events import RoomEvent
from cis_tui.matrix.operations import Operation, new_id
from cis_tui.matrix.outbound import Outgoing
from cis_tui.matrix.questions import Answer
from cis_tui.matrix.service import MatrixService
from cis_tui.matrix.store import Transaction

PACE = 10.0
"""Seconds between two words to a node that a homeserver with usual limits bears (Synapse: 0.2 a second, 10 at once)."""
FRESH = 60.0
"""Seconds for which an answer that nobody waited for is worth more than asking again."""


class Topic(Protocol):
    """What a question is about."""

    @property
    def what(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def lasts(self) -> float: ...
    @property
    def subject(self) -> str: ...
    @property
    def told(self) -> str: ...


class RoomLine:
    """Asks nodes in the room, and answers them. On the engine's event loop."""

    def __init__(self, service: MatrixService, me: str, *, news: Callable[[str], object]) -> None:
        """To be made before the service begins.

        `news`: told of a node that can be asked from now on, or has said something that somebody may wait for.
        """
        self._service = service
        self._store = service.store
        self._me = me
        self._news = news
        self._answering = Answering(service, me)
        self._ways: dict[str, Way] = {}
        self._arrived: dict[str, asyncio.Event] = {}
        self._closed = False
        self._here: frozenset[str] = frozenset()
        """The other nodes that are bound to accounts in the room."""
        self._entering: asyncio.Task[None] | None = None
        self._store.add_tables(questions.SCHEMA)
        service.listen(self._listen)
        service.when_ready(self._enter)

    def speak(self, way: Way) -> None:
        """Ask and answer one more protocol."""
        self._ways[way.protocol] = way
        self._answering.speak(way)
        self._service.handle(way.answer, self._take_answer)

    async def close(self) -> None:
        """Ask and answer nothing more; what is open is so still when the next engine lives."""
        self._closed = True
        if self._entering is not None:
            self._entering.cancel()
            await asyncio.gather(self._entering, return_exceptions=True)
        await self._answering.close()

    def reaches(self, did: str) -> bool:
        """Whether a node can be asked something in the room, be it there now or not."""
        return did in self._here and self._service.online

    def away(self, did: str) -> Unavailable:
        """Why it cannot."""
        if not self._service.online:
            return media.away()
        return Unavailable("CIS-MATRIX-090", f"{did} is not in the room in which nodes meet", hint="cis matrix members")

    async def request(self, did: str, protocol: str, body: bytes, *, timeout: float, topic: Topic) -> bytes:
        """The answer of a node in the room. A question that was asked, and may be answered still, is not asked again.

        Raises:
            Unavailable: the homeserver is away (CIS-MATRIX-080), or no answer came within `timeout` seconds (082).
            CisError: the node, or the homeserver, says no.
        """
        if not self._service.online:
            raise media.away()
        id = ""
        try:
            async with asyncio.timeout(timeout):
                id = await self._ask(did, self._ways[protocol], body, topic)
                answer = await self._answer_to(id)
                reply = b"" if "error" in answer.data else await media.unpacked(self._service.client, answer.data)
        except TimeoutError as error:
            raise Unavailable("CIS-MATRIX-082", "no answer has come to what was asked in the room") from error
        finally:
            self._arrived.pop(id, None)
        await self._store.write(lambda transaction: questions.use(transaction, id))
        if "error" in answer.data:
            raise error_from_stranger(as_table(answer.data["error"]), "CIS-MATRIX-085")
        return reply

    async def _ask(self, did: str, way: Way, body: bytes, topic: Topic) -> str:
        """The id of the question, which is on its way when this returns."""
        key = _digest(did, way.protocol, topic.key or body.hex())
        now = self._service.now()
        id = await self._store.read(lambda database: questions.under_way(database, key, now))
        if id:
            return id
        id, kind, until = new_id(), way.kinds[topic.what], Instant(now + min(topic.lasts, WINDOW))
        told = {"to": did, "until": int(until * 1000), **await media.packed(self._service.client, body)}
        waiting = [self._service.seal(Outgoing(f"io.cis.{kind}", kind, told), id)]
        if topic.told:  # once, however many are asked about it, and how often
            notice = Outgoing("m.room.message", NOTICE, {"subject": topic.subject}, topic.told)
            of = _digest(self._me, self._service.intake.federation, topic.subject)
            waiting.insert(0, self._service.seal(notice, of[:32]))

        def put(transaction: Transaction) -> None:
            questions.ask(transaction, id, key, did, until)
            for each in waiting:
                self._service.put(transaction, each)

        await self._store.write(put)
        return id

    async def _answer_to(self, id: str) -> Answer:
        """What was said to a question, once it was."""
        arrived = self._arrived.setdefault(id, asyncio.Event())
        while True:
            arrived.clear()
            answer = await self._store.read(lambda database: questions.answer_of(database, id))
            if answer is not None:
                return answer
            await arrived.wait()

    def _take_answer(self, operation: Operation, transaction: Transaction) -> None:
        if operation.data.get("to") != self._me:
            return
        id, asked_at = questions.take_answer(transaction, operation)
        late = as_table(operation.data.get("error")).get("code") == EXPIRED
        old = id not in self._arrived and abs(transaction.now - operation.at) > FRESH
        stale = (late or old) and transaction.now - asked_at > FRESH
        if stale:
            questions.use(transaction, id)  # it is asked anew, by whoever wants to know still
        transaction.after(partial(self._note_answer, id, operation.did, stale))

    def _note_answer(self, id: str, did: str, stale: bool) -> None:
        if id in self._arrived and not stale:
            self._arrived[id].set()  # and nobody else is told: what was refused would be asked again at once
        elif not self._closed:
            self._news(did)

    # Who is there

    def _enter(self) -> None:
        """The homeserver is there again: what waits is answered, and who is in the room is looked at."""
        self._answering.wake()
        if not self._closed and (self._entering is None or self._entering.done()):
            self._entering = asyncio.get_running_loop().create_task(self._look_around())

    async def _look_around(self) -> None:
        nodes = await self._store.read(identities.nodes)
        self._here = frozenset(each.did for each in nodes) - {self._me}
        for did in self._here:
            self._news(did)

    def _listen(self, event: RoomEvent, operation: Operation | None, transaction: Transaction) -> None:
        stranger = operation is not None and operation.did not in (*self._here, self._me)
        if stranger or event.type in (identities.TYPE, "m.room.member"):
            here = frozenset(each.did for each in identities.nodes(transaction.database)) - {self._me}
            transaction.after(partial(self._know, here))

    def _know(self, here: frozenset[str]) -> None:
        new, self._here = here - self._here, here
        for did in () if self._closed else new:
            self._news(did)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
