"""The side of a pairing that types the code: it finds who shows it, and proves itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from cis_tui.core.errors import CisError, Invalid, Refused, Unavailable
from cis_tui.p2p.addresses import Address
from cis_tui.p2p.cards import Card, Message, read_card, read_message
from cis_tui.p2p.names import read_address
from cis_tui.p2p.pake import Code, Exchange, read_code

LOOK_FOR = 30.0
"""Seconds that the other side is looked for."""
_AGAIN = 3.0
"""Seconds after which one that showed no such code is asked again."""
_DOUBT = 2.0
"""Seconds that are left to find another one that shows the code, after one did not know it."""
_WRONG = 3
"""Nodes that claim to show the code and do not know it, after which there is somebody who guesses."""
_LOOK = 0.25
"""Seconds between looks who else was found."""
_CANDIDATES = 32

Ask = Callable[[str, Sequence[str], bytes], Awaitable[bytes]]
"""The answer of a peer, found at these addresses, to one request."""
Near = Callable[[], Iterable[tuple[str, Sequence[str]]]]
"""Who was found around here: DIDs, and addresses."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """A node that says it shows the code. It has learnt nothing, and proven nothing, so far."""

    did: str
    addrs: Sequence[str]
    exchange: Exchange


class Joining:
    """One code that was typed here."""

    def __init__(self, own_did: str, ask: Ask, near: Near) -> None:
        self._own_did = own_did
        self._ask = ask
        self._near = near
        self.asked: set[str] = set()
        """DIDs that are spoken to of pairing, so that the gate lets their answers in; only ever grows."""
        self._wrong: set[str] = set()
        self._found: asyncio.Queue[tuple[str, Card]] = asyncio.Queue()
        self._proving = asyncio.Lock()

    async def join(self, text: str, mine: Card, *, at: str = "", patience: float = LOOK_FOR) -> tuple[str, Card]:
        """Find who shows the code, and prove to each other that both know it: the other's DID and card.

        `at` is the multiaddr of the other side; else everybody around here is asked.

        Raises:
            Invalid: that is no code (CIS-P2P-053), or no address (CIS-P2P-007, 042).
            Refused: the code is wrong (CIS-P2P-051), or the other side has closed it (CIS-P2P-054).
            Unavailable: nobody around here shows it (CIS-P2P-055), or the other side cannot be reached.
        """
        code, address = check(text, at)
        if address is not None:
            if address.did == self._own_did:
                raise Invalid("CIS-P2P-045", "that is this node itself", hint="type the code on the other machine")
            return address.did, await self._prove(await self._begin(code, address.did, (str(address),)), mine)
        return await self._search(code, mine, patience)

    async def _search(self, code: Code, mine: Card, patience: float) -> tuple[str, Card]:
        """Ask everybody at once, since some may be dead; prove it to one after another."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        asking: dict[str, asyncio.Task[None]] = {}
        try:
            while self._found.empty() and loop.time() < deadline and len(self._wrong) < _WRONG:
                for did, addrs in tuple(self._near())[:_CANDIDATES]:
                    if did != self._own_did and did not in asking:
                        asking[did] = asyncio.create_task(self._keep_asking(code, did, addrs, mine))
                await self._wait(_LOOK)
                if self._wrong:
                    deadline = min(deadline, loop.time() + _DOUBT)
            async with self._proving:  # who is being told the proof will have admitted this node
                pass
        finally:
            for task in asking.values():
                task.cancel()
            await asyncio.gather(*asking.values(), return_exceptions=True)
        if not self._found.empty():
            return self._found.get_nowait()
        raise _refused("wrong") if self._wrong else _nobody()

    async def _wait(self, seconds: float) -> None:
        """Until somebody is found, but no longer than `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                self._found.put_nowait(await self._found.get())

    async def _keep_asking(self, code: Code, did: str, addrs: Sequence[str], mine: Card) -> None:
        """Ask one node until it shows the code; what it says then is kept in `_found`, or that it did not know it."""
        while True:
            try:
                begun = await self._begin(code, did, addrs)
                async with self._proving:
                    if len(self._wrong) < _WRONG and self._found.empty():
                        self._found.put_nowait((did, await self._prove(begun, mine)))
                return
            except (Refused, Unavailable, Invalid) as error:
                if error.code == "CIS-P2P-051":
                    self._wrong.add(did)
                    return
            await asyncio.sleep(_AGAIN)

    async def _begin(self, code: Code, did: str, addrs: Sequence[str]) -> _Begun:
        exchange = await asyncio.to_thread(lambda: Exchange(code, opener=did, joiner=self._own_did, opens=False))
        self.asked.add(did)
        answer = await self._spoken(did, addrs, Message("begin", code.plate, exchange.message))
        await asyncio.to_thread(exchange.take, answer.data)
        return _Begun(did, addrs, exchange)

    async def _prove(self, begun: _Begun, mine: Card) -> Card:
        proof = Message("prove", data=begun.exchange.seal(mine.bytes()))
        answer = await self._spoken(begun.did, begun.addrs, proof)
        return read_card(begun.exchange.open(answer.data))

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


def check(text: str, at: str = "") -> tuple[Code, Address | None]:
    """The code that was typed, and the address.

    Raises:
        Invalid: that is no code (CIS-P2P-053), or no address (CIS-P2P-007, 042).
    """
    code = read_code(text)
    if code is None:
        raise Invalid("CIS-P2P-053", "that is no pairing code", hint="it has eight digits, such as 42-719-305")
    return code, read_address(at) if at else None


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
