"""Frozen dataclasses to JSON and back: the one encoder that the command, the socket and the journal share."""

from __future__ import annotations

import base64
import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from enum import Enum
from functools import cache
from pathlib import PurePath
from typing import TypeVar

from cis_tui.core.clock import Instant
from cis_tui.core.errors import Invalid

T = TypeVar("T")


def encode(value: object) -> object:
    """`value` as what `json` writes: dataclasses become objects, moments ISO 8601, bytes `{"base64": …}`."""
    if value is None or (isinstance(value, (str, bool, int)) and not isinstance(value, Enum)):
        return value
    if isinstance(value, Instant):
        return value.iso()
    if isinstance(value, float):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode("ascii")}
    if isinstance(value, PurePath):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: encode(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, (dict, types.MappingProxyType)):
        return {str(key): encode(item) for key, item in typing.cast("Mapping[object, object]", value).items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [encode(item) for item in typing.cast("typing.Iterable[object]", value)]
    raise TypeError(f"{type(value).__name__} has no JSON form")


def dumps(value: object, *, indent: int | None = None) -> str:
    """`value` as JSON text, compact unless `indent` is given."""
    separators = (",", ": ") if indent else (",", ":")
    return json.dumps(encode(value), ensure_ascii=False, indent=indent, separators=separators)


def decode(kind: type[T], data: object) -> T:
    """The value of type `kind` that `encode` wrote as `data`; unknown fields are ignored.

    Raises:
        Invalid: `data` does not have the shape of `kind` (CIS-CORE-020).
    """
    try:
        return typing.cast("T", _decode(kind, data))
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid("CIS-CORE-020", f"unexpected data: {error}") from error


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


@cache
def _hints(kind: type) -> dict[str, object]:
    return typing.get_type_hints(kind)


def _decode(kind: object, data: object) -> object:
    origin = typing.get_origin(kind)
    if kind is object or kind is typing.Any:
        return data
    if origin in (typing.Union, types.UnionType):
        return _decode_union(typing.get_args(kind), data)
    if origin is not None:
        return _decode_container(origin, typing.get_args(kind), data)
    if kind is type(None):
        return _expect(data, type(None))
    assert isinstance(kind, type)
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(kind, data)
    return _decode_scalar(typing.cast("type[object]", kind), data)


def _decode_union(options: tuple[object, ...], data: object) -> object:
    if data is None and type(None) in options:
        return None
    failure: Exception = TypeError("no option of a union fits")
    for option in options:
        try:
            return _decode(option, data)
        except (KeyError, TypeError, ValueError) as error:
            failure = error
    raise failure


def _decode_container(origin: object, args: tuple[object, ...], data: object) -> object:
    if origin is dict or origin is Mapping:
        pairs = typing.cast("dict[object, object]", _expect(data, dict))
        return {_decode(args[0], key): _decode(args[1], item) for key, item in pairs.items()}
    items = typing.cast("list[object]", _expect(data, list))
    if origin is tuple and args[-1] is not Ellipsis:
        return tuple(_decode(arg, item) for arg, item in zip(args, items, strict=True))
    decoded = [_decode(args[0], item) for item in items]
    return decoded if origin is list else typing.cast("type", origin)(decoded)


def _decode_dataclass(kind: type, data: object) -> object:
    given = typing.cast("dict[str, object]", _expect(data, dict))
    hints = _hints(kind)
    return kind(**{name: _decode(hints[name], given[name]) for name in _names(kind) if name in given})


def _decode_scalar(kind: type[object], data: object) -> object:
    if kind is Instant:
        return Instant.parse(str(_expect(data, str))) if isinstance(data, str) else Instant(_number(data))
    if kind is float:
        return _number(data)
    if kind is bytes:
        return base64.b64decode(str(typing.cast("dict[str, object]", _expect(data, dict))["base64"]), validate=True)
    if issubclass(kind, Enum):
        return kind(data)
    if issubclass(kind, PurePath):
        return kind(str(_expect(data, str)))
    if kind is int and isinstance(data, bool):
        raise TypeError("expected int, got bool")
    return _expect(data, kind)


def _number(data: object) -> float:
    if isinstance(data, (int, float)) and not isinstance(data, bool):
        return float(data)
    raise TypeError(f"expected a number, got {type(data).__name__}")


def _expect(data: object, kind: type[object]) -> object:
    if not isinstance(data, kind):
        raise TypeError(f"expected {kind.__name__}, got {type(data).__name__}")
    return data
