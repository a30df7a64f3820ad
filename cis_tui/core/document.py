"""Reads the files that people write: every problem at once, each with its line and field, never an exception."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import BinaryIO, TypeGuard, cast

from cis_tui.core.errors import Invalid
from cis_tui.core.problems import Problem, Severity
from cis_tui.core.text import clean_line, count
from cis_tui.core.toml_lines import Path, Places, error_line, fold_inline_tables

MAX_BYTES = 4_000_000
"""Of a file."""
MAX_PROBLEMS = 200
"""Errors, and as many warnings, that are kept of one file."""


class Notes:
    """Collects what is wrong in one file."""

    def __init__(self, file: str, places: Places | None = None) -> None:
        self.file = file
        self.places = places or Places({})
        self.moved: dict[Path, Path] = {}
        """From where a value is read to where it stands in the file, if a reader of dialects moved it."""
        self._found: dict[tuple[Severity, str, Path | None], tuple[Path, str]] = {}
        self._repeated: Counter[tuple[Severity, str, Path | None]] = Counter()
        self._dropped = 0

    def error(self, path: Path, message: str, hint: str = "") -> None:
        """Something that must be mended before the file can be used."""
        self._add((Severity.ERROR, message, path), path, hint)

    def warn(self, path: Path, message: str, hint: str = "") -> None:
        """Something that was ignored or taken as something else; the same message is kept once and counted."""
        self._add((Severity.WARNING, message, None), path, hint)

    def _add(self, key: tuple[Severity, str, Path | None], path: Path, hint: str) -> None:
        if key in self._found:
            self._repeated[key] += 1
        elif sum(known[0] is key[0] for known in self._found) < MAX_PROBLEMS:
            self._found[key] = (path, hint)
        else:
            self._dropped += 1

    def place(self, path: Path) -> Path:
        """Where in the file the value stands that is read at `path`."""
        for length in range(len(path), 0, -1):
            origin = self.moved.get(path[:length])
            if origin is not None:
                return (*origin, *path[length:])
        return path

    def line_of(self, path: Path) -> int | None:
        """The line of the value that is read at `path`."""
        return self.places.line_of(self.place(path))

    @property
    def broken(self) -> bool:
        """Whether there is an error."""
        return any(severity is Severity.ERROR for severity, _, _ in self._found)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was found, in the order of the file, errors before warnings of the same line."""
        problems = [self._problem(key, path, hint) for key, (path, hint) in self._found.items()]
        problems.sort(key=lambda problem: (problem.line or 0, problem.severity is Severity.WARNING))
        if self._dropped:
            problems.append(Problem(Severity.WARNING, f"and {count(self._dropped, 'more problem')}", file=self.file))
        return tuple(problems)

    def _problem(self, key: tuple[Severity, str, Path | None], path: Path, hint: str) -> Problem:
        severity, message, _ = key
        times = self._repeated[key]
        if times:
            message += f" (and in {times} more place{'s' if times > 1 else ''})"
        return Problem(
            severity,
            clean_line(message, limit=1000),
            file=self.file,
            line=self.line_of(path),
            field=field_name(self.place(path)),
            hint=clean_line(hint),
        )


def field_name(path: Path) -> str:
    """`path` as a person writes it: `dag.tasks[2].level`."""
    name = ""
    for part in path:
        if isinstance(part, int):
            name += f"[{part}]"
        else:
            key = part if re.fullmatch(r"[\w-]+", part) else json.dumps(clean_line(part), ensure_ascii=False)
            name += f".{key}" if name else key
    return clean_line(name)


def read_text(path: FilePath) -> str:
    """The text of a regular file in UTF-8.

    Raises:
        Invalid: there is none, it is larger than 4 MB, or it is not text (CIS-CORE-044).
    """
    try:
        return as_text(read_bytes(path, limit=MAX_BYTES))
    except OSError as error:
        raise Invalid("CIS-CORE-044", f"cannot be read: {error.strerror or error}") from error


def as_text(data: bytes) -> str:
    """The text of a file whose content is `data`.

    Raises:
        Invalid: it is not UTF-8 (CIS-CORE-044).
    """
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise Invalid(
            "CIS-CORE-044", f"not UTF-8 text: byte {error.start}, line {line}", hint="save it as UTF-8"
        ) from None


def read_bytes(path: FilePath, *, limit: int) -> bytes:
    """The bytes of a regular file.

    Raises:
        OSError: it cannot be opened, or is no regular file.
        Invalid: it is longer than `limit` (CIS-CORE-044).
    """
    with open_regular(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise Invalid("CIS-CORE-044", f"larger than {limit // 1_000_000} MB")
    return data


def open_regular(path: FilePath, flags: int = 0) -> BinaryIO:
    """Open a file for reading unless it is a folder, a device or a pipe, for which nothing ever waits.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file")
    return os.fdopen(descriptor, "rb")


def parse_toml(text: str, file: str) -> tuple[dict[str, object], Notes]:
    """The content of a TOML text, empty when it is broken, and the notes for what its reader finds."""
    try:
        return tomllib.loads(text), Notes(file, Places.of_toml(text))
    except tomllib.TOMLDecodeError as error:
        return _parse_toml_1_1(text, file, error)
    except (ValueError, RecursionError) as error:
        notes = Notes(file)
        notes.error((), _too_much(error))
    return {}, notes


def _parse_toml_1_1(text: str, file: str, error: tomllib.TOMLDecodeError) -> tuple[dict[str, object], Notes]:
    """Try again with each inline table on one line; if that was not the trouble, `error` stands."""
    try:
        data = tomllib.loads(fold_inline_tables(text))
    except (ValueError, RecursionError):
        notes = Notes(file, Places({(): error_line(error, text)}))
        notes.error((), f"not TOML: {error}")
        return {}, notes
    notes = Notes(file, Places.of_toml(text))
    line = error_line(error, text)
    notes.warn(
        (), f"inline tables over several lines, as in line {line}, are read as TOML 1.1; other readers refuse them"
    )
    return data, notes


def parse_json(text: str, file: str) -> tuple[object, Notes]:
    """The content of a JSON text, None when it is broken, and the notes for what its reader finds."""
    twice: list[str] = []

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        content = dict(pairs)
        if len(content) < len(pairs):
            twice.extend(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        return content

    try:
        data = json.loads(text, object_pairs_hook=once, parse_constant=_no_constant)
        notes = Notes(file, Places.of_json(text))
    except json.JSONDecodeError as error:
        notes = Notes(file, Places({(): error.lineno}))
        notes.error((), f"not JSON: {error.msg} (at line {error.lineno}, column {error.colno})")
        return None, notes
    except (ValueError, RecursionError) as error:
        notes = Notes(file)
        notes.error((), _too_much(error))
        return None, notes
    for key in twice:
        notes.error((), f'"{key}" is given twice in one object')
    return cast("object", data), notes


def _too_much(error: Exception) -> str:
    return "nested too deeply to be read" if isinstance(error, RecursionError) else f"cannot be read: {error}"


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def load_toml(path: FilePath) -> tuple[dict[str, object], Notes]:
    """As `parse_toml`, of a file; one that cannot be read is a problem too."""
    try:
        return parse_toml(read_text(path), str(path))
    except Invalid as error:
        notes = Notes(str(path))
        notes.error((), error.message, error.hint)
        return {}, notes


def is_table(value: object) -> TypeGuard[dict[str, object]]:
    """Whether a value from TOML or JSON is a table."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[object]]:
    """Whether a value from TOML or JSON is a list."""
    return isinstance(value, list)


def as_table(value: object) -> Mapping[str, object]:
    """`value` as a table; an empty one if it is none."""
    return value if is_table(value) else {}


def as_list(value: object) -> list[object]:
    """`value` as a list; an empty one if it is none."""
    return value if is_list(value) else []
