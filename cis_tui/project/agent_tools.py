"""What a project lets agents do beside reading and writing: its DAGs and its skills, as tools."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from cis_tui.agents.policy import Level
from cis_tui.agents.provider import ToolSpec
from cis_tui.agents.tools import Caller, Input, Tool, schema
from cis_tui.core.codec import dumps
from cis_tui.core.document import as_table
from cis_tui.core.errors import CisError, Exit, Refused
from cis_tui.core.tables import scalar_text
from cis_tui.core.text import clean, clean_line, count
from cis_tui.dag.views import DagInfo, DagPlan, RunSummary, RunView
from cis_tui.skills.model import Argument, ArgumentType, ExportedCommand, SkillInfo, SkillResult

MAX_SKILLS = 60
"""Skills that become tools."""
WAIT = 30.0
"""Seconds that dag_run waits for the end of a run."""
_LOOK = 0.2
_TAIL = 1500
"""Characters of a task's output that an agent is told."""
_NAME = re.compile(r"[^a-zA-Z0-9_-]")


class Workspace(Protocol):
    """What the tools use of the engine; see `EngineApi`."""

    async def dag_list(self, project: str) -> tuple[DagInfo, ...]: ...
    async def dag_show(self, project: str, name: str) -> DagInfo: ...
    async def dag_plan(self, project: str, name: str, params: Mapping[str, str]) -> DagPlan: ...
    async def run_start(self, project: str, name: str, params: Mapping[str, str]) -> RunView: ...
    async def run_list(self, project: str = "", *, limit: int = 50) -> tuple[RunSummary, ...]: ...
    async def run_show(self, run: str) -> RunView: ...
    async def skill_run(
        self, project: str, name: str, args: tuple[str, ...], input: Mapping[str, object]
    ) -> SkillResult: ...


def workspace_tools(workspace: Workspace, skills: Iterable[SkillInfo]) -> tuple[Tool, ...]:
    """DAGs and the skills that can be called, as tools."""
    ready = [skill for skill in skills if skill.trusted and not skill.problems][:MAX_SKILLS]
    return (*_DagTools(workspace).all(), *(_skill_tool(workspace, skill) for skill in ready))


@dataclass(frozen=True, slots=True)
class _DagTools:
    workspace: Workspace

    def all(self) -> tuple[Tool, ...]:
        named = {"name": "the DAG's name, as dag_list gives it"}
        params = {"type": "object", "description": "its parameters, by name"}
        free = Level.MECHANICAL
        return (
            _tool("dag_list", "List the project's DAGs of tasks.", schema(), self.list, free),
            _tool("dag_validate", "Say what is wrong with a DAG.", schema(["name"], **named), self.validate, free),
            _tool("dag_plan", "Show what a run would do.", schema(["name"], **named, params=params), self.plan, free),
            Tool(
                ToolSpec("dag_run", "Start a run of a DAG.", schema(["name"], **named, params=params)),
                self.run,
                level=Level.CONFIRMED,
                about=_dag,
                preview=self.plan,
                alike=_whole_input,
                programs=True,
            ),
            _tool(
                "dag_status",
                "Show how a run is, or the latest runs.",
                schema(run="the id of a run; without it the latest ones"),
                self.status,
                free,
            ),
        )

    async def list(self, input: Input, caller: Caller) -> str:
        dags = await self.workspace.dag_list(caller.project)
        lines = (f"{dag.name}: {dag.description or count(len(dag.tasks), 'task')}{_state(dag)}" for dag in dags)
        return "\n".join(map(clean_line, lines)) or "there are no DAGs here"

    async def validate(self, input: Input, caller: Caller) -> str:
        dag = await self.workspace.dag_show(caller.project, _named(input))
        return "\n".join(str(problem) for problem in dag.problems) or "nothing is wrong with it"

    async def plan(self, input: Input, caller: Caller) -> str:
        plan = await self.workspace.dag_plan(caller.project, _named(input), _params(input))
        return clean(dumps(plan, indent=1), limit=20_000)

    async def run(self, input: Input, caller: Caller) -> str:
        view = await self.workspace.run_start(caller.project, _named(input), _params(input))
        deadline = asyncio.get_running_loop().time() + WAIT
        while not view.status.ended and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(_LOOK)
            view = await self.workspace.run_show(view.id)
        return _told(view)

    async def status(self, input: Input, caller: Caller) -> str:
        if input.get("run"):
            view = await self.workspace.run_show(str(input["run"]))
            if view.project != caller.project:
                raise Refused("CIS-AGENT-035", "that run is of another project")
            return _told(view)
        runs = await self.workspace.run_list(caller.project, limit=10)
        return "\n".join(f"{run.id} {clean_line(run.dag)} {run.status}" for run in runs) or "there were no runs"


def _tool(
    name: str,
    description: str,
    schema: Mapping[str, object],
    run: Callable[[Input, Caller], Awaitable[str]],
    level: Level,
) -> Tool:
    return Tool(ToolSpec(name, description, schema), run, level=level, about=_dag, programs=True)


def _dag(input: Input) -> str:
    return str(input.get("name", ""))


def _whole_input(input: Input) -> str:
    return dumps(dict(sorted(input.items())))


def _named(input: Input) -> str:
    """The name of a DAG of the project: an agent runs no other files."""
    name = str(input["name"])
    if "/" in name or name.endswith((".toml", ".json")):
        raise Refused("CIS-AGENT-035", "a DAG is named by its name, not by its file", hint="dag_list gives the names")
    return name


def _params(input: Input) -> dict[str, str]:
    given = as_table(input.get("params"))
    return {
        name: scalar_text(value) if isinstance(value, (str, int, float)) else dumps(value)
        for name, value in given.items()
    }


def _state(dag: DagInfo) -> str:
    return " (broken)" if any(problem.severity == "error" for problem in dag.problems) else ""


def _told(view: RunView) -> str:
    lines = [f"run {view.id} of {clean_line(view.dag)}: {view.status}"]
    for task in view.tasks:
        lines.append(f"{clean_line(task.id)}: {task.status}{f' - {clean_line(task.error)}' if task.error else ''}")
        if task.output.strip():
            lines.append(clean(task.output[-_TAIL:]).strip())
    return "\n".join(lines)


def _skill_tool(workspace: Workspace, skill: SkillInfo) -> Tool:
    shape = skill_schema(skill.exports)
    plain = not skill.exports

    async def run(input: Input, caller: Caller) -> str:
        given = as_table(input.get("input")) if plain else input
        args = tuple(str(arg) for arg in _list(input.get("args"))) if plain else ()
        result = await workspace.skill_run(caller.project, skill.name, args, given)
        text = result.output if isinstance(result.output, str) else dumps(result.output, indent=1)
        if not result.success:
            raise _failed(skill.name, result.exit_code, text)
        return text or "it ran, and said nothing"

    def about(input: Input) -> str:
        return str(input.get("command", "")) if len(skill.exports) > 1 else ""

    async def preview(input: Input, caller: Caller) -> str:
        return dumps(input, indent=2)

    name = f"skill_{_NAME.sub('_', skill.name)}"[:64]
    described = clean_line(skill.description or f"The skill {skill.name}.", limit=500)
    commands = "".join(f"\n{each.name}: {clean_line(each.description, limit=200)}" for each in skill.exports)
    spec = ToolSpec(name, described + commands, shape)
    return Tool(spec, run, level=Level.CONFIRMED, about=about, preview=preview, alike=_whole_input, programs=True)


def skill_schema(exports: tuple[ExportedCommand, ...]) -> dict[str, object]:
    """The JSON Schema of what a skill takes, as far as its manifest says: of several commands the arguments of all."""
    if not exports:
        return schema(
            args={"type": "array", "items": {"type": "string"}, "description": "its arguments"},
            input={"type": "object", "description": "its input"},
        )
    if any(command.args is None for command in exports):
        return {**schema(**_command(exports)), "additionalProperties": True}
    properties = {argument.name: _argument(argument) for command in exports for argument in command.args or ()}
    required = [argument.name for argument in exports[0].args or () if argument.required] if len(exports) == 1 else []
    made = schema(required, **{**properties, **_command(exports)})
    return {**made, "required": ["command"]} if len(exports) > 1 else made


def _command(exports: tuple[ExportedCommand, ...]) -> dict[str, Mapping[str, object]]:
    if len(exports) == 1:
        return {}
    names = [command.name for command in exports]
    return {"command": {"type": "string", "enum": names, "description": "what it is to do"}}


_JSON_TYPES: Mapping[ArgumentType, str] = {
    ArgumentType.STRING: "string",
    ArgumentType.PATH: "string",
    ArgumentType.INTEGER: "integer",
    ArgumentType.NUMBER: "number",
    ArgumentType.BOOLEAN: "boolean",
    ArgumentType.LIST: "array",
    ArgumentType.TABLE: "object",
}


def _argument(argument: Argument) -> dict[str, object]:
    one: dict[str, object] = {"type": _JSON_TYPES[argument.type]}
    if argument.choices:
        one["enum"] = list(argument.choices)
    if argument.many:
        one = {"type": "array", "items": one}
    if argument.description:
        one["description"] = clean_line(argument.description, limit=300)
    return one


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, (list, tuple)) else []  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def _failed(name: str, exit_code: int, text: str) -> CisError:
    error = CisError("CIS-AGENT-036", f"{name} failed with exit code {exit_code}", hint=clean(text[-4000:]))
    error.exit = Exit.FAILED
    return error
