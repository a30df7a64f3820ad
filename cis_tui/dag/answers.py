"""What a person can say to a decision beside a plain yes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Refusal(StrEnum):
    """The three kinds of no."""

    SKIP = "skip"
    """As if its condition were false: the task is left out, and what comes after it goes on as for skipped ones."""
    FAIL = "fail"
    """As if it had failed: no retry, and `on_failure` and the policy apply."""
    ABORT = "abort"
    """The whole run is cancelled, and rolled back if its DAG says so of a failure."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to run instead of what was asked about; a part that is None stays as it was."""

    command: str | None = None
    """The line for the shell."""
    args: tuple[str, ...] | None = None
    input: Mapping[str, object] | None = None

    def __bool__(self) -> bool:
        return not (self.command is None and self.args is None and self.input is None)
