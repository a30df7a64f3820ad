"""Holds what a call gives against what the skill exports (contract, skill.toml): pure, every mistake at once."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cis_tui.core.document import is_list
from cis_tui.core.errors import Invalid
from cis_tui.core.tables import describe, is_number
from cis_tui.core.text import clean_line, did_you_mean
from cis_tui.skills.model import Argument, ArgumentType, ExportedCommand

_TEXTS = (ArgumentType.STRING, ArgumentType.PATH)
_FLAGS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True, slots=True)
class Bound:
    """What a call means."""

    command: str
    """The exported command; empty when the skill does not say what it can do."""
    input: Mapping[str, object]
    """The input, with a value under its name for each argument that was given as a word or has a default."""
    problems: tuple[str, ...] = field(default=())
    """What is wrong, a sentence each."""


def checked(
    skill: str, exports: Sequence[ExportedCommand], args: Sequence[str], input: Mapping[str, object]
) -> Mapping[str, object]:
    """The input for a call that fits what the skill exports, see `bind`.

    Raises:
        Invalid: it does not (CIS-SKILL-080); all that is wrong is in the message.
    """
    bound = bind(exports, args, input)
    if not bound.problems:
        return bound.input
    command = next((each for each in exports if each.name == bound.command), None)
    usage = f"usage: {synopsis(skill, command, several=len(exports) > 1)}" if command else ""
    raise Invalid(
        "CIS-SKILL-080",
        f"{skill}: {'; '.join(bound.problems)}",
        hint=usage or f"cis skill show {skill} lists its commands",
        context={"skill": skill, "problems": list(bound.problems)},
    )


def bind(exports: Sequence[ExportedCommand], args: Sequence[str], input: Mapping[str, object]) -> Bound:
    """Find the command that a call means, and a value for each of its arguments.

    A skill with one command takes its arguments at once; of several, the first word, or `command` in the input, names
    one. What the input gives by name takes no word; the words go to the other arguments, in their order.
    """
    if not exports:
        return Bound("", input)
    command, words, problem = _command(exports, args, input)
    if command is None:
        return Bound("", input, (problem,))
    if command.args is None:
        return Bound(command.name, input)
    given = {name: value for name, value in input.items() if name != "command" or len(exports) == 1}
    values, problems = _values(command.args, words, given)
    rest = {name: value for name, value in input.items() if name not in given}
    return Bound(command.name, {**rest, **values}, tuple(problems))


def _command(
    exports: Sequence[ExportedCommand], args: Sequence[str], input: Mapping[str, object]
) -> tuple[ExportedCommand | None, Sequence[str], str]:
    """The command, the words that are its arguments, and what is wrong."""
    if len(exports) == 1:
        return exports[0], args, ""
    by_name = {command.name: command for command in exports}
    named = input.get("command")
    if isinstance(named, str) and (named in by_name or not args):
        name, words = named, args
    elif args:
        name, words = args[0], args[1:]
    else:
        return None, (), f"it needs a command: {', '.join(by_name)}"
    if name in by_name:
        return by_name[name], words, ""
    hint = did_you_mean(name, by_name) or f"it has {', '.join(by_name)}"
    return None, (), f'it has no command "{clean_line(name, limit=60)}"; {hint}'


def _values(
    arguments: Sequence[Argument], words: Sequence[str], given: Mapping[str, object]
) -> tuple[dict[str, object], list[str]]:
    values: dict[str, object] = {}
    problems: list[str] = []
    known = [argument.name for argument in arguments]
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known) or (f"it has {', '.join(known)}" if known else "it has none")
            problems.append(f'there is no argument "{clean_line(name, limit=60)}"; {hint}')
    left = list(words)
    for argument in arguments:
        value, taken = _value_of(argument, left, given)
        del left[:taken]
        if value is None and argument.required:
            problems.append(f'"{argument.name}" is missing, expected {expected(argument)}')
        elif value is not None:
            values[argument.name] = value
            problems += _misfits(argument, value)
    if left:
        more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
        problems.append(f'"{clean_line(left[0], limit=60)}"{more} is one argument too many')
    return values, problems


def _value_of(argument: Argument, words: Sequence[str], given: Mapping[str, object]) -> tuple[object, int]:
    """The value of an argument, and how many words it took."""
    if argument.name in given:
        return given[argument.name], 0
    if argument.many and words:
        return [from_word(argument, word) for word in words], len(words)
    if words:
        return from_word(argument, words[0]), 1
    return argument.default, 0


def _misfits(argument: Argument, value: object) -> list[str]:
    if argument.many and not is_list(value):
        return [f'"{argument.name}" is {describe(value)}, expected a list, each {expected(argument)}']
    items = value if argument.many and is_list(value) else [value]
    wrong = [item for item in items if not fits(argument, item)]
    return [f'"{argument.name}" is {describe(item)}, expected {expected(argument)}' for item in wrong[:3]]


def from_word(argument: Argument, word: str) -> object:
    """The value that a word stands for; the word itself if it stands for none of the type."""
    if argument.type in _TEXTS:
        return word
    if argument.type is ArgumentType.BOOLEAN:
        return _FLAGS.get(word.lower(), word)
    try:
        if argument.type is ArgumentType.INTEGER:
            return int(word)
        if argument.type is ArgumentType.NUMBER:
            return float(word)
        return json.loads(word)
    except (ValueError, RecursionError):
        return word


def fits(argument: Argument, value: object, *, among_choices: bool = True) -> bool:
    """Whether one value is what the argument wants."""
    if not _has_type(argument.type, value):
        return False
    if among_choices and argument.choices and value not in argument.choices:
        return False
    return not is_number(value) or _within(argument, value)


def _within(argument: Argument, value: float) -> bool:
    return (argument.low is None or value >= argument.low) and (argument.high is None or value <= argument.high)


def _has_type(type: ArgumentType, value: object) -> bool:
    match type:
        case ArgumentType.STRING:
            return isinstance(value, str)
        case ArgumentType.PATH:
            return isinstance(value, str) and bool(value) and "\0" not in value
        case ArgumentType.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case ArgumentType.NUMBER:
            return is_number(value) and math.isfinite(value)
        case ArgumentType.BOOLEAN:
            return isinstance(value, bool)
        case ArgumentType.LIST:
            return isinstance(value, list)
        case ArgumentType.TABLE:
            return isinstance(value, dict)


def as_call(
    exports: Sequence[ExportedCommand], command: ExportedCommand, texts: Mapping[str, str]
) -> tuple[tuple[str, ...], dict[str, object]]:
    """The words and the input of a call that gives each argument the text in `texts` under its name.

    As words, as far as they come in the order of the arguments; the rest by name.
    """
    words = [command.name] if len(exports) > 1 else []
    left = {name: text for name, text in texts.items() if text}
    for argument in command.args or ():
        if argument.name not in left or argument.many:
            break
        words.append(left.pop(argument.name))
    known = {argument.name: argument for argument in command.args or ()}
    return tuple(words), {name: from_text(known[name], text) for name, text in left.items() if name in known}


def from_text(argument: Argument, text: str) -> object:
    """The value that a text stands for; of an argument that takes many words, a list of them."""
    if not argument.many:
        return from_word(argument, text)
    try:
        return [from_word(argument, word) for word in shlex.split(text)]
    except ValueError:
        return [from_word(argument, word) for word in text.split()]


_WHAT = {
    ArgumentType.STRING: "text",
    ArgumentType.PATH: "a path",
    ArgumentType.INTEGER: "a whole number",
    ArgumentType.NUMBER: "a number",
    ArgumentType.BOOLEAN: "true or false",
    ArgumentType.LIST: "a list",
    ArgumentType.TABLE: "a table",
}


def expected(argument: Argument) -> str:
    """What a value of the argument is, in words."""
    if argument.choices:
        return " or ".join(clean_line(str(choice), limit=40) for choice in argument.choices)
    words = _WHAT[argument.type]
    if argument.low is not None:
        words += f" from {argument.low:g}"
    if argument.high is not None:
        words += f" up to {argument.high:g}"
    return words


def synopsis(skill: str, command: ExportedCommand, *, several: bool) -> str:
    """How a command is called, such as `cis skill run linter lint PATH [--fix]`."""
    words = ["cis skill run", skill, *([command.name] if several else ())]
    for argument in command.args or ():
        word = argument.name.upper() + ("…" if argument.many else "")
        words.append(word if argument.required else f"[{word}]")
    return " ".join(words)
