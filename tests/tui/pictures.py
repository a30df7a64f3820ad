"""Small pictures of the screen, drawn by its cells: a tenth of what Textual's own export takes, and as true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.color import Color
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME
from textual._context import visible_screen_stack

if TYPE_CHECKING:
    from textual.app import App
    from textual.strip import Strip

WIDE, HIGH, BASE = 10, 20, 15
"""A cell, and where letters stand in it."""
HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" xml:space="preserve">\n'
    '<style>text{{font:16.6px "DejaVu Sans Mono","Fira Code",Menlo,Consolas,monospace}}{styles}</style>\n'
    '<rect width="{width}" height="{height}" fill="{ground}"/>\n'
)


@dataclass(frozen=True)
class Run:
    """Cells of a row that look alike."""

    row: int
    column: int
    text: str
    ink: str
    """How letters look, as CSS."""
    ground: str


def picture(app: App[None]) -> str:
    """The screen as an SVG."""
    runs = list(_runs(app))
    ground = runs[0].ground
    inks = {ink: f"s{number}" for number, ink in enumerate(dict.fromkeys(run.ink for run in runs if run.text.strip()))}
    styles = "".join(f".{name}{{{ink}}}" for ink, name in inks.items())
    parts = [HEAD.format(width=app.size.width * WIDE, height=app.size.height * HIGH, styles=styles, ground=ground)]
    for run in runs:
        x, y, cells = run.column * WIDE, run.row * HIGH, cell_len(run.text)
        if run.ground != ground:
            parts.append(f'<rect x="{x}" y="{y}" width="{cells * WIDE}" height="{HIGH}" fill="{run.ground}"/>\n')
    for run in runs:
        text = run.text.strip()
        if text:
            x = (run.column + len(run.text) - len(run.text.lstrip())) * WIDE
            length = f' textLength="{cell_len(text) * WIDE}"' if len(text) > 1 else ""
            y = run.row * HIGH + BASE
            parts.append(f'<text class="{inks[run.ink]}" x="{x}" y="{y}"{length}>{escape(text, quote=False)}</text>\n')
    return "".join([*parts, "</svg>\n"])


def cells_of(app: App[None]) -> list[Strip]:
    """The rows of the screen as they are now, with what a dialog lies over."""
    visible_screen_stack.set(app._background_screens)  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType, reportUnknownArgumentType] # as when Textual paints
    return app.screen._compositor.render_strips()  # pyright: ignore[reportPrivateUsage] # no public way to the cells


def _runs(app: App[None]) -> Iterator[Run]:
    width = app.size.width
    for row, strip in enumerate(cells_of(app)):
        column, open = 0, None
        for text, style, _ in strip.crop(0, width):
            ink, ground = _look(style or Style())
            if open is not None and (open.ground, open.ink if text.strip() else ink) == (ground, ink):
                open = Run(row, open.column, open.text + text, open.ink, ground)
            else:
                if open is not None:
                    yield open
                open = Run(row, column, text, ink, ground)
            column += cell_len(text)
        if open is not None:
            yield open


def _look(style: Style) -> tuple[str, str]:
    """How letters look, and what they stand on."""
    ink, ground = _colour(style.color, foreground=True), _colour(style.bgcolor, foreground=False)
    if style.reverse:
        ink, ground = ground, ink
    more = ";font-weight:bold" if style.bold else ""
    more += ";font-style:italic" if style.italic else ""
    lines = " ".join(name for name, has in (("underline", style.underline), ("line-through", style.strike)) if has)
    more += f";text-decoration:{lines}" if lines else ""
    more += ";opacity:.6" if style.dim else ""
    return f"fill:{ink}{more}", ground


def _colour(colour: Color | None, *, foreground: bool) -> str:
    return (colour or Color.default()).get_truecolor(SVG_EXPORT_THEME, foreground=foreground).hex
