"""What a template refers to, found without rendering it. Imports jinja2: import it late."""

from __future__ import annotations

from dataclasses import dataclass

from jinja2 import TemplateError, nodes
from jinja2.parser import Parser

from cis_tui.core.text import clean_line, did_you_mean
from cis_tui.dag.sandbox import Sandbox
from cis_tui.dag.template import VARIABLES, bare_condition, is_template

RESULTS = ("status", "output", "exit_code", "error")
"""Fields of a task's result."""

RESULT_HINT = "names are params, env, run.id, memory(\"KEY\") and tasks['ID'].status, .output, .exit_code or .error"


@dataclass(frozen=True, slots=True)
class References:
    """Names that one template or condition uses."""

    tasks: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    errors: tuple[tuple[str, str], ...] = ()
    """Message and hint of what is wrong with it whatever the DAG is."""


class ReferenceFinder:
    """Looks into templates; the same text is looked at once."""

    def __init__(self) -> None:
        self._sandbox = Sandbox()
        self._known: dict[tuple[str, bool, tuple[str, ...]], References] = {}

    def in_text(self, text: str, *, names: tuple[str, ...] = VARIABLES) -> References:
        """Of a text with templates in it, which may use the variables `names`."""
        if not is_template(text):
            return References()
        return self._find(text, names, condition=False)

    def in_condition(self, condition: str, *, names: tuple[str, ...] = VARIABLES) -> References:
        """Of a condition, or another expression."""
        return self._find(bare_condition(condition), names, condition=True)

    def _find(self, text: str, names: tuple[str, ...], *, condition: bool) -> References:
        key = (text, condition, names)
        if key not in self._known:
            try:
                self._known[key] = self._look(self._parse(text, condition=condition), names)
            except (TemplateError, RecursionError) as error:
                hint = RESULT_HINT if condition else "a {{ that is no template is written as {% raw %}{{{% endraw %}"
                self._known[key] = References(errors=((clean_line(str(error)), hint),))
        return self._known[key]

    def _parse(self, text: str, *, condition: bool) -> nodes.Node:
        if not condition:
            return self._sandbox.parse(text)
        parser = Parser(self._sandbox, text, state="variable")
        expression = parser.parse_expression()
        if not parser.stream.eos:
            parser.fail(f"unexpected {parser.stream.current.value!r} after the end of the condition")
        return nodes.Template([nodes.Output([expression])], lineno=1)

    def _look(self, tree: nodes.Node, names: tuple[str, ...]) -> References:
        errors = [*self._unknown_names(tree, names), *self._unknown_calls(tree)]
        tasks: dict[str, None] = {}
        params: dict[str, None] = {}
        for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
            owner, name = node.node, _constant(node)
            if name is None:
                continue
            if isinstance(owner, nodes.Name) and owner.name in ("tasks", "params"):
                (tasks if owner.name == "tasks" else params)[name] = None
            elif _is_task(owner) and name not in RESULTS:
                errors.append(
                    (f'a task has no "{clean_line(name)}"', did_you_mean(name, RESULTS) or ", ".join(RESULTS))
                )
        return References(tuple(tasks), tuple(params), tuple(errors))

    def _unknown_names(self, tree: nodes.Node, names: tuple[str, ...]) -> list[tuple[str, str]]:
        found = list(tree.find_all(nodes.Name))
        known = {*names, "loop", *self._sandbox.globals, *(node.name for node in found if node.ctx != "load")}
        unknown = dict.fromkeys(node.name for node in found if node.name not in known)
        return [(f'there is no "{name}"', did_you_mean(name, names) or RESULT_HINT) for name in unknown]

    def _unknown_calls(self, tree: nodes.Node) -> list[tuple[str, str]]:
        filters = (node.name for node in tree.find_all(nodes.Filter) if node.name not in self._sandbox.filters)
        tests = (node.name for node in tree.find_all(nodes.Test) if node.name not in self._sandbox.tests)
        return [
            *((f'there is no filter "{name}"', did_you_mean(name, self._sandbox.filters)) for name in filters),
            *((f'there is no test "{name}"', did_you_mean(name, self._sandbox.tests)) for name in tests),
        ]


def _constant(node: nodes.Getattr | nodes.Getitem) -> str | None:
    """The name that `a.name` or `a['name']` asks for, if it stands there."""
    if isinstance(node, nodes.Getattr):
        return node.attr
    return node.arg.value if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str) else None


def _is_task(node: nodes.Node) -> bool:
    """Whether `node` is `tasks.<id>`."""
    owner = node.node if isinstance(node, (nodes.Getattr, nodes.Getitem)) else None
    return isinstance(owner, nodes.Name) and owner.name == "tasks"
