"""What runs attempts: hands only. When, how often and after whose yes something runs is decided by the runner alone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from cis_tui.dag.attempt import Outcome
from cis_tui.dag.calls import Call
from cis_tui.dag.outputs import Output


@dataclass(frozen=True, slots=True)
class Work:
    """One attempt of a task, or of a step of its rollback."""

    call: Call
    run: str
    project: str
    """The project's folder; empty outside of any."""
    task: str
    attempt: int
    skill: str
    told: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables of its environment besides those of the call."""


class Place(Protocol):
    """Room for one attempt."""

    @property
    def where(self) -> Mapping[str, object]:
        """What the event of the attempt's start says about it: `executor` and `worker`; nothing on this machine."""
        ...

    async def run(self, work: Work, output: Output) -> Outcome:
        """Run `work` to its end; `output` gets what it prints, as it comes.

        When the caller is cancelled, everything that it started is ended first: SIGTERM, then SIGKILL.
        """
        ...


class Executor(Protocol):
    """Runs attempts of one run. It neither retries nor keeps anything."""

    def place(self, label: str | None, *, worker: str = "") -> AbstractAsyncContextManager[Place]:
        """Wait for room on a machine that bears `label`, or any; with `worker`, on that one or its machine.

        Entering raises:
            CisError: there is no such machine.
        """
        ...
