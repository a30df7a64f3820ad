"""What is true of every dialog: no key that was meant for something else answers it, and nothing pushes its question
and its keys out of sight."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cis_tui.core.paths import Home
from cis_tui.tui.read_only import QUESTIONS
from cis_tui.tui.screens.dialog import DEAF, Dialog
from cis_tui.tui.store import LinkState
from cis_tui.tui.widgets.dialog_frame import DialogKeys, DialogTitle
from cis_tui.tui.widgets.page import Page
from tests.hostile import swollen
from tests.tui.helpers import ROOT, text_of, until, workspace
from tests.tui.world import DIALOGS, Say, World, dialogs, same

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from cis_tui.tui.app import CisApp

QUIET = {"escape", "tab", "shift+tab", "up", "down", "home", "end", "pageup", "pagedown", "slash", "n", "N"}
"""Keys that lead on in a dialog, or say no."""


class Opened:
    """A dialog that has just opened, while time stands still."""

    def __init__(self, app: CisApp, pilot: Pilot[None], world: World) -> None:
        self.app = app
        self.pilot = pilot
        self.answers: list[object] = []
        self.seconds = 100.0
        self.world = world
        self.before: list[str] = []

    async def show(self, name: str, say: Say = same) -> None:
        """Open it."""
        dialog = dialogs(say)[name](self.app)
        self.app.push_screen(dialog, self.answers.append)
        await until(self.pilot, lambda: self.app.screen is dialog and dialog.is_mounted)
        await self.pilot.pause()
        self.before = list(self.world.asked)

    async def close(self) -> None:
        """Let it be."""
        self.app.pop_screen()
        await self.pilot.pause()

    @property
    def done(self) -> list[object]:
        """What has been answered or asked of the engine, but for questions."""
        return [*self.answers, *(each for each in self.world.asked[len(self.before) :] if each not in QUESTIONS)]

    def own_keys(self) -> list[str]:
        """Every key that does something in it."""
        return [
            active.binding.key
            for active in self.app.screen.active_bindings.values()
            if active.node is not self.app and active.binding.key not in QUIET
        ]


@asynccontextmanager
async def opened(home: Home, size: tuple[int, int], say: Say = same) -> AsyncGenerator[Opened]:
    """A workspace in which dialogs are opened."""
    world = World(say)
    now: list[Opened] = []
    app = workspace(home, connect=world.connect, project=Path(ROOT), timer=lambda: now[0].seconds if now else 100.0)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.store.link is LinkState.READY)
        now.append(Opened(app, pilot, world))
        await app.switch_mode("activity")
        await pilot.pause()
        yield now[0]


async def test_a_key_of_the_moment_before_answers_nothing_and_enter_is_never_yes(home: Home) -> None:
    async with opened(home, (100, 40)) as dialog:
        for name in DIALOGS:
            await dialog.show(name)
            if name != "pair":  # another code is shown for one that nobody has read
                dialog.app.simulate_key("enter")
                for key in dialog.own_keys():
                    await dialog.pilot.press(key)
                await dialog.pilot.pause()
                assert dialog.done == [] and dialog.app.screen.is_modal, (name, dialog.own_keys())
            dialog.seconds += DEAF + 0.01
            if name not in ("form", "entry", "settle", "sessions"):  # there Enter chooses, or goes on
                await dialog.pilot.press("enter")
                assert dialog.done == [], name
            await dialog.close()


@pytest.mark.parametrize("size", [(40, 20), (80, 24)], ids=["40x20", "80x24"])
async def test_its_question_and_its_keys_are_always_in_sight(home: Home, size: tuple[int, int]) -> None:
    """With names and texts that are far too long; the usual ones are in the gallery."""
    async with opened(home, size, swollen) as dialog:
        app = dialog.app
        for name in DIALOGS:
            await dialog.show(name, swollen)
            assert isinstance(app.screen, Dialog)
            keys, title = app.screen.query_one(DialogKeys), app.screen.query_one(DialogTitle)
            inside = app.screen.region
            await until(dialog.pilot, lambda keys=keys, inside=inside: keys.region in inside)
            assert title.region in inside and title.region.height <= 3, name
            screen = text_of(app)
            assert "Esc" in screen.split("\n")[keys.region.bottom - 1], f"{name}\n{screen}"
            await dialog.close()


async def test_it_says_that_there_is_more_for_as_long_as_there_is(home: Home) -> None:
    async with opened(home, (60, 16)) as dialog:
        await dialog.show("inspect")
        page = dialog.app.screen.query_one(Page)
        for width, height in product((60, 90, 140), (16, 24, 30, 36, 60)):
            await dialog.pilot.resize_terminal(width, height)
            await dialog.pilot.pause()
            assert ("↓ more" in text_of(dialog.app)) == (page.max_scroll_y > 0), (width, height)
        assert not page.max_scroll_y
