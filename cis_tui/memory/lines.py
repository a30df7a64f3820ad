"""A line of an import, taken apart: one JSON object, such as `export` writes."""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from dataclasses import fields, replace
from enum import StrEnum
from typing import TypeVar

from cis_tui.core.document import is_table
from cis_tui.core.errors import Invalid
from cis_tui.core.tables import describe
from cis_tui.memory.intake import check_write
from cis_tui.memory.records import MAX_VALUE, Domain, IndexType, MemoryItem, MemoryWrite

MAX_LINE = 6 * MAX_VALUE + 65_536
"""Bytes of a line: JSON needs up to six for one of a value."""
FIELDS = frozenset({"key", "value", "domain", "category", "pinned", "index_type", "classed"})
"""What a line may say. The rest of an item is made anew: an import writes new versions, on this node and now."""
_ITEM_FIELDS = frozenset(field.name for field in fields(MemoryItem))
_Choice = TypeVar("_Choice", bound=StrEnum)


def write_of(line: bytes, *, declassify: bool = False) -> MemoryWrite:
    """The write that `line` asks for. Its `index_type` counts where `classed` says that a person chose it; that it is
    no secret only with `declassify` (see `MemoryWrite`).

    Raises:
        Invalid: it cannot be kept (CIS-MEM-001 to 003, 100), or is no such object (CIS-MEM-080).
    """
    given = _object(line)
    key, value = given.get("key"), given.get("value")
    if not isinstance(key, str):
        raise _wrong("key", key, "text")
    said = _choice(given, "index_type", IndexType)
    kind = said if _flag(given, "classed") else None
    write = MemoryWrite(
        key,
        _value(value),
        _choice(given, "domain", Domain),
        _text(given, "category"),
        _flag(given, "pinned"),
        kind,
        declassify and kind is not None,
    )
    return replace(write, value=check_write(write))


def unknown_fields(line: bytes) -> frozenset[str]:
    """The fields of a valid line that mean nothing."""
    return frozenset(_object(line).keys() - FIELDS - _ITEM_FIELDS)


def _object(line: bytes) -> dict[str, object]:
    if len(line) > MAX_LINE:
        raise Invalid("CIS-MEM-080", f"the line has more than {MAX_LINE} bytes")
    try:
        data: object = json.loads(line)
    except UnicodeDecodeError as error:
        raise Invalid("CIS-MEM-080", "the line is not UTF-8 text") from error
    except (ValueError, RecursionError) as error:
        where = f" at column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise Invalid("CIS-MEM-080", f"the line is not JSON{where}") from error
    if not is_table(data):
        raise Invalid("CIS-MEM-080", f'the line is {describe(data)}, expected {{"key": …, "value": …}}')
    return data


def _value(value: object) -> str | bytes:
    if isinstance(value, str):
        return value
    encoded = value.get("base64") if is_table(value) and len(value) == 1 else None
    if isinstance(encoded, str):
        try:
            return b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Invalid("CIS-MEM-080", '"base64" is not base64') from error
    raise _wrong("value", value, 'text, or {"base64": …}')


def _text(given: dict[str, object], name: str) -> str:
    value = given.get(name, "")
    if not isinstance(value, str):
        raise _wrong(name, value, "text")
    return value


def _flag(given: dict[str, object], name: str) -> bool | None:
    value = given.get(name)
    if not (value is None or isinstance(value, bool)):
        raise _wrong(name, value, "true or false")
    return value


def _choice(given: dict[str, object], name: str, kind: type[_Choice]) -> _Choice | None:
    value = given.get(name)
    if value is None:
        return None
    try:
        return kind(str(value))
    except ValueError:
        raise _wrong(name, value, " or ".join(kind)) from None


def _wrong(name: str, value: object, expected: str) -> Invalid:
    # A value may be a secret: of it only the kind is told.
    shown = describe(value) if name != "value" or value is None else f"of the kind {type(value).__name__}"
    return Invalid("CIS-MEM-080", f'"{name}" is {shown}, expected {expected}')
