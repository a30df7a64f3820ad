"""For skills that are written in Python: what a call says, how to answer it, memory. Standard library only.

    import cis_skill

    def handle(call):
        cis_skill.log("looking at", call.input["path"])
        return {"lines": len(open(call.input["path"]).readlines())}

    cis_skill.run(handle)

CIS puts this file on the path of every native skill; a copy beside the skill does as well.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn, cast

__all__ = [
    "Call",
    "Denied",
    "Failure",
    "fail",
    "log",
    "memory_get",
    "memory_list",
    "memory_set",
    "read_call",
    "run",
    "serve",
]


@dataclass(frozen=True)
class Call:
    """What a skill is called with."""

    args: list[str] = field(default_factory=list[str])
    """The words of the call."""
    input: dict[str, Any] = field(default_factory=dict[str, Any])
    """Values by name: what the manifest's exports name is here, also when it was given as a word."""
    project: str = ""
    """The project's folder, in which the skill runs; empty outside of any."""
    run: str = ""
    """The run that calls; empty when somebody calls the skill by itself."""


class Failure(Exception):
    """The skill cannot do what it was asked; `run` prints the message and ends with the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class Denied(Failure):
    """The permissions of the manifest do not cover a key of memory."""


def run(handle: Callable[[Call], object]) -> NoReturn:
    """Call `handle` with what is on stdin, print what it returns, and end.

    A text is printed as it is, everything else as JSON, and nothing for None.
    """
    try:
        answer = handle(read_call())
    except Failure as failure:
        print(failure, file=sys.stderr)
        sys.exit(failure.code)
    if answer is not None:
        print(answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False))
    sys.exit(0)


def serve(handle: Callable[[Call], object]) -> None:
    """As `run`, for a manifest with `mode = "warm"`: one call after the other, each a line, until there is none."""
    _speak_utf8()
    for line in sys.stdin:
        try:
            answer = handle(_call(json.loads(line)))
        except Failure as failure:
            answer = {"success": False, "error": str(failure), "code": failure.code}
        print(json.dumps(answer, ensure_ascii=False), flush=True)


def read_call() -> Call:
    """What is on stdin; an empty call if there is nothing, as when somebody starts the program by hand."""
    _speak_utf8()
    text = "" if sys.stdin.isatty() else sys.stdin.read()
    return _call(json.loads(text) if text.strip() else {"args": sys.argv[1:]})


def _speak_utf8() -> None:
    """As JSON does, whatever the locale; half a file name becomes its escape."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _call(data: dict[str, Any]) -> Call:
    return Call(data.get("args", []), data.get("input", {}), data.get("project", ""), data.get("run", ""))


def log(*words: object) -> None:
    """A line for whoever follows the call."""
    print(*words, file=sys.stderr, flush=True)


def fail(message: str, code: int = 1) -> NoReturn:
    """End with a message."""
    raise Failure(message, code)


def memory_get(key: str, default: str | None = None) -> str | None:
    """The value of `key`, or `default` if there is none.

    Raises:
        Denied: `memory_read` of the manifest does not cover it.
    """
    done = _cis("memory", "get", *_word(key))
    if done.returncode == 3:
        return default
    return _checked(done).removesuffix("\n")


def memory_set(key: str, value: object) -> None:
    """Keep a value, which is on the disk when this returns; what is no text is kept as JSON.

    Raises:
        Denied: `memory_write` of the manifest does not cover it.
    """
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    _checked(_cis("memory", "set", *_word(key), "-", given=text))


def memory_list(prefix: str = "", limit: int = 1000) -> list[dict[str, Any]]:
    """The entries whose keys begin with `prefix`, with `key`, `value`, `category`, `created_at` and more.

    Raises:
        Denied: `memory_read` of the manifest does not cover it.
    """
    found = json.loads(_checked(_cis("memory", "list", "--limit", str(limit), "--json", *_word(prefix))))
    return cast("list[dict[str, Any]]", found)


def _cis(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["cis", *words],
        input=given,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )


def _word(word: str) -> tuple[str, ...]:
    """`word` for the command line, on which it is no option."""
    return ("--", word) if word.startswith("-") else (word,)


def _checked(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode == 4:
        raise Denied(done.stderr.strip(), 4)
    if done.returncode:
        raise Failure(done.stderr.strip() or f"cis ended with {done.returncode}", done.returncode)
    return done.stdout
