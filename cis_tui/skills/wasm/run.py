"""WASM skills: one JSON document in, one out; every way in which that fails has a name (contract, "WASM interface")."""

from __future__ import annotations

import asyncio
import json
import shlex
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from typing import NoReturn

from cis_tui.core.codec import dumps
from cis_tui.core.document import is_table
from cis_tui.core.errors import CisError, Invalid, Refused, TimedOut
from cis_tui.core.text import clean, clean_line
from cis_tui.skills.answer import ANSWER_KB, Answer, clean_tree
from cis_tui.skills.memory import Caller, SkillMemory
from cis_tui.skills.model import SkillManifest, SkillResult
from cis_tui.skills.native import SkillCall
from cis_tui.skills.process import Sink
from cis_tui.skills.scheduling import REFUSED, Task, check_task
from cis_tui.skills.wasm.desk import Desk
from cis_tui.skills.wasm.frames import Frame
from cis_tui.skills.wasm.interface import FUEL, MEMORY_MB
from cis_tui.skills.wasm.pool import LOAD_SECONDS, Job, Lost, Pool, TooSlow
from cis_tui.skills.wasm.source import header_problems, read_source

_LOG_END = 4096
MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of an answer that may be kept in a file."""
_FAILURES: Mapping[str, tuple[str, str, str]] = {
    "trap": ("CIS-SKILL-068", "trapped: {detail}", ""),
    "fuel": ("CIS-SKILL-069", "used up its fuel, {fuel}{detail}", "fuel in [limits] of its manifest allows more"),
    "memory": (
        "CIS-SKILL-071",
        "ran out of its memory, {memory} MB: {detail}",
        "memory_mb in [limits] of its manifest allows more",
    ),
    "pointer": ("CIS-SKILL-072", "gave a bad pointer: {detail}", ""),
    "output": ("CIS-SKILL-074", "answered too much: {detail}, at most {output} kB", ""),
}
"""Why a call failed, to the code, the message after the skill's name, and the hint."""

Schedule = Callable[[Caller, Task, asyncio.Event], Awaitable[object]]
"""Has a skill called later, for a caller, but not before the event is set; returns when that is durable."""


class WasmSkills:
    """Calls WASM skills; for the engine's event loop."""

    def __init__(
        self,
        pool: Pool,
        *,
        memory: Callable[[Caller], SkillMemory] | None = None,
        schedule: Schedule | None = None,
        threads: Executor | None = None,
    ) -> None:
        """`memory` gives what a caller sees of memory; `schedule` has a skill called later; `threads` are for what
        blocks."""
        self._pool = pool
        self._memory = memory
        self._schedule = schedule
        self._threads = threads

    async def run(self, manifest: SkillManifest, call: SkillCall, *, on_log: Sink | None = None) -> SkillResult:
        """Run a WASM skill to its end; `on_log` gets its log. When the caller is cancelled, so is the call.

        Raises:
            CisError: its module is missing (CIS-SKILL-062), lies elsewhere (063), or cannot be used (064, 066, 067);
                it trapped (068), used up its fuel (069), its time (070) or its memory (071), gave a bad pointer (072),
                answered what is no JSON (073) or too much (074); its process ended (075) or cannot be had (065).
        """
        job = await asyncio.get_running_loop().run_in_executor(self._threads, self._job, manifest, call)
        log = _LogEnd(on_log)
        caller = Caller(manifest.name, manifest.permissions, run=call.run, task=call.task, project=call.project)
        ended_here = asyncio.Event()

        async def put_off(task: Task, before: int) -> None:
            check_task(task, manifest, before)
            if self._schedule is None:
                raise Refused(REFUSED, "nothing can be scheduled here")
            await self._schedule(caller, task, ended_here)

        desk = Desk(self._memory(caller) if self._memory else None, put_off, self._threads, log)
        began = time.monotonic()
        try:
            ended = await self._pool.run(job, desk)
        except TooSlow:
            message = f"the skill {manifest.name} cannot be compiled within {LOAD_SECONDS:g} s"
            raise Invalid("CIS-SKILL-067", message) from None
        except Lost as error:
            message = f"the process of the skill {manifest.name} has ended: {error}"
            raise CisError("CIS-SKILL-075", message, retryable=True) from None
        finally:
            ended_here.set()
        duration = time.monotonic() - began
        if ended.kind == "done":
            return _result(manifest, call, ended.data, duration)
        why, code = str(ended.table.get("why")), ended.table.get("code")
        if why == "exit" and isinstance(code, int):
            return SkillResult(False, log.text(), min(code, 255) or 1, duration)
        _fail(manifest, job, why, ended)

    def _job(self, manifest: SkillManifest, call: SkillCall) -> Job:
        """What is to be done; reads the module, and so blocks."""
        source = read_source(manifest.folder, manifest.entry)
        limits = manifest.limits
        memory_mb = limits.get("memory_mb", MEMORY_MB)
        problems = header_problems(source, memory_mb)
        if problems:
            raise _unusable(manifest, "; ".join(problems))
        given = {"args": call.args, "input": call.input, "project": call.project, "run": call.run}
        return Job(
            source,
            dumps(given).encode(),
            memory=memory_mb << 20,
            fuel=limits.get("fuel", FUEL),
            output=MAX_ANSWER if call.overflow is not None else limits.get("output_kb", ANSWER_KB) * 1024,
            timeout=call.timeout or manifest.timeout,
        )

    async def close(self) -> None:
        """End every call."""
        await self._pool.close()


class _LogEnd:
    """Passes the log on, and keeps its end."""

    def __init__(self, on_log: Sink | None) -> None:
        self._on_log = on_log
        self._kept = bytearray()

    def __call__(self, data: bytes) -> None:
        self._kept += data
        del self._kept[:-_LOG_END]
        if self._on_log is not None:
            self._on_log(data)

    def text(self) -> str:
        return clean(self._kept.decode("utf-8", "replace")).strip()


def _result(manifest: SkillManifest, call: SkillCall, data: bytes, duration: float) -> SkillResult:
    """An answer is one JSON document; an object with `"success": false` is one of a call that failed."""
    name = manifest.name
    answered = Answer(manifest.limits.get("output_kb", ANSWER_KB) * 1024, call.overflow)
    answered.feed(data)
    answered.close()
    if answered.too_long:
        return SkillResult(True, clean(answered.text, limit=len(answered.text) + 1), 0, duration, answered.file)
    try:
        answer = clean_tree(json.loads(data.decode(), parse_constant=_no_constant))
    except (ValueError, RecursionError) as error:
        shown = clean_line(data[:80].decode("utf-8", "replace"))
        message = f"the skill {name} answered what is no JSON: {error}"
        raise CisError("CIS-SKILL-073", message, hint=f"it begins with {shown}" if shown else "") from None
    failed = is_table(answer) and answer.get("success") is False
    return SkillResult(not failed, answer, 1 if failed else 0, duration)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not in JSON")


def _fail(manifest: SkillManifest, job: Job, why: str, ended: Frame) -> NoReturn:
    detail = clean(str(ended.table.get("detail", "")), limit=1000)
    if why == "module":
        raise _unusable(manifest, detail)
    if why == "interrupted":
        message = f"the skill {manifest.name} timed out after {job.timeout:g} s{detail}"
        raise TimedOut("CIS-SKILL-070", message, context={"skill": manifest.name})
    code, message, hint = _FAILURES.get(why, _FAILURES["trap"])
    told = message.format(detail=detail, fuel=job.fuel, memory=job.memory >> 20, output=job.output >> 10)
    raise CisError(code, f"the skill {manifest.name} {told}", hint=hint, context={"skill": manifest.name})


def _unusable(manifest: SkillManifest, why: str) -> Invalid:
    return Invalid(
        "CIS-SKILL-066",
        f"the module {manifest.entry} of the skill {manifest.name} cannot be used: {why}",
        hint=f"cis skill check {shlex.quote(manifest.name)} shows every problem",  # the folder is a copy for this call
    )
