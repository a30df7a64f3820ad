"""From words to a command: finds it, parses its arguments, runs it."""

from __future__ import annotations

from argparse import Action, ArgumentParser, Namespace
from collections.abc import Iterable
from importlib import import_module
from typing import Any, NoReturn, cast

from cis_tui.cli.arguments import folder
from cis_tui.cli.command import GROUPS, Command, Group
from cis_tui.cli.context import Context
from cis_tui.cli.failure import usage
from cis_tui.cli.output import note, show, show_json, utf8_streams

_VALUE_OPTIONS = ("--home", "--project")
_ALONE = {True: ("--json", "--read-only"), False: ("--json",)}
"""Options without a value before the first word, by whether that is the command's own."""
_HELP = ("-h", "--help")


def run(argv: list[str]) -> int:
    """Run the command that `argv` names; without one, open the workspace.

    Raises:
        CisError: it failed, or was called wrongly.
    """
    utf8_streams()
    options, word, rest = next_word(argv, "cis")
    if word in _HELP:
        show(help_of_groups())
        return 0
    if word == "help":
        return run([*rest, "--help"])
    if word in ("--version", "version"):
        from cis_tui import __version__

        show_json({"version": __version__}) if "--json" in argv else show(f"cis {__version__}")
        return 0
    if not word:
        from cis_tui.cli.commands import workspace

        parser = build_parser("cis", workspace.COMMAND)
        return call(workspace.COMMAND, parser.parse_args(options))
    group = _named(word, GROUPS, None)
    commands = commands_of(group)
    if commands[0].name == group.name:
        return _run_command(f"cis {group.name}", commands[0], options + rest)
    prog = f"cis {group.name}"
    more, word, rest = next_word(rest, prog)
    if word in _HELP:
        show(help_of_group(group, commands))
        return 0
    if not word:
        if "--json" not in argv:
            note(help_of_group(group, commands))
        raise usage(f"{prog} needs a command", f"{prog} -h tells more")
    command = _named(word, commands, group)
    return _run_command(f"{prog} {command.name}", command, options + more + rest)


def next_word(argv: list[str], prog: str) -> tuple[list[str], str, list[str]]:
    """The common options at the beginning of `argv`, the word after them (empty for none), and the rest."""
    options: list[str] = []
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word in _VALUE_OPTIONS:
            if not rest:
                raise usage(f"{word} needs a folder", f"{prog} -h tells more")
            options += [word, rest.pop(0)]
        elif word in _ALONE[prog == "cis"] or word.startswith(tuple(f"{option}=" for option in _VALUE_OPTIONS)):
            options.append(word)
        elif word in _HELP or (word == "--version" and prog == "cis") or not word.startswith("-"):
            return options, word, rest
        else:
            from cis_tui.cli.guesses import option_hint
            from cis_tui.core.text import clean_line

            known = [*_VALUE_OPTIONS, *_ALONE[prog == "cis"], "--help", *(["--version"] if prog == "cis" else [])]
            shown = clean_line(word.partition("=")[0])
            raise usage(f"{prog} has no option {shown}", option_hint(shown, known) or f"{prog} -h tells more")
    return options, "", []


def commands_of(group: Group) -> tuple[Command, ...]:
    """The commands of a group; loads its module."""
    return cast("tuple[Command, ...]", import_module(group.module).COMMANDS)


def build_parser(prog: str, command: Command) -> Parser:
    """The parser of one command."""
    parser = Parser(prog=prog, description=_sentence(command.help), allow_abbrev=False, add_help=False)
    command.arguments(parser)
    common = parser.add_argument_group("everywhere")
    common.add_argument("--json", action="store_true", help="print JSON")
    help = "the project folder (default: the one around this folder)"
    common.add_argument("--project", metavar="DIR", type=folder, help=help)
    common.add_argument("--home", metavar="DIR", type=folder, help="the CIS home (default: $CIS_HOME, else ~/.cis)")
    common.add_argument("-h", "--help", action="help", help="print this")
    return parser


def call(command: Command, arguments: Namespace) -> int:
    """Run a command with its parsed arguments.

    Raises:
        Refused: a confined skill runs it, which has memory alone (CIS-SKILL-049).
    """
    context = Context(json=arguments.json, home=arguments.home, project=arguments.project)
    if context.door is not None and not command.for_skills:
        from cis_tui.core.errors import Refused

        hint = "what else is to be done is another task of a DAG, or the skill's own program"
        raise Refused("CIS-SKILL-049", "a skill has cis memory get, set and list, and nothing else of cis", hint=hint)
    outcome = command.run(context, arguments)
    if isinstance(outcome, int):
        return outcome
    try:
        from cis_tui.cli.running import run_to_end

        return run_to_end(outcome)
    finally:
        outcome.close()  # a Ctrl-C may come before it begins


def help_of_groups() -> str:
    """What `cis -h` prints."""
    commands = _columns((group.name, group.help) for group in GROUPS)
    return f"""usage: cis [COMMAND] [--json] [--project DIR] [--home DIR]

Without a command, opens the workspace.

commands:
{commands}

everywhere:
  --json         print JSON
  --project DIR  the project folder (default: the one around this folder)
  --home DIR     the CIS home (default: $CIS_HOME, else ~/.cis)
  --read-only    open a workspace that changes nothing
  -h, --help     print help; also after any command
  --version      print the version"""


def help_of_group(group: Group, commands: tuple[Command, ...]) -> str:
    """What `cis GROUP -h` prints."""
    listed = _columns((command.name, command.help) for command in commands if not command.hidden)
    return f"usage: cis {group.name} COMMAND …\n\n{_sentence(group.help)}\n\ncommands:\n{listed}"


def _run_command(prog: str, command: Command, argv: list[str]) -> int:
    parser = build_parser(prog, command)
    end = argv.index("--") if "--" in argv else len(argv)
    after = argv[end + 1 :]
    words = argv[:end] if command.takes_program else [*argv[:end], *map(_Literal, after)]
    arguments, extra = parser.parse_known_intermixed_args(words)
    arguments.program = after
    if extra:
        raise _unexpected(parser, prog, extra[0])
    return call(command, arguments)


def _unexpected(parser: Parser, prog: str, word: str) -> Exception:
    from cis_tui.cli.guesses import option_hint
    from cis_tui.core.text import clean_line

    if isinstance(word, _Literal) or not word.startswith("-"):
        return usage(f'{prog} does not expect "{clean_line(word)}"', f"{prog} -h tells more")
    word = clean_line(word.partition("=")[0])
    return usage(f"{prog} has no option {word}", option_hint(word, parser.options) or f"{prog} -h tells more")


def _named(word: str, known: Iterable[Any], group: Group | None) -> Any:
    by_name = {item.name: item for item in known}
    if word in by_name:
        return by_name[word]
    from cis_tui.cli.guesses import command_hint
    from cis_tui.core.text import clean_line

    shown, prog = clean_line(word), f"cis {group.name}" if group else "cis"
    names = [name for name, item in by_name.items() if not getattr(item, "hidden", False)]
    raise usage(f'{prog} has no command "{shown}"', command_hint(shown, group, names) or f"{prog} -h lists all")


class _Literal(str):
    """A word that came after `--`: no option, whatever it begins with."""

    __slots__ = ()


class Parser(ArgumentParser):
    """A parser whose errors are those of the program."""

    @property
    def options(self) -> tuple[str, ...]:
        """Every option, such as `--json`."""
        return tuple(self._option_string_actions)

    @property
    def arguments(self) -> tuple[Action, ...]:
        """All that it takes: options, and words by their place."""
        return tuple(self._actions)

    def _parse_optional(self, arg_string: str) -> Any:
        # The parser's own handling of `--` is lost when options and words are mixed.
        return None if isinstance(arg_string, _Literal) else super()._parse_optional(arg_string)

    def error(self, message: str) -> NoReturn:
        from cis_tui.cli.guesses import missing_hint

        raise usage(f"{self.prog}: {message}", missing_hint(self.prog, message) or f"{self.prog} -h tells more")


def _columns(rows: Iterable[tuple[str, str]]) -> str:
    listed = list(rows)
    width = max(len(name) for name, _ in listed)
    return "\n".join(f"  {name.ljust(width)}  {text}" for name, text in listed)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."
