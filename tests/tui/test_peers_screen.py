"""The peers screen: what it shows of nodes in every state, its keys, and two real engines that pair by it."""

from __future__ import annotations

import asyncio
import re
from asyncio.subprocess import DEVNULL
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from cis_tui.core.clock import Instant
from cis_tui.core.paths import Home
from cis_tui.engine import Engine
from cis_tui.memory.records import Domain, MemoryConflict, MemoryWrite
from cis_tui.memory.service import MemoryService
from cis_tui.p2p.model import Mode, NodeState, Pairing, PairingState
from cis_tui.tui.app import CisApp
from cis_tui.tui.screens.pair import PairDialog
from cis_tui.tui.screens.peers import PeersScreen
from tests.cli.support import CIS
from tests.tui.helpers import NOW, attached, item, text_of, until, workspace
from tests.tui.peers import BUSY, HOSTILE_PEER, LAPTOP, PEERS, SERVER, fill_peers, status

patiently = partial(until, seconds=60)
"""For what programs do that have a network to start."""
SIZES = pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=lambda size: "x".join(map(str, size)))
CONFLICT = MemoryConflict(
    "project/config",
    item("project/config", "ours", domain=Domain.PUBLIC),
    (item("project/config", "theirs", domain=Domain.PUBLIC, origin=LAPTOP.did, created_at=Instant(NOW - 40)),),
)


def front(app: CisApp) -> PeersScreen:
    """The peers screen."""
    screen = app.screen_stack[0]
    assert isinstance(screen, PeersScreen)
    return screen


async def test_the_sync_queue_where_there_is_no_room_beside(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        fill_peers(app)
        await pilot.press("3", "v")
        await until(pilot, lambda: app.current_mode == "peers")
        front(app).take_conflicts((CONFLICT,))
        await pilot.pause()
        await pilot.press("v", "end")
        await pilot.pause()
        assert "old-phone" in text_of(app) and "every connection is refused" in text_of(app)


@SIZES
async def test_what_others_say_of_themselves_is_text(home: Home, size: tuple[int, int]) -> None:
    app = workspace(home)
    async with app.run_test(size=size) as pilot:
        fill_peers(app, (HOSTILE_PEER, LAPTOP), status((HOSTILE_PEER, LAPTOP), name="[red]me", problem="[b]"))
        await pilot.press("3", "down")
        await until(pilot, lambda: app.current_mode == "peers")
        assert "[@click=app.quit]" in text_of(app) and "\x1b" not in text_of(app)


async def test_forty_columns_keep_who_and_how_it_stands(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(40, 20)) as pilot:
        fill_peers(app)
        await pilot.press("3", "end")
        await pilot.pause()
        rows = text_of(app).split("\n")
        assert any("✗ old-phone" in row and "11-21" in row for row in rows)
        assert any(row.startswith(" ◆ laptop") and "● tcp 12 ms" in row for row in rows)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, PairDialog))
        assert isinstance(app.screen, PairDialog)
        app.screen.show_code(Pairing("x", "42-719-305", PairingState.EXPIRED, NOW, 3))
        await until(pilot, lambda: "nobody typed it in time" in text_of(app))


async def test_what_cannot_be_done_is_not_offered(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(200, 30)) as pilot:
        fill_peers(app, (), status(state=NodeState.OFF, mode=Mode.SOLITARY, discovering=False))
        await pilot.press("3")
        await pilot.pause()
        assert "Nobody is looked for: the mode is solitary" in text_of(app)
        keys = text_of(app).split("\n")[-1]
        assert not any(word in keys for word in ("pair", "allow", "deny", "sync now", "settle"))
        fill_peers(app)
        await pilot.press("down")
        await pilot.pause()
        assert "a allow  D deny" in text_of(app).split("\n")[-1], "it is pending"
        await pilot.press("down")
        await pilot.pause()
        assert "a allow" not in text_of(app).split("\n")[-1] and "s share" in text_of(app).split("\n")[-1]
        await pilot.press("slash", *"denied", "enter")
        await pilot.pause()
        assert "old-phone" in text_of(app) and "laptop" not in text_of(app)


async def test_the_palette_knows_peers_and_the_status_line_counts_them(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(100, 30)) as pilot:
        fill_peers(app)
        assert "? 1 peer pending  ↑ 15 changes to sync  2 peers  ● engine ready" in text_of(app)
        await pilot.press("colon")
        await pilot.pause()
        await pilot.press(*"peer build")
        await until(pilot, lambda: "Peer build-server" in text_of(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "peers" and front(app).table.chosen == SERVER)
        fill_peers(app, PEERS[::-1], BUSY)
        await pilot.pause()
        assert front(app).table.chosen == SERVER, "the cursor stays on its peer"
        fill_peers(app, (LAPTOP,), replace(BUSY, pending=0, queued=0, queue=(), connected=1))
        await pilot.pause()
        assert "1 peer, in sync" in text_of(app)


@pytest.fixture
def networked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines of this test speak to peers, on free ports, and look for nobody."""
    monkeypatch.setenv("CIS_P2P_ENABLED", "true")
    monkeypatch.setenv("CIS_P2P_LISTEN_PORT", "0")
    monkeypatch.setenv("CIS_P2P_MDNS", "false")


@pytest.mark.usefixtures("networked")
async def test_two_machines_pair_and_settle_a_conflict(home: Home, tmp_path: Path) -> None:
    """The one by its screen; the other by its command, and then by an engine of its own."""
    far = Home(tmp_path / "far").ensure()
    for each, value in ((home, "ours"), (far, "theirs")):
        memory = MemoryService(each)
        memory.set(MemoryWrite("project/config", value, Domain.PUBLIC))
        memory.close()
    async with attached(home, None, size=(100, 34), peers_after=0.0) as (app, pilot):
        await pilot.press("3")
        await patiently(pilot, lambda: "● listening on port" in text_of(app) and "No peers yet" in text_of(app))
        await pilot.press("p")
        await patiently(pilot, lambda: re.search(r"left for \d\d-\d\d\d-\d\d\d", text_of(app)))
        code = re.search(r"left for (\S+);", text_of(app))
        status = app.store.peer_status
        assert code and status
        at = next(addr for addr in status.identity.addrs if addr.startswith("/ip4/127.0.0.1/"))
        command = (CIS, "--home", str(far.root), "peer", "pair", code[1], "--at", at)
        pairing = await asyncio.create_subprocess_exec(*command, stdout=DEVNULL)
        await patiently(pilot, lambda: "paired with" in text_of(app) and not isinstance(app.screen, PairDialog))
        assert await pairing.wait() == 0
        await patiently(pilot, lambda: front(app).table.chosen is not None)  # the cursor is on who was paired with

        other = await Engine.start(far, peers_after=0.0)
        try:
            await patiently(pilot, lambda: "● tcp" in text_of(app) and "≠ 1 conflict" in text_of(app))
            await pilot.press("r", *"attic", "ctrl+s")
            await patiently(pilot, lambda: "◆ attic" in text_of(app))
            await pilot.press("C")
            await patiently(pilot, lambda: "Which one of project/config?" in text_of(app))
            rows = [row for row in text_of(app).split("\n") if ": ours" in row or ": theirs" in row]
            assert "attic (z6Mk" in "".join(rows), "both sides are shown, by name"
            await pilot.press(*(["enter"] if "ours" in rows[0] else ["down", "enter"]))
            await patiently(pilot, lambda: "≠" not in text_of(app).split("\n")[2])
            async with asyncio.timeout(20):
                while (found := await other.memory_get("project/config")) is None or found.value != "ours":
                    await pilot.pause(0.05)
            await patiently(pilot, lambda: "1 peer, in sync" in text_of(app))

            await pilot.press("D")
            await patiently(pilot, lambda: "Deny this peer?" in text_of(app))
            await pilot.press("y")
            await patiently(pilot, lambda: "○ nobody connected" in text_of(app) and "denied" in text_of(app))
            await pilot.press("x")
            await patiently(pilot, lambda: "Forget this peer?" in text_of(app))
            await pilot.press("y")
            await patiently(pilot, lambda: "forgot attic" in text_of(app) and "✗ attic" not in text_of(app))
            await pilot.press("6")
            await patiently(pilot, lambda: "is paired" in text_of(app) and "attic" in text_of(app))
        finally:
            await other.close()
