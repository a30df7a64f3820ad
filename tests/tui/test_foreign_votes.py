"""A vote that another node asks: in the tray, read whole, and cast with the keys of any decision."""

from __future__ import annotations

from pathlib import Path

from cis_tui.core.clock import utc_now
from cis_tui.core.identity import load_identity
from cis_tui.core.paths import Home
from cis_tui.dag.peers.motions import Motion, checked
from cis_tui.engine import Engine
from cis_tui.protocol import EngineApi
from cis_tui.tui.store import LinkState
from tests.dag.peers.net import EVE
from tests.dag.peers.test_hostile_votes import SHOWN, motion
from tests.tui.helpers import text_of, until, workspace
from tests.tui.test_live import Seconds


async def test_it_is_asked_and_answered_where_one_is(home: Home, project: Path) -> None:
    engines: list[Engine] = []

    async def connect() -> EngineApi:
        engines.append(await Engine.start(home, project=project))
        return engines[0]

    me = load_identity(home).did
    app = workspace(home, connect=connect, project=project, clock=utc_now, timer=Seconds())
    async with app.run_test(size=(110, 34), notifications=True) as pilot:
        await until(pilot, lambda: app.store.link is LinkState.READY)
        await engines[0].peer_allow(EVE.did, name="eve")
        votes = engines[0]._runs.decisions.votes  # pyright: ignore[reportPrivateUsage] # no peer is needed to show one
        put: Motion = motion(holders={"dba": me}, quorum=2)
        asked = await votes.open(checked(put, asker=EVE.did, me=me, name="eve", now=utc_now()), SHOWN)
        await until(pilot, lambda: "eve (z6MkvRXN…Prf2): deploy / clean up" in text_of(app))
        await pilot.press("d")
        await until(pilot, lambda: "asked by" in text_of(app) and "rm -rf /" in text_of(app))
        assert EVE.did in text_of(app)
        assert "dba  not yet" in text_of(app)
        await pilot.press("v")
        await until(pilot, lambda: "abstain" in text_of(app))
        await pilot.press("r")
        await until(pilot, lambda: "dba reject" in text_of(app))
        (open,) = await engines[0].decision_list()
        assert (open.id, open.ballots[0].choice, open.ballots[0].voter) == (asked.id, "reject", me)
        await votes.close(votes.of(EVE.did)[0], open, EVE.did)
