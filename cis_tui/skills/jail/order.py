"""What the launcher is told about one call: plain data, whole, with every path found already."""

from __future__ import annotations

import marshal
from enum import IntEnum
from typing import Any, NamedTuple, cast


class Network(IntEnum):
    """How far a process gets."""

    NONE = 0
    PORTS = 1
    """TCP, and only to the ports that are named."""
    ANY = 2


class Access(IntEnum):
    """What may be done at a path and below it."""

    READ = 1
    WRITE = 2
    """And read."""
    EXECUTE = 4
    LIST = 8
    """Names only."""


class Limits(NamedTuple):
    """What a call may use, all its processes together unless it says otherwise."""

    memory: int
    """Bytes; also the most that one process gets."""
    cpu: int
    """Seconds of one process; 0 for no limit."""
    tasks: int
    """Processes and threads at the same time."""
    disk: int
    """Bytes that it writes; also the longest file."""
    files: int = 256
    """Open files of one process."""


class Order(NamedTuple):
    """One process to be started."""

    id: int
    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    cwd: str
    paths: tuple[tuple[str, int], ...]
    """Absolute paths with a sum of `Access`; those that are not there are passed over."""
    project: str
    """The folder that `inside` is relative to; empty for none."""
    inside: tuple[tuple[str, int], ...]
    """Paths that must not lead out of the project, whatever links lie on the way."""
    network: Network
    ports: tuple[int, ...]
    temporary: str
    """The folder of its own, which counts as what it wrote."""
    landlock: int
    """Version of the rules to be used; 0 for none."""
    seccomp: bool
    counts: bool
    """Its processes have to be counted by the kernel, and not only by looking."""
    limits: Limits

    def to_wire(self) -> bytes:
        """As bytes for `from_wire`."""
        fields = {**self._asdict(), "network": int(self.network), "limits": tuple(self.limits)}
        try:
            return marshal.dumps(fields)
        except ValueError:
            return marshal.dumps(_plain(fields))

    @classmethod
    def from_wire(cls, data: bytes) -> Order:
        """The order that `to_wire` made; it comes from our own engine and is not checked."""
        fields: dict[str, Any] = marshal.loads(data)
        fields["network"] = Network(fields["network"])
        fields["limits"] = Limits(*fields["limits"])
        return cls(**fields)


def _plain(value: Any) -> Any:
    """`value` without types of other libraries, such as those of texts in a TOML file: marshal knows its own only."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in cast("tuple[Any, ...]", value))
    if isinstance(value, str):
        return str(value)
    return bool(value) if isinstance(value, bool) else int(value)
