"""Goes to every place of the workspace, at a real terminal, in a world where every text means harm.

python -m tests.tui.hostile_walk HOME
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Log, OptionList, Static, TextArea

from cis_tui.core.paths import Home
from cis_tui.tui.store import LinkState
from tests.hostile import MARK, PAYLOADS, poisoned
from tests.tui.helpers import ROOT, text_of, workspace
from tests.tui.pictures import cells_of
from tests.tui.world import World, looked_at

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.pilot import Pilot

    from cis_tui.tui.app import CisApp

SCROLLBAR = {"grab", "scroll_down", "scroll_up"}
OUR_OWN = {"help", "jump", "entry", "memory-layers", "settings"}
"""Places where nothing foreign stands but what is behind them."""


def active_parts(app: CisApp) -> set[str]:
    """What a click on the screen would do by itself, or lead to."""
    strips = cells_of(app)
    styles = [style for strip in strips for _, style, _ in strip if style]
    acts = {str(does) for style in styles for name, does in style.meta.items() if name.startswith("@")}
    return (acts - SCROLLBAR) | {style.link for style in styles if style.link}


class Careless(Screen[None]):
    """Widgets of Textual, to which somebody gave a text that nobody has cleaned."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """One of each."""
        yield Input(self._text)
        yield Input(placeholder=self._text)
        yield TextArea(self._text)
        yield Log()
        yield Static(Content(self._text))
        framed = Static("", classes="framed")
        framed.border_title = framed.border_subtitle = Content(self._text)  # type: ignore[assignment]
        framed.styles.border = ("round", "red")
        yield framed
        yield OptionList(Content(self._text))

    def on_mount(self) -> None:
        """A log takes lines one by one."""
        self.query(TextArea).set(disabled=True)
        self.query_one(TextArea).styles.height = 3
        self.query_one(Log).styles.height = 3
        self.query_one(Log).write_line(self._text)


async def walk(pilot: Pilot[None], app: CisApp, world: World) -> None:
    """See every place once for each payload, so that each is in each place."""
    for turn in range(len(PAYLOADS)):
        world.say = partial(poisoned, turn=turn)
        await app.link._attach(await world.connect())  # pyright: ignore[reportPrivateUsage] # all anew, as after a line was lost
        assert app.store.link is LinkState.READY
        async for name in looked_at(app, pilot, say=world.say):
            shown = text_of(app)
            assert name in OUR_OWN or MARK in shown, f"{name} shows nothing foreign:\n{shown}"
            assert not active_parts(app), f"{name}: {active_parts(app)}"
        await app.push_screen(Careless(world.say("of nobody")))
        await pilot.pause()
        assert text_of(app).count(MARK) >= 5 and not active_parts(app), text_of(app)
        app.pop_screen()
        app.say(world.say("a notice"), hint=world.say("a hint"), bad=True)
        app._ring(world.say("a skill's notice"))  # pyright: ignore[reportPrivateUsage] # as a skill asks for it
        app.copy(world.say("a value"), "a value")
        await pilot.pause()
    app.exit()


def main(home: str) -> int:
    """The exit code of the workspace."""
    world = World(poisoned)
    app = workspace(Home(Path(home)).ensure(), connect=world.connect, project=Path(ROOT))
    asyncio.run(app.run_async(auto_pilot=lambda pilot: walk(pilot, app, world)))  # type: ignore[arg-type]
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
