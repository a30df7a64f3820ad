"""Run by `test_lan` in a network without any interface: a node starts, says what it lacks, and stops."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os

from cis_tui.core.errors import CisError
from cis_tui.core.identity import Identity
from cis_tui.p2p.node import PeerNode
from tests.p2p.conftest import ECHO, SETTINGS, Door, until


async def main() -> None:
    other = Identity(os.urandom(32))
    node = PeerNode(
        identity=Identity(os.urandom(32)),
        settings=dataclasses.replace(SETTINGS, mdns=True),
        gate=Door({other.did}),
        on_event=lambda event: None,
    )
    await node.start()
    node.keep(other.did, ["/ip4/192.0.2.1/tcp/7677"])
    await until(lambda: node.looking["mdns"] != "starting")
    try:
        await node.request(other.did, ECHO, b"abc")
    except CisError as error:
        answered = type(error).__name__
    else:
        answered = "yes"
    print(json.dumps({"addrs": node.addrs, "answered": answered, "mdns": node.looking["mdns"]}))
    await node.stop()


if __name__ == "__main__":
    asyncio.run(main())
