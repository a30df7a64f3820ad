"""Where one process of a native skill runs: its order, a folder of its own, and the door to its memory."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Executor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cis_tui.core.errors import Refused
from cis_tui.core.paths import Home
from cis_tui.skills.confine import order_for
from cis_tui.skills.doorkeeper import Doorkeeper
from cis_tui.skills.kernel import Probe, gaps_of, this_kernel
from cis_tui.skills.memory import Caller, SkillMemory
from cis_tui.skills.model import SkillManifest
from cis_tui.skills.process import Command, Processes
from cis_tui.skills.surroundings import own_folder


@dataclass(frozen=True, slots=True)
class Cell:
    """A process that can be started."""

    command: Command
    keeper: Doorkeeper | None = None
    """None when it has nothing to ask for."""


class Cells:
    """Makes cells. To be used on the engine's event loop."""

    def __init__(
        self,
        home: Home,
        processes: Processes,
        *,
        probe: Probe = this_kernel,
        memory: Callable[[Caller], SkillMemory] | None = None,
        threads: Executor | None = None,
    ) -> None:
        """`probe` says what the kernel can enforce; `memory` gives what a caller sees of memory, None where there is
        none; `threads` are for what blocks."""
        self._home = home
        self._processes = processes
        self._probe = probe
        self._memory = memory
        self._threads = threads

    @asynccontextmanager
    async def open(self, manifest: SkillManifest, command: Command, project: str) -> AsyncGenerator[Cell]:
        """`command`, held to what `manifest` permits in the folder `project`, while the block runs.

        Raises:
            Refused: its permissions lead out of the project (CIS-SKILL-040), or it cannot be held to them here and no
                person was to confirm that (CIS-SKILL-052).
            OSError: its folder, or one that it may write, cannot be made.
        """
        if manifest.is_own_shell or sys.platform != "linux":
            yield Cell(command)
            return
        kernel = self._probe()
        gaps = gaps_of(manifest, kernel)
        if gaps and not manifest.confirm:  # such as on another machine than that of whoever decided
            message = f"this machine cannot hold the skill {manifest.name} to all that it may do: {'; '.join(gaps)}"
            raise Refused("CIS-SKILL-052", message, hint="call it where it can be held to it, or confirmed")
        async with AsyncExitStack() as opened:
            folder = self._processes.temporary()
            opened.push_async_callback(_remove, folder)
            env = {**command.env, **own_folder(folder)}
            keeper = self._keeper(manifest, folder)
            if keeper is not None:
                opened.push_async_callback(keeper.close)
                env |= {"CIS_SOCKET": str(keeper.path), "CIS_TOKEN": keeper.token}
            order = order_for(
                manifest,
                command.argv,
                env,
                cwd=command.cwd,
                project=project,
                temporary=folder,
                kernel=kernel,
                home=self._home,
            )
            yield Cell(replace(command, env=env, order=order), keeper)

    def memory_of(self, caller: Caller) -> SkillMemory | None:
        """What `caller` sees of memory."""
        return self._memory(caller) if self._memory is not None else None

    def _keeper(self, manifest: SkillManifest, folder: Path) -> Doorkeeper | None:
        granted = manifest.permissions
        if self._memory is None or not (granted.memory_read or granted.memory_write):
            return None
        return Doorkeeper(folder, self._threads)


async def _remove(folder: Path) -> None:
    try:
        os.rmdir(folder)
    except OSError:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
