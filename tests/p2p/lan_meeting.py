"""Run in a network of its own by `test_lan`: nodes meet by mDNS, and somebody lies. Prints what happened as JSON."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import socket

from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from cis_tui.core.identity import Identity
from cis_tui.p2p.lan import SERVICE
from cis_tui.p2p.link import LinkEvent, LinkEventKind
from cis_tui.p2p.node import PeerNode
from tests.p2p.conftest import ECHO, SETTINGS, Door, until


def node(door: Door, events: list[LinkEvent], seed: bytes) -> PeerNode:
    made = PeerNode(
        identity=Identity(seed),
        settings=dataclasses.replace(SETTINGS, mdns=True),
        gate=door,
        on_event=events.append,
    )

    async def echo(did: str, body: bytes) -> bytes:
        return body[::-1]

    made.serve(ECHO, echo)
    return made


def announcement(name: str, port: int, properties: dict[str, str]) -> AsyncServiceInfo:
    address = socket.inet_aton("127.0.0.1")
    return AsyncServiceInfo(
        SERVICE, f"{name}.{SERVICE}", addresses=[address], port=port, properties=properties, server=f"{name}.local."
    )


async def main() -> None:
    told: dict[str, object] = {}
    events: list[LinkEvent] = []
    door, other_door, victim = Door(), Door(), Identity(os.urandom(32))
    a, b = node(door, events, os.urandom(32)), node(other_door, [], os.urandom(32))
    door.admitted |= {b.did, victim.did}
    other_door.admitted.add(a.did)
    a.keep(b.did, [])
    a.keep(victim.did, [])
    liar = AsyncZeroconf()
    await asyncio.gather(a.start(), b.start())
    lies = (
        announcement("victim", b.port, {"did": victim.did}),
        announcement("nobody", 1, {"did": "did:key:z6Mkwrong"}),
        announcement("myself", 9, {"did": a.did}),
    )
    await asyncio.gather(*(liar.async_register_service(lie) for lie in lies))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    await until(lambda: b.did in a.links)
    told["answer"] = (await a.request(b.did, ECHO, b"abc")).decode()
    await until(lambda: a.looking["mdns"] == b.looking["mdns"] == "active")
    await until(lambda: len({event.reason for event in events if event.kind is LinkEventKind.REFUSED}) == 3)
    told["refused"] = sorted({event.reason for event in events if event.kind is LinkEventKind.REFUSED})
    told["linked"] = sorted(a.links) == [b.did]
    await liar.async_unregister_all_services()
    await liar.async_close()

    await b.stop()
    await until(lambda: not a.links)
    await a.stop()
    told["discovered"] = any(event.kind is LinkEventKind.DISCOVERED and event.did == b.did for event in events)
    print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main())
