"""What checks of a DAG find."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cis_tui.core.problems import Severity
from cis_tui.core.text import did_you_mean
from cis_tui.dag.model import TaskSpec

MAX_PROBLEMS = 200
"""Problems that are shown."""
MAX_HINTS = 20
"""Names for which the nearest known one is sought: that takes a while among thousands."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with one task."""

    task: TaskSpec
    field: str
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR


class Names:
    """The names that a DAG knows, which suggests the nearest one until it was asked too often."""

    def __init__(self, known: Iterable[str]) -> None:
        self.known = frozenset(known)
        self._asked = 0

    def hint(self, name: str) -> str:
        """The nearest known name, as a hint; empty if none is near."""
        self._asked += 1
        return did_you_mean(name, sorted(self.known)) if self._asked <= MAX_HINTS else ""
