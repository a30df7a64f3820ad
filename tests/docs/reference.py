"""`docs/reference.md` as the program itself tells it: commands, keys, settings, events, errors.

python -m tests.docs.reference > docs/reference.md
"""

# pyright: reportPrivateUsage=false
# argparse has no public way to what a parser takes.

from __future__ import annotations

import dataclasses
import re
from argparse import Action, _HelpAction
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from inspect import getmembers, isclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual.binding import Binding

from cis_tui.cli.app import build_parser, commands_of
from cis_tui.cli.command import GROUPS, Command
from cis_tui.core import config, events
from cis_tui.core.attribute_docs import attribute_docs
from cis_tui.core.config import CHOICES, RANGES, Settings
from cis_tui.tui.app import CisApp
from cis_tui.tui.widgets.bars import key_name
from tests.conftest import ROOT
from tests.docs.errors import errors

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

HEAD = """# Reference

Made by the program itself (`just reference`); a test sees that it is as the program is.

- [Commands](#commands) · [Keys](#keys) · [Settings](#settings) · [Events](#events) · [Errors](#errors)
"""


def reference() -> str:
    """The whole page."""
    parts = (HEAD, _commands(), _keys(), _settings(), _events(), _errors())
    return "\n".join("\n".join(part) if not isinstance(part, str) else part for part in parts) + "\n"


def _commands() -> Iterator[str]:
    yield "## Commands\n"
    yield "Each takes `--json`, `--project DIR`, `--home DIR` and `-h` too.\n"
    for group in GROUPS:
        for command in commands_of(group):
            if not command.hidden:
                alone = command.name == group.name
                yield from _command(f"cis {group.name}" if alone else f"cis {group.name} {command.name}", command)


def _command(name: str, command: Command) -> Iterator[str]:
    actions = [
        action
        for group in build_parser(name, command)._action_groups
        if group.title != "everywhere"
        for action in group._group_actions
        if not isinstance(action, _HelpAction)
    ]
    words = [_usage(action) for action in actions if not action.option_strings]
    program = ["--", "COMMAND…"] if command.takes_program else []
    yield f"### `{' '.join([name, *words, *program])}`\n"
    yield f"{command.help[0].upper()}{command.help[1:]}.\n"
    rows = [f"- `{_option(action)}`: {_cell(action.help or '')}" for action in actions if action.option_strings]
    if rows:
        yield "\n".join(rows) + "\n"


def _usage(action: Action) -> str:
    name = str(action.metavar or action.dest.upper())
    match action.nargs:
        case "?":
            return f"[{name}]"
        case "*":
            return f"[{name}…]"
        case "+":
            return f"{name}…"
        case _:
            return name


def _option(action: Action) -> str:
    names = ", ".join(action.option_strings)
    if action.nargs == 0:
        return names
    choices = "|".join(map(str, action.choices)) if action.choices else ""
    return f"{names} {choices or action.metavar or action.dest.upper()}"


def _keys() -> Iterator[str]:
    yield "## Keys\n"
    yield '`[keys]` in `config.toml` binds an action to other keys: `decide = "ctrl+d"`.\n'
    yield from _bindings("Everywhere", CisApp.BINDINGS)
    for path in sorted((ROOT / "cis_tui" / "tui").rglob("*.py")):
        module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
        for name, member in getmembers(module, isclass):
            if member.__module__ == module.__name__ and member is not CisApp and "BINDINGS" in member.__dict__:
                yield from _bindings(_words(name), member.__dict__["BINDINGS"])


def _bindings(title: str, bindings: Iterable[object]) -> Iterator[str]:
    known = [binding for binding in bindings if isinstance(binding, Binding) and binding.id]
    if not known:
        return
    yield f"### {title}\n"
    yield "| key | what it does | action |\n| --- | --- | --- |"
    for binding in known:
        keys = " ".join(f"`{_cell(key_name(Binding(key, '', '')))}`" for key in binding.key.split(","))
        yield f"| {keys} | {_cell(binding.description)} | `{binding.id}` |"
    yield ""


def _words(name: str) -> str:
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return text[0] + text[1:].lower()


def _settings() -> Iterator[str]:
    yield "## Settings\n"
    yield "Of `config.toml`. `CIS_SECTION_NAME` in the environment overrides each.\n"
    yield "`cis config show`, and `Settings` in the palette, tell where each comes from.\n"
    docs = attribute_docs(Path(config.__file__))
    for section in dataclasses.fields(Settings):
        if section.name == "keys":
            continue
        defaults = cast("Callable[[], DataclassInstance]", section.default_factory)()
        yield f"### `[{section.name}]`\n"
        for item in (field.name for field in dataclasses.fields(defaults)):
            name = f"{section.name}.{item}"
            about = docs.get((type(defaults).__name__, item), "")
            allowed = _allowed(name, about)
            yield f"- `{item} = {_toml(getattr(defaults, item))}` {_cell(about)}{allowed}"
        yield ""


def _allowed(name: str, about: str) -> str:
    """Which values a setting takes, unless what is said about it has told so."""
    if name in RANGES:
        least, most = (f"{bound:f}".rstrip("0").rstrip(".") for bound in RANGES[name])
        return f" From {least} to {most}."
    if all(choice in about for choice in CHOICES.get(name, ())):
        return ""
    return " One of " + ", ".join(f"`{choice}`" if choice else "nothing" for choice in CHOICES[name]) + "."


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, cast("tuple[object, ...]", value))) + "]"
    return f"{value:g}" if isinstance(value, float) else "{…}" if isinstance(value, dict) else str(value)


def _events() -> Iterator[str]:
    yield "## Events\n"
    yield 'As `cis events` prints them: `{"seq", "at", "type", "data"}`.\n'
    docs = attribute_docs(Path(events.__file__))
    for event in events.EventType:
        about = docs.get(("EventType", event.name), "")
        yield f"- `{event.value}`" + (f": {_cell(about)}" if about else "")
    yield ""


def _errors() -> Iterator[str]:
    yield "## Errors\n"
    yield "By code, with the exit code of a command that ends with it. `…` stands for what it is about.\n"
    yield "| code | exit | message |\n| --- | --- | --- |"
    for code, made in sorted(errors().items()):
        exits = "/".join(sorted({str(int(one.exit)) for one in made if one.exit}))
        messages = {_cell(one.message) for one in made}
        told = "<br>".join(sorted(messages - {"…"} or messages))
        yield f"| `{code}` | {exits} | {told} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    print(reference(), end="")
