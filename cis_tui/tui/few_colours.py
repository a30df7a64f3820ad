"""Colours for terminals that have not all of them: two hundred and fifty-six, or their own sixteen."""

from __future__ import annotations

from functools import cache, lru_cache
from itertools import product
from typing import TYPE_CHECKING

from rich.color import Color, ColorType
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.filter import LineFilter

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from textual.color import Color as CssColor

OF_SIXTEEN = "sixteen"
"""The theme for a terminal of sixteen colours."""
_HAVE_ALL = ("alacritty", "foot", "ghostty", "kitty", "wezterm", "direct")
"""In the names of terminals that have every colour, which they say in a variable that SSH does not pass on."""
_ENOUGH = 7
"""The highest contrast that WCAG asks for."""


def name_all_colours(environ: MutableMapping[str, str]) -> None:
    """Say in `environ` that the terminal has every colour, if its kind is known to."""
    if any(name in environ.get("TERM", "") for name in _HAVE_ALL):
        environ.setdefault("COLORTERM", "truecolor")


class Of256(LineFilter):
    """Gives each colour the nearest of 256; what can be read can still be read.

    Rich takes a dark grey with a touch of blue for blue, and so the ground of most themes.
    """

    def apply(self, segments: list[Segment], background: CssColor) -> list[Segment]:
        """See `LineFilter`."""
        return [Segment(text, style and _of_256(style), control) for text, style, control in segments]


@lru_cache(4096)
def _of_256(style: Style) -> Style:
    if not (style.color and style.bgcolor and style.color.type is style.bgcolor.type is ColorType.TRUECOLOR):
        return style
    ink, ground = nearest(style.color.get_truecolor(), style.bgcolor.get_truecolor())
    return style + Style(color=Color.from_ansi(ink), bgcolor=Color.from_ansi(ground))


def nearest(ink: ColorTriplet, ground: ColorTriplet) -> tuple[int, int]:
    """The numbers of the colours that look most like these, and stand off from each other as much, if that matters."""
    lights = _lights()
    on = min(lights, key=lambda number: _difference(ground, lights[number]))
    least = min(_ENOUGH, contrast(ink, ground))
    readable = [number for number in lights if contrast(lights[number], lights[on]) >= least]
    return min(readable or lights, key=lambda number: _difference(ink, lights[number])), on


@cache
def _lights() -> dict[int, ColorTriplet]:
    """The colours that are the same in each terminal, by their numbers: a cube, and greys."""
    cube = [ColorTriplet(*light) for light in product((0, 95, 135, 175, 215, 255), repeat=3)]
    return dict(enumerate([*cube, *(ColorTriplet(grey, grey, grey) for grey in range(8, 248, 10))], start=16))


def _difference(one: ColorTriplet, other: ColorTriplet) -> int:
    """How much it is seen: a square."""
    return sum(weight * (a - b) ** 2 for weight, a, b in zip((2, 4, 3), one, other, strict=True))


def contrast(one: ColorTriplet, other: ColorTriplet) -> float:
    """How much one stands off from the other, from 1 to 21, as WCAG counts it."""
    low, high = sorted((_brightness(one), _brightness(other)))
    return (high + 0.05) / (low + 0.05)


@lru_cache(4096)
def _brightness(light: ColorTriplet) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in light.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
