"""What a terminal shows, so that of a new frame only the cells that changed are sent to it. Pure.

Textual writes whole regions with all their colours for each key; over a slow line that is what one waits for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from rich.cells import cell_len

_TOKEN = re.compile(
    r"\x1b\[(?P<row>\d+);(?P<column>\d+)H"
    r"|\x1b\[(?P<style>[\d;:]*)m"
    r"|\x1b\]8;(?P<link>[^\x07\x1b]*)(?:\x1b\\|\x07)"
    r"|(?P<line>\n)"
    r"|(?P<text>[^\x00-\x1f\x7f]+)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_NEAR = 4
"""Cells that did not change and are sent all the same, since to jump over them takes as much."""

Style = tuple[str, str]
"""SGR parameters and the hyperlink of a cell; empty texts for none."""
_PLAIN: Style = ("", "")


@dataclass(slots=True)
class _Row:
    """Cells from the left; None where it is not known what is shown. Text that is kept whole is in its first one."""

    characters: list[str | None] = field(default_factory=list[str | None])
    styles: list[Style | None] = field(default_factory=list[Style | None])

    def reach(self, width: int) -> None:
        """Have at least `width` cells."""
        missing = width - len(self.characters)
        if missing > 0:
            self.characters += [None] * missing
            self.styles += [None] * missing


class Frames:
    """Turns frames into what is different from the one before."""

    def __init__(self) -> None:
        self._rows: dict[int, _Row] = {}
        self._out: list[str] = []
        self._pen: Style = _PLAIN
        self._at: tuple[int, int] | None = None
        """Where the terminal's cursor is: row and column from one; None if that is not known."""

    def forget(self) -> None:
        """Nothing is known of what the terminal shows any more."""
        self._rows.clear()
        self._at = None

    def changed(self, frame: str) -> str:
        """What has to be written so that the terminal shows `frame` too.

        That is `frame` itself if it holds anything but text, colours, links and places.
        """
        self._out, self._pen = [], _PLAIN
        row = column = 0
        sgr = link = ""
        moved = False
        for token in _TOKEN.finditer(frame):
            kind, text = token.lastgroup, token.group()
            moved = kind == "column"
            if kind == "column":
                row, column = int(token["row"]), int(token["column"])
            elif kind == "style":
                sgr = "" if token["style"] in ("", "0") else token["style"]
            elif kind == "link":
                link = "" if token["link"].endswith(";") else token["link"]
            elif kind == "text":
                self._show(row, column, text, (sgr, link))
                column += cell_len(text)
            elif kind == "other":
                self.forget()
                return frame
        self._take_pen(_PLAIN)
        if moved and self._at != (row, column):
            self._move(row, column)
        return "".join(self._out)

    def _show(self, y: int, x: int, text: str, style: Style) -> None:
        row = self._rows.setdefault(y, _Row())
        if not _is_simple(text):
            self._show_whole(y, x, text, style, row)
            return
        length = len(text)
        row.reach(x + length)
        end = x + length
        if row.styles[x:end] == [style] * length:
            if row.characters[x:end] == list(text):
                return
            old = row.characters
            for start, stop in _runs([old[x + index] != character for index, character in enumerate(text)]):
                self._put(y, x + start, text[start:stop], style)
        else:
            self._show_recoloured(y, x, text, style, row)
        row.characters[x:end] = list(text)
        row.styles[x:end] = [style] * length

    def _show_whole(self, y: int, x: int, text: str, style: Style, row: _Row) -> None:
        """As `_show`, of what a terminal may see other widths in: all of it or nothing, and all behind it again."""
        width = cell_len(text)
        end = x + width
        row.reach(end)
        cells = [text, *[""] * (width - 1)][:width]
        if row.characters[x:end] == cells and row.styles[x:end] == [style] * width:
            return
        self._put(y, x, text, style)
        self._at = None
        row.characters[x:], row.styles[x:] = cells, [style] * width

    def _show_recoloured(self, y: int, x: int, text: str, style: Style, row: _Row) -> None:
        """As `_show`, where not only characters differ."""
        cells = zip(text, row.characters[x:], row.styles[x:], strict=False)
        for start, stop in _runs([old != new or was != style for new, old, was in cells]):
            self._put(y, x + start, text[start:stop], style)

    def _put(self, y: int, x: int, text: str, style: Style) -> None:
        if self._at != (y, x):
            self._move(y, x)
        self._take_pen(style)
        self._out.append(text)
        self._at = (y, x + len(text))

    def _move(self, y: int, x: int) -> None:
        at = self._at
        if at is not None and at[0] == y and x > at[1]:
            self._out.append(f"\x1b[{x - at[1]}C")
        else:
            self._out.append(f"\x1b[{y};{x}H")
        self._at = (y, x)

    def _take_pen(self, style: Style) -> None:
        if style == self._pen:
            return
        (sgr, link), (old, old_link) = style, self._pen
        if sgr != old:
            self._out.append(f"\x1b[{_between(old, sgr)}m")
        if link != old_link:
            self._out.append(f"\x1b]8;{link or ';'}\x1b\\")
        self._pen = style


@lru_cache(maxsize=4096)
def _between(old: str, new: str) -> str:
    """The shortest SGR parameters that turn `old` into `new`: of the same weight, only the colours that differ."""
    if not (old and new):
        return new or "0"
    (weight, *were), (same, *are) = _taken_apart(old), _taken_apart(new)
    if weight != same or any(was and not now for was, now in zip(were, are, strict=True)):
        return f"0;{new}"
    return ";".join(now for was, now in zip(were, are, strict=True) if was != now) or f"0;{new}"


@lru_cache(maxsize=4096)
def _taken_apart(sgr: str) -> tuple[str, str, str]:
    """What is neither colour, the colour of the text, and that of the ground."""
    others: list[str] = []
    colours = {"3": "", "4": ""}
    numbers = iter(sgr.split(";"))
    for number in numbers:
        if number in ("38", "48"):
            kind = next(numbers, "")
            rest = [next(numbers, "") for _ in range(3 if kind == "2" else 1)]
            colours[number[0]] = ";".join((number, kind, *rest))
        elif number.isdigit() and (30 <= int(number) <= 49 or 90 <= int(number) <= 107):
            colours["3" if int(number) < 40 or 90 <= int(number) < 100 else "4"] = number
        else:
            others.append(number)
    return ";".join(others), colours["3"], colours["4"]


def _runs(differs: list[bool]) -> list[tuple[int, int]]:
    """Where cells differ, as starts and ends; what lies near another is one with it."""
    runs: list[tuple[int, int]] = []
    for index, changed in enumerate(differs):
        if not changed:
            continue
        if runs and index - runs[-1][1] <= _NEAR:
            runs[-1] = (runs[-1][0], index + 1)
        else:
            runs.append((index, index + 1))
    return runs


@lru_cache(maxsize=4096)
def _is_simple(text: str) -> bool:
    """Whether each character takes one cell in every terminal."""
    return text.isascii() or all(character.isascii() or _takes_one(character) for character in text)


@lru_cache(maxsize=4096)
def _takes_one(character: str) -> bool:
    # Beyond the basic plane, and among symbols that may be drawn as emoji, terminals differ.
    return character < "\u2e80" and character != "\u00ad" and cell_len(character) == 1
