"""A terminal that has not every colour shows the workspace in those that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rich.color import ColorType
from rich.color_triplet import ColorTriplet

from cis_tui.tui.few_colours import contrast, name_all_colours, nearest
from tests.tui.helpers import fill, half_way, text_of, until, workspace
from tests.tui.test_contrast import looks

if TYPE_CHECKING:
    from cis_tui.core.paths import Home

GROUND = ColorTriplet(0x15, 0x18, 0x1D)


async def test_of_256_colours_the_nearest_are_taken(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLORTERM")
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        fill(app, half_way())
        await until(pilot, lambda: "1 decision" in text_of(app))
        found = looks(app)
        assert {part.type for look in found for part in (look.ink, look.ground)} == {ColorType.EIGHT_BIT}
        grounds = [look.ground.get_truecolor() for look in found]
        assert all(red == green == blue for red, green, blue in grounds), "a dark grey became blue"
        assert len(set(grounds)) > 1, "the cursor cannot be seen"


@pytest.mark.parametrize(("said", "used"), [("cis-dark", "sixteen"), ("paper", "paper")])
async def test_a_terminal_of_sixteen_colours_gets_its_own(
    home: Home, monkeypatch: pytest.MonkeyPatch, said: str, used: str
) -> None:
    monkeypatch.delenv("COLORTERM")
    monkeypatch.setenv("TERM", "linux")
    app = workspace(home, theme=said)
    async with app.run_test(size=(80, 24)):
        assert app.theme == used


def test_what_is_read_on_a_ground_stands_off_as_much() -> None:
    ink, ground = ColorTriplet(0xD9, 0xB3, 0x6C), ColorTriplet(0x30, 0x2D, 0x28)
    numbers = nearest(ink, ground)
    assert numbers[1] == 236, "the grey 48 48 48"
    assert nearest(GROUND, GROUND)[0] == nearest(GROUND, GROUND)[1] == 234
    assert contrast(ink, ground) > 6.5 and numbers[0] in (179, 215), "an orange"


@pytest.mark.parametrize(
    ("term", "said"), [("alacritty", "truecolor"), ("xterm-kitty", "truecolor"), ("xterm-256color", None)]
)
def test_a_terminal_known_for_every_colour_need_not_say_so(term: str, said: str | None) -> None:
    environ = {"TERM": term}
    name_all_colours(environ)
    assert environ.get("COLORTERM") == said
