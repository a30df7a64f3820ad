"""Whatever is drawn can be read, in every theme: the contrast of WCAG 2.2, of the cells of every place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from rich.color import Color, ColorType
from rich.terminal_theme import TerminalTheme
from textual.app import App
from textual.color import Color as CssColor
from textual.widgets import Input

from cis_tui.core.paths import Home, shipped
from cis_tui.tui.few_colours import contrast, nearest
from cis_tui.tui.store import LinkState
from cis_tui.tui.themes import load_theme
from tests.tui.helpers import ROOT, fill, half_way, text_of, until, workspace
from tests.tui.pictures import cells_of
from tests.tui.world import World, looked_at

if TYPE_CHECKING:
    import pytest
    from rich.color_triplet import ColorTriplet

    from cis_tui.tui.app import CisApp

THEMES = sorted(path.stem for path in shipped("themes").glob("*.toml"))
FIRST = "cis-dark"
XTERM = "000000cd000000cd00cdcd000000eecd00cd00cdcde5e5e57f7f7fff000000ff00ffff005c5cffff00ff00ffffffffff"
CONSOLE = "000000aa000000aa00aa55000000aaaa00aa00aaaaaaaaaa555555ff555555ff55ffff555555ffff55ff55ffffffffff"
TERMINALS = {"sixteen": (XTERM, CONSOLE), "sixteen-light": (XTERM,)}
"""The colours of terminals by which a theme of sixteen is judged; a console of Linux is never light."""


@dataclass(frozen=True)
class Look:
    """How some cells are drawn."""

    ink: Color
    ground: Color
    is_text: bool


def looks(app: App[None]) -> dict[Look, str]:
    """Each look of what is in front, with the first text that has it; not what a dialog lies over."""
    parts = [part.region for part in app.screen.query("#dialog, CommandInput, CommandList, .jump")]
    strips, found = cells_of(app), dict[Look, str]()
    for part in parts or [app.screen.region]:
        for strip in strips[part.y : part.bottom]:
            for text, style, _ in strip.crop(part.x, part.right):
                if style and style.color and style.bgcolor and text.strip():
                    look = Look(style.color, style.bgcolor, any(letter.isalnum() for letter in text))
                    found.setdefault(look, text.strip())
    return found


def ground_of(app: App[None], words: str) -> ColorTriplet:
    """What these words stand on."""
    strips = cells_of(app)
    styles = (style for strip in strips for text, style, _ in strip if words in text)
    return next(style.bgcolor.get_truecolor() for style in styles if style and style.bgcolor)


def terminals(theme: str) -> list[TerminalTheme]:
    """Terminals in which it is used."""
    found: list[TerminalTheme] = []
    for colours in TERMINALS.get(theme, (XTERM,)):
        all = [(*bytes.fromhex(colours[at : at + 6]),) for at in range(0, 96, 6)]
        ground, ink = (15, 0) if theme.endswith("light") else (0, 7)
        found.append(TerminalTheme(all[ground], all[ink], all[:8], all[8:]))  # type: ignore[arg-type]
    return found


def quiet_of(app: App[None]) -> set[Color]:
    """The colours of lines between panes and of what scrolls, which tell nothing."""
    variables = app.get_css_variables()
    return {CssColor.parse(variables[name]).rich_color for name in ("border-blurred", "scrollbar")}


def least(look: Look, theme: str, quiet: set[Color]) -> float:
    """The contrast that it needs."""
    if not look.is_text and {look.ink, look.ground} & quiet:
        return 1
    if theme.startswith("high-contrast"):
        return 7 if look.is_text else 4.5
    return 4.5 if look.is_text else 3


def complaints(app: App[None], theme: str) -> Iterator[str]:
    """What cannot be read well enough, in any of the terminals of a theme."""
    quiet, kinds = quiet_of(app), {ColorType.DEFAULT, ColorType.STANDARD}
    for (look, text), terminal, few in product(looks(app).items(), terminals(theme), (False, True)):
        ink, ground = look.ink.get_truecolor(terminal), look.ground.get_truecolor(terminal, foreground=False)
        if few and not app.current_theme.ansi:
            ink, ground = (Color.from_ansi(number).get_truecolor() for number in nearest(ink, ground))
        if contrast(ink, ground) < least(look, theme, quiet):
            yield f"{theme}: {ink.hex} on {ground.hex} has {contrast(ink, ground):.2f}: {text!r}"
        if app.current_theme.ansi and not {look.ink.type, look.ground.type} <= kinds:
            yield f"{theme}: {text!r} has a colour that is not of the terminal: {look}"


def wear(app: CisApp, theme: str) -> None:
    """Put what is in front into the colours of a theme, at once and without a new layout: nothing else is looked at."""
    app.register_theme(load_theme(app.theme_files[theme]))
    app.set_reactive(App.theme, theme)
    app._refresh_truecolor_filter(app.ansi_theme)  # pyright: ignore[reportPrivateUsage] # what sees to it is a watcher
    app.stylesheet.set_variables(app.get_css_variables())
    app.stylesheet.reparse()
    app.stylesheet.update_nodes([app, *app.screen_stack, *app.screen.walk_children()])


async def test_all_that_is_drawn_can_be_read_in_every_theme(home: Home) -> None:
    """What looks as something before it is not asked again: themes are changed where something new is drawn."""
    world, found, known = World(), list[str](), set[Look]()
    app = workspace(home, connect=world.connect, project=Path(ROOT))
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: app.store.link is LinkState.READY)
        async for place in looked_at(app, pilot):
            if place == "activity":
                app.say("said", hint="by the way")
                app.say("refused", hint="for a reason", bad=True)
                await pilot.pause()
            quiet = quiet_of(app)
            now = {look for look in looks(app) if look.is_text or not {look.ink, look.ground} & quiet}
            if any(replace(look, is_text=True) not in known for look in now - known):
                known |= now
                for theme in (*THEMES, FIRST):
                    wear(app, theme)
                    found += complaints(app, theme)
    assert not found, "\n".join(dict.fromkeys(found))


async def test_what_is_open_takes_the_colours_of_another_theme(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("colon")
        await until(pilot, lambda: "Go to Memory" in text_of(app))
        app.screen.query_one(Input).cursor_blink = False
        drawn = dict[str, set[Look]]()
        for theme in (FIRST, "paper", FIRST):
            app.use_theme(theme)
            await pilot.pause()
            drawn.setdefault(theme, set(looks(app)))
        assert drawn[FIRST] == set(looks(app))
        grounds = [{look.ground for look in found} for found in drawn.values()]
        assert grounds[0].isdisjoint(grounds[1])


async def test_without_colours_the_terminals_own_are_left_to_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = workspace(home, theme="sixteen")
    async with app.run_test(size=(80, 24)) as pilot:
        fill(app, half_way())
        await until(pilot, lambda: "1 decision" in text_of(app))
        assert {part.type for look in looks(app) for part in (look.ink, look.ground)} == {ColorType.DEFAULT}


async def test_without_colours_one_sees_who_has_the_keys_and_what_is_chosen(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = workspace(home)
    async with app.run_test(size=(100, 30)) as pilot:
        fill(app, half_way())
        await pilot.press("j", "j", "j", "enter")
        await until(pilot, lambda: "asks you" in text_of(app))
        row = next(row for row in text_of(app).splitlines() if "asks you" in row)
        assert "▌" in row and "▎" in text_of(app), "the cursor is thin where the keys are not"
        await pilot.press("colon")
        await until(pilot, lambda: "Go to Memory" in text_of(app))
        found = looks(app)
        colours = [colour.get_truecolor() for look in found for colour in (look.ink, look.ground)]
        assert all(red == green == blue for red, green, blue in colours)
        assert contrast(ground_of(app, "Go to Memory"), ground_of(app, "Go to DAGs")) > 4.5
