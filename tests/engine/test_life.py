"""An engine that cannot start, or cannot close as it should, lets go of its home: the next one lives there."""

from __future__ import annotations

import pytest

from cis_tui.core.errors import Invalid
from cis_tui.core.paths import Home
from cis_tui.engine import Engine
from cis_tui.engine.nodes import Nodes


class Fault(Exception):
    """What nobody has thought of."""


async def fault(nodes: Nodes) -> None:
    raise Fault


async def lives(home: Home) -> bool:
    engine = await Engine.start(home, peers_after=60)
    await engine.close()
    return True


async def test_a_setting_that_keeps_it_from_starting_can_be_mended(home: Home) -> None:
    home.ensure()
    home.config_file.write_text('[matrix]\npolicy = ["nonsense"]\n')
    with pytest.raises(Invalid, match="nonsense"):
        await Engine.start(home)
    home.config_file.write_text("")
    assert await lives(home)


async def test_one_that_fails_half_way_is_closed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, pytest.raises(Fault):
        patch.setattr(Nodes, "start", fault)
        await Engine.start(home, peers_after=60)
    assert await lives(home)


async def test_a_part_that_cannot_be_closed_keeps_no_other_open(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = await Engine.start(home, peers_after=60)
    with monkeypatch.context() as patch, pytest.raises(Fault):
        patch.setattr(Nodes, "close", fault)
        await engine.close()
    assert await lives(home)
