"""Questions and answers between two nodes: signed envelopes that are meant for one reader, and errors as such."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import NoReturn, TypeVar
from weakref import WeakValueDictionary

from cis_tui.core.codec import decode, dumps
from cis_tui.core.document import as_table, is_list, is_table
from cis_tui.core.errors import CisError, Invalid, Refused, Unavailable, error_from_stranger, error_to_wire
from cis_tui.core.identity import Identity
from cis_tui.core.text import clean_line
from cis_tui.dag.peers.line import UNNAMED, Line, Topic, short
from cis_tui.sync.envelope import open_envelope, seal

T = TypeVar("T")
LIMIT = 512 * 1024
"""Bytes of one message."""
NOT_ADMITTED = "CIS-P2P-088"
PATIENCE = 10.0
"""Seconds within which a node answers."""
_DEPTH = 12
_SHORT = 2048
"""Bytes of a message that is read at once; one of many little parts takes a millisecond for each of these."""

Answer = Callable[[str, "Said"], Awaitable[object]]
"""DID of who asks, and what, to what is answered: anything that `codec.encode` takes."""


@dataclass(frozen=True, slots=True)
class Said:
    """One question, in clear."""

    what: str
    data: object
    age: float = 0.0
    """Seconds that it was on its way."""

    def as_a(self, kind: type[T]) -> T:
        """What it is about.

        Raises:
            Invalid: it has another shape (CIS-CORE-020).
        """
        return decode(kind, self.data)


class Talk:
    """One protocol, spoken in both directions."""

    def __init__(self, line: Line, identity: Identity, protocol: str, kind: str) -> None:
        """`kind`: that of its envelopes, so that none of them can be taken for another one."""
        self.line = line
        self.protocol = protocol
        self._identity = identity
        self._kind = kind
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def ask(
        self, did: str, what: str, data: object, kind: type[T], *, timeout: float = PATIENCE, topic: Topic = UNNAMED
    ) -> T:
        """What the node answers to `what`, as a `kind`; `topic`: for a line that wants to know more than `what`.

        Raises:
            Unavailable: it is away, or does not answer.
            Refused: it is not admitted (CIS-P2P-088), or somebody else has answered (CIS-P2P-089).
            CisError: it says no.
        """
        if not self.line.admits(did):
            raise Refused(NOT_ADMITTED, f"{short(did)} is not admitted", hint=f"cis peer allow {did}")
        question = self._sealed(did, "ask", {"what": what, "data": data})
        reply = await self.line.request(did, self.protocol, question, timeout=timeout, topic=replace(topic, what=what))
        if not reply:
            raise Unavailable("CIS-P2P-093", f"{short(did)} did not take the question")
        told = await self._read(reply, did, "answer")
        if "error" in told:
            raise error_from_stranger(as_table(told["error"]), "CIS-P2P-091")
        return decode(kind, told.get("data"))

    async def answer(self, did: str, body: bytes, handler: Answer, *, age: float = 0.0) -> bytes:
        """What is answered to the node, whose DID is proven; errors go there as such. `age`: as in `Said`.

        Raises:
            CisError: what came is no question of this node to us.
        """
        asked = await self._read(body, did, "ask")
        try:
            if not self.line.admits(did):
                raise Refused(NOT_ADMITTED, f"{short(did)} is not admitted")
            found = await handler(did, Said(clean_line(str(asked.get("what")), limit=40), asked.get("data"), age))
        except CisError as error:
            return self._sealed(did, "answer", {"error": error_to_wire(error)})
        return self._sealed(did, "answer", {"data": found})

    def _sealed(self, to: str, way: str, data: Mapping[str, object]) -> bytes:
        """Envelopes have no fractions; what they are about does, and is a text in them."""
        sealed = seal(self._identity, self._kind, {"to": to, "way": way, "text": dumps(data)})
        if len(sealed) > LIMIT:
            raise Invalid("CIS-P2P-090", f"a message for {short(to)} has {len(sealed)} bytes, at most {LIMIT} are sent")
        return sealed

    async def _read(self, data: bytes, did: str, way: str) -> Mapping[str, object]:
        """What a node said; what is long is read beside the loop, one of each node at a time."""
        if len(data) <= _SHORT:
            return self._opened(data, did, way)
        turn = self._turns.setdefault(did, asyncio.Lock())
        async with turn:
            return await asyncio.to_thread(self._opened, data, did, way)

    def _opened(self, data: bytes, did: str, way: str) -> Mapping[str, object]:
        by, body = open_envelope(data, self._kind, LIMIT)
        if by != did or body.get("to") != self._identity.did or body.get("way") != way:
            raise Refused("CIS-P2P-089", f"what {short(did)} sent was said by another node, or to another one")
        try:
            found: object = json.loads(str(body.get("text")), parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise Invalid("CIS-P2P-091", f"what {short(did)} sent cannot be read") from error
        if not is_table(found) or _depth(found) > _DEPTH:
            raise Invalid("CIS-P2P-091", f"what {short(did)} sent cannot be read")
        return found


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _depth(value: object) -> int:
    """How deep lists and tables stand within each other; no deeper than is looked."""
    level: list[object] = [value]
    depth = 0
    while level and depth <= _DEPTH:
        inner: list[object] = []
        for each in level:
            inner += each.values() if is_table(each) else each if is_list(each) else ()
        level, depth = inner, depth + 1
    return depth
