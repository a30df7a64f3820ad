"""Settings and where each comes from: flag, then environment, project.toml, config.toml, default."""

from __future__ import annotations

import dataclasses
import os
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import cast

from cis_tui.core.errors import Invalid, NotFound
from cis_tui.core.text import did_you_mean


@dataclass(frozen=True, slots=True)
class CoreSettings:
    """`[core]`"""

    log_level: str = "info"
    """debug, info, warning or error."""
    max_parallel: int = 8
    """Tasks that run at the same time, over all runs."""


@dataclass(frozen=True, slots=True)
class MemorySettings:
    """`[memory]`"""

    hot_weeks: int = 4
    """Weeks that stay open and searchable."""
    total_weeks: int = 54
    """Weeks that are kept at all."""
    default_domain: str = "private"
    """private or public: where an entry goes that neither flag nor content decides."""
    auto_lock: float = 900.0
    """Seconds without use after which private memory that was unlocked by its passphrase is locked again; 0: never."""
    vectors: str = "auto"
    """auto, exact or chroma: how an engine searches public vectors; auto is chroma once there are many."""


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """`[agent]`"""

    default: str = "claude"
    """The agent that is asked unless another one is named."""
    model: str = ""
    """Its model; empty: the one that the agent's definition names."""
    base_url: str = ""
    """Where a service that speaks the Messages API answers; empty: where the agent's definition says."""
    timeout: float = 600.0
    """Seconds of silence after which an answer is given up."""
    max_tokens: int = 16_000
    """Tokens that one answer may have."""
    effort: str = ""
    """low, medium, high or max: how long a model thinks; empty: the service's own."""
    memory_read: tuple[str, ...] = ()
    """Prefixes of private keys that agents may read beside public memory; Sensitive entries never."""


@dataclass(frozen=True, slots=True)
class DecisionSettings:
    """`[decisions]`"""

    recommended: float = 5.0
    """Seconds that a recommended task counts down."""
    confirmed: float = 300.0
    """Seconds after which an unanswered confirmation is rejected."""
    arbitrated: float = 3600.0
    """Seconds that a vote stays open."""
    threshold: float = 0.5
    """Part of those who may vote that must be exceeded by approvals."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """`[runs]`"""

    log_mb: float = 64.0
    """Megabytes of output that are kept of one attempt of a task: of more, the beginning and the end."""
    keep_days: int = 0
    """Days after which an engine that starts removes runs that have ended, with their logs; 0: never."""


@dataclass(frozen=True, slots=True)
class DaskSettings:
    """`[dask]`; of config.toml only, as it says who may be sent what"""

    tls_ca: str = ""
    """File with the certificate of whoever signed those of scheduler and workers; with it the connection is TLS."""
    tls_cert: str = ""
    """File with this side's certificate."""
    tls_key: str = ""
    """File with its key."""
    insecure: bool = False
    """Whether a scheduler on another machine may be spoken to in clear."""
    shared: bool = False
    """Whether the workers have the project's folder at the same path."""
    patience: float = 10.0
    """Seconds to wait for a scheduler, or for a worker that was there and is gone."""
    workers: int = 2
    """Of the cluster that `--executor dask` starts."""


@dataclass(frozen=True, slots=True)
class P2PSettings:
    """`[p2p]`; of config.toml only, as it says who may know what of this machine"""

    enabled: bool = True
    """Whether an engine speaks to peers at all."""
    listen_port: int = 7677
    """TCP port that peers connect to; 0: any free one. If it is taken, a free one is used, and said."""
    mdns: bool = True
    """Whether nodes on the same network find each other."""
    dht: bool = False
    """Whether admitted peers and bootstrap nodes are asked where a peer is that is not on this network."""
    bootstrap: tuple[str, ...] = ()
    """Addresses of nodes that are asked first, such as `/ip4/192.0.2.7/tcp/7677/p2p/12D3…`."""
    mode: str = "whitelist"
    """whitelist, open, solitary or quarantine: what becomes of a peer that nobody has decided about."""
    share: tuple[str, ...] = ("",)
    """Prefixes of public keys that peers get; one of them empty: all."""
    expose: tuple[str, ...] = ()
    """What your other nodes may run here unasked: `skill:NAME`, or `command:LINE` for just this line."""


@dataclass(frozen=True, slots=True)
class MatrixSettings:
    """`[matrix]`; of config.toml only, as `[p2p]`"""

    enabled: bool = True
    """Whether an engine speaks to the homeserver that `cis matrix login` named."""
    homeserver: str = ""
    """Where `cis matrix login` logs in unless it is told otherwise: an address, or the name of a server."""
    user: str = ""
    """As whom, such as `@ann:example.org`."""
    room: str = "#cis-federation"
    """Alias or id of the room in which nodes meet; an alias without a server is one of the account's own."""
    encrypted: bool = False
    """Whether that room is encrypted if it is made here, and not entered unless it is."""
    share: tuple[str, ...] = ("",)
    """Prefixes of public keys that the room gets; one of them empty: all."""
    policy: tuple[str, ...] = ()
    """Who may do what from the room, beside what follows from `cis peer allow`, such as `did:key:z6Mk… memory vote`."""


@dataclass(frozen=True, slots=True)
class UiSettings:
    """`[ui]`"""

    theme: str = "cis-dark"
    """Name of a theme in `themes/` or `$CIS_HOME/themes`."""
    keys: str = "vi"
    """How one moves: `vi` (arrows, and hjkl, g, G), `arrows` alone, or `emacs` (arrows, and Ctrl+N, Ctrl+P)."""
    ascii: bool = False
    """Whether lines and marks are drawn in ASCII; on a Linux console, and where text is not UTF-8, they always are."""
    motion: bool = False
    """Whether scrolling is animated."""
    driver: str = "auto"
    """What is written to the terminal: `cells` that changed, or `plain`, all that was drawn; `auto`: cells over SSH."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of config.toml."""

    core: CoreSettings = field(default_factory=CoreSettings)
    memory: MemorySettings = field(default_factory=MemorySettings)
    agent: AgentSettings = field(default_factory=AgentSettings)
    decisions: DecisionSettings = field(default_factory=DecisionSettings)
    runs: RunSettings = field(default_factory=RunSettings)
    dask: DaskSettings = field(default_factory=DaskSettings)
    p2p: P2PSettings = field(default_factory=P2PSettings)
    matrix: MatrixSettings = field(default_factory=MatrixSettings)
    ui: UiSettings = field(default_factory=UiSettings)
    keys: Mapping[str, str] = field(default_factory=dict[str, str])
    """`[keys]`: action = key, over the workspace's own bindings."""


RANGES: Mapping[str, tuple[float, float]] = {
    "core.max_parallel": (1, 256),
    "memory.hot_weeks": (1, 52),
    "memory.total_weeks": (2, 1040),
    "memory.auto_lock": (0, 2_592_000),
    "agent.timeout": (0.1, 86_400),
    "agent.max_tokens": (1, 1_000_000),
    "decisions.recommended": (0, 86_400),
    "decisions.confirmed": (1, 2_592_000),
    "decisions.arbitrated": (1, 2_592_000),
    "decisions.threshold": (0, 1),
    "runs.log_mb": (0.01, 1_000_000),
    "runs.keep_days": (0, 36_500),
    "dask.patience": (0, 3600),
    "dask.workers": (1, 64),
    "p2p.listen_port": (0, 65_535),
}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "core.log_level": ("debug", "info", "warning", "error"),
    "memory.default_domain": ("private", "public"),
    "memory.vectors": ("auto", "exact", "chroma"),
    "agent.effort": ("", "low", "medium", "high", "max"),
    "p2p.mode": ("whitelist", "open", "solitary", "quarantine"),
    "ui.keys": ("vi", "arrows", "emacs"),
    "ui.driver": ("auto", "cells", "plain"),
}


@dataclass(frozen=True, slots=True)
class SettingValue:
    """One setting as it is in force."""

    name: str
    """Such as `decisions.recommended`."""
    value: object
    source: str
    """`flag`, `env CIS_…`, the path of the file that set it, or `default`."""


@dataclass(frozen=True, slots=True)
class Config:
    """The settings in force, each with its source, and what was wrong with the files."""

    settings: Settings
    values: tuple[SettingValue, ...]
    warnings: tuple[str, ...] = ()

    def get(self, name: str) -> SettingValue:
        """The setting `name`.

        Raises:
            NotFound: there is no such setting (CIS-CORE-041).
        """
        for value in self.values:
            if value.name == name:
                return value
        raise unknown_setting(name)


def unknown_setting(name: str) -> NotFound:
    """The error for a setting that does not exist, naming the nearest one that does."""
    keys = "keys are bound in [keys] of config.toml" if name.startswith("keys.") else ""
    return NotFound(
        "CIS-CORE-041",
        f'there is no setting "{name}"',
        hint=keys or did_you_mean(name, setting_types()) or "cis config show lists all settings",
    )


@cache
def setting_types() -> Mapping[str, type]:
    """Every setting's name and the type of its value, in the order of the reference."""
    types_by_name: dict[str, type] = {}
    for section in dataclasses.fields(Settings):
        if section.name == "keys":
            continue
        default = cast("typing.Callable[[], object]", section.default_factory)()
        for item in dataclasses.fields(cast("typing.Any", default)):
            types_by_name[f"{section.name}.{item.name}"] = type(getattr(default, item.name))
    return types.MappingProxyType(types_by_name)


def parse_setting(name: str, raw: object, where: str) -> object:
    """`raw` as the value of the setting `name`.

    Raises:
        NotFound: there is no such setting.
        Invalid: the value does not fit, naming `where` it stood (CIS-CORE-042).
    """
    kind = setting_types().get(name)
    if kind is None:
        raise unknown_setting(name)
    value = _convert(kind, raw)
    expected = _EXPECTED[kind]
    if name in CHOICES:
        expected = " or ".join(filter(None, CHOICES[name]))
        value = value if value in CHOICES[name] else None
    if name in RANGES:
        low, high = RANGES[name]
        expected += f" from {low:g} to {high:g}"
        value = value if isinstance(value, (int, float)) and low <= value <= high else None
    if value is None:
        raise Invalid("CIS-CORE-042", f"{where}: {name} is {raw!r}, expected {expected}")
    return value


def setting_text(value: object) -> str:
    """The value of a setting as `parse_setting` reads it."""
    if isinstance(value, tuple):
        return ", ".join(map(str, cast("tuple[object, ...]", value)))
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


_EXPECTED: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    tuple: 'a list of texts, such as ["notes/"]',
}


def _convert(kind: type, raw: object) -> object | None:
    """`raw`, from TOML or as text from the environment, as `kind`; None if it is not one."""
    if kind is bool and isinstance(raw, str):
        return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(raw.lower())
    if kind is tuple:
        return _texts(raw)
    if kind in (int, float) and isinstance(raw, str):
        try:
            return kind(raw)
        except ValueError:
            return None
    if kind is float and isinstance(raw, int) and not isinstance(raw, bool):
        return float(raw)
    return raw if type(raw) is kind else None


def _texts(raw: object) -> tuple[str, ...] | None:
    """A list of texts; from the environment or a command line as in TOML, or what stands between commas."""
    if isinstance(raw, str) and raw.lstrip().startswith("["):
        try:
            raw = tomllib.loads(f"list = {raw.strip()}").get("list")
        except tomllib.TOMLDecodeError:
            return None
    if isinstance(raw, str):
        return tuple(filter(None, map(str.strip, raw.split(","))))
    items = cast("list[object]", raw) if isinstance(raw, (list, tuple)) else [None]
    texts = tuple(item for item in items if isinstance(item, str))
    return texts if len(texts) == len(items) else None


def load_config(
    config_file: Path,
    *,
    project_file: Path | None = None,
    env: Mapping[str, str] = os.environ,
    flags: Mapping[str, object] | None = None,
) -> Config:
    """Read the settings from every source.

    Raises:
        Invalid: a file is not TOML or a value does not fit; names the file, and the line where it is known.
    """
    found: dict[str, SettingValue] = {}
    warnings: list[str] = []
    keys: dict[str, str] = {}
    _read_file(config_file, found, warnings, keys, whole=True)
    if project_file is not None:
        _read_file(project_file, found, warnings, keys, whole=False)
    for name in setting_types():
        variable = "CIS_" + name.replace(".", "_").upper()
        if variable in env:
            source = f"env {variable}"
            found[name] = SettingValue(name, parse_setting(name, env[variable], source), source)
    for name, raw in (flags or {}).items():
        found[name] = SettingValue(name, parse_setting(name, raw, "flag"), "flag")
    return _assemble(found, keys, warnings)


def _assemble(found: Mapping[str, SettingValue], keys: Mapping[str, str], warnings: list[str]) -> Config:
    sections: dict[str, object] = {}
    values: list[SettingValue] = []
    for section in dataclasses.fields(Settings):
        if section.name == "keys":
            continue
        default = cast("typing.Any", cast("typing.Callable[[], object]", section.default_factory)())
        chosen: dict[str, object] = {}
        for item in dataclasses.fields(default):
            name = f"{section.name}.{item.name}"
            value = found.get(name) or SettingValue(name, getattr(default, item.name), "default")
            values.append(value)
            chosen[item.name] = value.value
        sections[section.name] = dataclasses.replace(default, **chosen)
    settings = Settings(**cast("typing.Any", sections), keys=types.MappingProxyType(dict(keys)))
    return Config(settings, tuple(values), tuple(warnings))


# Sections of project.toml that speak of the project and not of settings; its own reader checks them.
_PROJECT_SECTIONS = frozenset({"project", "ai", "skills", "stakeholders", "dag", "agent", "matrix", "p2p"})
# Sections in which a project would decide about the machine, or the people, that it is run by.
_PERSONAL_SECTIONS = frozenset({"dask"})
# Fields that project.toml gives in a section that it shares with the settings.
_PROJECT_FIELDS = frozenset({"memory.namespace", "memory.shared_keys"})


def _read_file(
    path: Path,
    found: dict[str, SettingValue],
    warnings: list[str],
    keys: dict[str, str],
    *,
    whole: bool,
) -> None:
    """Take the settings of one file; with `whole`, anything that is not a setting is warned about."""
    for section, content in read_toml(path).items():
        if not isinstance(content, dict):
            if whole:
                warnings.append(f'{path}: "{section}" stands outside of any section')
            continue
        fields = cast("dict[str, object]", content)
        if section == "keys":
            keys.update({action: str(key) for action, key in fields.items()})
        elif not whole and section in _PERSONAL_SECTIONS:
            warnings.append(f"{path}: [{section}] is taken from config.toml only")
        elif whole or section not in _PROJECT_SECTIONS:
            _read_section(path, section, fields, found, warnings)


def _read_section(
    path: Path, section: str, fields: Mapping[str, object], found: dict[str, SettingValue], warnings: list[str]
) -> None:
    known = setting_types()
    for item, raw in fields.items():
        name = f"{section}.{item}"
        if name in known:
            found[name] = SettingValue(name, parse_setting(name, raw, str(path)), str(path))
        elif name not in _PROJECT_FIELDS:
            hint = did_you_mean(name, known)
            warnings.append(f'{path}: unknown setting "{name}"' + (f", {hint}" if hint else ""))


def read_toml(path: Path, *, limit: int = 4_000_000) -> dict[str, object]:
    """The content of a TOML file; empty if there is no file.

    Raises:
        Invalid: it is not TOML, not UTF-8, nested too deeply, or larger than `limit` bytes (CIS-CORE-043).
    """
    try:
        if path.stat().st_size > limit:
            raise Invalid("CIS-CORE-043", f"{path}: larger than {limit // 1_000_000} MB")
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise Invalid("CIS-CORE-043", f"{path}: not TOML: {error}") from error
    except (ValueError, RecursionError, OSError) as error:  # also of a number of thousands of digits
        raise Invalid("CIS-CORE-043", f"{path}: cannot be read: {error}") from error
