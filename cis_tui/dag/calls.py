"""From a task's definition to what is run: templates rendered, skill found, folder checked."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from cis_tui.core.codec import dumps
from cis_tui.core.environment import inherited_env
from cis_tui.core.errors import CisError, Invalid, NotFound, Refused
from cis_tui.core.paths import real
from cis_tui.core.text import clean, clean_line, count, visible
from cis_tui.dag.checkpoint import place
from cis_tui.dag.expansion import Expansion, Facts, Within, inner_spec, listed
from cis_tui.dag.model import AgentUse, DagSpec, LevelKind, TaskSpec, UndoStep
from cis_tui.dag.record import RunRecord
from cis_tui.dag.secrecy import Secrets, holds_mask
from cis_tui.dag.template import Private, Renderer, bind_params, is_template
from cis_tui.skills.model import SkillManifest, SkillOrigin

SHELL = "shell"
SHOWN = 20
"""Calls that are shown of a task that stands for many."""


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
    masked: Call | None = None
    """The call as a person may see it, where something in it is private."""
    creates: tuple[str, ...] = ()
    """What a rollback removes or restores, relative to the root of the run."""
    expansion: Expansion | None = None
    """Of a task that stands for others: nothing runs for the task itself."""
    agent: AgentUse | None = None
    """Who is asked; `line` is the prompt then, and no shell ever sees it."""
    private: bool = False
    """A template of it was given a private entry of memory."""

    @property
    def shown(self) -> str:
        """The call as a person reads it: clean text, of several lines if the command is."""
        if self.masked:
            return self.masked.shown
        if self.agent is not None:
            return clean(visible(f"ask {self.agent.name or 'the default agent'}: {self.line}"), limit=1500)
        if self.manifest is None:
            return clean(visible(self.line), limit=1500) or "nothing to run"
        given = f" {dumps(self.input)}" if self.input else ""
        return clean(visible(f"{shlex.join((self.manifest.name, *self.args))}{given}"), limit=1500)


def is_empty(task: TaskSpec) -> bool:
    """Whether there is nothing to run: it only joins others."""
    given = task.command or task.args or task.input or task.dag is not None or task.for_each is not None
    return not given and task.skill == SHELL


def passes(task: TaskSpec) -> bool:
    """Whether the task completes by itself as soon as it is ready, with nothing to decide and nothing to run."""
    return is_empty(task) and task.condition is None and task.level.kind is LevelKind.MECHANICAL


class Calls:
    """Makes the calls of the tasks of one DAG in one run. Its methods may block: a template may read memory."""

    def __init__(
        self,
        record: RunRecord,
        skills: Mapping[str, SkillManifest],
        memory_get: Callable[[str], str | None],
        *,
        prefix: str = "",
        env: Mapping[str, str] | None = None,
        secrets: Secrets | None = None,
    ) -> None:
        """`prefix`: what the ids of the tasks begin with in the run; `env`: what they find in their environment, as it
        stands, beside the variables of the DAG `record.spec`; `secrets`: those of the run."""
        self._record = record
        self._skills = skills
        self._memory_get = memory_get
        self._prefix = prefix
        self.secrets = secrets or Secrets()
        """What the run knows and nobody is to see."""
        self._env = dict(env or {})
        self._root = real(Path(record.project or Path(record.spec.file).parent))
        self._renderer = Renderer(
            params=record.params,
            env={**inherited_env(), **record.spec.env, **self._env},
            run_id=record.id,
            memory=self._recall,
        )

    def _recall(self, key: str) -> str | None:
        value = self._memory_get(key)
        if isinstance(value, Private):
            self.secrets.add(str(value))
        return value

    def prepare(self, task: TaskSpec, facts: Facts) -> Call | None:
        """The call of `task` after the tasks in `facts`; None when its condition is false.

        Raises:
            CisError: the condition or a template fails, the skill is missing (CIS-DAG-070), the folder is none of the
                project's (CIS-DAG-071, 072), or what the task stands for is wrong (CIS-DAG-100, 101, 030).
        """
        where = f'the condition of "{task.id}"'
        seen = Within(facts, self._prefix) if self._prefix else facts
        condition = task.condition
        if condition is not None and not self._renderer.test(condition, seen, where=where, given=task.given):
            return None
        return self._expanding(task, seen) if task.stands_for_others else self._call(task, seen)

    def within(self, task: TaskSpec, expansion: Expansion) -> Calls:
        """What makes the calls of the tasks for which `task` stands."""
        if task.dag is None or expansion.items is not None:
            return self
        inner = self.dags[task.dag]
        spec = replace(inner, env={name: value for name, value in inner.env.items() if name not in task.env})
        record = replace(self._record, spec=replace(spec, dags=self.dags), params=expansion.params)
        env = {name: value for name, value in expansion.env.items() if name not in spec.env}
        return Calls(record, self._skills, self._memory_get, prefix=f"{task.id}/", env=env, secrets=self.secrets)

    def undoing(self, task: TaskSpec, step: UndoStep, facts: Facts) -> Call:
        """The call of one step of the rollback of `task`.

        Raises:
            CisError: a template fails, the skill is missing (CIS-DAG-070), or the folder is none of the project's.
        """
        timeout = step.timeout or task.timeout
        call = replace(
            task,
            skill=step.skill,
            command=step.command,
            args=step.args,
            input=step.input,
            timeout=timeout,
            creates=(),
            dag=None,
            agent=None,
        )
        return self._call(call, Within(facts, self._prefix) if self._prefix else facts)

    @property
    def root(self) -> Path:
        """The folder of the project, or that of the file outside of any."""
        return self._root

    @property
    def spec(self) -> DagSpec:
        """The DAG whose tasks these are."""
        return self._record.spec

    @property
    def dags(self) -> Mapping[str, DagSpec]:
        """The DAGs for which tasks can stand."""
        return self._record.spec.dags

    def _call(self, task: TaskSpec, facts: Facts) -> Call:
        renderer = self._renderer.afresh()
        call = self._rendered(task, facts, renderer)
        if task.creates:
            call = replace(call, creates=self._creates(task, facts, call.cwd))
        if not renderer.told_private:
            return self.shown_as(call, call)
        call = replace(call, private=True)
        return self.shown_as(call, self._rendered(task, facts, renderer.masked(), folder=call.cwd))

    def shown_as(self, call: Call, seen: Call) -> Call:
        """`call`, of which a person may see `seen` without the secrets that are left in it."""
        line, args = self.secrets.text(seen.line), tuple(map(self.secrets.text, seen.args))
        input = cast("Mapping[str, object]", self.secrets.tree(dict(seen.input)))
        if (line, args, input) == (call.line, call.args, call.input):
            return call
        return replace(call, masked=replace(seen, line=line, args=args, input=input))

    def _creates(self, task: TaskSpec, facts: Facts, folder: Path) -> tuple[str, ...]:
        where = f'the task "{task.id}"'
        paths = (self._renderer.render(path, facts, where=where, given=task.given) for path in task.creates)
        return tuple(dict.fromkeys(place(self._root, folder, path, task.id) for path in paths))

    def _rendered(self, task: TaskSpec, facts: Facts, renderer: Renderer, folder: Path | None = None) -> Call:
        manifest = self._manifest(task)
        args = tuple(self._text(arg, task, facts, renderer) for arg in task.args)
        command = self._text(task.command or "", task, facts, renderer)
        input = self._input(task, facts, renderer)
        work_dir = self._text(task.work_dir, task, facts, renderer)
        return Call(
            line="" if manifest else command or shell_line(args, input),
            manifest=manifest,
            args=args,
            input=input,
            env=self._env_of(task, facts, renderer),
            cwd=folder or self._folder(work_dir, task),
            timeout=task.timeout,
            agent=task.agent,
        )

    def _text(self, text: str, task: TaskSpec, facts: Facts, renderer: Renderer) -> str:
        if task.literal:
            return text
        return renderer.render(text, facts, where=f'the task "{task.id}"', given=task.given)

    def _input(self, task: TaskSpec, facts: Facts, renderer: Renderer) -> Mapping[str, object]:
        if task.literal:
            return task.input
        where = f'the task "{task.id}"'
        return cast("Mapping[str, object]", renderer.render_value(task.input, facts, where=where, given=task.given))

    def _env_of(self, task: TaskSpec, facts: Facts, renderer: Renderer) -> dict[str, str]:
        own = {**self._record.spec.env, **task.env}
        rendered = {name: self._text(value, task, facts, renderer) for name, value in own.items()}
        return {**self._env, **rendered}

    def _expanding(self, task: TaskSpec, facts: Facts) -> Call:
        """The call of a task that stands for others: what it shows is what they will be."""
        if task.dag is not None and task.for_each is None:
            return self.whole_dag(task, facts)
        expansion = Expansion(items=listed(self._items(task, facts), task))
        inner = inner_spec(task, expansion, self.spec, self.dags)
        shown = [self._call(each, facts).shown for each in inner.tasks[:SHOWN] if not each.stands_for_others]
        more = f"… and {len(inner.tasks) - len(shown)} more" if len(inner.tasks) > len(shown) else ""
        line = "\n".join([f"{count(len(inner.tasks), 'task')}, one for each item:", *shown, *filter(None, [more])])
        call = Call(line, None, (), {}, {}, self._root, None, expansion=expansion)
        return self.shown_as(call, call)

    def whole_dag(self, task: TaskSpec, facts: Facts) -> Call:
        """The call of a task that stands for another DAG; its input are the parameters.

        Raises:
            CisError: a template fails, or the DAG does not take the parameters (CIS-DAG-030).
        """
        given = self._input(task, facts, self._renderer)
        expansion = Expansion(
            params=bind_params(self.dags[task.dag or ""], given), env=self._env_of(task, facts, self._renderer)
        )
        params = expansion.params
        call = Call(self.dag_line(task, params), None, (), params, {}, self._root, None, expansion=expansion)
        if not self._renderer.told_private:
            return self.shown_as(call, call)
        masked = self._input(task, facts, self._renderer.masked())
        seen = {**params, **{name: value for name, value in masked.items() if value != given[name]}}
        return self.shown_as(call, replace(call, line=self.dag_line(task, seen), input=seen))

    def dag_line(self, task: TaskSpec, params: Mapping[str, object]) -> str:
        """A task that stands for another DAG with these parameters, in words."""
        given = f" {dumps(params)}" if params else ""
        return f"the DAG {task.dag}{given}: {', '.join(each.id for each in self.dags[task.dag or ''].tasks)}"

    def again(self, task: TaskSpec, facts: Facts, items: tuple[object, ...] | None) -> Call:
        """The call of a task that was found to stand for `items`, or for another DAG, before the run was resumed.

        Raises:
            CisError: a template fails.
        """
        if task.for_each is not None:
            whole = self._whole_items(task, facts, items or ())
            return Call("", None, (), {}, {}, self._root, None, expansion=Expansion(whole))
        return self.whole_dag(task, Within(facts, self._prefix) if self._prefix else facts)

    def _whole_items(self, task: TaskSpec, facts: Facts, items: tuple[object, ...]) -> tuple[object, ...]:
        """`items` as the journal has them; if that lacks their secrets, the list is worked out again."""
        if not holds_mask(list(items)):
            return items
        found = listed(self._items(task, Within(facts, self._prefix) if self._prefix else facts), task)
        if len(found) != len(items):
            message = f'the list of "{task.id}" held secrets, which are not kept, and is another one now'
            raise Invalid("CIS-DAG-185", message, hint=f"cis run rerun {self._record.id} --from {task.id}")
        return found

    def _items(self, task: TaskSpec, facts: Facts) -> object:
        where = f'for_each of "{task.id}"'
        if isinstance(task.for_each, str):
            return self._renderer.value(task.for_each, facts, where=where)
        return self._renderer.render_value(list(task.for_each or ()), facts, where=where)

    def is_fixed(self, task: TaskSpec) -> bool:
        """Whether `prepare` has no template to work out, and so does not block."""
        texts = (
            *task.args,
            *task.env.values(),
            *self._record.spec.env.values(),
            task.command or "",
            task.work_dir,
        )
        plain = task.condition is None and not task.input and not task.creates and not task.stands_for_others
        return plain and not any(map(is_template, texts))

    def preview(self, task: TaskSpec) -> str:
        """What `task` would run, as far as it is known before the run."""
        try:
            return self._call(task, {}).shown
        except CisError:
            return clean(task.command or shlex.join((task.skill, *task.args)), limit=1500)

    def foreseen_items(self, task: TaskSpec) -> tuple[object, ...] | None:
        """The list of `task`, if it is known before the run."""
        try:
            return listed(self._items(task, {}), task)
        except CisError:
            return None

    def foreseen_params(self, task: TaskSpec) -> dict[str, object]:
        """The parameters of the DAG for which `task` stands that are known before the run."""
        inner = self.dags[task.dag or ""]
        known: dict[str, object] = {}
        for param in inner.params:
            try:
                given = replace(task, input={name: task.input[name] for name in (param.name,) if name in task.input})
                known |= bind_params(replace(inner, params=(param,)), self._input(given, {}, self._renderer))
            except CisError:
                continue
        return known

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
        folder = real(self._root / work_dir)
        shown = clean_line(work_dir)
        if not folder.is_relative_to(self._root):
            raise Refused("CIS-DAG-071", f'work_dir "{shown}" of "{task.id}" lies outside of {self._root}')
        if not folder.is_dir():
            raise Invalid("CIS-DAG-072", f'work_dir "{shown}" of "{task.id}" is not a folder in {self._root}')
        return folder


def shell_line(args: tuple[str, ...], input: Mapping[str, object]) -> str:
    """The line for the shell of a call that gives it by arguments, or by its input.

    One argument is a whole line; arguments that begin with an option, such as `-c`, are those of the shell.
    """
    if len(args) > 1 and args[0].startswith("-"):
        return shlex.join(("/bin/sh", *args))
    if args:
        return args[0] if len(args) == 1 else shlex.join(args)
    command = input.get("command", "")
    return command if isinstance(command, str) else ""
