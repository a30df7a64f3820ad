"""Native skills: any program that reads one JSON document and answers (contract, skill.toml)."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cis_tui.core.codec import dumps
from cis_tui.core.environment import inherited_env
from cis_tui.core.errors import Invalid, NotFound, Refused, TimedOut
from cis_tui.core.paths import Home
from cis_tui.core.text import clean
from cis_tui.skills.answer import ANSWER_KB, Answer, parse_answer
from cis_tui.skills.model import SkillManifest, SkillResult, SkillType
from cis_tui.skills.process import Command, Ended, Processes, Sink

_LOG_END = 4096


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
    """The whole environment; see `skill_env`."""
    timeout: float | None = None
    """Seconds; None: the skill's own limit."""
    overflow: Path | None = None
    """Where an answer goes that is longer than the result may be; without it, that is an error."""


def skill_env(
    home: Home, skill: str, *, project: str = "", run: str = "", task: str = "", attempt: int = 1
) -> dict[str, str]:
    """The engine's environment with what a skill is told (contract, skill.toml); `cis` itself is on the PATH."""
    path = os.environ.get("PATH", os.defpath)
    return {
        **inherited_env(),
        "PATH": f"{path}{os.pathsep}{Path(sys.executable).parent}",
        "CIS_HOME": str(home.root),
        "CIS_SKILL": skill,
        "CIS_RUN": run,
        "CIS_TASK": task,
        "CIS_ATTEMPT": str(attempt),
        "CIS_PROJECT": project,
        "CIS_SOCKET": str(home.engine_socket),
    }


async def run_native(
    manifest: SkillManifest, call: SkillCall, processes: Processes, *, on_log: Sink | None = None
) -> SkillResult:
    """Run a native skill to its end; `on_log` gets what it prints, its answer and its log.

    Raises:
        Refused: the skill is of another type, or its program lies outside of its folder (CIS-SKILL-020, 021).
        NotFound: its program is missing (CIS-SKILL-022).
        Invalid: its program cannot be started, or answers too much (CIS-SKILL-023, 025).
        TimedOut: it took too long and was ended (CIS-SKILL-024).
    """
    answer = Answer(manifest.limits.get("output_kb", ANSWER_KB) * 1024, call.overflow)
    log = bytearray()

    def hear_answer(data: bytes) -> None:
        answer.feed(data)
        if on_log:
            on_log(data)

    def hear_log(data: bytes) -> None:
        log.extend(data)
        del log[:-_LOG_END]
        if on_log:
            on_log(data)

    timeout = manifest.timeout if call.timeout is None else call.timeout
    document = {"args": call.args, "input": call.input, "project": call.project, "run": call.run}
    argv = (program(manifest, call.env.get("PATH")), *manifest.args, *call.args)
    command = Command(argv, call.cwd, call.env, dumps(document).encode() + b"\n", timeout)
    try:
        ended = await processes.run(command, hear_answer, hear_log)
    except (OSError, ValueError) as error:
        raise Invalid("CIS-SKILL-023", f"the skill {manifest.name} cannot be started: {error}") from error
    finally:
        answer.close()
    return _result(manifest.name, ended, answer, bytes(log), timeout)


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


def _result(name: str, ended: Ended, answer: Answer, log: bytes, timeout: float) -> SkillResult:
    if ended.exit_code is None:
        raise TimedOut("CIS-SKILL-024", f"timed out after {timeout:g} s", context={"skill": name})
    if answer.too_long and not answer.file:
        why = f": {answer.failure}" if answer.failure else ""
        raise Invalid("CIS-SKILL-025", f"the skill {name} answered more than {answer.limit // 1024} kB{why}")
    if ended.exit_code != 0:
        text = clean(answer.text or log.decode("utf-8", "replace")).strip()
        return SkillResult(False, text, ended.exit_code, ended.duration, answer.file)
    # The beginning of a JSON document is none.
    output = clean(answer.text, limit=len(answer.text) + 1) if answer.too_long else parse_answer(answer.text)
    return SkillResult(True, output, ended.exit_code, ended.duration, answer.file)
