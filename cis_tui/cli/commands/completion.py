"""`cis completion`."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from cis_tui.cli.command import GROUPS, Command
from cis_tui.cli.context import Context
from cis_tui.cli.output import show

_SHELLS = ("bash", "zsh", "fish")
_FILES = ("init", "trust", "dag run", "dag show", "dag plan", "dag validate", "skill check")
"""Commands that take the name of a file or folder."""


def completion(context: Context, arguments: Namespace) -> int:
    """Print a script that completes commands and options in a shell."""
    show({"bash": _bash, "zsh": _zsh, "fish": _fish}[arguments.shell]())
    return 0


def _bash() -> str:
    cases = "\n".join(f'    "{path}") words="{" ".join(words)}" ;;' for path, words in _words())
    files = "|".join(f'"{path}"' for path in _FILES)
    return f"""# bash completion of cis; put into ~/.bashrc: source <(cis completion bash)
_cis() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" path="" word words="" index
  for ((index = 1; index < COMP_CWORD && index < 3; index++)); do
    word="${{COMP_WORDS[index]}}"
    [[ "$word" == -* ]] || path="${{path:+$path }}$word"
  done
  case "$path" in
{cases}
    *) path="${{path%% *}}" ; words="--json --project --home --help" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  case "$path" in {files}) COMPREPLY+=($(compgen -f -- "$current")) ;; esac
}}
complete -o filenames -F _cis cis"""


def _zsh() -> str:
    script = _bash().split("\n", 1)[1]
    return (
        "# zsh completion of cis; put into ~/.zshrc: source <(cis completion zsh)\n"
        f"autoload -U +X compinit && compinit -u\nautoload -U +X bashcompinit && bashcompinit\n{script}"
    )


def _fish() -> str:
    lines = ["# fish completion of cis; put into ~/.config/fish/completions/cis.fish", "complete -c cis -f"]
    for group in GROUPS:
        here = f"not __fish_seen_subcommand_from {' '.join(group.name for group in GROUPS)}"
        lines.append(_fish_line(here, group.name, group.help))
        commands = _subcommands(group.name)
        names = " ".join(command.name for command in commands)
        for command in commands:
            inside = f"__fish_seen_subcommand_from {group.name}; and not __fish_seen_subcommand_from {names}"
            lines.append(_fish_line(inside, command.name, command.help))
    for path, words in _words():
        seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in path.split())
        if path:
            options = (word.removeprefix("--") for word in words if word.startswith("--"))
            lines += [f"complete -c cis -n {shlex.quote(seen)} -l {option}" for option in options]
        if path in _FILES:
            lines.append(f"complete -c cis -n {shlex.quote(seen)} -F")
    return "\n".join(lines)


def _fish_line(condition: str, word: str, help: str) -> str:
    return f"complete -c cis -n {shlex.quote(condition)} -a {word} -d {shlex.quote(help)}"


def _words() -> Iterator[tuple[str, list[str]]]:
    """The words that may come after each beginning of a command line, such as `("memory", ["set", "get", …])`."""
    from cis_tui.cli.app import build_parser, commands_of

    yield "", [*(group.name for group in GROUPS), "--help", "--version"]
    for group in GROUPS:
        subcommands = _subcommands(group.name)
        if subcommands:
            yield group.name, [*(command.name for command in subcommands), "--help"]
        for command in subcommands or commands_of(group):
            path = f"{group.name} {command.name}" if subcommands else group.name
            yield path, [word for word in build_parser(f"cis {path}", command).options if word.startswith("--")]


def _subcommands(name: str) -> tuple[Command, ...]:
    """The visible commands of a group; none for one that is a command itself."""
    from cis_tui.cli.app import commands_of

    commands = commands_of(next(group for group in GROUPS if group.name == name))
    return () if commands[0].name == name else tuple(command for command in commands if not command.hidden)


def _shell(parser: ArgumentParser) -> None:
    parser.add_argument("shell", metavar="|".join(_SHELLS), choices=_SHELLS)


COMMANDS = (Command("completion", "print completion of these commands for a shell", completion, _shell),)
