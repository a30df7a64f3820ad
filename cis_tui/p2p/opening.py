"""The side of a pairing that shows the code, and answers whoever types it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace

from cis_tui.core.clock import Clock, Instant
from cis_tui.core.errors import CisError, NotFound, Refused
from cis_tui.p2p.cards import Card, Message, read_card, read_message
from cis_tui.p2p.limits import Allowance
from cis_tui.p2p.model import Pairing, PairingState
from cis_tui.p2p.names import fingerprint
from cis_tui.p2p.pake import Code, Exchange, new_code

log = logging.getLogger(__name__)

OPEN_FOR = 300.0
"""Seconds that a code can be typed."""
TRIES = 3
"""Wrong ones that end it."""
_EXCHANGES = 16
"""That are under way at the same time; of more, the oldest is dropped."""
_BEGINS = (2.0, 12.0)
"""Exchanges that strangers may begin: so many a second, so many at once. Each costs 20 ms."""

Admit = Callable[[str, Card], Awaitable[str]]
"""Admits a peer with what it says of itself, durably; gives the name that it has here."""


class Opening:
    """At most one code at a time, open for five minutes, good for one peer and three wrong tries.

    Lives on one event loop, but for `open`.
    """

    def __init__(
        self,
        own_did: str,
        admit: Admit,
        *,
        on_wrong: Callable[[str, int], None],
        on_end: Callable[[Pairing], None],
        clock: Clock,
        open_for: float = OPEN_FOR,
    ) -> None:
        """`on_wrong` is told who gave a wrong code and how many more may be; `on_end` how each pairing ended."""
        self._own_did = own_did
        self._admit = admit
        self._on_wrong = on_wrong
        self._on_end = on_end
        self._clock = clock
        self._open_for = open_for
        self._until = 0.0
        self._code: Code | None = None
        self._mine = Card()
        self._pairing: Pairing | None = None
        self._ended = asyncio.Event()
        self._exchanges: OrderedDict[str, Exchange] = OrderedDict()
        self._begins = Allowance(*_BEGINS, time.monotonic())
        self._settling = False
        """Whether somebody has proven the code and is being admitted."""
        self._last: tuple[str, bytes, bytes] | None = None
        """Who was admitted, what proved it, and the answer, which may have been lost on its way."""

    @property
    def open(self) -> bool:
        """Whether a code can be typed right now; may be asked from any thread."""
        return self._code is not None and time.monotonic() < self._until

    def begin(self, mine: Card) -> Pairing:
        """Open a code, and tell `mine` to whoever types it; one that is open ends."""
        self._end(PairingState.CANCELLED)
        self._code, self._mine, self._last = new_code(), mine, None
        self._ended = asyncio.Event()
        self._until = time.monotonic() + self._open_for
        id, expires = secrets.token_hex(8), Instant(self._clock() + self._open_for)
        self._pairing = Pairing(id, str(self._code), PairingState.OPEN, expires, TRIES)
        asyncio.get_running_loop().call_later(self._open_for, self._expire, id)
        return self._pairing

    async def wait(self, id: str) -> Pairing:
        """How it ended, when it has.

        Raises:
            NotFound: there is no such pairing, or another was opened since (CIS-P2P-052).
        """
        pairing, ended = self._named(id), self._ended
        await ended.wait()
        same = self._pairing is not None and self._pairing.id == id
        return self._named(id) if same else replace(pairing, state=PairingState.CANCELLED)

    def cancel(self, id: str) -> Pairing:
        """Take the code back, unless it has ended.

        Raises:
            NotFound: there is no such pairing, or another was opened since (CIS-P2P-052).
        """
        self._named(id)
        self._end(PairingState.CANCELLED)
        return self._named(id)

    def close(self) -> None:
        """Take back whatever is open."""
        self._end(PairingState.CANCELLED)

    def _named(self, id: str) -> Pairing:
        if self._pairing is None or self._pairing.id != id:
            raise NotFound("CIS-P2P-052", "that code is not open any more", hint="cis peer pair opens another one")
        return self._pairing

    def _expire(self, id: str) -> None:
        if self._pairing is not None and self._pairing.id == id and not self._settling:
            self._end(PairingState.EXPIRED)

    def _end(self, state: PairingState, did: str = "", name: str = "") -> None:
        if self._pairing is None or self._pairing.state is not PairingState.OPEN:
            return
        called = fingerprint(did) if did else ""
        self._pairing = replace(self._pairing, state=state, did=did, name=name, fingerprint=called)
        self._code = None
        self._exchanges.clear()
        self._ended.set()
        self._on_end(self._pairing)

    async def answer(self, did: str, body: bytes) -> bytes:
        """The answer to one request of a peer whose key has proven `did`; tells nothing about the code."""
        message = read_message(body)
        if message is None or message.step not in ("begin", "prove"):
            return _error("garbage")
        if message.step == "prove":
            return await self._prove(did, message.data)
        if self._code is None or not self.open or self._settling:
            return _error("closed")
        if message.plate != self._code.plate:
            return _error("other")
        if not self._begins.take(time.monotonic()):
            return _error("busy")
        return await self._begin(self._code, did, message.data)

    async def _begin(self, code: Code, did: str, data: bytes) -> bytes:
        try:
            exchange = await asyncio.to_thread(_exchange, code, self._own_did, did, data)
        except Refused:
            return _error("garbage")
        if self._code is not code:
            return _error("closed")
        self._exchanges[did] = exchange
        self._exchanges.move_to_end(did)
        while len(self._exchanges) > _EXCHANGES:
            self._exchanges.popitem(last=False)
        return Message("begun", data=exchange.message).bytes()

    async def _prove(self, did: str, proof: bytes) -> bytes:
        if self._last is not None and self._last[:2] == (did, proof):
            return self._last[2]
        exchange = self._exchanges.pop(did, None)
        if exchange is None or not self.open or self._settling:
            return _error("closed")
        try:
            card = read_card(exchange.open(proof))
        except Refused:
            return self._wrong(did)
        answer = Message("proven", data=exchange.seal(self._mine.bytes())).bytes()
        self._settling = True
        try:
            name = await self._admit(did, card)
        except CisError as error:
            log.error("%s knew the code and could not be admitted: %s", did, error.message)
            return _error("failed")
        finally:
            self._settling = False
        self._last = (did, proof, answer)
        self._end(PairingState.PAIRED, did, name)
        return answer

    def _wrong(self, did: str) -> bytes:
        assert self._pairing is not None
        self._pairing = replace(self._pairing, tries=self._pairing.tries - 1)
        self._on_wrong(did, self._pairing.tries)
        if self._pairing.tries <= 0:
            self._end(PairingState.SPENT, did)
        return _error("wrong")


def _error(kind: str) -> bytes:
    return Message("error", error=kind).bytes()


def _exchange(code: Code, opener: str, joiner: str, message: bytes) -> Exchange:
    exchange = Exchange(code, opener=opener, joiner=joiner, opens=True)
    exchange.take(message)
    return exchange
