"""Where tables and keys stand in a TOML or JSON text; the standard readers give values without places."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from typing import cast

Path = tuple[str | int, ...]
"""Keys and list positions from the top of a document, such as `("dag", "tasks", 2, "level")`."""

MAX_DEPTH = 64
"""Brackets inside one another; a text that goes deeper is not looked at any further."""
MAX_PLACES = 1_000_000
"""Paths whose lines are kept."""

_TOKEN = re.compile(
    r"[ \t\r]*+(?:\#[^\n]*+)?("
    r"\n"
    r'|"""(?:[^"\\]|\\.|"{1,2}(?!"))*+"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*+'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*+"'
    r"|'[^'\n]*+'"
    r"|[\[\]{}=,:.]"
    r"|[^\s\[\]{}=,:.\"'\#]++"
    r"|.)",
    re.DOTALL,
)


class Places:
    """The lines of everything that one text names, counted from 1."""

    def __init__(self, lines: dict[Path, int]) -> None:
        """Usually `of_toml` or `of_json` make it."""
        self._lines = lines

    @classmethod
    def of_toml(cls, text: str) -> Places:
        """The places in a TOML text; of a broken one, those before the damage. Never raises."""
        scanner = _Scanner(text)
        scanner.read_toml()
        return cls(scanner.lines)

    @classmethod
    def of_json(cls, text: str) -> Places:
        """The places in a JSON text. Never raises."""
        scanner = _Scanner(text)
        scanner.read_value(())
        return cls(scanner.lines)

    def line_of(self, path: Path) -> int | None:
        """The line of `path`, else of the nearest thing around it that the text names, else None."""
        for length in range(len(path), -1, -1):
            line = self._lines.get(path[:length])
            if line is not None:
                return line
        return None


def line_of(text: str, path: Path) -> int | None:
    """The line in the TOML `text` where `path` stands, else what is around it; see `Places` for many questions."""
    return Places.of_toml(text).line_of(path)


def error_line(error: tomllib.TOMLDecodeError, text: str) -> int:
    """The line of `text` that a TOML error is about: the last one if something is missing at the end."""
    match = re.search(r"at line (\d+)", str(error))
    return int(match.group(1)) if match else text.rstrip().count("\n") + 1


def fold_inline_tables(text: str) -> str:
    """`text` with every inline table on one line, as TOML 1.0 wants it, for files written for TOML 1.1.

    What follows such a table's statement keeps its line.
    """
    parts: list[str] = []
    opened: list[str] = []
    folded = 0
    for match in _TOKEN.finditer(text):
        token = match.group(1)
        if token == "\n" and opened[-1:] == ["{"]:
            folded += 1
            continue
        if token == "}" and parts and parts[-1].endswith(","):
            parts[-1] = parts[-1][:-1]
        if token in "[{":
            opened.append(token)
        elif token in "]}" and opened:
            opened.pop()
        parts.append(match.group(0))
        if token == "\n" and not opened:
            parts.append("\n" * folded)
            folded = 0
    return "".join(parts)


@dataclass(slots=True)
class _Open:
    """A bracket that is not closed yet."""

    path: Path
    index: int | None
    """Position of the element being read; None in a table."""


class _Scanner:
    """Walks over the tokens of a text once and notes the line of each path."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self._tokens = _TOKEN.finditer(text)
        self._line = 1
        self._next_line = 1
        self._lists: dict[Path, int] = {}
        """Last position in each list of tables (`[[…]]`)."""

    def _token(self) -> str:
        """The next token, empty at the end; `_line` is where it starts."""
        match = next(self._tokens, None)
        if match is None:
            return ""
        token = match.group(1)
        self._line = self._next_line
        self._next_line += token.count("\n")
        return token

    def _note(self, path: Path, line: int, *, below: int = 0) -> None:
        """Note `path` and what leads to it from `below` keys on; what was noted first stands."""
        if len(self.lines) < MAX_PLACES:
            for length in range(below + 1, len(path) + 1):
                self.lines.setdefault(path[:length], line)

    def read_toml(self) -> None:
        table: Path = ()
        while token := self._token():
            if token == "[":
                table = self._read_header()
            elif token != "\n":
                line = self._line
                path = (*table, *self._read_key(token))
                self._note(path, line, below=len(table))
                self.read_value(path)

    def _read_header(self) -> Path:
        """`[a.b]` or `[[a.b]]` after its first bracket; gives the table that it opens."""
        line = self._line
        token = self._token()
        is_list = token == "["
        keys = self._read_key(self._token() if is_list else token, end="]")
        path: Path = ()
        for position, key in enumerate(keys, 1):
            path = (*path, key)
            if is_list and position == len(keys):
                self._note(path, line)
                self._lists[path] = self._lists.get(path, -1) + 1
            if path in self._lists:
                path = (*path, self._lists[path])
        self._note(path, line)
        while token not in ("\n", ""):
            token = self._token()
        return path

    def _read_key(self, token: str, *, end: str = "=") -> list[str]:
        """The parts of a dotted key, of which `token` is the first, up to `end`."""
        parts: list[str] = []
        while token not in (end, "\n", ""):
            if token != ".":
                parts.append(_unquoted(token))
            token = self._token()
        return parts

    def read_value(self, path: Path) -> None:
        """One value with everything inside it; in TOML it ends with its line, unless a bracket is open."""
        opened: list[_Open] = []
        here: Path | None = path
        key: list[str] = []
        while token := self._token():
            if token == "\n":
                if path and not opened:
                    return
            elif token in "[{":
                here = self._open(opened, here, token)
                key = []
            elif token in "]}":
                if not opened or len(opened) > MAX_DEPTH:
                    return
                opened.pop()
                here = None
            elif token == "," and opened:
                here = _after_comma(opened[-1])
                key = []
            elif here is None and opened:
                here = self._in_key(opened[-1], key, token)
            elif here and self.lines.get(here[:-1]) != self._line:
                self._note(here, self._line, below=len(here) - 1)

    def _open(self, opened: list[_Open], here: Path | None, token: str) -> Path | None:
        path = here or ()
        if path:
            self._note(path, self._line, below=len(path) - 1)
        opened.append(_Open(path, 0 if token == "[" else None))
        if len(opened) > MAX_DEPTH:
            self._tokens = iter(())
        return (*path, 0) if token == "[" else None

    def _in_key(self, table: _Open, key: list[str], token: str) -> Path | None:
        """Take a token of a key in an inline table; gives the whole path once `=` or `:` is reached."""
        if token in "=:":
            return (*table.path, *key)
        if token != ".":
            key.append(_unquoted(token))
            self._note((*table.path, *key), self._line, below=len(table.path))
        return None


def _after_comma(bracket: _Open) -> Path | None:
    if bracket.index is None:
        return None
    bracket.index += 1
    return (*bracket.path, bracket.index)


def _unquoted(token: str) -> str:
    if token[0] not in "\"'":
        return token
    if "\\" not in token or token[0] == "'":
        return token[1:-1]
    try:
        return cast("str", json.loads(token))
    except ValueError:
        pass
    try:
        return cast("str", tomllib.loads(f"key = {token}")["key"])
    except tomllib.TOMLDecodeError:
        return token[1:-1]
