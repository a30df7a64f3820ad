"""Skills that are called outside of any run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from cis_tui.core.paths import Home
from cis_tui.dag.calls import SHELL, shell_line
from cis_tui.dag.working import stopping
from cis_tui.skills.model import SkillManifest, SkillResult
from cis_tui.skills.native import SkillCall, skill_env
from cis_tui.skills.process import Processes
from cis_tui.skills.run import run_skill
from cis_tui.skills.wasm.run import WasmSkills


class SkillCalls:
    """The calls that go on. To be used on the engine's event loop."""

    def __init__(self, home: Home, processes: Processes, wasm: WasmSkills) -> None:
        self._home = home
        self._processes = processes
        self._wasm = wasm
        self._going_on: set[asyncio.Task[SkillResult]] = set()
        self._closed = False

    async def run(
        self, manifest: SkillManifest, *, project: str, args: tuple[str, ...], input: Mapping[str, object]
    ) -> SkillResult:
        """Run a skill.

        Raises:
            CisError: see `run_skill`; the engine is stopping (CIS-DAG-064).
        """
        call = SkillCall(
            args=(shell_line(args, input),) if manifest.name == SHELL else args,
            input=input,
            project=project,
            cwd=Path(project) if project else Path.cwd(),
            env=skill_env(self._home, manifest.name, project=project),
        )
        work = asyncio.ensure_future(run_skill(manifest, call, self._processes, self._wasm))
        self._going_on.add(work)
        try:
            return await work
        except asyncio.CancelledError:
            if self._closed:
                raise stopping() from None
            raise
        finally:
            self._going_on.discard(work)

    async def close(self) -> None:
        """End all calls."""
        self._closed = True
        for call in self._going_on:
            call.cancel()
        await asyncio.gather(*self._going_on, return_exceptions=True)
