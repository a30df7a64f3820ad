"""The executor of every run that names no other: processes of the engine itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from cis_tui.core.errors import CisError
from cis_tui.core.paths import Home
from cis_tui.dag.attempt import Outcome, Setting, attempt
from cis_tui.dag.executors.base import Work
from cis_tui.dag.executors.names import LOCAL
from cis_tui.dag.model import DagSpec
from cis_tui.dag.outputs import Output
from cis_tui.skills.model import SkillManifest
from cis_tui.skills.native import NativeSkills
from cis_tui.skills.process import Processes
from cis_tui.skills.surroundings import env_for
from cis_tui.skills.wasm.run import WasmSkills


class LocalExecutor:
    """Implements `Executor`, and the one `Place` that it has."""

    name = LOCAL
    where: Mapping[str, object] = {}

    def __init__(
        self, home: Home, processes: Processes, native: NativeSkills, wasm: WasmSkills, slots: asyncio.Semaphore
    ) -> None:
        """`slots`: processes that run at the same time, over all runs."""
        self._home = home
        self._processes = processes
        self._native = native
        self._wasm = wasm
        self._slots = slots

    @asynccontextmanager
    async def place(self, label: str | None, *, worker: str = "") -> AsyncGenerator[LocalExecutor]:
        """See `Executor`; this machine bears every label."""
        async with self._slots:
            yield self

    def problems(self, spec: DagSpec, skills: Mapping[str, SkillManifest]) -> list[CisError]:
        """See `Executor`; everything can run here."""
        return []

    async def close(self) -> None:
        """See `Executor`; the engine ends its processes itself."""

    async def run(self, work: Work, output: Output) -> Outcome:
        """See `Place`."""
        env = env_for(
            work.call.manifest,
            self._home,
            work.skill,
            project=work.project,
            run=work.run,
            task=work.task,
            attempt=work.attempt,
        )
        whole = {**env, **work.call.env, **work.told}
        setting = Setting(work.project, work.run, work.task, whole, self._processes, self._native, self._wasm)
        return await attempt(work.call, setting, output)
