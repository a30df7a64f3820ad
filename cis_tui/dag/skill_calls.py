"""Skills that are called outside of any run."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cis_tui.core.errors import CisError, Refused, Unavailable
from cis_tui.core.events import EventType
from cis_tui.core.paths import Home
from cis_tui.core.text import clean_line
from cis_tui.dag.calls import SHELL, shell_line
from cis_tui.dag.confirming import confirmed
from cis_tui.dag.decisions import DecisionService
from cis_tui.dag.journal import Journal
from cis_tui.dag.outputs import Output, read_chunk
from cis_tui.dag.views import LogChunk
from cis_tui.dag.working import stopping
from cis_tui.skills.answer import notice_of
from cis_tui.skills.arguments import checked
from cis_tui.skills.model import SkillManifest, SkillResult
from cis_tui.skills.native import NativeSkills, SkillCall
from cis_tui.skills.run import run_skill
from cis_tui.skills.surroundings import env_for
from cis_tui.skills.wasm.run import WasmSkills

log = logging.getLogger(__name__)
KEPT_CALLS = 200
"""Calls whose output is kept."""


class SkillCalls:
    """The calls that go on. To be used on the engine's event loop."""

    def __init__(
        self, home: Home, native: NativeSkills, wasm: WasmSkills, journal: Journal, decisions: DecisionService
    ) -> None:
        self._home = home
        self._native = native
        self._wasm = wasm
        self._journal = journal
        self._decisions = decisions
        self._going_on: dict[str, asyncio.Task[SkillResult]] = {}
        self._count = 0
        self._closed = False

    async def run(
        self,
        manifest: SkillManifest,
        *,
        project: str,
        args: tuple[str, ...],
        input: Mapping[str, object],
        call: str = "",
        yes: bool = False,
    ) -> SkillResult:
        """Run a skill; `call` names the call in its events, so that it can be followed.

        If each call is to be confirmed, a person is asked first, unless `yes` says it for them.

        What it prints is told by SkillOutput events and kept in a file, its end by a SkillExecuted event.

        Raises:
            Invalid: the arguments are not what it exports (CIS-SKILL-080).
            Refused: somebody cancelled it (CIS-SKILL-087), or said no (CIS-DAG-147).
            CisError: see `run_skill`; the engine is stopping (CIS-DAG-064).
        """
        if manifest.name != SHELL:
            input = checked(manifest.name, manifest.exports, args, input)
        if not (call.isalnum() and len(call) <= 40) or call in self._going_on:
            call = secrets.token_hex(6)
        work = asyncio.ensure_future(self._confirm_and_run(manifest, project, args, input, call, yes))
        self._going_on[call] = work
        try:
            return await work
        except asyncio.CancelledError:
            if self._closed:
                raise stopping() from None
            task = asyncio.current_task()
            if task is None or not task.cancelling():
                raise Refused("CIS-SKILL-087", f"the call of {manifest.name} was cancelled") from None
            raise
        finally:
            del self._going_on[call]

    @property
    def active(self) -> int:
        """Calls that go on, also those that wait for a yes."""
        return len(self._going_on)

    def goes_on(self, call: str) -> bool:
        """Whether a call has not ended."""
        return call in self._going_on

    def cancel(self, call: str) -> bool:
        """End a call with all its processes; whether it was going on."""
        return call in self._going_on and self._going_on[call].cancel()

    async def _confirm_and_run(
        self,
        manifest: SkillManifest,
        project: str,
        args: tuple[str, ...],
        input: Mapping[str, object],
        call: str,
        yes: bool,
    ) -> SkillResult:
        if manifest.confirm:
            args, input = await confirmed(
                self._decisions, manifest, args, input, folder=_folder(project), project=project, call=call, yes=yes
            )
        return await self._run(manifest, project, args, input, call)

    async def _run(
        self, manifest: SkillManifest, project: str, args: tuple[str, ...], input: Mapping[str, object], call: str
    ) -> SkillResult:
        about: dict[str, object] = {"skill": manifest.name, "call": call, "project": project}
        path = log_path(self._home, call)
        began = time.monotonic()
        ended: dict[str, object] = {"success": False, "error": "cancelled"}
        try:
            output = Output(path, lambda text: self._journal.emit(EventType.SKILL_OUTPUT, {**about, "text": text}))
        except OSError as error:
            raise Unavailable("CIS-SKILL-086", f"the output cannot be kept: {error}") from error
        try:
            skill_call = SkillCall(
                args=(shell_line(args, input),) if manifest.name == SHELL else args,
                input=input,
                project=project,
                cwd=_folder(project),
                env=env_for(manifest, self._home, manifest.name, project=project),
                overflow=path.with_suffix(".out"),
            )
            result = await run_skill(manifest, skill_call, self._native, self._wasm, on_log=output.feed)
            ended = {"success": result.success, "exit_code": result.exit_code}
            notice = notice_of(result.output) if result.success else ""
            ended |= {"notice": notice} if notice else {}
            return replace(result, note="; ".join(filter(None, (_note(manifest), result.note))))
        except CisError as error:
            ended["error"] = clean_line(error.message)
            raise
        finally:
            output.close()
            self._journal.note(EventType.SKILL_EXECUTED, {**about, **ended, "duration": time.monotonic() - began})
            self._count += 1
            if self._count % KEPT_CALLS == 1:
                drop_old(self._home)

    async def close(self) -> None:
        """End all calls."""
        self._closed = True
        going_on = tuple(self._going_on.values())
        for call in going_on:
            call.cancel()
        await asyncio.gather(*going_on, return_exceptions=True)


def _folder(project: str) -> Path:
    return Path(project) if project else Path.cwd()


def _note(manifest: SkillManifest) -> str:
    if not manifest.stale:
        return ""
    return f"{clean_line(manifest.file)} is broken: {manifest.name} was called as it was before"


def log_path(home: Home, call: str) -> Path:
    """Where the output of a call lies."""
    return home.calls / f"{call}.log"


def read_log(home: Home, call: str, *, offset: int = 0, limit: int = 65_536, live: bool = False) -> LogChunk:
    """What a call printed, see `read_chunk`; nothing if it is not kept any more. Blocks."""
    return read_chunk(log_path(home, call if call.isalnum() else "-"), 1, offset, limit, live=live)


def drop_old(home: Home) -> None:
    """Remove the output of all calls but the latest."""
    try:
        files = sorted(os.scandir(home.calls), key=lambda file: file.stat().st_mtime, reverse=True)
        for file in files[2 * KEPT_CALLS :]:
            os.unlink(file.path)
    except OSError as error:
        log.info("old output of skills stays: %s", error)
