"""Frozen dataclasses to JSON and back: the one encoder that the command, the socket and the journal share."""

from __future__ import annotations

import base64
import dataclasses
import json
import types
import typing
from collections.abc import Callable, Mapping
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
    """`value` as JSON text, compact unless `indent` is given, which UTF-8 can express whatever `value` holds.

    Half a character, as in the name of a file that is not UTF-8, becomes its escape, such as `\\udce9`.
    """
    separators = (",", ": ") if indent else (",", ":")
    text = json.dumps(encode(value), ensure_ascii=False, indent=indent, separators=separators)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def decode(kind: type[T], data: object) -> T:
    """The value of type `kind` that `encode` wrote as `data`; unknown fields are ignored.

    Raises:
        Invalid: `data` does not have the shape of `kind` (CIS-CORE-020).
    """
    try:
        return typing.cast("T", _decoder(kind)(data))
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid("CIS-CORE-020", f"unexpected data: {error}") from error


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


Decoder = Callable[[object], object]


@cache
def _decoder(kind: object) -> Decoder:
    """What turns JSON into a `kind`. Made once for each: a view of a thousand tasks is decoded between two keys."""
    origin = typing.get_origin(kind)
    if kind is object or kind is typing.Any:
        return lambda data: data
    if origin in (typing.Union, types.UnionType):
        return _union_decoder(typing.get_args(kind))
    if origin is dict or origin is Mapping:
        return _dict_decoder(*typing.get_args(kind))
    if origin is not None:
        return _sequence_decoder(origin, typing.get_args(kind))
    assert isinstance(kind, type)
    if dataclasses.is_dataclass(kind):
        return _dataclass_decoder(kind)
    return _scalar_decoder(typing.cast("type[object]", kind))


def _union_decoder(options: tuple[object, ...]) -> Decoder:
    decoders = [_decoder(option) for option in options if option is not type(None)]
    optional = type(None) in options

    def decode_union(data: object) -> object:
        if data is None and optional:
            return None
        failure: Exception = TypeError("no option of a union fits")
        for decoder in decoders:
            try:
                return decoder(data)
            except (KeyError, TypeError, ValueError) as error:
                failure = error
        raise failure

    return decode_union


def _dict_decoder(key: object, item: object) -> Decoder:
    decode_key, decode_item = _decoder(key), _decoder(item)

    def decode_dict(data: object) -> object:
        pairs = typing.cast("dict[object, object]", _expect(data, dict))
        return {decode_key(name): decode_item(value) for name, value in pairs.items()}

    return decode_dict


def _sequence_decoder(origin: Callable[[list[object]], object], args: tuple[object, ...]) -> Decoder:
    decoders = [_decoder(arg) for arg in args if arg is not Ellipsis]
    decode_item = decoders[0]
    fixed = origin is tuple and args[-1] is not Ellipsis

    def decode_sequence(data: object) -> object:
        items = typing.cast("list[object]", _expect(data, list))
        if fixed:
            return tuple(decoder(item) for decoder, item in zip(decoders, items, strict=True))
        decoded = [decode_item(item) for item in items]
        return decoded if origin is list else origin(decoded)

    return decode_sequence


def _dataclass_decoder(kind: type) -> Decoder:
    def decode_dataclass(data: object) -> object:
        given = typing.cast("dict[str, object]", _expect(data, dict))
        return kind(**{name: decoder(given[name]) for name, decoder in _field_decoders(kind) if name in given})

    return decode_dataclass


@cache
def _field_decoders(kind: type) -> tuple[tuple[str, Decoder], ...]:
    hints = typing.get_type_hints(kind)
    return tuple((name, _decoder(hints[name])) for name in _names(kind))


def _scalar_decoder(kind: type[object]) -> Decoder:
    if kind is Instant:
        return lambda data: Instant.parse(data) if isinstance(data, str) else Instant(_number(data))
    if kind is float:
        return _number
    if kind is bytes:
        return _bytes
    if issubclass(kind, Enum):
        return kind
    if issubclass(kind, PurePath):
        return lambda data: kind(typing.cast("str", _expect(data, str)))
    if kind is int:
        return _integer
    return lambda data: _expect(data, kind)


def _bytes(data: object) -> bytes:
    return base64.b64decode(str(typing.cast("dict[str, object]", _expect(data, dict))["base64"]), validate=True)


def _integer(data: object) -> object:
    if isinstance(data, bool):
        raise TypeError("expected int, got bool")
    return _expect(data, int)


def _number(data: object) -> float:
    if isinstance(data, (int, float)) and not isinstance(data, bool):
        try:
            return float(data)
        except OverflowError as error:
            raise TypeError("expected a number, got one that is too great") from error
    raise TypeError(f"expected a number, got {type(data).__name__}")


def _expect(data: object, kind: type[object]) -> object:
    if not isinstance(data, kind):
        raise TypeError(f"expected {kind.__name__}, got {type(data).__name__}")
    return data
