"""An agent that is a program, made with the official SDK, in the chat of a real workspace on a real engine."""

from __future__ import annotations

import sys
from pathlib import Path

from cis_tui.core.paths import Home
from tests.agents import program
from tests.tui.helpers import attached, text_of, until
from tests.tui.test_chat_screen import chat
from tests.tui.test_live import Seconds


async def test_a_program_chats_in_the_pane(home: Home, project: Path) -> None:
    folder = home.root / "agents"
    folder.mkdir()
    (folder / "mine.toml").write_text(f"[agent]\ncommand = {[sys.executable, program.__file__]!r}\n")
    home.config_file.write_text('[agent]\ndefault = "mine"\n')
    async with attached(home, project, size=(100, 34), timer=Seconds()) as (app, pilot):
        await pilot.press("4")
        await pilot.press(*"look for tools", "enter")
        await until(pilot, lambda: "it is 42" in text_of(app) and not chat(app).chat.busy)
        shown = text_of(app)
        assert "let me look" in shown and "read Read a.txt" in shown and "execute Run make" in shown
        assert shown.index("let me look") < shown.index("Read a.txt") < shown.index("it is 42")
        await pilot.press(*"ask for permission", "enter")
        await until(pilot, lambda: "edit write a.txt" in text_of(app) and "program_mine" in text_of(app))
        await pilot.press("shift+tab", "y")
        await until(pilot, lambda: "got yes" in text_of(app) and not chat(app).chat.busy)
        await pilot.press("i", *"now sleep", "enter")
        await until(pilot, lambda: "sleeping" in text_of(app))
        await pilot.press("escape")
        await until(pilot, lambda: "stopped: the answer" in text_of(app) and not chat(app).chat.busy)
        assert "execute Sleep" in text_of(app)
