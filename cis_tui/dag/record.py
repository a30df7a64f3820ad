"""The definition of a run: what it was started with, kept in the journal and used again when it is resumed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter
from typing import Any, cast

from cis_tui.core.codec import decode
from cis_tui.dag.model import DagSpec


@dataclass(frozen=True, slots=True)
class Asked:
    """Which other node wants something to be run here, and as what."""

    did: str
    job: str
    """What it calls it; what has begun by this name never begins again."""
    name: str = ""
    """What that node is called here."""
    about: str = ""
    """Its run and task, in words."""


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
    asked: Asked | None = None
    """Of a task that another node wants to be run here."""

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
def _defaults(kind: type) -> tuple[Callable[[object], tuple[object, ...]], tuple[tuple[str, object], ...]]:
    """What reads all fields of a dataclass, and their names with their defaults; nothing equals a missing default."""
    fields = tuple((item.name, _default(item)) for item in dataclasses.fields(kind))
    names = [name for name, _ in fields]
    return (attrgetter(*names) if len(names) > 1 else lambda value: (getattr(value, names[0]),)), fields


def _default(item: dataclasses.Field[Any]) -> object:
    if item.default_factory is not dataclasses.MISSING:
        return item.default_factory()
    return item.default


def _lean(value: object) -> dict[str, object]:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, object]", value))
    if not dataclasses.is_dataclass(value):
        raise TypeError(f"{type(value).__name__} has no JSON form")
    read, fields = _defaults(type(cast("object", value)))
    return {
        name: item
        for item, (name, default) in zip(read(value), fields, strict=True)
        if item is not default and item != default
    }


_ENCODER = json.JSONEncoder(default=_lean, separators=(",", ":"))
