"""`cis --read-only`: everything is seen, nothing is changed."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import cast

import pytest

from cis_tui.core.errors import Refused
from cis_tui.core.paths import Home
from cis_tui.engine import Engine
from cis_tui.memory.records import MemoryWrite
from cis_tui.protocol import EngineApi
from cis_tui.tui.read_only import CHANGES, QUESTIONS, read_only
from cis_tui.tui.store import LinkState
from tests.conftest import ROOT
from tests.tui.helpers import text_of, until, workspace

CALLS = {name for name, _ in inspect.getmembers(EngineApi, inspect.isfunction) if not name.startswith("_")}


class NoEngine:
    """One that nobody may reach."""


async def test_what_is_no_question_is_refused_before_it_reaches_the_engine() -> None:
    assert QUESTIONS < CALLS
    only = read_only(cast("EngineApi", NoEngine()))
    for name in CALLS - QUESTIONS:
        with pytest.raises(Refused) as caught:
            await getattr(only, name)("one", two="three")
        assert caught.value.code == "CIS-TUI-050"


def test_what_is_not_offered_is_bound() -> None:
    reference = (ROOT / "docs" / "reference.md").read_text()
    assert [id for id in CHANGES if f"| `{id}` |" not in reference] == []


async def test_keys_that_change_something_say_why_they_do_not(home: Home, tmp_path: Path) -> None:
    engine = await Engine.start(home)
    await engine.memory_set(MemoryWrite("project/motto", b"ship on Fridays"))

    async def connect() -> EngineApi:
        return read_only(engine)

    app = workspace(home, connect=connect, read_only=True)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: app.store.link is LinkState.READY)
        await pilot.press("1")
        await until(pilot, lambda: "motto" in text_of(app))
        assert "read-only" in text_of(app)
        keys = text_of(app).splitlines()[-1]
        assert "c copy" in keys and "i layers" in keys
        assert "n new" not in keys and "x delete" not in keys, "a key that does nothing is offered"
        await pilot.press("p")
        await until(pilot, lambda: "this workspace only looks" in text_of(app))
        item = await engine.memory_get("project/motto")
        assert item is not None and not item.pinned
        app.clear_notifications()
        await pilot.press("4")
        await until(pilot, lambda: "this workspace only looks" not in text_of(app))
        await pilot.press(*"!touch made", "enter")
        await until(pilot, lambda: "this workspace only looks" in text_of(app))
    assert "made" not in os.listdir() + os.listdir(tmp_path)
