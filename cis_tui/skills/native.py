"""Native skills: any program that reads one JSON document and answers (contract, skill.toml)."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from cis_tui.core.codec import dumps
from cis_tui.core.errors import Invalid, NotFound, Refused, TimedOut
from cis_tui.core.paths import Home
from cis_tui.core.text import clean
from cis_tui.skills.answer import ANSWER_KB, Answer, parse_answer
from cis_tui.skills.confine import limits_of, order_for
from cis_tui.skills.kernel import Probe, this_kernel
from cis_tui.skills.model import SkillManifest, SkillResult, SkillType
from cis_tui.skills.overstepped import check_limits, denial
from cis_tui.skills.process import Command, Ended, Processes, Sink
from cis_tui.skills.surroundings import own_folder

_LOG_END = 4096
MAX_LOG = 64 << 20
"""Bytes that one call may log."""


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

    def __init__(self, home: Home, processes: Processes, *, probe: Probe = this_kernel) -> None:
        """`probe` says what the kernel can enforce."""
        self._home = home
        self._processes = processes
        self._probe = probe

    async def run(self, manifest: SkillManifest, call: SkillCall, *, on_log: Sink | None = None) -> SkillResult:
        """Run a native skill to its end; `on_log` gets what it prints, its answer and its log.

        Raises:
            Refused: the skill is of another type, its program lies outside of its folder, or its permissions lead out
                of the project (CIS-SKILL-020, 021, 040).
            NotFound: its program is missing (CIS-SKILL-022).
            Invalid: its program cannot be started, or answers too much (CIS-SKILL-023, 025).
            TimedOut: it took too long and was ended (CIS-SKILL-024).
            CisError: it came up against one of its limits, see `check_limits`.
        """
        argv = (program(manifest, call.env.get("PATH")), *manifest.args, *call.args)
        timeout = manifest.timeout if call.timeout is None else call.timeout
        document = {"args": call.args, "input": call.input, "project": call.project, "run": call.run}
        command = Command(argv, call.cwd, call.env, dumps(document).encode() + b"\n", timeout)
        heard = _Heard(manifest, call.overflow, on_log)
        try:
            async with self._confined(manifest, command, call.project) as confined:
                ended = await self._processes.run(confined, heard.answer, heard.log)
        except (OSError, ValueError) as error:
            raise Invalid("CIS-SKILL-023", f"the skill {manifest.name} cannot be started: {error}") from error
        finally:
            heard.close()
        return heard.result(ended, timeout, confined=confined.order is not None)

    @asynccontextmanager
    async def _confined(self, manifest: SkillManifest, command: Command, project: str) -> AsyncGenerator[Command]:
        """`command`, held to what `manifest` permits, with a folder of its own while the block runs."""
        if manifest.is_own_shell or sys.platform != "linux":
            yield command
            return
        folder = self._processes.temporary()
        try:
            env = {**command.env, **own_folder(folder)}
            order = order_for(
                manifest,
                command.argv,
                env,
                cwd=command.cwd,
                project=project,
                temporary=folder,
                kernel=self._probe(),
                home=self._home,
            )
            yield replace(command, env=env, order=order)
        finally:
            await _remove(folder)


async def _remove(folder: Path) -> None:
    try:
        os.rmdir(folder)
    except OSError:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


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
    folder = manifest.folder.resolve()
    file = (folder / manifest.entry).resolve()
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


class _Heard:
    """What a skill says: its answer, and the end of its log."""

    def __init__(self, manifest: SkillManifest, overflow: Path | None, on_log: Sink | None) -> None:
        self._manifest = manifest
        self._answer = Answer(manifest.limits.get("output_kb", ANSWER_KB) * 1024, overflow)
        self._most = limits_of(manifest).disk if overflow else self._answer.limit
        self._on_log = on_log
        self._log = bytearray()
        self._logged = 0

    def answer(self, data: bytes) -> bool:
        """Take a part of its answer; False when it answers without end."""
        self._answer.feed(data)
        if self._on_log:
            self._on_log(data)
        return self._answer.size <= self._most

    def log(self, data: bytes) -> bool:
        """Take a part of its log; False when it logs without end."""
        self._logged += len(data)
        self._log.extend(data)
        del self._log[:-_LOG_END]
        if self._on_log:
            self._on_log(data)
        return self._logged <= MAX_LOG

    def close(self) -> None:
        """No more is to come."""
        self._answer.close()

    def result(self, ended: Ended, timeout: float, *, confined: bool) -> SkillResult:
        """What the call gave, see `NativeSkills.run`."""
        answer, name = self._answer, self._manifest.name
        log = self._log.decode("utf-8", "replace")
        if ended.exit_code is None:
            raise TimedOut("CIS-SKILL-024", f"timed out after {timeout:g} s", context={"skill": name})
        if (answer.too_long and not answer.file) or answer.size > self._most:
            why = f": {answer.failure}" if answer.failure else ""
            raise Invalid("CIS-SKILL-025", f"the skill {name} answered more than {self._most // 1024} kB{why}")
        if self._logged > MAX_LOG:
            raise Invalid("CIS-SKILL-046", f"the skill {name} logged more than {MAX_LOG >> 20} MB")
        if confined:
            check_limits(self._manifest, ended, limits_of(self._manifest), log)
        note = denial(self._manifest, ended, log) if confined else ""
        if ended.exit_code != 0:
            text = clean(answer.text or log).strip()
            return SkillResult(False, text, ended.exit_code, ended.duration, answer.file, note)
        # The beginning of a JSON document is none.
        output = clean(answer.text, limit=len(answer.text) + 1) if answer.too_long else parse_answer(answer.text)
        return SkillResult(True, output, ended.exit_code, ended.duration, answer.file, note)
