"""A task that another node of the same person is to run: what is sent, what comes back, how it is kept there."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cis_tui.core.codec import dumps
from cis_tui.core.errors import Invalid
from cis_tui.core.text import clean, clean_line
from cis_tui.dag.calls import SHELL
from cis_tui.dag.model import DagSpec, Level, LevelKind, TaskSpec
from cis_tui.dag.views import RunView, TaskStatus, TaskView

PROTOCOL = "/cis/task/1.0.0"
KIND = "task"
MAX_JOB = 256 * 1024
"""Bytes of one job as JSON."""
MAX_TIME = 7 * 86_400.0
"""Seconds that a job may take."""
LEASE = 60.0
"""Seconds without a word of who wants it after which a job is ended."""
LOOKS = 6
"""At the leases, while one runs out."""
GRACE = 10.0
"""Seconds that ending it takes at most."""
PIECE = 128 * 1024
"""Characters of output in one message."""
NOBODY_SAW = "its engine ended while it ran"
"""Why a job has no end of its own."""
TASK = "task"
"""The one task of a job, where it runs."""
_ID = re.compile(r"[A-Za-z0-9._-]{1,120}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt of a task."""

    id: str
    """Its own among those of who wants it: what has begun, or was ended, by this name never begins again."""
    run: str
    task: str
    dag: str
    attempt: int = 1
    line: str = ""
    """For the shell."""
    skill: str = ""
    """Else the skill, by its name: the node has its own, or none."""
    args: tuple[str, ...] = ()
    input: Mapping[str, object] = field(default_factory=dict[str, object])
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Follow:
    """What is to be told of a job."""

    id: str
    offset: int = 0
    """What of its output is known."""
    wait: float = 0.0
    """Seconds that may pass until there is something."""
    paused: bool = False
    """Whether the run that wants it is paused."""
    waits: bool = False
    """Whether it is known that it waits for a yes."""
    gather: float = 0.0
    """Seconds for which output is gathered before it is told."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A job is not wanted any more."""

    id: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """How a job ended."""

    ok: bool
    exit_code: int | None = None
    output: str = ""
    """Its result, without secrets."""
    masked: bool = False
    """`output` lacks secrets that it had."""
    error: str = ""
    duration: float = 0.0
    begun: bool = True
    """Whether anything of it ran."""
    refused: bool = False
    """A person, or the policy there, said no."""
    lost: bool = False
    """Nobody saw its end."""


@dataclass(frozen=True, slots=True)
class News:
    """How a job is, and what it printed."""

    known: bool
    offset: int = 0
    text: str = ""
    waits: bool = False
    """Whether it waits for a yes there."""
    end: End | None = None


def checked(job: Job) -> Job:
    """`job`, if it can be run and shown.

    Raises:
        Invalid: it is none (CIS-P2P-107).
    """
    checks = {
        "its id is none": bool(_ID.fullmatch(job.id)),
        "it is neither a line nor a skill": bool(job.line) != bool(job.skill),
        "a name in it is no plain text": all(clean_line(name, limit=200) == name for name in _names(job)),
        "a variable has no name": all(map(_NAME.fullmatch, job.env)),
        "its time is none": job.timeout is None or (math.isfinite(job.timeout) and 0 < job.timeout <= MAX_TIME),
        "it has a NUL in it": "\\u0000" not in dumps(job),
        f"it has more than {MAX_JOB >> 10} kB": len(dumps(job)) <= MAX_JOB,
    }
    for why, holds in checks.items():
        if not holds:
            raise Invalid("CIS-P2P-107", f"the task cannot be run here: {why}")
    return job


def _names(job: Job) -> tuple[str, ...]:
    return (job.run, job.task, job.dag, job.skill)


def job_words(job: Job, name: str) -> str:
    """A task that the node `name` is to run, for people who read along."""
    what = job.line or f"{job.skill} {' '.join(job.args)}"
    return f"Task for {clean_line(name, limit=60)}: {clean_line(f'{job.dag} / {job.task}')}\n{clean(what, limit=600)}"


def of_one(id: str, other: str) -> bool:
    """Whether two jobs are attempts of one task."""
    return id.rpartition("-")[0] == other.rpartition("-")[0]


def is_exposed(job: Job, exposed: Collection[str]) -> bool:
    """Whether it may run unasked. One that comes with variables never may: they decide what a program does."""
    what = f"skill:{job.skill}" if job.skill else f"command:{job.line}"
    return what in exposed and not job.env


def job_spec(job: Job, name: str, folder: Path, *, asks: bool) -> DagSpec:
    """The DAG that a job is where it runs, in `folder`; `name`: what the node is called that wants it."""
    task = TaskSpec(
        TASK,
        name=clean_line(job.task, limit=200),
        skill=job.skill or SHELL,
        command=job.line or None,
        args=job.args,
        input=job.input,
        env=job.env,
        timeout=job.timeout,
        level=Level(LevelKind.CONFIRMED) if asks else Level(),
        literal=True,
    )
    title = clean_line(f"{job.dag}/{job.task} for {name}", limit=200)
    return DagSpec(title, (task,), description=f"wanted by the run {job.run} of {name}", file=str(folder / "job"))


def end_of(view: RunView) -> End | None:
    """How a job ended whose run is `view`; None if it goes on."""
    if not view.status.ended:
        return None
    task: TaskView = view.tasks[0]
    began, ended = task.attempt_at, task.ended_at
    begun = task.attempts > 0
    lost = begun and task.status is TaskStatus.CANCELLED and view.error == NOBODY_SAW
    return End(
        ok=task.status is TaskStatus.COMPLETED,
        exit_code=task.exit_code,
        output=task.output,
        masked=task.masked,
        error=task.error or view.error,
        duration=ended - began if began is not None and ended is not None else 0.0,
        begun=begun,
        refused=not begun and task.status is TaskStatus.FAILED,
        lost=lost,
    )
