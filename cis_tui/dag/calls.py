"""From a task's definition to what is run: templates rendered, skill found, folder checked."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from cis_tui.core.codec import dumps
from cis_tui.core.environment import inherited_env
from cis_tui.core.errors import CisError, Invalid, NotFound, Refused
from cis_tui.core.text import clean, clean_line
from cis_tui.dag.model import LevelKind, TaskSpec
from cis_tui.dag.record import RunRecord
from cis_tui.dag.template import Renderer, is_template
from cis_tui.skills.model import SkillManifest, SkillOrigin

SHELL = "shell"
Facts = Mapping[str, Mapping[str, object]]
"""Task id to `status`, `output`, `exit_code`, for templates."""


@dataclass(frozen=True, slots=True)
class Call:
    """One task as it will run."""

    line: str
    """For the shell; empty together with no `manifest`: there is nothing to run."""
    manifest: SkillManifest | None
    """The native skill."""
    args: tuple[str, ...]
    input: Mapping[str, object]
    env: Mapping[str, str]
    """What is added to the environment."""
    cwd: Path
    timeout: float | None

    @property
    def shown(self) -> str:
        """The call as a person reads it: clean text, of several lines if the command is."""
        if self.manifest is None:
            return clean(self.line, limit=1500) or "nothing to run"
        given = f" {dumps(self.input)}" if self.input else ""
        return clean(f"{shlex.join((self.manifest.name, *self.args))}{given}", limit=1500)


def is_empty(task: TaskSpec) -> bool:
    """Whether there is nothing to run: it only joins others."""
    return task.skill == SHELL and not task.command and not task.args and not task.input


def passes(task: TaskSpec) -> bool:
    """Whether the task completes by itself as soon as it is ready, with nothing to decide and nothing to run."""
    return is_empty(task) and task.condition is None and task.level.kind is LevelKind.MECHANICAL


class Calls:
    """Makes the calls of one run. Its methods may block: a template may read memory."""

    def __init__(
        self, record: RunRecord, skills: Mapping[str, SkillManifest], memory_get: Callable[[str], str | None]
    ) -> None:
        self._record = record
        self._skills = skills
        self._root = Path(record.project or Path(record.spec.file).parent).resolve()
        self._renderer = Renderer(
            params=record.params, env={**inherited_env(), **record.spec.env}, run_id=record.id, memory=memory_get
        )

    def prepare(self, task: TaskSpec, facts: Facts) -> Call | None:
        """The call of `task` after the tasks in `facts`; None when its condition is false.

        Raises:
            CisError: the condition or a template fails, the skill is missing (CIS-DAG-070) or the folder is none of
                the project's (CIS-DAG-071, 072).
        """
        where = f'the condition of "{task.id}"'
        if task.condition is not None and not self._renderer.test(task.condition, facts, where=where):
            return None
        return self.call(task, facts)

    def call(self, task: TaskSpec, facts: Facts) -> Call:
        """The call of `task`, whatever its condition says.

        Raises:
            CisError: as `prepare`.
        """
        manifest = self._manifest(task)
        where = f'the task "{task.id}"'
        args = tuple(self._renderer.render(arg, facts, where=where) for arg in task.args)
        command = self._renderer.render(task.command or "", facts, where=where)
        input = cast("Mapping[str, object]", self._renderer.render_value(task.input, facts, where=where))
        env = {**self._record.spec.env, **task.env}
        return Call(
            line="" if manifest else command or shell_line(args, input),
            manifest=manifest,
            args=args,
            input=input,
            env={name: self._renderer.render(value, facts, where=where) for name, value in env.items()},
            cwd=self._folder(self._renderer.render(task.work_dir, facts, where=where), task),
            timeout=task.timeout,
        )

    def is_fixed(self, task: TaskSpec) -> bool:
        """Whether `prepare` has no template to work out, and so does not block."""
        texts = (*task.args, *task.env.values(), *self._record.spec.env.values(), task.command or "", task.work_dir)
        return task.condition is None and not task.input and not any(map(is_template, texts))

    def preview(self, task: TaskSpec) -> str:
        """What `task` would run, as far as it is known before the run."""
        try:
            return self.call(task, {}).shown
        except CisError:
            return clean(task.command or shlex.join((task.skill, *task.args)), limit=1500)

    def _manifest(self, task: TaskSpec) -> SkillManifest | None:
        """The native skill of the task; None for the shell, unless a skill of the person's own has taken its name."""
        manifest = self._skills.get(task.skill)
        if task.command is not None:
            return None
        if task.skill == SHELL and (manifest is None or manifest.origin is SkillOrigin.SHIPPED or is_empty(task)):
            return None
        if manifest is None:
            raise NotFound("CIS-DAG-070", f'the skill "{task.skill}" is not there', hint="cis skill list shows all")
        return manifest

    def _folder(self, work_dir: str, task: TaskSpec) -> Path:
        """Where the task runs.

        Raises:
            Refused: it lies outside of the project (CIS-DAG-071).
            Invalid: it is not a folder (CIS-DAG-072).
        """
        if work_dir == ".":
            return self._root
        folder = (self._root / work_dir).resolve()
        shown = clean_line(work_dir)
        if not folder.is_relative_to(self._root):
            raise Refused("CIS-DAG-071", f'work_dir "{shown}" of "{task.id}" lies outside of {self._root}')
        if not folder.is_dir():
            raise Invalid("CIS-DAG-072", f'work_dir "{shown}" of "{task.id}" is not a folder in {self._root}')
        return folder


def shell_line(args: tuple[str, ...], input: Mapping[str, object]) -> str:
    """The line for the shell of a call that gives it by arguments, one of which is a whole line, or by its input."""
    if args:
        return args[0] if len(args) == 1 else shlex.join(args)
    command = input.get("command", "")
    return command if isinstance(command, str) else ""
