"""Words on the terminal: results to stdout, everything else to stderr, colour only where it is wanted."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # see `cli.memory`
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TextIO

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36", "bold": "1", "dim": "2"}
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
    """Give a process that was started without stdout or stderr ones that go nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for as long as the process


def show(text: str = "", *, now: bool = False) -> None:
    """Print a result; `now` also when stdout is a pipe whose reader waits for lines."""
    print(text, flush=now)


def show_json(value: object) -> None:
    """Print one JSON document: indented for a person, on one line for a program."""
    from cis_tui.core.codec import dumps

    print(dumps(value, indent=2 if sys.stdout.isatty() else None))


def show_json_line(value: object) -> None:
    """Print one line of a stream of JSON documents, at once."""
    from cis_tui.core.codec import dumps

    print(dumps(value), flush=True)


def note(text: str) -> None:
    """Tell something that is not a result."""
    sys.stdout.flush()
    print(text, file=sys.stderr, flush=True)


def paint(text: str, colour: str, stream: TextIO | None = None) -> str:
    """`text` in `colour` if `stream`, stdout unless given, is a terminal whose owner wants colour."""
    target = stream or sys.stdout
    if not colour or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not target.isatty():
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


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
    """Characters of a line; practically unbounded when nobody looks."""
    return os.get_terminal_size(1).columns if sys.stdout.isatty() else 1_000_000
