"""Where nothing is to be seen yet, the next key is told, and it is the one that is bound."""

from __future__ import annotations

from cis_tui.core.paths import Home
from cis_tui.engine import Engine
from cis_tui.protocol import EngineApi
from cis_tui.tui.store import LinkState
from tests.tui.helpers import text_of, until, workspace


async def test_every_empty_screen_tells_the_key_that_is_bound_now(home: Home) -> None:
    async def connect() -> EngineApi:
        return await Engine.start(home)

    keys = {"memory.new": "N", "go.chat": "f4", "chat.send": "ctrl+s", "peers.copy": "K"}
    app = workspace(home, connect=connect, keys=keys)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.store.link is LinkState.READY)
        said = text_of(app)
        assert "No project here." in said and "cis init" in said, "a command is told as it is typed"
        assert " F4        goes to the chat" in said
        await pilot.press("1")
        await until(pilot, lambda: "Nothing is remembered yet" in text_of(app))
        assert f" N{' ' * 25}writes the first entry" in text_of(app)
        await pilot.press("3")
        await until(pilot, lambda: "K copies the DID" in text_of(app))
        await pilot.press("6", "slash", *"zzz")
        await until(pilot, lambda: "No event has that." in text_of(app))
        await pilot.press("escape", "f4")
        await until(pilot, lambda: "Nothing was said yet." in text_of(app))
        said = text_of(app)
        assert " Ctrl+S  sends, or steers the agent" in said
        assert "then leaves\n         the line" in said, "what does not fit is wrapped under what it belongs to"
        await pilot.resize_terminal(40, 20)
        await until(pilot, lambda: "while it works" in text_of(app))
        assert " Ctrl+S  sends, or steers the agent\n         while it works" in text_of(app)
