"""Messages of the engine's socket: their bytes, and the methods that may be called."""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import cast

from cis_tui.core.codec import decode, dumps
from cis_tui.core.errors import CisError, Invalid, error_from_wire, error_to_wire
from cis_tui.core.events import Event
from cis_tui.core.text import clean_line
from cis_tui.protocol import EngineApi

MAX_LINE = 16 * 1024 * 1024
"""Bytes of one message."""

_JSON_RPC_CODES = {"CIS-ENG-012": -32600, "CIS-ENG-013": -32601, "CIS-ENG-014": -32602}
_APPLICATION_ERROR = -32000
_NOT_OVER_THE_WIRE = frozenset({"events", "close"})


@dataclass(frozen=True, slots=True)
class Message:
    """One line, taken apart."""

    id: int | str | None
    """None for a notification."""
    method: str
    """Empty for an answer."""
    params: Mapping[str, object]
    result: object = None
    error: CisError | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """One method of `EngineApi` as a remote caller sees it."""

    name: str
    params: Mapping[str, object]
    """Name to type."""
    required: frozenset[str]
    result: object
    """Its type."""

    def arguments(self, params: Mapping[str, object]) -> dict[str, object]:
        """The keyword arguments that `params` carry.

        Raises:
            Invalid: one is missing, unknown or of a wrong type (CIS-ENG-014).
        """
        unknown = sorted(params.keys() - self.params.keys())
        missing = sorted(self.required - params.keys())
        if unknown or missing:
            what = f"does not take {clean_line(unknown[0])!r}" if unknown else f"needs {missing[0]!r}"
            raise Invalid("CIS-ENG-014", f"{self.name} {what}")
        return {name: self._argument(name, value) for name, value in params.items()}

    def _argument(self, name: str, value: object) -> object:
        try:
            return decode(cast("type[object]", self.params[name]), value)
        except Invalid as error:
            raise Invalid("CIS-ENG-014", f"{self.name}: {name}: {error.message}") from error


@cache
def methods() -> Mapping[str, Method]:
    """Everything that may be called: the public methods of `EngineApi`, by name."""
    found: dict[str, Method] = {}
    for name, function in inspect.getmembers(EngineApi, inspect.isfunction):
        if name.startswith("_") or name in _NOT_OVER_THE_WIRE:
            continue
        hints = typing.get_type_hints(function)
        result = hints.pop("return")
        parameters = inspect.signature(function).parameters
        required = {key for key in hints if parameters[key].default is inspect.Parameter.empty}
        found[name] = Method(name, hints, frozenset(required), result)
    return found


def request(id: int, method: str, params: Mapping[str, object]) -> bytes:
    """The line that calls `method`."""
    return _line({"jsonrpc": "2.0", "id": id, "method": method, "params": params})


def notification(method: str, params: Mapping[str, object]) -> bytes:
    """The line that tells something and asks for no answer."""
    return _line({"jsonrpc": "2.0", "method": method, "params": params})


def event_line(event: Event) -> bytes:
    """The notification of one event."""
    return notification("event", {"event": event})


def result(id: int | str | None, value: object) -> bytes:
    """The line that answers the request `id`; an error instead when the answer would be too long."""
    line = _line({"jsonrpc": "2.0", "id": id, "result": value})
    if len(line) > MAX_LINE:
        return failure(id, too_long())
    return line


def failure(id: int | str | None, error: CisError) -> bytes:
    """The line that answers the request `id` with an error."""
    code = _JSON_RPC_CODES.get(error.code, _APPLICATION_ERROR)
    detail = {"code": code, "message": error.message, "data": error_to_wire(error)}
    return _line({"jsonrpc": "2.0", "id": id, "error": detail})


def too_long() -> CisError:
    """The error for a message above the limit."""
    return Invalid(
        "CIS-ENG-015", f"a message is larger than {MAX_LINE // 1024 // 1024} MB", hint="ask for less at once"
    )


def parse(line: bytes) -> Message:
    """Take one line apart.

    Raises:
        Invalid: it is not a JSON-RPC message (CIS-ENG-012).
    """
    try:
        data: object = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Invalid("CIS-ENG-012", "not a JSON-RPC message: not JSON") from error
    if not isinstance(data, dict):
        raise Invalid("CIS-ENG-012", "not a JSON-RPC message: not an object")
    fields = cast("dict[str, object]", data)
    id = fields.get("id")
    params = fields.get("params", {})
    method = fields.get("method", "")
    if not (id is None or isinstance(id, (int, str))) or not isinstance(method, str) or not isinstance(params, dict):
        raise Invalid("CIS-ENG-012", "not a JSON-RPC message: id, method or params is of a wrong type")
    return Message(id, method, cast("dict[str, object]", params), fields.get("result"), _error(fields.get("error")))


def _error(data: object) -> CisError | None:
    if data is None:
        return None
    detail = cast("Mapping[str, object]", data).get("data") if isinstance(data, dict) else None
    return error_from_wire(cast("Mapping[str, object]", detail if isinstance(detail, dict) else {}))


def _line(message: Mapping[str, object]) -> bytes:
    return dumps(message).encode() + b"\n"
