"""Native skills: any program that reads one JSON document and answers (contract, skill.toml)."""

from __future__ import annotations

import errno
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path

from cis_tui.core.codec import dumps
from cis_tui.core.errors import CisError, Invalid, NotFound, Refused
from cis_tui.core.paths import Home, real
from cis_tui.skills.cell import Cells
from cis_tui.skills.heard import Heard
from cis_tui.skills.kernel import Probe, this_kernel
from cis_tui.skills.memory import Caller, SkillMemory
from cis_tui.skills.model import Mode, SkillManifest, SkillResult, SkillType
from cis_tui.skills.process import Command, Processes, Sink
from cis_tui.skills.warm import IDLE, OF_A_CALL, Ask, WarmSkills


@dataclass(frozen=True, slots=True)
class SkillCall:
    """One call of a skill."""

    args: tuple[str, ...] = ()
    input: Mapping[str, object] = field(default_factory=dict[str, object])
    project: str = ""
    """The project's folder; empty outside of any."""
    run: str = ""
    task: str = ""
    cwd: Path = field(default_factory=Path.cwd)
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    """The whole environment; see `surroundings`."""
    timeout: float | None = None
    """Seconds; None: the skill's own limit."""
    overflow: Path | None = None
    """Where an answer goes that is longer than the result may be; without it, that is an error."""


class NativeSkills:
    """Calls native skills, each held to its permissions; for the engine's event loop."""

    def __init__(
        self,
        home: Home,
        processes: Processes,
        *,
        probe: Probe = this_kernel,
        memory: Callable[[Caller], SkillMemory] | None = None,
        threads: Executor | None = None,
        idle: float = IDLE,
    ) -> None:
        """For the parameters see `Cells` and `WarmSkills`."""
        self._processes = processes
        self._cells = Cells(home, processes, probe=probe, memory=memory, threads=threads)
        self._warm = WarmSkills(self._cells, processes, idle=idle)

    async def run(self, manifest: SkillManifest, call: SkillCall, *, on_log: Sink | None = None) -> SkillResult:
        """Run a native skill to its end; `on_log` gets what it prints, its answer and its log.

        Raises:
            Refused: the skill is of another type, its program lies outside of its folder, or its permissions lead out
                of the project (CIS-SKILL-020, 021, 040).
            NotFound: its program is missing (CIS-SKILL-022).
            Invalid: its program cannot be started, or answers too much (CIS-SKILL-023, 025, 046).
            TimedOut: it took too long and was ended (CIS-SKILL-024).
            CisError: it came up against one of its limits, see `check_limits`; or it is warm, and ended before it
                answered (CIS-SKILL-050), or answered what is no JSON (CIS-SKILL-051).
        """
        heard = Heard(manifest, call.overflow, on_log)
        try:
            if manifest.mode is Mode.WARM and sys.platform == "linux":
                return await self._ask(manifest, call, heard)
            return await self._start(manifest, call, heard)
        except (OSError, ValueError) as error:
            raise _unstartable(manifest, error) from error
        finally:
            heard.close()

    async def close(self) -> None:
        """End the processes of warm skills."""
        await self._warm.close()

    async def _start(self, manifest: SkillManifest, call: SkillCall, heard: Heard) -> SkillResult:
        """A process of its own for the call."""
        argv = (program(manifest, call.env.get("PATH")), *manifest.args, *call.args)
        command = Command(argv, call.cwd, call.env, _document(call), _timeout(manifest, call))
        async with self._cells.open(manifest, command, call.project) as cell:
            if cell.keeper is not None:
                cell.keeper.admit(self._cells.memory_of(_caller(manifest, call)))
            ended = await self._processes.run(cell.command, heard.answer, heard.log)
        return heard.result(ended, command.timeout, confined=cell.command.order is not None)

    async def _ask(self, manifest: SkillManifest, call: SkillCall, heard: Heard) -> SkillResult:
        """A line to the process that the skill has, or that it gets for this."""
        argv = (program(manifest, call.env.get("PATH")), *manifest.args)
        env = {name: value for name, value in call.env.items() if name not in OF_A_CALL}
        command = Command(argv, call.cwd, env, timeout=_timeout(manifest, call))
        ask = Ask(manifest, command, _document(call), _caller(manifest, call), heard.answer, heard.log)
        began = time.monotonic()
        ended = await self._warm.call(ask)
        if ended is None:
            return heard.line(time.monotonic() - began)
        heard.result(ended, command.timeout, confined=True)
        message = f"the process of the skill {manifest.name} ended before it answered"
        code = f"with exit code {ended.exit_code}" if not ended.signal else f"by {ended.signal}"
        raise CisError("CIS-SKILL-050", f"{message}, {code}", hint=heard.said(), context={"skill": manifest.name})


def _caller(manifest: SkillManifest, call: SkillCall) -> Caller:
    return Caller(manifest.name, manifest.permissions, run=call.run, task=call.task, project=call.project)


def _timeout(manifest: SkillManifest, call: SkillCall) -> float:
    return manifest.timeout if call.timeout is None else call.timeout


def _unstartable(manifest: SkillManifest, error: OSError | ValueError) -> Invalid:
    known = isinstance(error, OSError)
    why = (error.strerror if known else "") or str(error)
    hint = "the first line of a script names its interpreter: #!/bin/sh, or #!/usr/bin/env python3"
    lacks = known and error.errno == errno.ENOEXEC
    return Invalid("CIS-SKILL-023", f"the skill {manifest.name} cannot be started: {why}", hint=hint if lacks else "")


def _document(call: SkillCall) -> bytes:
    given = {"args": call.args, "input": call.input, "project": call.project, "run": call.run}
    return dumps(given).encode() + b"\n"


def program(manifest: SkillManifest, path: str | None = None) -> str:
    """The program of a native skill: a file in its folder, an absolute path, or a program on `path`.

    Raises:
        Refused: the skill is of another type, or a link leads out of its folder (CIS-SKILL-020, 021).
        NotFound: there is no such program (CIS-SKILL-022).
    """
    if manifest.type is not SkillType.NATIVE:
        raise Refused(
            "CIS-SKILL-020", f"the skill {manifest.name} is of the type {manifest.type}; only native ones can be run"
        )
    folder = real(manifest.folder)
    file = real(folder / manifest.entry)
    if file.is_file():
        if not (file.is_relative_to(folder) or Path(manifest.entry).is_absolute()):
            raise Refused(
                "CIS-SKILL-021",
                f"{manifest.file}: entry {manifest.entry} leads out of the skill's folder",
                hint="a skill's program lies beside its skill.toml, or is a name found on PATH",
            )
        return str(file)
    found = shutil.which(manifest.entry, path=path) if "/" not in manifest.entry else None
    if found is None:
        raise NotFound(
            "CIS-SKILL-022",
            f"the skill {manifest.name} needs {manifest.entry}, which is neither in {manifest.folder} nor on PATH",
            hint=f"install {manifest.entry}, or correct entry in {manifest.file}",
        )
    return found
