"""One attempt of a task: its process run to the end, its outcome in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cis_tui.core.codec import dumps
from cis_tui.core.errors import CisError, Invalid, TimedOut, Unavailable
from cis_tui.dag.calls import SHELL, Call
from cis_tui.dag.outputs import Output
from cis_tui.dag.secrecy import Secrets
from cis_tui.skills.arguments import checked
from cis_tui.skills.native import NativeSkills, SkillCall
from cis_tui.skills.process import Command, Ended, Processes
from cis_tui.skills.run import run_skill
from cis_tui.skills.wasm.run import WasmSkills

_SHELL_CODES: Mapping[int, str] = {126: ", which means that a program may not be executed", 127: ", program not found"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended."""

    ok: bool
    exit_code: int | None
    output: str = ""
    """With its secrets: for the tasks that come after it, and not to be stored."""
    error: str = ""
    duration: float = 0.0
    """Seconds."""
    final: bool = False
    """Another attempt could end no better."""
    made: Mapping[str, str] = field(default_factory=dict[str, str])
    """The images of what it left at the paths of `creates`."""
    shown: str | None = None
    """`output` as it may be stored, if that differs."""
    withheld: bool = False
    """The secrets that were in `output` are known no more."""
    lost: bool = False
    """Nobody saw its end: whoever carried it out is lost. It may have done all of its work, or none."""


def stored(outcome: Outcome, output: Output, secrets: Secrets) -> Outcome:
    """`outcome` of an attempt that printed `output`, with what of it may be stored."""
    shown = output.shown_tail() if outcome.output == output.tail() else secrets.text(outcome.output)
    error = secrets.text(outcome.error) if outcome.error else ""
    return replace(outcome, shown=None if shown == outcome.output else shown, error=error)


@dataclass(frozen=True, slots=True)
class Setting:
    """What an attempt runs in."""

    project: str
    run: str
    task: str
    env: Mapping[str, str]
    """The whole environment."""
    processes: Processes
    native: NativeSkills
    wasm: WasmSkills | None = None
    """None where such skills cannot run."""


async def attempt(call: Call, setting: Setting, output: Output) -> Outcome:
    """Run `call` to its end. When the caller is cancelled its processes are ended first."""
    assert call.agent is None, "no shell sees a prompt"
    if call.manifest is not None:
        return await _skill(call, setting, output)
    if not call.line:
        return Outcome(True, 0)
    document = dumps(call.input).encode() + b"\n" if call.input else b""
    command = Command(("/bin/sh", "-c", call.line), call.cwd, setting.env, document, call.timeout)
    try:
        ended = await setting.processes.run(command, output.feed)
    except (OSError, ValueError) as error:
        return Outcome(False, None, error=f"{SHELL} cannot be started: {error}", final=True)
    if ended.exit_code == 0:
        return Outcome(True, 0, output.tail(), duration=ended.duration)
    return Outcome(False, ended.exit_code, output.tail(), _why(ended, call.timeout), ended.duration)


async def _skill(call: Call, setting: Setting, output: Output) -> Outcome:
    assert call.manifest is not None
    try:
        input = checked(call.manifest.name, call.manifest.exports, call.args, call.input)
    except Invalid as error:
        return Outcome(False, None, error=error.message, final=True)
    skill_call = SkillCall(
        args=call.args,
        input=input,
        project=setting.project,
        run=setting.run,
        task=setting.task,
        cwd=call.cwd,
        env=setting.env,
        timeout=call.timeout,
    )
    try:
        result = await run_skill(call.manifest, skill_call, setting.native, setting.wasm, on_log=output.feed)
    except Unavailable:
        raise
    except CisError as error:
        return Outcome(False, None, output.tail(), error.message, final=not isinstance(error, TimedOut))
    answer = result.output if isinstance(result.output, str) else dumps(result.output)
    if result.success:
        return Outcome(True, 0, answer, duration=result.duration)
    why = f"exit code {result.exit_code}{f': {result.note}' if result.note else ''}"
    return Outcome(False, result.exit_code, answer, why, result.duration)


def _why(ended: Ended, timeout: float | None) -> str:
    if ended.exit_code is None:
        return f"timed out after {timeout or 0:g} s"
    if ended.signal:
        return f"ended by {ended.signal}"
    return f"exit code {ended.exit_code}{_SHELL_CODES.get(ended.exit_code, '')}"
