"""What a line on the screen is made of, before a theme gives it colours: pieces of text, each with a tone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from rich.cells import cell_len, set_cell_size

from cis_tui.core.text import ELLIPSIS, clean_line, drawable

__all__ = ["Line", "Piece", "Tone", "cell_len", "fit", "fit_line", "fit_middle", "line_width", "shown"]


class Tone(StrEnum):
    """What a piece of text means; the theme says how that looks. Nothing is told by its tone alone."""

    PLAIN = ""
    DIM = "dim"
    STRONG = "strong"
    GOOD = "good"
    BAD = "bad"
    ASK = "ask"
    """A person is wanted."""
    LIVE = "live"
    """Something is going on."""
    CODE = "code"
    """Text of a program."""


Piece = tuple[str, Tone]
Line = Sequence[Piece]


def shown(text: str, *, limit: int = 500) -> str:
    """Text that is not ours, as one line that is safe to show."""
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    return drawable(clean_line(text, limit=limit))


def fit(text: str, width: int, *, right: bool = False) -> str:
    """`text` in exactly `width` cells: padded, or cut with an ellipsis."""
    if width <= 0:
        return ""
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + ELLIPSIS
    padding = " " * (width - length)
    return padding + text if right else text + padding


def fit_middle(text: str, width: int) -> str:
    """`text` in at most `width` cells; what is too long loses its middle, since a question ends with what it asks."""
    if cell_len(text) <= width:
        return text
    end = len(text)
    while cell_len(text[end - 1 :]) < width // 2:
        end -= 1
    return fit(text, width - cell_len(text[end:])) + text[end:]


def fit_line(line: Line, width: int) -> list[Piece]:
    """`line` in exactly `width` cells: padded, or cut with an ellipsis."""
    pieces: list[Piece] = []
    for number, (text, tone) in enumerate(line, 1):
        length = cell_len(text)
        if length >= width:
            more = any(rest for rest, _ in line[number:])
            return [*pieces, (fit(f"{text} " if more else text, width), tone)]
        pieces.append((text, tone))
        width -= length
    return [*pieces, (" " * width, Tone.PLAIN)]


def line_width(pieces: Iterable[Piece]) -> int:
    """Cells that a line takes."""
    return sum(cell_len(text) for text, _ in pieces)


def wrap(line: Line, width: int) -> list[Line]:
    """`line` cut into lines of at most `width` cells, between words where a word ends in the last third.

    What does not fit into the first line stands under its second piece: the first one is a label or a mark.
    """
    indent = cell_len(line[0][0]) if len(line) > 1 and cell_len(line[0][0]) <= width // 2 else 0
    rows: list[Line] = []
    row: list[Piece] = []
    room = width
    for text, tone in line:
        at = 0
        while at < len(text):
            end, goes_on, cells = _break(text, at, room, width - indent)
            if end > at:
                row.append((text[at:end], tone))
                room -= cells
            at = goes_on
            if at >= len(text):
                break
            rows.append(row)
            row, room = [(" " * indent, Tone.PLAIN)] if indent else [], width - indent
    return [*rows, row]


def _break(text: str, at: int, room: int, width: int) -> tuple[int, int, int]:
    """Where the part from `at` that fits into `room` cells ends, where the next line begins, and its cells."""
    end, cells = _fitting(text, at, room)
    if end == len(text):
        return end, end, cells
    if end == at and room >= width:
        end, cells = at + 1, width
    space = text.rfind(" ", at, end + 1)
    if space > at and space - at >= end - at - width // 3:
        return space, space + 1, cells
    return end, end, cells


def _fitting(text: str, at: int, room: int) -> tuple[int, int]:
    """How far `text` from `at` fits into `room` cells, and the cells that it takes; never more letters than four times
    the cells, for marks that stand upon a letter take none."""
    part = text[at : at + room + 1]
    if part.isascii():
        fits = min(len(part), room)
        return at + fits, fits
    end, cells = at, 0
    for letter in text[at : at + 4 * room + 1]:
        size = cell_len(letter)
        if cells + size > room or end - at >= 4 * room:
            break
        cells += size
        end += 1
    return end, cells
