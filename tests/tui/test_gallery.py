"""Every screen and every dialog in four sizes and three themes; `just snapshots` makes the pictures anew.

Each is opened once, and taken while the window is resized and the theme changes under it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cis_tui.core.paths import Home
from cis_tui.tui.store import LinkState
from tests.conftest import ROOT as REPOSITORY
from tests.tui.helpers import ROOT, HandClock, until, workspace
from tests.tui.pictures import picture
from tests.tui.world import BARE, DIALOGS, SCREENS, World, looked_at

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from cis_tui.tui.app import CisApp

GALLERY = REPOSITORY / "snapshots" / "gallery"
SIZES = ((40, 20), (80, 24), (120, 36), (200, 60))
THEMES = ("cis-dark", "cis-light", "sixteen")
LATE = {
    "memory": ("memory_history",),
    "memory-search": ("memory_search", "memory_history"),
    "call": ("skill_log",),
}
"""What is read some time after a place is in front, in this order."""
Shot = tuple[tuple[int, int], str]
"""Size and theme."""
EACH: tuple[Shot, ...] = tuple(product(SIZES, THEMES))
DARK: tuple[Shot, ...] = tuple(product(SIZES, THEMES[:1]))
FEW: tuple[Shot, ...] = (*DARK, *product(((120, 36),), THEMES[1:]))
"""What is drawn alike on every screen, such as the frame of a dialog, is seen in each theme once."""


@dataclass(frozen=True)
class Group:
    """Places that are taken in one run of the app."""

    world: World
    places: tuple[str, ...]
    shots: tuple[Shot, ...]
    mark: str = ""

    def name(self, place: str, shot: Shot) -> str:
        """The file of a picture."""
        (width, height), theme = shot
        return f"{place}{self.mark}-{width}x{height}-{theme}.svg"


GROUPS = {
    "screens": Group(World(), tuple(SCREENS), EACH),
    "dialogs": Group(World(), DIALOGS, FEW),
    "bare": Group(World(empty=True), BARE, DARK, "-bare"),
    "locked": Group(World(locked=True), ("memory",), DARK, "-locked"),
}


async def pictures(app: CisApp, pilot: Pilot[None], shots: tuple[Shot, ...]) -> dict[Shot, str]:
    """What is in front, in these sizes and themes; one theme begins with the size with which that before it ended."""
    found: dict[Shot, str] = {}
    for number, theme in enumerate(dict.fromkeys(theme for _, theme in shots)):
        sizes = [size for size, of in shots if of == theme]
        app.use_theme(theme)
        for size in sizes if number % 2 == 0 else reversed(sizes):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            found[size, theme] = picture(app)
    return found


def in_order(names: tuple[str, ...], asked: list[str]) -> bool:
    """Whether each of these was asked, and after the one before it."""
    rest = iter(asked)
    return all(name in rest for name in names)


@pytest.mark.timeout(300)  # these are some hundred pictures
@pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS)
async def test_every_place_looks_as_it_did(home: Home, group: Group, request: pytest.FixtureRequest) -> None:
    clock = HandClock()
    clock.forward(13)  # of a run that began then
    app = workspace(home, connect=group.world.connect, project=Path(ROOT), clock=clock)
    update, other = request.config.option.update_snapshots, list[str]()
    GALLERY.mkdir(exist_ok=True)
    async with app.run_test(size=SIZES[0]) as pilot:
        await until(pilot, lambda: app.store.link is LinkState.READY)
        async for place in looked_at(app, pilot, group.places):
            if late := LATE.get(place) if group.mark != "-bare" else None:
                await until(pilot, lambda late=late: in_order(late, group.world.asked))
                await pilot.pause()
            for shot, svg in (await pictures(app, pilot, group.shots)).items():
                file = GALLERY / group.name(place, shot)
                if update:
                    file.write_text(svg)
                elif not file.exists() or file.read_text() != svg:
                    other.append(file.name)
    assert not other, f"{len(other)} look otherwise; just snapshots makes them anew, to be looked at: {other}"


def test_every_picture_is_of_a_place(request: pytest.FixtureRequest) -> None:
    if request.config.option.update_snapshots:
        pytest.skip("they are being made")
    names = {group.name(*each) for group in GROUPS.values() for each in product(group.places, group.shots)}
    assert {file.name for file in GALLERY.iterdir()} == names
