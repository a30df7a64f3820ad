"""What a skill.toml says, after it was read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from cis_tui.core.problems import Problem


class SkillType(StrEnum):
    NATIVE = "native"
    WASM = "wasm"
    DAG = "dag"


class SkillOrigin(StrEnum):
    """Where a skill was found, in the order of the search."""

    PROJECT = "project"
    HOME = "home"
    SYSTEM = "system"
    SHIPPED = "shipped"


@dataclass(frozen=True, slots=True)
class Permissions:
    """What a skill may touch (contract, skill.toml)."""

    memory_read: tuple[str, ...] = ()
    """Key prefixes; the empty prefix means all that is public."""
    memory_write: tuple[str, ...] = ()
    filesystem: tuple[str, ...] = ()
    """`read:PATH` and `write:PATH`, relative to the project."""
    command: tuple[str, ...] = ()
    """Programs it may start; `*` means any."""
    network: tuple[str, ...] = ()
    """`host:port`; `*` means any."""


@dataclass(frozen=True, slots=True)
class SkillManifest:
    """One skill."""

    name: str
    version: str
    type: SkillType
    entry: str
    """Program or module: a file beside the manifest, or a program on PATH."""
    args: tuple[str, ...] = ()
    """Arguments that come before those of the call."""
    description: str = ""
    timeout: float = 30.0
    """Seconds."""
    permissions: Permissions = field(default_factory=Permissions)
    limits: Mapping[str, int] = field(default_factory=dict[str, int])
    folder: Path = Path()
    file: str = ""
    """The manifest's path."""
    origin: SkillOrigin = SkillOrigin.SHIPPED


@dataclass(frozen=True, slots=True)
class SkillInfo:
    """A skill as every face shows it."""

    name: str
    version: str
    type: str
    file: str
    description: str
    permissions: Permissions
    trusted: bool
    problems: tuple[Problem, ...]
    origin: SkillOrigin = SkillOrigin.SHIPPED


@dataclass(frozen=True, slots=True)
class SkillResult:
    """What a call gave (contract, skill.toml)."""

    success: bool
    output: object
    """JSON if the skill answered one document, else text."""
    exit_code: int
    duration: float
    """Seconds."""
