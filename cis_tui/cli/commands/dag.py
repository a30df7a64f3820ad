"""`cis dag`."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cis_tui.cli.arguments import executor, parameter
from cis_tui.cli.command import Command
from cis_tui.cli.context import Context
from cis_tui.cli.output import note, paint, show, show_json, status_word, table

if TYPE_CHECKING:
    from cis_tui.core.problems import Problem
    from cis_tui.dag.views import DagInfo
    from cis_tui.protocol import EngineApi

_SUFFIXES = (".toml", ".json", ".yaml", ".yml", ".txt")
"""What the name of a file ends with, also of one that is only told what it is."""


async def list_dags(context: Context, arguments: Namespace) -> int:
    """`cis dag list`."""
    from cis_tui.cli.access import reading

    async with reading(context) as api:
        dags = await api.dag_list(context.project_path)
    if context.json:
        show_json(dags)
    elif not dags:
        note("no DAGs here" + ("" if context.project else "; this is not a project folder, cis init makes it one"))
    else:
        rows = [(dag.name, len(dag.tasks), dag.policy, _state(dag), dag.description or dag.file) for dag in dags]
        table(("NAME", "TASKS", "POLICY", "STATE", "DESCRIPTION"), rows)
    return 0


async def show_dag(context: Context, arguments: Namespace) -> int:
    """`cis dag show NAME`."""
    from cis_tui.cli.access import reading

    project, name = _where(context, arguments.name)
    async with reading(context) as api:
        dag = await api.dag_show(project, name)
    if context.json:
        show_json(dag)
        return 0
    _show_head(dag)
    if dag.tasks:
        show()
        rows = [(task.id, task.level, ", ".join(task.deps) or "-", task.name) for task in dag.tasks]
        table(("TASK", "LEVEL", "NEEDS", "NAME"), rows)
    if dag.problems:
        show()
    for problem in dag.problems:
        show(problem_line(problem))
    return 0


async def validate(context: Context, arguments: Namespace) -> int:
    """`cis dag validate [NAME|FILE…]`: every problem; 5 if one is an error."""
    from cis_tui.cli.access import reading
    from cis_tui.core.errors import Exit

    async with reading(context) as api:
        if arguments.names:
            dags = [await api.dag_show(*_where(context, name)) for name in arguments.names]
        else:
            dags = list(await api.dag_list(context.project_path))
    if context.json:
        show_json(dags)
    else:
        for dag in dags:
            _show_verdict(dag)
        if not dags:
            note("no DAGs here")
    return Exit.DONE if all(dag.runnable for dag in dags) else Exit.INVALID


async def plan(context: Context, arguments: Namespace) -> int:
    """`cis dag plan NAME|FILE`."""
    from cis_tui.cli.access import reading
    from cis_tui.cli.planning import show_plan
    from cis_tui.core.text import clean_line

    project, name = _where(context, arguments.name)
    async with reading(context) as api:
        planned = await api.dag_plan(project, name, dict(arguments.params), executor=arguments.executor or "")
    if context.json:
        show_json(planned)
        return 0
    for key, value in planned.params.items():
        show(f"{clean_line(key)} = {clean_line(str(value))}")
    show_plan(planned)
    return 0


async def run(context: Context, arguments: Namespace) -> int:
    """`cis dag run NAME|FILE`."""
    project, name = _where(context, arguments.name)
    params = dict(arguments.params)
    options = {"yes": arguments.yes, "executor": arguments.executor}
    if arguments.detach:
        return await _run_detached(context, project, name, params, options)
    from cis_tui.cli.access import working
    from cis_tui.cli.follow import follow

    async with working(context) as api:
        await _warn(api, context, project, name)
        view = await api.run_start(project, name, params, **options)
        return await follow(api, view, context, yes=arguments.yes)


async def _run_detached(
    context: Context, project: str, name: str, params: dict[str, str], options: dict[str, Any]
) -> int:
    from cis_tui.api.launch import launch

    api = await launch(context.home, "command")
    try:
        await _warn(api, context, project, name)
        view = await api.run_start(project, name, params, **options)
    finally:
        await api.close()
    show_json(view) if context.json else show(view.id)
    return 0


async def _warn(api: EngineApi, context: Context, project: str, name: str) -> None:
    """Say what of the file means nothing, so that nobody waits for what a misspelt field would have done."""
    from cis_tui.core.problems import Severity

    if context.json:
        return
    for problem in (await api.dag_show(project, name)).problems:
        if problem.severity is Severity.WARNING:
            note(problem_line(problem))


def new(context: Context, arguments: Namespace) -> int:
    """`cis dag new NAME`: a DAG to begin from; trusts exactly what it wrote."""
    from cis_tui.core.errors import NotFound
    from cis_tui.core.text import clean_line
    from cis_tui.project.scaffold import make_dag
    from cis_tui.project.trust import TrustStore

    root = context.project
    if root is None:
        raise NotFound("CIS-CLI-010", "this is not a project folder", hint="cis init makes it one")
    file = make_dag(root, arguments.name)
    TrustStore(context.home.ensure()).trust_written(root, [file])
    if context.json:
        show_json({"name": arguments.name, "file": file})
        return 0
    show(f"wrote {clean_line(str(file))}")
    show(f"next: cis dag run {arguments.name}, then change it; cis dag validate {arguments.name}")
    return 0


def schema(context: Context, arguments: Namespace) -> int:
    """`cis dag schema`: for editors that complete and check TOML."""
    from cis_tui.dag.parse import SCHEMA

    show(SCHEMA.read_text("utf-8").removesuffix("\n"))
    return 0


def problem_line(problem: Problem) -> str:
    """`file:line: severity: message; hint`."""
    from cis_tui.core.text import clean_line

    place = f"{problem.file}:{problem.line}: " if problem.line else f"{problem.file}: " if problem.file else ""
    hint = f"; {problem.hint}" if problem.hint else ""
    return f"{clean_line(place)}{status_word(problem.severity)}: {clean_line(problem.message + hint, limit=2000)}"


def _where(context: Context, name: str) -> tuple[str, str]:
    """The project and the name of a DAG as `EngineApi` takes them: a file's own project goes before this folder's."""
    if not name.endswith(_SUFFIXES) and "/" not in name:
        return context.project_path, name
    from cis_tui.core.paths import find_project

    file = Path(os.path.abspath(os.path.expanduser(name)))
    project = context.project if context.given_project else find_project(file.parent) or context.project
    return str(project or ""), str(file)


def _state(dag: DagInfo) -> str:
    if not dag.runnable:
        return "invalid"
    return "ready" if dag.trusted else "untrusted"


def _show_head(dag: DagInfo) -> None:
    from cis_tui.core.text import clean_line

    facts = {"description": dag.description, "file": dag.file, "policy": dag.policy, "state": _state(dag)}
    show(paint(clean_line(dag.name), "bold"))
    for name, value in facts.items():
        if value:
            show(f"{name:<12} {clean_line(value)}")


def _show_verdict(dag: DagInfo) -> None:
    from cis_tui.cli.outcome import number_of_tasks
    from cis_tui.core.text import clean_line

    for problem in dag.problems:
        show(problem_line(problem))
    if dag.runnable:
        show(f"{clean_line(dag.file)}: {status_word('ok')}, {number_of_tasks(len(dag.tasks))}")


def _name(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME|FILE", help="a DAG of the project, or the path of a file")


def _params(parser: ArgumentParser) -> None:
    help = "a parameter; may be given several times"
    parser.add_argument(
        "-p", dest="params", metavar="key=value", type=parameter, action="append", default=[], help=help
    )


def _executor(parser: ArgumentParser, default: str | None) -> None:
    help = "what carries out the tasks: local, dask (workers on this machine), or dask://HOST:PORT"
    parser.add_argument("--executor", metavar="WHERE", type=executor, default=default, help=help)


def _plan(parser: ArgumentParser) -> None:
    _name(parser)
    _params(parser)
    _executor(parser, None)


def _run(parser: ArgumentParser) -> None:
    _name(parser)
    _params(parser)
    _executor(parser, "local")
    parser.add_argument("--yes", action="store_true", help="approve recommended and confirmed tasks, never votes")
    parser.add_argument("--detach", action="store_true", help="start it and print its id")


def _new(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")


def _names(parser: ArgumentParser) -> None:
    parser.add_argument("names", metavar="NAME|FILE", nargs="*", help="which ones; all of the project unless given")


COMMANDS = (
    Command("list", "list the project's DAGs", list_dags),
    Command("show", "show one DAG with its tasks and problems", show_dag, _name),
    Command("validate", "check DAG files and print every problem", validate, _names),
    Command("plan", "print what a run would do, step by step", plan, _plan),
    Command("run", "run a DAG and follow it to its end", run, _run),
    Command("new", "write a DAG that runs, to begin from", new, _new),
    Command("schema", "print the JSON schema of a DAG file, for editors", schema),
)
