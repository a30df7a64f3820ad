"""A file of the project in the person's own editor, and what is wrong with it afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cis_tui.core.problems import Problem, Severity
from cis_tui.tui.desk import Desk
from cis_tui.tui.screens.problems import ProblemsDialog
from cis_tui.tui.words import count

if TYPE_CHECKING:
    from cis_tui.protocol import EngineApi

Check = Callable[["EngineApi"], Awaitable[Sequence[Problem]]]


def edit_dag(desk: Desk, file: str) -> None:
    """Open the file of a DAG, then say what is wrong with it."""
    project = desk.store.project_root

    async def check(engine: EngineApi) -> Sequence[Problem]:
        return (await engine.dag_show(project, file)).problems

    _edit(desk, file, check)


def new_dag(desk: Desk, show: Callable[[str], object]) -> None:
    """Ask for a name, write a DAG to begin from, `show` it by its file, and open it.

    It is trusted when it is first run, as it is then.
    """
    from cis_tui.project.scaffold import make_dag
    from cis_tui.tui.screens.form import Field, FormDialog

    root = Path(desk.store.project_root)

    async def write(name: str) -> Path:
        return await asyncio.to_thread(make_dag, root, name)

    def send(given: dict[str, str], form: FormDialog) -> None:
        desk.ask(
            lambda _: write(given["name"].strip()),
            lambda file: (form.taken(), show(str(file)), edit_dag(desk, str(file))),
            failed=form.refused,
        )

    desk.dialog(FormDialog("A new DAG", [Field("name", "", "such as release", required=True)], send=send))


def edit_skill(desk: Desk, file: str) -> None:
    """Open the manifest of a skill, then say what is wrong with it."""
    project = desk.store.project_root

    async def check(engine: EngineApi) -> Sequence[Problem]:
        skills = await engine.skill_list(project)
        return next((skill.problems for skill in skills if skill.file == file), ())

    _edit(desk, file, check)


def _edit(desk: Desk, file: str, check: Check, line: int | None = None) -> None:
    def edited(changed: bool) -> None:
        desk.ask(check, lambda problems: checked(changed, problems))

    def checked(changed: bool, problems: Sequence[Problem]) -> None:
        errors = [problem for problem in problems if problem.severity is Severity.ERROR]
        if errors:
            again = partial(_edit, desk, file, check, next((error.line for error in errors if error.line), None))
            desk.dialog(ProblemsDialog(file, problems, desk.store.project_root, again))
        else:
            hint = count(len(problems), "warning") if problems else "nothing is wrong with it"
            desk.say(f"{Path(file).name} is saved" if changed else "nothing was changed", hint=hint)

    desk.edit_file(Path(file), edited, line=line)
