"""What became of the skills and DAGs of a project when its files changed: told apart, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cis_tui.skills.model import Permissions

SHOWN = 3
"""Files that are named."""


class Kind(StrEnum):
    """What it is; the field that names it in events."""

    SKILL = "skill"
    DAG = "dag"
    PROJECT = "name"
    """The project.toml."""


class Turn(StrEnum):
    """What happened to one of them."""

    NEW = "new"
    CHANGED = "changed"
    BROKEN = "broken"
    """It was whole, or another mistake than before is in it."""
    MENDED = "mended"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Seen:
    """A skill or a DAG as it lay there at one moment."""

    kind: Kind
    name: str
    file: str
    files: Mapping[str, str]
    """The files that it is made of, and their digests."""
    version: str = ""
    error: str = ""
    """The first thing that is wrong; empty when it is whole."""
    kept: str = ""
    """If it is broken: what is called in its place."""
    trusted: bool = True
    permissions: Permissions = field(default_factory=Permissions)


@dataclass(frozen=True, slots=True)
class Reload:
    """One change."""

    kind: Kind
    name: str
    file: str
    turn: Turn
    what: str
    """What changed, or what is wrong with it."""
    version: str = ""
    trusted: bool = True

    def data(self, project: str) -> dict[str, object]:
        """The data of its event."""
        told: dict[str, object] = {self.kind.value: self.name, "project": project, "change": self.turn.value}
        told |= {"file": self.file, "what": self.what, "trusted": self.trusted}
        return told | ({"version": self.version} if self.version else {})


def reloads(before: Mapping[str, Seen], after: Mapping[str, Seen]) -> list[Reload]:
    """What is different in `after`; both by the path of the file."""
    found: list[Reload] = []
    for file in sorted(before.keys() | after.keys()):
        was, now = before.get(file), after.get(file)
        if now is None:
            assert was is not None
            found.append(_reload(was, Turn.REMOVED, "its file is gone"))
        elif was is None:
            found.append(_reload(now, Turn.BROKEN, _wrong(now)) if now.error else _reload(now, Turn.NEW, _new(now)))
        elif was.files != now.files or was.error != now.error:
            found.append(_changed(was, now))
    return found


def _reload(seen: Seen, turn: Turn, what: str) -> Reload:
    return Reload(seen.kind, seen.name, seen.file, turn, what, seen.version, seen.trusted)


def _changed(was: Seen, now: Seen) -> Reload:
    if now.error:
        return _reload(now, Turn.BROKEN, _wrong(now))
    what = "; ".join(filter(None, (_files(was.files, now.files), *_said(was, now), _asks(now))))
    return _reload(now, Turn.MENDED if was.error else Turn.CHANGED, what)


def _wrong(now: Seen) -> str:
    return f"{now.error}; {now.kept}" if now.kept else now.error


def _new(now: Seen) -> str:
    return "; ".join(filter(None, (*_granted(Permissions(), now.permissions), _asks(now)))) or "it can be called"


def _asks(now: Seen) -> str:
    return "" if now.trusted else "it is not trusted as it is now"


def _files(was: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Which files changed, in words."""
    changed = [name for name in sorted(now.keys() & was.keys()) if now[name] != was[name]]
    words = [
        _listed(changed, "changed"),
        _listed(sorted(now.keys() - was.keys()), "added"),
        _listed(sorted(was.keys() - now.keys()), "removed"),
    ]
    return "; ".join(filter(None, words))


def _listed(names: list[str], what: str) -> str:
    if not names:
        return ""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more} {what}"


def _said(was: Seen, now: Seen) -> Iterator[str]:
    """What its manifest says otherwise than before."""
    if was.version != now.version and was.version and now.version:
        yield f"version {was.version} → {now.version}"
    yield from _granted(was.permissions, now.permissions)


_WORDS = (
    ("memory_read", "read memory"),
    ("memory_write", "write memory"),
    ("filesystem", "use files"),
    ("command", "start programs"),
    ("network", "use the network"),
)


def _granted(was: Permissions, now: Permissions) -> Iterator[str]:
    for name, words in _WORDS:
        before: Iterable[str] = getattr(was, name)
        after: Iterable[str] = getattr(now, name)
        more = [each or "all that is public" for each in after if each not in before]
        less = [each or "all that is public" for each in before if each not in after]
        if more:
            yield f"may now {words}: {', '.join(more)}"
        if less:
            yield f"may no longer {words}: {', '.join(less)}"
