"""The definition of a run: what it was started with, kept in the journal and used again when it is resumed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

from cis_tui.core.codec import decode
from cis_tui.dag.model import DagSpec


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Everything that a run needs beside the skills themselves."""

    id: str
    spec: DagSpec
    project: str = ""
    """The project's folder; empty outside of any."""
    project_name: str = ""
    max_parallel: int | None = None
    """The project's own limit."""
    stakeholders: Mapping[str, str] = field(default_factory=dict[str, str])
    """Name to DID, as the project had it."""
    params: Mapping[str, object] = field(default_factory=dict[str, object])
    yes: bool = False
    by: str = ""
    """The skill that has scheduled it; empty when a person, or a program of theirs, has started it."""
    depth: int = 0
    """How many calls have scheduled each other until it came to this one."""

    def dumps(self) -> str:
        """The record as JSON without the fields that have their default, which `loads` puts back."""
        return _ENCODER.encode(self)

    @classmethod
    def loads(cls, text: str) -> RunRecord:
        """The record that `dumps` wrote.

        Raises:
            Invalid: `text` has another shape.
        """
        return decode(cls, json.loads(text))


@cache
def _defaults(kind: type) -> tuple[tuple[str, object], ...]:
    """A dataclass's fields with their defaults; one without a default has a value that nothing equals."""
    return tuple((item.name, _default(item)) for item in dataclasses.fields(kind))


def _default(item: dataclasses.Field[Any]) -> object:
    if item.default_factory is not dataclasses.MISSING:
        return item.default_factory()
    return item.default


def _lean(value: object) -> dict[str, object]:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, object]", value))
    if not dataclasses.is_dataclass(value):
        raise TypeError(f"{type(value).__name__} has no JSON form")
    lean: dict[str, object] = {}
    for name, default in _defaults(type(cast("object", value))):
        item: object = getattr(value, name)
        if item is not default and item != default:
            lean[name] = item
    return lean


_ENCODER = json.JSONEncoder(default=_lean, separators=(",", ":"))
