"""What runs attempts: hands only. When, how often and after whose yes something runs is decided by the runner alone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from cis_tui.core.errors import CisError
from cis_tui.dag.attempt import Outcome
from cis_tui.dag.calls import Call
from cis_tui.dag.model import DagSpec
from cis_tui.dag.outputs import Output
from cis_tui.skills.model import SkillManifest


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

    @property
    def name(self) -> str:
        """As `--executor` has it."""
        ...

    def problems(self, spec: DagSpec, skills: Mapping[str, SkillManifest]) -> list[CisError]:
        """Why a run of `spec`, which calls `skills`, cannot be carried out here."""
        ...

    def place(self, label: str | None, *, worker: str = "") -> AbstractAsyncContextManager[Place]:
        """Wait for room on a machine that bears `label`, or any; with `worker`, on that one or its machine.

        Entering raises:
            CisError: there is no such machine.
        """
        ...

    async def close(self) -> None:
        """Let go of what it holds. Call it when nothing of it runs any more."""
        ...
