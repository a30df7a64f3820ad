"""Jinja2 with bounds: what a template may cost is limited before it is spent. Imports jinja2: import it late."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar, cast

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, Undefined, nodes, pass_context
from jinja2.compiler import CodeGenerator
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

if TYPE_CHECKING:
    from jinja2.runtime import Context

T = TypeVar("T")

MAX_TEXT = 1_000_000
"""Characters of any text that a template makes."""
MAX_STEPS = 100_000
"""Rounds of all loops of one rendering."""
MAX_WORK = 64_000_000
"""Size of a text or list times size of what it is combined with, in one call."""
MAX_BITS = 10_000
"""Of a whole number."""
STEPS = "_steps"
"""Variable that counts the rounds; templates cannot name it, as the checks of a DAG refuse unknown names."""

_NO_COMMENT = "\x00{#"
"""Comments are off: `${#name}` is shell. No text of a DAG holds a NUL."""
_REFUSED = (
    nodes.AssignBlock,
    nodes.Block,
    nodes.CallBlock,
    nodes.Extends,
    nodes.FilterBlock,
    nodes.FromImport,
    nodes.Import,
    nodes.Include,
    nodes.Macro,
)
"""Statements that keep text aside or take it from elsewhere."""
_REMOVED = ("format",)
MASK = "***"
"""What stands where a secret was, see `memory.masking`."""
_FREE = ("default", "d")
"""Filters that only choose one of their arguments."""


class TooMuch(Exception):
    """A template would cost more than it may."""


class Missing(StrictUndefined):
    """A name that stands for nothing; using it is an error that says so."""

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        return f'there is no "{self._undefined_name}"'


class Forgotten(Missing):
    """A memory key that has no value: false, so that `memory("key") or "default"` works."""

    def __bool__(self) -> bool:
        return False


class TaskOutput(str):
    """What a task printed, without newlines at its end; of JSON also its fields and elements."""

    _data: dict[str, object] | list[object] | None

    def __new__(cls, text: str) -> TaskOutput:
        text = text.rstrip("\n")
        output = super().__new__(cls, text)
        output._data = _structure(text)
        return output

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(key) if self._data is None else self._data[key]

    def __iter__(self) -> Iterator[Any]:
        return super().__iter__() if self._data is None else iter(self._data)

    def __len__(self) -> int:
        return super().__len__() if self._data is None else len(self._data)

    def __contains__(self, item: object) -> bool:
        return super().__contains__(cast("str", item)) if self._data is None else item in self._data


def _structure(text: str) -> dict[str, object] | list[object] | None:
    if not text.lstrip().startswith(("{", "[")) or len(text) > MAX_TEXT:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


class Withheld(Missing):
    """What held secrets that are known no more: the parts that held none can still be read, all else is an error."""

    __slots__ = ("data",)
    data: Any

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(key) if self.data is None else self.data[key]


def withheld(id: str, text: str) -> Any:
    """The output of the task `id`, of which only `text` without its secrets was kept."""
    hint = f'the output of "{id}" held a secret, which is not kept; cis run rerun RUN --from {id} makes it anew'
    if MASK not in text:
        return TaskOutput(text)
    output = Withheld(hint)
    output.data = _parted(_structure(text.rstrip("\n")), hint)
    return output


def _parted(value: object, hint: str) -> object:
    """JSON data with what is missing in the place of every text that lacks a secret."""
    if isinstance(value, str):
        return Missing(hint) if MASK in value else value
    if isinstance(value, dict):
        return {key: _parted(item, hint) for key, item in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_parted(item, hint) for item in cast("list[object]", value)]
    return value


class TaskResults:
    """The results of tasks by id, each made when it is asked for."""

    def __init__(self, tasks: Mapping[str, Mapping[str, object]]) -> None:
        self._tasks = tasks

    def __getitem__(self, id: str) -> dict[str, object]:
        result = dict(self._tasks[id])
        output = result.get("output") or ""
        if result.pop("withheld", False):
            result["output"] = withheld(id, str(output))
            return result
        result["output"] = TaskOutput(output if isinstance(output, str) else json.dumps(output, ensure_ascii=False))
        return result

    def __contains__(self, id: object) -> bool:
        return id in self._tasks


class _Generator(CodeGenerator):
    """Makes `a ~ b` a call that looks at its size."""

    def visit_Concat(self, node: nodes.Concat, frame: Any) -> None:
        self.write("environment.joined((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of every template and condition."""

    code_generator_class = _Generator
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            undefined=Missing,
            comment_start_string=_NO_COMMENT,
            comment_end_string=_NO_COMMENT,
            keep_trailing_newline=True,
            optimized=False,
        )
        usual = cast("dict[str, Callable[..., Any]]", self.filters)
        kept = {name: call for name, call in usual.items() if name not in _REMOVED}
        guarded = {name: call if name in _FREE else _guarded(call) for name, call in kept.items()}
        self.filters: dict[str, Any] = {**guarded, "quote": _quote, "counted": _counted}
        del self.globals["lipsum"]

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for statement in tree.find_all(_REFUSED):
            raise TemplateSyntaxError("only if, for and set are available here", statement.lineno)
        for loop in tree.find_all(nodes.For):
            if loop.recursive:
                raise TemplateSyntaxError("a loop cannot be recursive here", loop.lineno)
            loop.iter = nodes.Filter(loop.iter, "counted", [], [], None, None, lineno=loop.lineno, environment=self)
        return tree

    def joined(self, parts: Iterable[object]) -> str:
        """`a ~ b`"""
        return _bounded("".join(_within_limit(map(str, parts))))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`; a key of that name comes first, so that `output.items` is a field if there is one."""
        try:
            return obj[attribute]
        except (TypeError, LookupError, AttributeError):
            return super().getattr(obj, attribute)

    def wrap_str_format(self, value: Any) -> None:
        """Not wrapped: `is_safe_attribute` refuses `str.format`."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may read this attribute."""
        if isinstance(obj, str) and attr in ("format", "format_map"):
            return False
        return super().is_safe_attribute(obj, attr, value)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """A call in a template."""
        given = (*args, *kwargs.values())
        if any(isinstance(value, int) and abs(value) > MAX_TEXT for value in given):
            raise TooMuch("a number in a call is too large")
        _check_work((getattr(__obj, "__self__", None), *given))
        return _bounded(super().call(__context, __obj, *args, **kwargs))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """One of the operators that can make something large of something small."""
        if operator == "%" and isinstance(left, str):
            raise SecurityError("a text cannot be formatted with %: use ~ or a filter")
        if isinstance(left, int) and isinstance(right, int):
            bits = left.bit_length() * abs(right) if operator == "**" else left.bit_length() + right.bit_length()
            if bits > MAX_BITS:
                raise TooMuch("a number becomes too large")
        elif operator == "+":
            _check_size(_size(left) + _size(right))
        elif operator == "*":
            _check_size(_size(left) * _size(right))
        return super().call_binop(context, operator, left, right)


def _within_limit(parts: Iterable[str]) -> Iterator[str]:
    length = 0
    for part in parts:
        length += str.__len__(part)
        _check_size(length)
        yield part


def render(template: Template, variables: Mapping[str, object]) -> str:
    """The text that a template makes."""
    return "".join(_within_limit(template.generate({**variables, STEPS: [MAX_STEPS]})))


def _quote(value: object) -> str:
    """One word for the shell."""
    if isinstance(value, Undefined):
        str(value)
    return shlex.quote(str(value))


@pass_context
def _counted(context: Context, items: Iterable[Any]) -> list[Any]:
    """The elements that a loop goes over, taken from the rounds that are left."""
    left: list[int] = context.get(STEPS) or [MAX_STEPS]
    taken = list(islice(items, left[0] + 1))
    left[0] -= len(taken)
    if left[0] < 0:
        raise TooMuch(f"the loops go round more than {MAX_STEPS} times")
    return taken


def _guarded(call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        _check_work((*args, *kwargs.values()))
        return _bounded(call(*args, **kwargs))

    return guarded


def _check_work(values: Iterable[object]) -> None:
    """Refuse to combine a long text or list with another one, or with a large number."""
    sized = sorted(((_size(value), isinstance(value, (int, float))) for value in values), reverse=True)[:3]
    for index, (size, number) in enumerate(sized):
        for other, other_number in sized[index + 1 :]:
            if size * other > MAX_WORK and not (number and other_number):
                raise TooMuch("the texts or lists in it are too long")


def _size(value: object) -> int:
    if isinstance(value, (str, bytes)):
        return str.__len__(value) if isinstance(value, str) else len(value)
    if isinstance(value, (list, tuple)):
        items = cast("list[object]", value)
        return len(items) + sum(str.__len__(item) for item in items if isinstance(item, str))
    if isinstance(value, (int, float)):
        return min(int(abs(value)), 1 << 62) if value == value and abs(value) < 1e18 else 1 << 62
    return len(cast("dict[object, object]", value)) if isinstance(value, dict) else 1


def _bounded(value: T) -> T:
    made: object = value
    if isinstance(made, (str, list, tuple)):
        _check_size(_size(cast("object", made)))
    return value


def _check_size(size: int) -> None:
    if size > MAX_TEXT:
        raise TooMuch(f"it makes more than {MAX_TEXT} characters")
