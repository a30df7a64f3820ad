"""Words on the terminal: results to stdout, everything else to stderr, colour only where it is wanted."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress

TYPE_CHECKING = False  # see `cli.memory`
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TextIO

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36", "bold": "1", "dim": "2"}
_BRUSH = f"\x1b{os.urandom(8).hex()}"
"""What stands in the place of an escape in what `paint` gives, so that colours in a text of others are no colours."""
_STATUS_COLOURS = {
    "completed": "green",
    "approved": "green",
    "ok": "green",
    "failed": "red",
    "fail": "red",
    "error": "red",
    "rejected": "red",
    "timed_out": "red",
    "restored": "green",
    "rollback_failed": "red",
    "rolled_back": "yellow",
    "conflict": "yellow",
    "cancelled": "yellow",
    "debt": "yellow",
    "warn": "yellow",
    "warning": "yellow",
    "waiting": "yellow",
    "paused": "yellow",
    "running": "cyan",
    "skipped": "dim",
    "pending": "dim",
}


def utf8_streams() -> None:
    """Write UTF-8 whatever the locale, and escape what has no form in it, such as half a file name."""
    import io

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def open_streams() -> None:
    """Give a process that was started without stdin, stdout or stderr ones that lead nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - for as long as the process


def show(text: str = "", *, now: bool = False) -> None:
    """Print a result; `now` also when stdout is a pipe whose reader waits for lines."""
    print(_harmless(text, sys.stdout), flush=now)


def show_piece(text: str) -> None:
    """Print a piece of something that is not ours, at once, without an end of line; a pipe gets it as it is."""
    sys.stdout.write(_harmless(text.replace("\r", "\n") if sys.stdout.isatty() else text, sys.stdout))
    sys.stdout.flush()


def show_json(value: object) -> None:
    """Print one JSON document: indented for a person, on one line for a program."""
    print(_json(value, indent=2 if sys.stdout.isatty() else None))


def show_json_line(value: object) -> None:
    """Print one line of a stream of JSON documents, at once."""
    print(_json(value), flush=True)


def note(text: str) -> None:
    """Tell something that is not a result, after the results so far, if they can still be written."""
    with suppress(OSError):
        sys.stdout.flush()
    print(_harmless(text, sys.stderr), file=sys.stderr, flush=True)


def question(text: str) -> None:
    """Ask something at the end of the line at which it is answered."""
    sys.stderr.write(_harmless(text, sys.stderr))
    sys.stderr.flush()


def _json(value: object, *, indent: int | None = None) -> str:
    """`value` as JSON that says the same, and has nothing in it that a terminal obeys or hides."""
    from cis_tui.core.codec import dumps
    from cis_tui.core.text import escaped

    return escaped(dumps(value, indent=indent))


def _harmless(text: str, stream: TextIO) -> str:
    """What `stream` gets of `text`: a terminal obeys nothing of it but the colours of `paint`."""
    if text.isascii() and text.isprintable():
        return text
    if not stream.isatty():
        return text.replace(_BRUSH, "\x1b")
    from cis_tui.core.text import drawable

    parts = re.split(rf"{_BRUSH}(\[\d+m)", text)
    return "".join(f"\x1b{part}" if index % 2 else drawable(part) for index, part in enumerate(parts))


def paint(text: str, colour: str, stream: TextIO | None = None) -> str:
    """`text` in `colour` if `stream`, stdout unless given, is a terminal whose owner wants colour.

    It is coloured when it is written by `show`, `note` or `question`.
    """
    target = stream or sys.stdout
    if not colour or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not target.isatty():
        return text
    return f"{_BRUSH}[{_COLOURS[colour]}m{text}{_BRUSH}[0m"


def status_word(status: str, width: int = 0, stream: TextIO | None = None) -> str:
    """A status, padded to `width`, in its colour."""
    return paint(status.ljust(width), _STATUS_COLOURS.get(status, ""), stream)


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, status: int | None = None) -> None:
    """Print rows in aligned columns; the column number `status` is coloured. On a terminal lines are cut to fit."""
    from cis_tui.core.text import clean_line

    cells = [[clean_line(str(cell)) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    show(paint(_row(head, widths, None), "bold"))
    for row in cells:
        show(_row(row, widths, status))


def _row(cells: Sequence[str], widths: Sequence[int], status: int | None) -> str:
    room = _columns()
    parts: list[str] = []
    for index, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        last = index == len(cells) - 1
        shown = cell if last else cell.ljust(width)
        if len(shown) > room:
            shown = shown[: max(room - 1, 0)] + "…"
        room -= len(shown) + 2
        parts.append(paint(shown, _STATUS_COLOURS.get(cell, "")) if index == status else shown)
        if room <= 0:
            break
    return "  ".join(parts).rstrip()


def _columns() -> int:
    """Characters of a line; practically unbounded when nobody looks, or the terminal does not know its size."""
    return (sys.stdout.isatty() and os.get_terminal_size(sys.stdout.fileno()).columns) or 1_000_000
