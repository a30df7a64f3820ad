"""Kinds of arguments that several commands take."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from typing import cast


def count(text: str) -> int:
    """A whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def parameter(text: str) -> tuple[str, str]:
    """`key=value`."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ArgumentTypeError(f"{text!r} is not key=value")
    return name, value


def number(text: str) -> int:
    """A whole number from 0."""
    if not text.isdecimal():
        raise ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)


def json_object(text: str) -> dict[str, object]:
    """The object that `--input` gives as JSON.

    Raises:
        UsageError: it is not JSON, or no object.
    """
    from cis_tui.cli.failure import usage

    hint = """such as --input '{"path": "src"}'"""
    try:
        data: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise usage(f"--input is not JSON: {error}", hint) from error
    if not isinstance(data, dict):
        raise usage("--input is not a JSON object", hint)
    return cast("dict[str, object]", data)
