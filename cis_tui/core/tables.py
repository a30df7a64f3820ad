"""Takes typed values out of a table that a person wrote; what does not fit becomes a problem."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from typing import TypeGuard

from cis_tui.core.document import Notes, as_list, as_table, is_list, is_table
from cis_tui.core.text import clean, clean_line, did_you_mean
from cis_tui.core.toml_lines import Path

MAX_ITEMS = 100_000
"""Of one list."""
MAX_DEPTH = 32
"""Of lists and tables inside one another."""
_UNUSABLE = re.compile("[\0\ud800-\udfff]")


class Table:
    """One table of a file. Each method takes one field; `finish` warns about those that nobody asked for."""

    def __init__(self, data: object, path: Path, notes: Notes) -> None:
        self.data = as_table(data)
        self.path = path
        self.notes = notes
        self._known: set[str] = set()
        if data is not None and not isinstance(data, dict):
            self.wrong((), data, "a table")

    def get(self, name: str) -> object:
        """The raw value of a field, None if it is not there."""
        self._known.add(name)
        return self.data.get(name)

    def at(self, name: str) -> Path:
        """The path of a field."""
        return (*self.path, name)

    def wrong(self, below: Path, value: object, expected: str, hint: str = "") -> None:
        """Report that the value at `below` in this table is not what was expected."""
        path = (*self.path, *below)
        name = next((part for part in reversed(self.notes.place(path)) if isinstance(part, str)), "the file")
        self.notes.error(path, f'"{name}" is {describe(value)}, expected {expected}', hint)

    def text(self, name: str, default: str = "", *, expected: str = "text") -> str:
        """Text as it stands."""
        value = self.get(name)
        if value is None:
            return default
        if not isinstance(value, str) or _UNUSABLE.search(value):
            self.wrong((name,), value, expected)
            return default
        return value

    def line(self, name: str, default: str = "", *, limit: int = 500) -> str:
        """Text for one line on a screen, cleaned."""
        return clean_line(self.text(name, default), limit=limit)

    def prose(self, name: str) -> str:
        """Text of any number of lines for a screen, cleaned."""
        return clean(self.text(name), limit=10_000).strip()

    def choice(self, name: str, choices: Iterable[str], default: str) -> str:
        """One of some words."""
        known = list(choices)
        value = self.get(name)
        if value is None:
            return default
        if not isinstance(value, str) or value not in known:
            hint = did_you_mean(value, known) if isinstance(value, str) else ""
            self.wrong((name,), value, " or ".join(known), hint)
            return default
        return value

    def number(self, name: str, low: float, high: float, *, unit: str = "", above: bool = False) -> float | None:
        """A number from `low` (with `above`: greater than it) to `high`; None if it is not there."""
        value = self.get(name)
        if value is None:
            return None
        if is_number(value) and low <= value <= high and not (above and value == low):
            return float(value)
        limits = f"above {low:.12g}, at most {high:.12g}" if above else f"from {low:.12g} to {high:.12g}"
        self.wrong((name,), value, f"a number{' of ' + unit if unit else ''} {limits}")
        return None

    def whole(self, name: str, low: int, high: int) -> int | None:
        """A whole number from `low` to `high`; None if it is not there."""
        value = self.get(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.wrong((name,), value, f"a whole number from {low} to {high}")
        return None

    def flag(self, name: str, default: bool = False) -> bool:
        """True or false."""
        value = self.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.wrong((name,), value, "true or false")
            return default
        return value

    def texts(self, name: str, *, what: str = "a list of texts", numbers: bool = False) -> tuple[str, ...]:
        """A list of texts; with `numbers`, numbers in it are taken as text."""
        value = self.get(name)
        if value is None:
            return ()
        if not is_list(value):
            self.wrong((name,), value, what)
            return ()
        texts: list[str] = []
        for index, item in enumerate(value[:MAX_ITEMS]):
            if numbers and isinstance(item, (int, float)):
                item = scalar_text(item)
            if isinstance(item, str) and not _UNUSABLE.search(item):
                texts.append(item)
            else:
                self.wrong((name, index), item, what)
        return tuple(texts)

    def strings(self, name: str) -> dict[str, str]:
        """A table of texts, such as `env`; numbers and booleans become text."""
        table = self.table(name)
        texts: dict[str, str] = {}
        for key, value in table.data.items():
            table.get(key)
            if not key or _UNUSABLE.search(key) or "=" in key:
                table.notes.error(table.at(key), f'"{clean_line(key)}" cannot be the name of a variable')
            elif isinstance(value, (str, int, float)) and not _UNUSABLE.search(text := scalar_text(value)):
                texts[key] = text
            else:
                table.wrong((key,), value, "text, a number or a boolean")
        return texts

    def table(self, name: str) -> Table:
        """A table inside this one, empty if it is not there."""
        return Table(self.get(name), self.at(name), self.notes)

    def tables(self, name: str) -> list[Table]:
        """A list of tables (`[[name]]`)."""
        value = self.get(name)
        if value is not None and not is_list(value):
            self.wrong((name,), value, f"a list of tables ([[{name}]])")
        return [
            Table(item if item is not None else "", (*self.path, name, index), self.notes)
            for index, item in enumerate(as_list(value)[:MAX_ITEMS])
        ]

    def plain(self, name: str) -> dict[str, object]:
        """A table of anything that JSON can say; dates become text."""
        table = self.table(name)
        return {key: self._plain(value, (name, key)) for key, value in table.data.items() if self._key(key, (name,))}

    def plain_list(self, name: str) -> list[object]:
        """A list of anything that JSON can say; dates become text."""
        value = self.get(name)
        if value is not None and not is_list(value):
            self.wrong((name,), value, "a list")
        return [self._plain(item, (name, index)) for index, item in enumerate(as_list(value)[:MAX_ITEMS])]

    def _key(self, key: str, below: Path) -> bool:
        if not is_plain(key):
            self.wrong(below, key, "names of printable characters")
        return is_plain(key)

    def _plain(self, value: object, below: Path) -> object:
        if is_table(value) and len(below) < MAX_DEPTH:
            return {key: self._plain(item, (*below, key)) for key, item in value.items() if self._key(key, below)}
        if is_list(value) and len(below) < MAX_DEPTH:
            return [self._plain(item, (*below, index)) for index, item in enumerate(value)]
        if isinstance(value, (datetime, date, time)):
            return value.isoformat()
        if is_plain(value):
            return value
        self.wrong(below, value, "text, a number, true, false, a list or a table")
        return None

    def finish(self, also: Iterable[str] = ()) -> None:
        """Warn about fields that nobody asked for, naming the nearest known one."""
        known = self._known | set(also)
        for name in self.data:
            if name not in known:
                what = f" in {_table_name(self.path)}" if self.path else ""
                message = f'unknown field "{clean_line(name)}"{what} is ignored'
                self.notes.warn(self.at(name), message, did_you_mean(name, sorted(known)))


def _table_name(path: Path) -> str:
    return next((f"[{part}]" for part in reversed(path) if isinstance(part, str)), "the file")


def scalar_text(value: str | float) -> str:
    """A text, number or boolean as text: `true`, `3`, `0.5`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value) if is_plain(value) else "\0"


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether it is a number; a boolean is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_plain(value: object) -> bool:
    """Whether JSON can say this scalar, and every reader of JSON take it."""
    if isinstance(value, str):
        return not _UNUSABLE.search(value)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or (isinstance(value, int) and -(2**63) <= value < 2**64)


def describe(value: object) -> str:
    """A value as an error message names it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        shown = clean_line(value, limit=60)
        return f'"{shown}"' if not _UNUSABLE.search(value) else f'"{shown}" with characters that cannot be used'
    if isinstance(value, (int, float)):
        return f"{value}" if is_plain(value) else "a number without bounds"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return "a table" if isinstance(value, Mapping) else "null" if value is None else f"a {type(value).__name__}"
