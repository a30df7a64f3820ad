"""`cis secret`."""

from __future__ import annotations

import os
import re
import shutil
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping

from cis_tui.cli.command import Command
from cis_tui.cli.context import Context
from cis_tui.cli.failure import report, usage
from cis_tui.cli.output import note, show_json

_NOT_EXECUTABLE, _NOT_FOUND = 126, 127
"""What shells, and other commands that run a command, give back when they cannot."""
_LONGEST = 128 * 1024 - 1
"""Bytes of a variable with its name and its value, as Linux has it."""
_SHOWN = 1024 * 1024
"""Bytes of each stream in the document of `--json`."""
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def run(context: Context, arguments: Namespace) -> int:
    """Run a program with remembered values in its environment and masked in its output; gives its exit code."""
    from cis_tui.core.environment import SECRET_NAMES, inherited_env
    from cis_tui.core.text import clean_line

    argv: list[str] = arguments.program
    if not argv:
        raise usage("cis secret run needs a command after --", "cis secret run --env TOKEN=KEY -- make deploy")
    names = [name for name, _ in arguments.env]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise usage(f"--env {twice} is given twice")
    env = inherited_env()
    program = clean_line(argv[0])
    if shutil.which(argv[0], path=env.get("PATH")) is None:
        there = "/" in argv[0] and os.path.exists(argv[0])
        reason = f"{program} cannot be executed" if there else f"there is no command {program}"
        return _cannot_start(context, reason, _NOT_EXECUTABLE if there else _NOT_FOUND)
    values = _values(context, dict(arguments.env))
    for name, value in values.items():
        env[name] = os.fsdecode(value)
    env[SECRET_NAMES] = ",".join(filter(None, (env.get(SECRET_NAMES, ""), *values)))
    try:
        return _run(context, argv, env, values)
    except OSError as error:
        return _cannot_start(context, f"{program} cannot be started: {error.strerror}", _NOT_EXECUTABLE)


def _values(context: Context, keys: Mapping[str, str]) -> dict[str, bytes]:
    """The remembered value for each name of a variable; counts as a use of it.

    Raises:
        NotFound: some of the keys hold nothing (CIS-MEM-001).
        Invalid: a value cannot be in an environment (CIS-CLI-021).
    """
    from cis_tui.cli.store import open_store, plain_value

    values: dict[str, bytes] = {}
    missing: list[str] = []
    with open_store(context) as store:
        for name, key in keys.items():
            item = store.get(key)
            if item is None:
                missing.append(key)
                continue
            value = plain_value(item)
            values[name] = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
    if missing:
        from cis_tui.cli.memory import missing as missing_key
        from cis_tui.core.errors import NotFound
        from cis_tui.core.text import clean_line

        if len(missing) == 1:
            raise missing_key(missing[0])
        named = ", ".join(f'"{clean_line(key)}"' for key in missing)
        raise NotFound("CIS-MEM-001", f"there is no memory {named}", hint="cis memory list shows all keys")
    for name, value in values.items():
        _check(name, keys[name], value)
    return values


def _check(name: str, key: str, value: bytes) -> None:
    from cis_tui.core.errors import Invalid
    from cis_tui.core.text import clean_line
    from cis_tui.memory.masking import SHORTEST

    shown = clean_line(key)
    if b"\0" in value:
        raise Invalid("CIS-CLI-021", f'the value of "{shown}" holds a null byte: no environment can hold it')
    if len(name) + 1 + len(value) > _LONGEST:
        size = f"{len(value)} bytes, more than an environment variable can hold ({_LONGEST - len(name) - 1})"
        raise Invalid("CIS-CLI-021", f'the value of "{shown}" has {size}')
    if len(value.strip()) < SHORTEST:
        note(f'warning: the value of "{shown}" is shorter than {SHORTEST} characters; {name} is not masked')


def _run(context: Context, argv: list[str], env: dict[str, str], values: Mapping[str, bytes]) -> int:
    from cis_tui.cli.child import run_child
    from cis_tui.memory.masking import Masker, forms

    texts = frozenset(form for value in values.values() for form in forms(value))
    if not context.json:
        return run_child(argv, env, lambda: Masker(texts))
    streams = _Kept(), _Kept()
    code = run_child(argv, env, lambda: Masker(texts), (streams[0].take, streams[1].take))
    shown = {name: stream.text() for name, stream in zip(("stdout", "stderr"), streams, strict=True)}
    show_json({"exit_code": code, **shown, "cut": any(stream.cut for stream in streams)})
    return code


class _Kept:
    """The beginning of a stream."""

    def __init__(self) -> None:
        self._data = bytearray()
        self.cut = False

    def take(self, data: bytes) -> None:
        self.cut = self.cut or len(self._data) + len(data) > _SHOWN
        self._data += data[: max(_SHOWN - len(self._data), 0)]

    def text(self) -> str:
        return self._data.decode("utf-8", "replace")


def _cannot_start(context: Context, reason: str, code: int) -> int:
    from cis_tui.core.errors import NotFound

    report(NotFound("CIS-CLI-020", reason, hint="nothing was started"), ["--json"] if context.json else [])
    return code


def _variable(text: str) -> tuple[str, str]:
    """`NAME=KEY`."""
    name, equals, key = text.partition("=")
    if not equals or not key:
        raise ArgumentTypeError(f"{text!r} is not NAME=KEY")
    if not _NAME.fullmatch(name):
        raise ArgumentTypeError(f"{name!r} is no name of a variable: letters, digits and _, no digit first")
    return name, key


def _run_arguments(parser: ArgumentParser) -> None:
    parser.usage = "cis secret run --env NAME=KEY … [--json] [--project DIR] [--home DIR] -- COMMAND [ARG…]"
    parser.add_argument(
        "--env",
        metavar="NAME=KEY",
        type=_variable,
        action="append",
        required=True,
        help="the variable NAME holds what KEY remembers; may be given often",
    )


COMMANDS = (
    Command(
        "run",
        "run a program with remembered values in its environment, masked in its output",
        run,
        _run_arguments,
        takes_program=True,
    ),
)
