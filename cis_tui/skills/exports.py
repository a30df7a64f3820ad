"""What a manifest offers and needs: commands with their arguments, and other skills."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise

from cis_tui.core.document import is_list, is_table
from cis_tui.core.tables import Table, is_number
from cis_tui.core.text import clean_line
from cis_tui.skills.arguments import expected, fits
from cis_tui.skills.model import Argument, ArgumentType, Dependency, ExportedCommand
from cis_tui.skills.versions import read_specifier

MAX_COMMANDS = 200
_WORD = re.compile(r"[^\W\d][\w-]*")
_TYPE_WORDS: Mapping[str, ArgumentType] = {
    "str": ArgumentType.STRING,
    "text": ArgumentType.STRING,
    "file": ArgumentType.PATH,
    "int": ArgumentType.INTEGER,
    "float": ArgumentType.NUMBER,
    "bool": ArgumentType.BOOLEAN,
    "array": ArgumentType.LIST,
    "object": ArgumentType.TABLE,
}
"""Other words for types."""
_PLACE = re.compile(r"\{([^{}]*)\}")


def read_exports(top: Table) -> tuple[ExportedCommand, ...]:
    """The commands in `[exports]`; else those that the `[[commands]]` of an older manifest name."""
    value = top.get("exports")
    if is_list(value):
        top.notes.warn(top.at("exports"), "the list exports is read as commands of one table [exports]")
        table = Table({"commands": value}, top.at("exports"), top.notes)
        top.notes.moved[(*table.path, "commands")] = table.path
    else:
        table = Table(value, top.at("exports"), top.notes)
    commands = [_command(table, index) for index in range(_count(table))]
    table.finish()
    named = [command for command in commands if command is not None]
    _once(table, [command.name for command in named], "command")
    if not named and is_list(top.get("commands")):
        return tuple(_older(entry) for entry in top.tables("commands") if entry.line("name"))
    return tuple(named)


def _count(table: Table) -> int:
    value = table.get("commands")
    if value is not None and not is_list(value):
        table.wrong(("commands",), value, 'a list, such as [{ name = "lint", args = […] }]')
        return 0
    if is_list(value) and len(value) > MAX_COMMANDS:
        table.notes.error(table.at("commands"), f"more than {MAX_COMMANDS} commands")
    return min(len(value), MAX_COMMANDS) if is_list(value) else 0


def _older(entry: Table) -> ExportedCommand:
    return ExportedCommand(entry.line("name", limit=128), entry.line("description"))


def _command(exports: Table, index: int) -> ExportedCommand | None:
    value = exports.data["commands"]
    value = value[index] if is_list(value) else None
    path = (*exports.path, "commands", index)
    if isinstance(value, str):
        exports.notes.warn(path, 'a command that is a text is taken as { name = "…" }, whose arguments are not checked')
        value = {"name": value}
    table = Table(value if value is not None else "", path, exports.notes)
    name = _name(table, "a command")
    command = ExportedCommand(
        name=name,
        description=table.line("description"),
        args=_arguments(table),
        phrases=tuple(clean_line(phrase, limit=200) for phrase in table.texts("phrases")),
    )
    table.finish()
    _check_phrases(table, command)
    return command if name else None


def _name(table: Table, what: str) -> str:
    name = table.line("name", limit=128)
    if is_table(table.data) and not _WORD.fullmatch(name):
        table.wrong(("name",), table.get("name") or "", f"the name of {what}: letters, digits, - and _")
        return ""
    return name


def _arguments(command: Table) -> tuple[Argument, ...] | None:
    value = command.get("args")
    if value is None:
        return None
    if not is_list(value):
        command.wrong(("args",), value, 'a list, such as [{ name = "path", type = "string" }]')
        return None
    found = [_argument(command, index, item) for index, item in enumerate(value[:MAX_COMMANDS])]
    arguments = tuple(argument for argument in found if argument is not None)
    _once(command, [argument.name for argument in arguments], "argument")
    _check_order(command, arguments)
    return arguments


def _argument(command: Table, index: int, value: object) -> Argument | None:
    path = (*command.path, "args", index)
    if isinstance(value, str):
        command.notes.warn(path, 'an argument that is a text is taken as { name = "…", type = "string" }')
        value = {"name": value}
    table = Table(value if value is not None else "", path, command.notes)
    name = _name(table, "an argument")
    argument = Argument(
        name=name,
        type=_type(table),
        description=table.line("description"),
        required=table.flag("required"),
        default=table.get("default"),
        choices=_choices(table),
        low=table.number("min", -1e300, 1e300),
        high=table.number("max", -1e300, 1e300),
        many=table.flag("many"),
    )
    table.finish()
    return _checked(table, argument) if name else None


def _type(table: Table) -> ArgumentType:
    value = table.get("type")
    if isinstance(value, str) and value.lower() in _TYPE_WORDS:
        taken = _TYPE_WORDS[value.lower()]
        table.notes.warn(table.at("type"), f'the type "{value}" is taken as "{taken}"')
        return taken
    return ArgumentType(table.choice("type", ArgumentType, ArgumentType.STRING))


def _choices(table: Table) -> tuple[object, ...]:
    field = "choices" if "choices" in table.data and "enum" not in table.data else "enum"
    if field == "choices":
        table.notes.warn(table.at("choices"), '"choices" is read as "enum"')
    values = table.plain_list(field)
    if field in table.data and not values:
        table.wrong((field,), table.get(field), "a list of the values that are allowed")
    return tuple(values)


def _checked(table: Table, argument: Argument) -> Argument:
    """`argument`, after its own values were held against what it wants."""
    for choice in argument.choices:
        if not fits(argument, choice, among_choices=False):
            table.wrong(("enum",), choice, f"values of the type {argument.type}")
    if argument.default is not None:
        values = argument.default if argument.many and is_list(argument.default) else [argument.default]
        if not all(fits(argument, value) for value in values):
            table.wrong(("default",), argument.default, expected(argument))
        if argument.required:
            table.notes.warn(
                table.at("required"), "an argument with a default is never missing", "take one of them out"
            )
    if argument.low is not None and argument.high is not None and argument.low > argument.high:
        table.notes.error(table.at("min"), f"min {argument.low:g} is more than max {argument.high:g}")
    return argument


def _check_order(command: Table, arguments: tuple[Argument, ...]) -> None:
    """Words are given in the order of the arguments, so that one that may be left out cannot stand before another."""
    for before, after in pairwise(arguments):
        if after.required and not before.required:
            message = f'the argument "{after.name}" is required and comes after "{before.name}", which is not'
            command.notes.warn(command.at("args"), message, "put those that are required first")
            break
    for argument in arguments[:-1]:
        if argument.many:
            command.notes.error(command.at("args"), f'"{argument.name}" takes all words that are left: it must be last')


def _check_phrases(table: Table, command: ExportedCommand) -> None:
    names = {argument.name for argument in command.args or ()}
    for index, phrase in enumerate(command.phrases):
        for place in _PLACE.findall(phrase):
            if place not in names:
                message = f"the phrase names {{{clean_line(place)}}}, which is none of the command's arguments"
                table.notes.error(
                    (*table.path, "phrases", index), message, f"its arguments: {', '.join(sorted(names))}"
                )
        if not _PLACE.sub("", phrase).strip():
            table.notes.error((*table.path, "phrases", index), "a phrase needs a word of its own")


def _once(table: Table, names: list[str], what: str) -> None:
    for name in sorted({name for name in names if names.count(name) > 1}):
        table.notes.error(table.path, f'the {what} "{name}" is there twice')


def read_dependencies(top: Table) -> tuple[Dependency, ...]:
    """`[[dependencies]]`; in older manifests also a table of names and versions, or a list of texts."""
    value = top.get("dependencies")
    if value is None:
        return ()
    if is_table(value):
        top.notes.warn(top.at("dependencies"), "the table [dependencies] is read as a list [[dependencies]]")
        found = [_older_dependency(top, name, version) for name, version in value.items()]
    elif is_list(value):
        found = [_dependency(top, index, item) for index, item in enumerate(value[:MAX_COMMANDS])]
    else:
        top.wrong(("dependencies",), value, "a list of tables ([[dependencies]])")
        return ()
    needed = tuple(dependency for dependency in found if dependency is not None)
    _once(Table({}, top.at("dependencies"), top.notes), [each.name for each in needed], "dependency")
    return needed


def _older_dependency(top: Table, name: str, version: object) -> Dependency:
    table = Table(
        {"version": version} if not is_table(version) else version, (*top.at("dependencies"), name), top.notes
    )
    if not is_table(version):
        top.notes.moved[(*table.path, "version")] = table.path
    return Dependency(clean_line(name, limit=128), _version(table), top.notes.line_of(table.path))


def _dependency(top: Table, index: int, value: object) -> Dependency | None:
    path = (*top.at("dependencies"), index)
    if isinstance(value, str):
        top.notes.warn(path, 'a dependency that is a text is taken as { name = "…", version = "…" }')
        name, version = _split(value)
        value = {"name": name, "version": version}
    table = Table(value if value is not None else "", path, top.notes)
    name = table.line("name", limit=128)
    if table.data and not name:
        table.wrong(("name",), table.get("name") or "", "the name of a skill")
    dependency = Dependency(name, _version(table), top.notes.line_of(path))
    table.finish()
    return dependency if name else None


def _split(text: str) -> tuple[str, str]:
    name = re.match(r"[^\s<>=!~^*@]*", text)
    head = name.group() if name else ""
    return head, text[len(head) :].lstrip(" @")


def _version(table: Table) -> str:
    value = table.get("version")
    if is_number(value):
        value = str(value)
    if value is None or value == "":
        return ""
    if not isinstance(value, str):
        table.wrong(("version",), value, 'a range of versions, such as ">=1.0"')
        return ""
    specifier, taken = read_specifier(value)
    if specifier is None:
        table.wrong(("version",), value, 'a range of versions, such as ">=1.0", "~=1.2" or ">=1,<2"')
        return ""
    if taken:
        table.notes.warn(table.at("version"), f'the version "{clean_line(value)}" is taken as "{specifier}"')
    return specifier
