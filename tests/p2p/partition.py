"""Run in a network of its own by `test_partition`: two nodes, a line between them that is cut for some seconds while
both write the same. Prints what happened as JSON; times are seconds since the line was there again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cis_tui.core.config import P2PSettings
from cis_tui.core.identity import Identity
from cis_tui.core.paths import Home
from cis_tui.memory.records import Domain, MemoryWrite
from cis_tui.memory.service import MemoryService
from cis_tui.p2p.names import peer_id
from cis_tui.p2p.service import PeerService
from cis_tui.p2p.sharing import sync_with
from tests.p2p.conftest import until

PORT = 7677
CUT = "tc qdisc add dev {line} root tbf rate 8bit burst 1 limit 1"
"""No packet is as small as that: all are lost, and nobody is told."""
NAMES = ("left", "right")


def run(command: str) -> None:
    subprocess.run(command.split(), check=True)


class Side:
    """One node, at one end of the line."""

    def __init__(self, place: int) -> None:
        self.place, self.line = place, f"end{place}"
        self.host = f"10.77.0.{place + 1}"
        identity, other = (
            Identity(hashlib.sha256(name.encode()).digest()) for name in (NAMES[place], NAMES[1 - place])
        )
        home = Home(Path(tempfile.mkdtemp()) / "home").ensure()
        self.memory = MemoryService(home, node=identity.did)
        self.peers = PeerService(home, identity, P2PSettings(listen_port=PORT, mdns=False))
        sync_with(self.peers, self.memory, identity)
        self.other = other.did

    async def meet(self) -> None:
        run(f"ip addr add {self.host}/24 dev {self.line}")
        run(f"ip link set {self.line} up")
        await self.peers.allow(self.other)
        await self.peers.add(f"/ip4/10.77.0.{2 - self.place}/tcp/{PORT}/p2p/{peer_id(self.other)}")
        self.put(f"before/{NAMES[self.place]}", "x")
        await self.peers.live()
        await until(lambda: self.peers.node.links)

    def put(self, key: str, value: str) -> None:
        self.memory.set(MemoryWrite(key, value, Domain.PUBLIC))

    def write(self) -> None:
        """What the other side does not hear of now."""
        self.put("note", f"by {NAMES[self.place]}")
        self.put(f"own/{NAMES[self.place]}", "x")

    async def healed(self) -> dict[str, float]:
        """When the line, and when memory, was one again: steady seconds of this machine."""
        began = {"line": await when(lambda: self.peers.node.links)}
        key = f"own/{NAMES[1 - self.place]}"
        return began | {"memory": await when(lambda: self.memory.current(key) and self.conflict())}

    def conflict(self) -> list[str]:
        """The values of the conflict that both sides are to show."""
        (conflict,) = self.memory.revisions.conflicts() or (None,)
        return sorted(str(item.value) for item in (conflict.winner, *conflict.others)) if conflict else []

    async def close(self) -> None:
        await self.peers.close()
        self.memory.close()


async def when(condition: Callable[[], object]) -> float:
    await until(condition)
    return time.monotonic()


async def main(place: int) -> None:
    """One side; it does in turn what it is told over a pipe, which is no part of the network."""
    side = Side(place)
    while word := (await asyncio.to_thread(sys.stdin.readline)).strip():
        told: object = word
        if word == "meet":
            await side.meet()
        elif word == "cut":
            run(CUT.format(line=side.line))
            side.write()
        elif word == "mend":
            run(f"tc qdisc del dev {side.line} root")
        elif word == "healed":
            told = {**await side.healed(), "conflict": side.conflict()}
        print(json.dumps(told), flush=True)
    await side.close()


def both(seconds: float) -> None:
    """Cut the line for some seconds."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "tests.p2p.partition"]
    starts = [[*command, "0"], ["unshare", "-n", *command, "1"]]
    sides = [subprocess.Popen(start, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for start in starts]
    pipes = [(side.stdin, side.stdout) for side in sides if side.stdin and side.stdout]

    def tell(word: str) -> list[Any]:
        for said, _ in pipes:
            said.write(word + "\n")
            said.flush()
        return [json.loads(heard.readline()) for _, heard in pipes]

    tell("begin")
    run("ip link add name end0 type veth peer name end1")
    run(f"ip link set end1 netns {sides[1].pid}")
    tell("meet")
    tell("cut")
    time.sleep(seconds)
    tell("mend")
    mended = time.monotonic()
    told = tell("healed")
    for side in sides:
        side.communicate(timeout=10)
    print(json.dumps([{**side, "line": side["line"] - mended, "memory": side["memory"] - mended} for side in told]))


if __name__ == "__main__":
    if len(sys.argv) > 2:
        both(float(sys.argv[2]))
    else:
        asyncio.run(main(int(sys.argv[1])))
