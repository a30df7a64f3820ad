"""`cis completion`."""

from __future__ import annotations

import shlex
from argparse import Action, ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cis_tui.cli.command import GROUPS, Command
from cis_tui.cli.context import Context
from cis_tui.cli.output import show, show_json

if TYPE_CHECKING:
    from cis_tui.cli.app import Parser

_SHELLS = ("bash", "zsh", "fish")
_FILES = (
    "init",
    "trust",
    "dag run",
    "dag show",
    "dag plan",
    "dag validate",
    "memory import",
    "skill check",
    "skill test",
)
"""Commands that take the name of a file or folder."""
_ANYWHERE = ("--home", "--project")
"""Options whose value is a folder, and which may stand before a command."""


@dataclass(frozen=True, slots=True)
class _Place:
    """What may follow upon the beginning of a command line."""

    path: str
    """Such as `memory` or `memory set`; empty for `cis` alone."""
    words: dict[str, str]
    """Commands, or values of an argument, and what is said of each."""
    options: tuple[Action, ...] = ()

    @property
    def every(self) -> list[str]:
        """All words and long options."""
        return [*self.words, *(_long(option) for option in self.options)]


def completion(context: Context, arguments: Namespace) -> int:
    """Print a script that completes commands, options and their values in a shell."""
    script = {"bash": _bash, "zsh": _zsh, "fish": _fish}[arguments.shell]()
    show_json({"shell": arguments.shell, "script": script}) if context.json else show(script)
    return 0


def _bash() -> str:
    places = tuple(_places())
    cases = "\n".join(f'    "{place.path}") words="{" ".join(place.every)}" ;;' for place in places)
    values = "\n".join(
        f'    "{place.path} {_long(option)}") words="{" ".join(option.choices)}" ;;'
        for place in places
        for option in place.options
        if option.choices
    )
    files = "|".join(f'"{path}"' for path in _FILES)
    return f"""# bash completion of cis; put into ~/.bashrc: source <(cis completion bash)
_cis() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD - 1]}}" path="" count=0 words="" index
  for ((index = 1; index < COMP_CWORD && count < 2; index++)); do
    case "${{COMP_WORDS[index]}}" in
      {"|".join(_ANYWHERE)}) ((index++)) ;;
      -*) ;;
      *) path="${{path:+$path }}${{COMP_WORDS[index]}}" ; ((++count)) ;;
    esac
  done
  case "$path" in
{cases}
    *) path="${{path%% *}}" ; words="--json --project --home --help" ;;
  esac
  case "$path $before" in
{values}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  case "$before" in
    {"|".join(_ANYWHERE)}) path="" ; COMPREPLY=($(compgen -d -- "$current")) ; compopt -o filenames 2>/dev/null ;;
  esac
  case "$path" in
    {files}) COMPREPLY+=($(compgen -f -- "$current")) ; compopt -o filenames 2>/dev/null ;;
  esac
}}
complete -F _cis cis"""


def _zsh() -> str:
    script = _bash().split("\n", 1)[1]
    return (
        "# zsh completion of cis; put into ~/.zshrc: source <(cis completion zsh)\n"
        f"autoload -U +X compinit && compinit -u\nautoload -U +X bashcompinit && bashcompinit\n{script}"
    )


def _fish() -> str:
    lines = [_FISH]
    for place in _places():
        inside = f"__cis_in {place.path}" if place.path else "__cis_at"
        exactly = inside if " " in place.path else f"__cis_at {place.path}".strip()
        lines += [_fish_line(exactly, f"-a {shlex.quote(word)}", help) for word, help in place.words.items()]
        lines += [_fish_line(inside, _fish_option(option), option.help or "") for option in place.options]
        if place.path in _FILES:
            lines.append(f"complete -c cis -n {shlex.quote(inside)} -F")
    return "\n".join(lines)


_FISH = f"""# fish completion of cis; put into ~/.config/fish/completions/cis.fish
function __cis_words
  set -l skip 0
  for word in (commandline -opc)[2..]
    if test $skip = 1
      set skip 0
    else if contains -- $word {" ".join(_ANYWHERE)}
      set skip 1
    else if not string match -q -- '-*' $word
      echo $word
    end
  end
end
function __cis_at
  set -l words (__cis_words)
  test "$words" = "$argv"
end
function __cis_in
  set -l words (__cis_words)
  set -l many (count $argv)
  test "$words[1..$many]" = "$argv"
end
complete -c cis -f"""


def _fish_line(condition: str, what: str, help: str) -> str:
    return f"complete -c cis -n {shlex.quote(condition)} {what} -d {shlex.quote(help)}"


def _fish_option(option: Action) -> str:
    name = _long(option)
    values = "(__fish_complete_directories)" if name in _ANYWHERE else " ".join(option.choices or ())
    return f"-l {name.removeprefix('--')}" + (f" -x -a {shlex.quote(values)}" if values else "")


def _places() -> Iterator[_Place]:
    from cis_tui.cli.app import build_parser, commands_of
    from cis_tui.cli.commands import workspace

    options = _options(build_parser("cis", workspace.COMMAND))
    yield _Place("", {group.name: group.help for group in GROUPS}, options)
    for group in GROUPS:
        commands = commands_of(group)
        alone = commands[0].name == group.name
        if not alone:
            yield _Place(group.name, {command.name: command.help for command in commands if not command.hidden})
        for command in commands:
            if not command.hidden:
                path = group.name if alone else f"{group.name} {command.name}"
                yield _of_command(path, build_parser(f"cis {path}", command))


def _of_command(path: str, parser: Parser) -> _Place:
    values = (action for action in parser.arguments if not action.option_strings and action.choices)
    return _Place(path, {str(word): "" for action in values for word in action.choices or ()}, _options(parser))


def _options(parser: Parser) -> tuple[Action, ...]:
    return tuple(action for action in parser.arguments if any(name.startswith("--") for name in action.option_strings))


def _long(option: Action) -> str:
    return next(name for name in option.option_strings if name.startswith("--"))


def _shell(parser: ArgumentParser) -> None:
    parser.add_argument("shell", metavar="|".join(_SHELLS), choices=_SHELLS)


COMMANDS = (Command("completion", "print completion of these commands for a shell", completion, _shell),)
