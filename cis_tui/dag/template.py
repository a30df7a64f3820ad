"""Fills in what a DAG leaves open: parameters, results of tasks, memory (contract, "Templates and conditions")."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import copy
from typing import TYPE_CHECKING, TypeVar

from cis_tui.core.document import is_list, is_table
from cis_tui.core.errors import CisError, Invalid
from cis_tui.core.tables import describe, is_plain, scalar_text
from cis_tui.core.text import clean_line, did_you_mean
from cis_tui.dag.model import DagSpec, Param, param_fits

if TYPE_CHECKING:
    from jinja2 import Template

    from cis_tui.dag.sandbox import Sandbox

_T = TypeVar("_T")

VARIABLES = ("params", "env", "tasks", "run", "memory")
"""Names that a template may use."""
ITEM_VARIABLES = ("item", "index")
"""Names that a task with `for_each` may use besides."""
_NOTHING: Mapping[str, object] = {}
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def is_template(text: str) -> bool:
    """Whether there is anything to fill in."""
    return "{{" in text or "{%" in text


def bare_condition(condition: str) -> str:
    """A condition without the `{{ }}` that some people put around it."""
    match = re.fullmatch(r"\s*\{\{-?((?:(?!\{\{|\}\}).)*?)-?\}\}\s*", condition, re.DOTALL)
    return (match.group(1) if match else condition).strip()


def bind_params(spec: DagSpec, given: Mapping[str, object]) -> dict[str, object]:
    """The value of every parameter of `spec`, from `-p name=value` or its default.

    A text is read as the parameter's type; another value has to be of it.

    Raises:
        Invalid: a parameter does not exist, is missing, or is of another type (CIS-DAG-030).
    """
    names = [param.name for param in spec.params]
    for name in given:
        if name not in names:
            known = f"it has {', '.join(names)}" if names else "it has none"
            raise Invalid(
                "CIS-DAG-030",
                f'the DAG {spec.name} has no parameter "{clean_line(name)}"',
                hint=did_you_mean(name, names) or known,
            )
    return {param.name: _bind(spec, param, given.get(param.name)) for param in spec.params}


def _bind(spec: DagSpec, param: Param, given: object) -> object:
    if given is None:
        if param.required and param.default is None:
            raise Invalid(
                "CIS-DAG-030",
                f'the DAG {spec.name} needs the parameter "{param.name}" ({param.type})',
                hint=f"-p {param.name}=…" + (f"  {param.description}" if param.description else ""),
            )
        return _EMPTY[param.type] if param.default is None else param.default
    value = _convert(param.type, given)
    if value is None or not is_plain(value):
        raise Invalid(
            "CIS-DAG-030",
            f'the parameter "{param.name}" of {spec.name} is {describe(given)}, expected {_EXPECTED[param.type]}',
        )
    return value


_EMPTY: Mapping[str, object] = {"string": "", "integer": 0, "number": 0.0, "boolean": False}
_EXPECTED = {"string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false"}


def _convert(kind: str, given: object) -> object | None:
    """What is given, read as a value of the type `kind`; None if it is not one."""
    if kind == "string":
        return scalar_text(given) if isinstance(given, (str, int, float)) else None
    if not isinstance(given, str):
        return given if param_fits(kind, given) else None
    if kind == "boolean":
        return _BOOLEANS.get(given.strip().lower())
    try:
        return int(given) if kind == "integer" else float(given)
    except ValueError:
        return None


class Private(str):
    """A value that is for programs: what is shown, or written down, of a call has `MASK` in its place."""


MASK = "••••••"


class Renderer:
    """Renders the templates of one DAG in one run.

    `tasks` maps ids of ended tasks to their `status`, `output`, `exit_code` and `error`; `given` has names besides.
    """

    def __init__(
        self,
        *,
        params: Mapping[str, object],
        env: Mapping[str, str],
        run_id: str,
        memory: Callable[[str], str | None],
    ) -> None:
        self._params = dict(params)
        self._env = dict(env)
        self._run = {"id": run_id}
        self._memory = memory
        self._masks = False
        self.told_private = False
        """Whether a template was given a value that is not to be shown."""
        self._sandbox: Sandbox | None = None
        self._compiled: dict[str, Template] = {}

    def afresh(self) -> Renderer:
        """A renderer of the same that was told nothing private yet."""
        other = copy(self)
        other.told_private = False
        return other

    def masked(self) -> Renderer:
        """A renderer that gives `MASK` for what is not to be shown."""
        other = copy(self)
        other._masks = True
        return other

    def render(
        self,
        text: str,
        tasks: Mapping[str, Mapping[str, object]],
        *,
        where: str = "",
        given: Mapping[str, object] = _NOTHING,
    ) -> str:
        """`text` with its templates filled in, such as a command of the task that `where` names in errors.

        Raises:
            Invalid: it does not compile, names something that is not there, or would become too large (CIS-DAG-031).
        """
        if not is_template(text):
            return text

        def fill() -> str:
            from cis_tui.dag.sandbox import render

            template = self._compiled.get(text)
            if template is None:
                template = self._compiled[text] = self._environment().from_string(text)
            return render(template, self._variables(tasks, given))

        return self._guard(fill, text, where)

    def render_value(
        self,
        value: object,
        tasks: Mapping[str, Mapping[str, object]],
        *,
        where: str = "",
        given: Mapping[str, object] = _NOTHING,
    ) -> object:
        """As `render`, for every text inside lists and tables, such as a task's `input`."""
        if isinstance(value, str):
            return self.render(value, tasks, where=where, given=given)
        if is_table(value):
            return {key: self.render_value(item, tasks, where=where, given=given) for key, item in value.items()}
        if is_list(value):
            return [self.render_value(item, tasks, where=where, given=given) for item in value]
        return value

    def test(
        self,
        condition: str,
        tasks: Mapping[str, Mapping[str, object]],
        *,
        where: str = "",
        given: Mapping[str, object] = _NOTHING,
    ) -> bool:
        """Whether a condition holds.

        Raises:
            Invalid: as `render`.
        """
        return bool(self.value(condition, tasks, where=where, given=given))

    def value(
        self,
        expression: str,
        tasks: Mapping[str, Mapping[str, object]],
        *,
        where: str = "",
        given: Mapping[str, object] = _NOTHING,
    ) -> object:
        """What an expression gives, such as a list.

        Raises:
            Invalid: as `render`.
        """

        def ask() -> object:
            compiled = self._environment().compile_expression(bare_condition(expression), undefined_to_none=False)
            found = compiled(self._variables(tasks, given))
            bool(found)  # what does not exist says so now
            return found

        return self._guard(ask, expression, where)

    def _environment(self) -> Sandbox:
        if self._sandbox is None:
            from cis_tui.dag.sandbox import Sandbox

            self._sandbox = Sandbox()
        return self._sandbox

    def _variables(self, tasks: Mapping[str, Mapping[str, object]], given: Mapping[str, object]) -> dict[str, object]:
        from cis_tui.dag.sandbox import TaskResults

        return {
            **given,
            "params": self._params,
            "env": self._env,
            "tasks": TaskResults(tasks),
            "run": self._run,
            "memory": self._recall,
        }

    def _recall(self, key: str) -> object:
        from cis_tui.dag.sandbox import Forgotten

        value = self._memory(str(key))
        if isinstance(value, Private):
            self.told_private = True
            return MASK if self._masks else value
        return Forgotten(f'nothing is remembered as "{clean_line(str(key))}"') if value is None else value

    def _guard(self, call: Callable[[], _T], text: str, where: str) -> _T:
        try:
            return call()
        except CisError:
            raise
        except Exception as error:  # a template can raise whatever its filters and operators raise
            raise Invalid(
                "CIS-DAG-031",
                f"{where + ': ' if where else ''}the template {describe(text)}: {clean_line(str(error))}",
                hint="cis dag validate checks templates before a run",
            ) from error
