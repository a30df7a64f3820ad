"""Calls of skills that a skill has put off: each is a run of one task, recorded before the skill hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from cis_tui.core.clock import Clock, Instant
from cis_tui.core.text import clean_line
from cis_tui.dag.model import DagSpec, TaskSpec
from cis_tui.skills.model import SkillManifest

_LOOK = 30.0
"""Seconds after which the clock is looked at again: it may have been set, and the machine may have slept."""


def scheduled_spec(manifest: SkillManifest, by: str, input: Mapping[str, object], at: Instant) -> DagSpec:
    """The DAG of a call of `manifest` that the skill `by` has put off until `at`.

    Its input was written by a skill and is no template: what templates can read, that skill may not.
    """
    task = TaskSpec(manifest.name, skill=manifest.name, input=input, literal=True, not_before=float(at))
    name = clean_line(f"{manifest.name} (scheduled by {by})", limit=200)
    return DagSpec(name, (task,), description=f"scheduled by the skill {clean_line(by, limit=128)}")


class Due:
    """Lets the tasks of a run begin when it is time."""

    def __init__(self, clock: Clock, held: asyncio.Event | None) -> None:
        """`held`: set when the call that has put the run off has ended."""
        self._clock = clock
        self._held = held
        self.resting = False
        """Whether a task waits for its time."""

    async def wait(self, task: TaskSpec) -> None:
        """Return when `task` may begin."""
        if self._held is not None:
            await self._held.wait()
        self.resting = True
        try:
            while (left := task.not_before - float(self._clock())) > 0:  # noqa: ASYNC110 - nothing tells but the clock
                await asyncio.sleep(min(left, _LOOK))
        finally:
            self.resting = False
