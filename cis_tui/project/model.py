"""What is known of a project folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cis_tui.core.problems import Problem


class TrustState(StrEnum):
    """How far a project's code may run."""

    UNTRUSTED = "untrusted"
    CONTENT = "content"
    """Exactly what was trusted runs; anything changed or new asks again."""
    AUTHOR = "author"
    """The person writes it; changes are taken up without asking."""


class Change(StrEnum):
    NEW = "new"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class TrustItem:
    """One file that trusting would let run."""

    path: str
    """Relative to the project folder."""
    change: Change
    diff: str
    """Unified diff against what was trusted before, or the whole text of a new file; clean and bounded."""


@dataclass(frozen=True, slots=True)
class TrustReport:
    """What a person is shown before trusting."""

    project: str
    state: TrustState
    pending: tuple[TrustItem, ...]
    """Files that are not trusted as they are now."""
    digest: str
    """Identifies exactly the content that was shown; granting needs it back."""


@dataclass(frozen=True, slots=True)
class ProjectInfo:
    """A project that is open."""

    root: str
    """Its folder, absolute."""
    name: str
    id: str
    namespace: str
    """Prefix of its memory keys, such as `project/my-project`."""
    trust: TrustState
    pending: int
    """Files not trusted as they are now."""
    default_domain: str | None = None
    shared_keys: tuple[str, ...] = ()
    max_parallel: int | None = None
    stakeholders: Mapping[str, str] = field(default_factory=dict[str, str])
    """Name to DID."""
    problems: tuple[Problem, ...] = ()
