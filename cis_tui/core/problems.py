"""What is wrong in a file that a person wrote: all of it at once, each with its place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a problem is."""

    ERROR = "error"
    """The DAG does not run."""
    WARNING = "warning"
    """It runs; something in the file was ignored or taken as something else."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a DAG file, skill manifest or project file."""

    severity: Severity
    message: str
    """What is wrong and what was expected."""
    file: str = ""
    line: int | None = None
    field: str = ""
    """Such as `dag.tasks[2].level`."""
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.line else f"{self.file}: " if self.file else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{place}{self.message}{hint}"
