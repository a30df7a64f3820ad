"""The side of a pairing that types the code: it finds who shows it, and proves itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from cis_tui.core.errors import CisError, Invalid, Refused, Unavailable
from cis_tui.p2p.cards import Card, Message, read_card, read_message
from cis_tui.p2p.names import read_address
from cis_tui.p2p.pake import Code, Exchange, read_code

LOOK_FOR = 30.0
"""Seconds that the other side is looked for."""
_AGAIN = 1.0
"""Seconds between looks."""
_DOUBT = 2.0
"""Seconds that are left to find another one that shows the code, after one did not know it."""
_WRONG = 3
"""Nodes that claim to show the code and do not know it, after which there is somebody who guesses."""
_CANDIDATES = 32

Ask = Callable[[str, Sequence[str], bytes], Awaitable[bytes]]
"""The answer of a peer, found at these addresses, to one request."""
Near = Callable[[], Iterable[tuple[str, Sequence[str]]]]
"""Who was found around here: DIDs, and addresses."""


class Joining:
    """One code that was typed here."""

    def __init__(self, own_did: str, ask: Ask, near: Near) -> None:
        self._own_did = own_did
        self._ask = ask
        self._near = near
        self.asked: set[str] = set()
        """DIDs that are spoken to of pairing, so that the gate lets their answers in."""
        self._wrong: set[str] = set()

    async def join(self, text: str, mine: Card, *, at: str = "", patience: float = LOOK_FOR) -> tuple[str, Card]:
        """Find who shows the code, and prove to each other that both know it: the other's DID and card.

        `at` is the multiaddr of the other side; else everybody around here is asked.

        Raises:
            Invalid: that is no code (CIS-P2P-053), or no address (CIS-P2P-007, 042).
            Refused: the code is wrong (CIS-P2P-051), or the other side has closed it (CIS-P2P-054).
            Unavailable: nobody around here shows it (CIS-P2P-055), or the other side cannot be reached.
        """
        code = read_code(text)
        if code is None:
            raise Invalid("CIS-P2P-053", "that is no pairing code", hint="it has eight digits, such as 42-719-305")
        if at:
            address = read_address(at)
            if address.did == self._own_did:
                raise Invalid("CIS-P2P-045", "that is this node itself", hint="type the code on the other machine")
            return address.did, await self._try(code, address.did, (str(address),), mine)
        return await self._search(code, mine, patience)

    async def _search(self, code: Code, mine: Card, patience: float) -> tuple[str, Card]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        while True:
            for did, addrs in tuple(self._near())[:_CANDIDATES]:
                if did in self._wrong or did == self._own_did or len(self._wrong) >= _WRONG:
                    continue
                try:
                    return did, await self._try(code, did, addrs, mine)
                except (Refused, Unavailable) as error:
                    if error.code == "CIS-P2P-051":
                        self._wrong.add(did)
                        deadline = min(deadline, loop.time() + _DOUBT)
            if len(self._wrong) >= _WRONG or (self._wrong and loop.time() >= deadline):
                raise _refused("wrong")
            if loop.time() >= deadline:
                raise _nobody()
            await asyncio.sleep(_AGAIN)

    async def _try(self, code: Code, did: str, addrs: Sequence[str], mine: Card) -> Card:
        exchange = await asyncio.to_thread(lambda: Exchange(code, opener=did, joiner=self._own_did, opens=False))
        self.asked.add(did)
        try:
            begun = await self._spoken(did, addrs, Message("begin", code.plate, exchange.message))
            await asyncio.to_thread(exchange.take, begun.data)
            proof = Message("prove", data=exchange.seal(mine.bytes()))
            proven = await self._spoken(did, addrs, proof)
            return read_card(exchange.open(proven.data))
        finally:
            self.asked.discard(did)

    async def _spoken(self, did: str, addrs: Sequence[str], message: Message) -> Message:
        body = message.bytes()
        try:
            raw = await self._ask(did, addrs, body)
        except Unavailable:
            if message.step != "prove":
                raise
            # The line broke: the other side may have admitted this one, and answers the same proof alike.
            raw = await self._ask(did, addrs, body)
        answer = read_message(raw)
        if answer is None or answer.step not in ("begun", "proven", "error"):
            raise Refused("CIS-P2P-050", "the other side does not speak of pairing as this one does")
        if answer.step == "error":
            raise _refused(answer.error)
        return answer


def _refused(error: str) -> CisError:
    if error == "wrong":
        return Refused("CIS-P2P-051", "the code is wrong", hint="look at the other screen, and type it again")
    if error == "busy":
        return Unavailable("CIS-P2P-056", "the other side is asked by too many at once", hint="try again")
    if error == "failed":
        return Unavailable("CIS-P2P-056", "the other side cannot write down that it is paired")
    hint = "the code is good for one peer, five minutes and three tries; cis peer pair there shows a new one"
    return Refused("CIS-P2P-054", "the other side shows no such code", hint=hint)


def _nobody() -> Unavailable:
    hint = "give its address, which cis peer id prints there: cis peer pair CODE --at MULTIADDR"
    return Unavailable("CIS-P2P-055", "nobody around here shows that code", hint=hint, retryable=False)
