"""What a skill.toml says, after it was read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from cis_tui.core.clock import Instant
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


class ArgumentType(StrEnum):
    """What a value may be; a `path` is text that names a file."""

    STRING = "string"
    PATH = "path"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LIST = "list"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a command that a skill exports."""

    name: str
    type: ArgumentType = ArgumentType.STRING
    description: str = ""
    required: bool = False
    default: object = None
    """What it is when it is not given; None for nothing."""
    choices: tuple[object, ...] = ()
    """The only values that it may have; empty for any."""
    low: float | None = None
    high: float | None = None
    many: bool = False
    """Whether it takes all words that are left; its value is a list."""


@dataclass(frozen=True, slots=True)
class ExportedCommand:
    """What a skill can be asked to do."""

    name: str
    description: str = ""
    args: tuple[Argument, ...] | None = None
    """None when nothing is said about them: they are not checked."""
    phrases: tuple[str, ...] = ()
    """Sentences that mean it, with `{argument}` where one stands."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """Another skill that one needs."""

    name: str
    version: str = ""
    """A version specifier (PEP 440), such as `>=1.0,<2`; empty for any."""
    line: int | None = None
    """Where the manifest says so."""


class CallLevel(StrEnum):
    """Who decides whether a skill is called, whatever calls it."""

    MECHANICAL = "mechanical"
    """Whoever calls it."""
    CONFIRMED = "confirmed"
    """A person, each time."""


class Mode(StrEnum):
    """How a native skill lives."""

    ONCE = "once"
    """A process for each call."""
    WARM = "warm"
    """One process that answers call after call."""


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
    mode: Mode = Mode.ONCE
    exports: tuple[ExportedCommand, ...] = ()
    """What it can be asked to do; empty when it does not say."""
    dependencies: tuple[Dependency, ...] = ()
    folder: Path = Path()
    file: str = ""
    """The manifest's path."""
    origin: SkillOrigin = SkillOrigin.SHIPPED
    confirm: str = ""
    """Why a person has to confirm each of its calls; empty: nobody has to."""
    stale: bool = False
    """Whether what lies there now is broken, and this is how it was before."""

    @property
    def is_own_shell(self) -> bool:
        """It is the shipped `shell`, which runs a command of the person's own: nothing confines it."""
        return self.name == "shell" and self.origin is SkillOrigin.SHIPPED


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
    confirm: str = ""
    """Why a person has to confirm each of its calls; empty: nobody has to."""
    exports: tuple[ExportedCommand, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    mode: Mode = Mode.ONCE
    timeout: float = 30.0
    """Seconds."""
    not_enforced: tuple[str, ...] = ()
    """What of its permissions the kernel here does not hold it to, a phrase each: each of its calls is confirmed."""


@dataclass(frozen=True, slots=True)
class SkillResult:
    """What a call gave (contract, skill.toml)."""

    success: bool
    output: object
    """JSON if the skill answered one document, else text."""
    exit_code: int
    duration: float
    """Seconds."""
    output_file: str = ""
    """Where all of the output is, when it is longer than a result may be; `output` is its beginning."""
    note: str = ""
    """What else is to be said about the call."""


@dataclass(frozen=True, slots=True)
class SkillRun:
    """One call of a skill that has ended."""

    skill: str
    at: Instant
    """When it ended."""
    success: bool
    duration: float
    """Seconds."""
    exit_code: int | None = None
    error: str = ""
    project: str = ""
    run: str = ""
    """The run whose task it was; empty outside of any."""
    task: str = ""
    call: str = ""
    """Names the call outside of any run."""
