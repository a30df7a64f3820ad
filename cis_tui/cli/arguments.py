"""Kinds of arguments that several commands take."""

from __future__ import annotations

import json
import re
import sys
from argparse import ArgumentTypeError
from typing import cast

MAX_STDIN = 16_000_000
"""Bytes of a prompt or an input."""
MAX_DIGITS = 18
"""Of a whole number: what is longer, a database does not take."""


def count(text: str) -> int:
    """A whole number from 1."""
    return _whole(text, 1)


def days(text: str) -> float:
    """A length of time such as `90d`, `2w` or `12h`, in days."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([hdw]?)", text)
    if match is None or float(match[1]) > 36_500:
        raise ArgumentTypeError(f"{text!r} is no length of time such as 90d, 2w or 12h")
    return float(match[1]) * {"h": 1 / 24, "w": 7}.get(match[2], 1)


def folder(text: str) -> str:
    """The name of a folder; an empty one, such as that of a variable that is not set, is not taken for this folder."""
    if not text:
        raise ArgumentTypeError("no folder is named")
    return text


def parameter(text: str) -> tuple[str, str]:
    """`key=value`."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ArgumentTypeError(f"{text!r} is not key=value")
    return name, value


def executor(text: str) -> str:
    """`local`, `dask` or `dask://HOST:PORT`."""
    from cis_tui.core.errors import Invalid
    from cis_tui.dag.executors.names import parse_target

    try:
        return parse_target(text).name
    except Invalid as error:
        raise ArgumentTypeError(f"{error.message}; {error.hint}") from error


def number(text: str) -> int:
    """A whole number from 0."""
    return _whole(text, 0)


def text_of(given: str, what: str) -> str:
    """The text that was given, or what stdin holds for `-`.

    Raises:
        UsageError: that is longer than 16 MB, or not UTF-8.
    """
    from cis_tui.cli.failure import usage

    if given != "-":
        return given
    data = sys.stdin.buffer.read(MAX_STDIN + 1)
    if len(data) > MAX_STDIN:
        raise usage(f"{what} on stdin is longer than {MAX_STDIN // 1_000_000} MB")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise usage(f"{what} on stdin is not UTF-8: {error.reason} at byte {error.start}") from error


def json_object(text: str) -> dict[str, object]:
    """The object that `--input` gives as JSON.

    Raises:
        UsageError: it is not JSON, or no object.
    """
    from cis_tui.cli.failure import usage

    hint = """such as --input '{"path": "src"}'"""
    try:
        data: object = json.loads(text)
        json.dumps(data, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise usage(f"--input is not JSON: {error}", hint) from error
    if not isinstance(data, dict):
        raise usage("--input is not a JSON object", hint)
    return cast("dict[str, object]", data)


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or len(text) > MAX_DIGITS or int(text) < least:
        most = f" to {10**MAX_DIGITS - 1}" if len(text) > MAX_DIGITS else ""
        raise ArgumentTypeError(f"{text[:40]!r} is not a whole number from {least}{most}")
    return int(text)
