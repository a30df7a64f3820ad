"""Text of people who mean harm, and the sequences of which a terminal may get none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, cast
from zlib import crc32

MARK = "evil"
"""Stands in the front of each payload, so that one can see that it is shown."""
CONTROLS = (
    "\x1b[31mred\x1b[0m\x1b[2J\x1bc\x1b]0;title\x07\x1b]52;c;aGk=\x07\x1b]8;;http://x/\x1b\\link\x1b]8;;\x1b\\"
    "\x1bP0q\x1b\\\x1b_apc\x1b\\\x1b[8mhidden\x08\x08\x07\x00\x7f\r\x0b\x0c\x9b31m\x9d52;c;aGk=\x9c\x90q\x9c\x85\x84\x9f"
)
"""C0, C1 and what they begin: colours, titles, the clipboard, links, a reset."""
DISGUISES = (
    "\u202egnp.exe\u2066\u2069\u202d\u200f\u061cאבג\u200b\u200c\u200d\ufeff\u00ad\u2028\u2029\U000e0041\ufff9\ufe0f"
    "e" + "\u0301" * 500 + "\u0e01" + "\u0e47" * 200 + "漢字ｗｉｄｅ👨\u200d👩\u200d👧❤\ufe0f\udfff\ud800ᅟㅤ"
)
"""What turns round, hides, piles up, takes two cells or is half a letter."""
MARKUP = (
    "[red]x[/red] [/] [@click=app.quit]q[/] [link=http://x/]l[/link] [$error] \\[ ![i](file:///etc/passwd) <b>"
    "\n✔ trusted\n"
)
"""Markup of Rich and Textual, Markdown, HTML, another row, and a sign of ours."""
PAYLOADS = (CONTROLS + DISGUISES, MARKUP)

FORBIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)
PILE = re.compile("(?:\u0301|\u0e47){5}")
"""What is never on a screen."""

_KEPT = {
    "type",
    "policy",
    "default",
    "trust",
    "week",
    "version",
    "did",
    "executor",
    "choice",
    "outcome",
    "status",
    "kind",
}
"""Fields that are not free: the program itself makes them, or refuses what is none of a few words."""


def poisoned(value: Any, turn: int = 0) -> Any:
    """`value` with a payload in front of every text in it, always the same for the same text: names go on to fit.

    Each `turn`, of which there are as many as payloads, another one is in the same place.
    """
    return changed(value, lambda text: _poison(text, turn))


def swollen(value: Any) -> Any:
    """`value` with every text in it far too long, some of hundreds of lines."""
    return changed(value, lambda text: text + ("\nline" * 300 if crc32(text.encode()) % 2 else "x" * 5000))


def changed(value: Any, change: Callable[[str], str]) -> Any:
    """`value` with every free text in it as `change` has it."""
    if isinstance(value, str):
        return change(value) if value and not isinstance(value, Enum) else value
    if isinstance(value, (list, tuple)):
        kind: type = list if isinstance(value, list) else tuple
        return kind(changed(each, change) for each in cast("list[Any]", value))
    if isinstance(value, Mapping):
        given = cast("Mapping[str, Any]", value)
        return {name: each if name in _KEPT else changed(each, change) for name, each in given.items()}
    if is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in fields(value) if field.init and field.name not in _KEPT]
        return replace(value, **{name: changed(getattr(value, name), change) for name in names})
    return value


def _poison(text: str, turn: int) -> str:
    return f"{MARK}{PAYLOADS[(crc32(text.encode()) + turn) % len(PAYLOADS)]}{text}"


# What reaches a terminal

_MODES = "|".join(("7", "25", "1000", "1003", "1004", "1006", "1015", "1016", "1049", "2004", "2026", "2048"))
_OURS = re.compile(
    rf"\x1b\[\?(?:{_MODES})[hl]"  # modes: wrapping, cursor, mouse, focus, the other screen, paste, frames, sizes
    r"|\x1b\[\?(?:2026|2048)\$p"  # whether there are frames and sizes
    r"|\x1b\[>\d+u|\x1b\[<u"  # keys of kitty
    r"|\x1b\[\d+;\d+H"  # a place
    r"|\x1b\[[\d;]*m"  # colours
    r"|\x1b\]22;[a-z-]*\x07"  # the mouse's shape
    r"|[\r\n]|[^\x00-\x1f\x7f-\x9f]+"
)


def foreign(written: str, *, also: str = "") -> list[str]:
    """The places of what was written to a terminal that the workspace does not write of its own accord.

    `also`: what it may write besides, a pattern.
    """
    ours = re.compile(f"{_OURS.pattern}|{also}") if also else _OURS
    found: list[str] = []
    at = 0
    while at < len(written):
        here = ours.match(written, at)
        if here is None or PILE.search(here[0]) or FORBIDDEN.search(re.sub("[\x07\x1b\r]", "", here[0])):
            found.append(repr(written[max(0, at - 60) : at + 60]))
            at += 1
        else:
            at = here.end()
    return found
