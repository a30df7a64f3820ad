"""The attempts of the tasks of one run: each with its slots, its record, its output and its time."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace

from cis_tui.core.errors import CisError
from cis_tui.core.events import EventType
from cis_tui.core.text import clean_line
from cis_tui.dag.attempt import Outcome, stored
from cis_tui.dag.calls import Call
from cis_tui.dag.checkpoint import Checkpoints, undo_folder
from cis_tui.dag.executors.agents import AgentPlace
from cis_tui.dag.executors.base import Executor, Place, Work
from cis_tui.dag.executors.names import LOCAL
from cis_tui.dag.gate import Gate
from cis_tui.dag.groups import Groups
from cis_tui.dag.model import TaskSpec
from cis_tui.dag.outputs import Output, log_path
from cis_tui.dag.record import RunRecord
from cis_tui.dag.secrecy import Secrets
from cis_tui.dag.tools import Tools
from cis_tui.skills.answer import notice_of

log = logging.getLogger(__name__)
_NOTHING: Mapping[str, str] = {}


class Attempts:
    """Makes attempts of the tasks of one run."""

    def __init__(
        self, record: RunRecord, groups: Groups, tools: Tools, executor: Executor, gate: Gate, kept: Iterable[str]
    ) -> None:
        """`kept`: the paths of which the run has a before-image."""
        self._record = record
        self._groups = groups
        self._tools = tools
        self._executor = executor
        self._gate = gate
        self._secrets = groups.root.calls.secrets
        root = groups.root.calls.root
        self._checkpoints = Checkpoints(undo_folder(tools.home.runs, record.id), root)
        self._kept = set(kept)

    async def run(self, task: TaskSpec, call: Call, number: int) -> Outcome:
        """Wait for the slots of `task`, record the start of the attempt `number`, and run it to its end."""
        while True:
            await self._gate.passed()
            async with AsyncExitStack() as slots:
                try:
                    place = await self._place(task, slots)
                except CisError as error:
                    return Outcome(False, None, error=error.message)
                try:
                    keeps = await self._keep(call.creates) if call.creates else _NOTHING
                except CisError as error:
                    return Outcome(False, None, error=error.message, final=True)
                if self._gate.is_open:
                    return await self._attempt(place, task, call, number, keeps)

    async def _place(self, task: TaskSpec, slots: AsyncExitStack) -> Place:
        """Room for an attempt of `task`, after that within the limits of its groups; `slots` holds both."""
        for slot in self._groups.of(task.id).slots_of(task):
            await slots.enter_async_context(slot)
        if task.agent is not None:
            # Whoever thinks elsewhere needs no process here, and no worker.
            return AgentPlace(self._tools.agents, self._record.spec.name)
        if self._executor.name == LOCAL and task.target_node is not None:
            place = elsewhere(
                self._tools, task.target_node, self._secrets, self._record, lambda: not self._gate.is_open
            )
            if place is not None:
                return place
        return await slots.enter_async_context(self._executor.place(task.target_node))

    async def _attempt(
        self, place: Place, task: TaskSpec, call: Call, number: int, keeps: Mapping[str, str]
    ) -> Outcome:
        run = self._record.id
        started: dict[str, object] = {"run": run, "task": task.id, "attempt": number, **place.where}
        started["command"] = clean_line(call.shown)
        if call.creates:
            started["keeps"] = keeps
        # Between the look at the gate and this there is nothing to wait for: no start follows a pause in the journal.
        await self._tools.journal.record(EventType.TASK_STARTED, started)
        self._kept.update(call.creates)
        self._secrets.add_env(call.env)
        path = log_path(self._tools.home.runs, run, task.id, number)
        try:
            output = Output(
                path,
                lambda text: self._tell_output(task, number, text),
                secrets=self._secrets,
                limit=self._tools.log_limit,
            )
        except OSError as error:
            return Outcome(False, None, error=f"the output cannot be kept: {error}")
        work = Work(self._within_time(task, call), run, self._record.project, task.id, number, task.skill)
        try:
            outcome = stored(await place.run(work, output), output, self._secrets)
            self._tell_skill(task, call, outcome)
            return replace(outcome, made=await self._made(call.creates)) if call.creates else outcome
        finally:
            output.close()
            if output.failure is not None:
                log.warning("the output of %s in the run %s is not whole: %s", task.id, run, output.failure)

    def _tell_skill(self, task: TaskSpec, call: Call, outcome: Outcome) -> None:
        """A call of a skill is told as such, beside the outcome of its task."""
        if call.manifest is None:
            return
        data: dict[str, object] = {"skill": call.manifest.name, "run": self._record.id, "task": task.id}
        data |= {"project": self._record.project, "success": outcome.ok, "exit_code": outcome.exit_code}
        notice = notice_of(outcome.output) if outcome.ok else ""
        data |= {"notice": notice} if notice else {}
        data |= {"duration": outcome.duration, **({"error": clean_line(outcome.error)} if outcome.error else {})}
        self._tools.journal.note(EventType.SKILL_EXECUTED, data)

    async def _keep(self, paths: Iterable[str]) -> Mapping[str, str]:
        """Keep what lies where a task creates something; an image that the run has already stays the first."""
        fresh = [path for path in paths if path not in self._kept]
        images = await self._tools.in_thread(lambda: self._checkpoints.keep_all(fresh))
        return {path: images.get(path, "") for path in paths}

    async def _made(self, paths: Iterable[str]) -> Mapping[str, str]:
        return await self._tools.in_thread(lambda: self._checkpoints.look_all(paths))

    def time_left(self, task: TaskSpec) -> float:
        """Seconds that are left for attempts of `task`; the time begins with its first one."""
        if task.total_timeout is None:
            return math.inf
        return self._gate.left(task.total_timeout, task.id)

    def _within_time(self, task: TaskSpec, call: Call) -> Call:
        """`call` with what is left of the time for all attempts, if that is less than it may take itself."""
        left = self.time_left(task)
        own = call.timeout or (call.manifest.timeout if call.manifest else None)
        return replace(call, timeout=max(left, 0.001)) if left < (own or math.inf) else call

    def _tell_output(self, task: TaskSpec, number: int, text: str) -> None:
        data = {"run": self._record.id, "task": task.id, "attempt": number, "text": text}
        self._tools.journal.emit(EventType.TASK_OUTPUT, data)


def elsewhere(
    tools: Tools, label: str, secrets: Secrets, record: RunRecord, paused: Callable[[], bool] = lambda: False
) -> Place | None:
    """Room at another node of this person, if `label` names one.

    Raises:
        CisError: it names one that is not to be used (CIS-P2P-102, 103).
    """
    found = tools.elsewhere()
    return found.place(label, secrets, paused, record.spec.name) if found is not None else None
