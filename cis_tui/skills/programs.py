"""What a program needs to start: its file, its interpreter, its loader, and the libraries beside them."""

from __future__ import annotations

import os
import shutil
import stat
import struct
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

_MAX_LINKS = 8
_MAX_INTERPRETERS = 4
"""As the kernel has it for `#!` (exec(2))."""
_HEAD = 4096
_IS_INTERPRETER = 3
"""PT_INTERP, see elf(5)."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Absolute paths."""

    execute: frozenset[str] = frozenset()
    read: frozenset[str] = frozenset()
    list: frozenset[str] = frozenset()
    """Folders of which only the names are needed."""

    def __or__(self, other: Needs) -> Needs:
        return Needs(self.execute | other.execute, self.read | other.read, self.list | other.list)


def needs_of(program: str, path: str) -> Needs:
    """What the program at the absolute path `program` needs to start; `path` is where `#!/usr/bin/env` looks.

    Its first bytes, which a skill may have written, name an interpreter; no file that is none can be had that way.
    """
    found = Needs()
    waiting = [program]
    for _ in range(_MAX_INTERPRETERS):
        more: list[str] = []
        for file in waiting:
            names = tuple(_links(file))
            with suppress(OSError):
                status = os.stat(names[-1])
                if not (stat.S_ISREG(status.st_mode) and os.access(names[-1], os.X_OK)):
                    continue
                interpreters = _interpreters(names[-1], status.st_mtime_ns, status.st_size, path)
                found |= Needs(frozenset(names), frozenset(_beside(names)))
                more += interpreters
        waiting = more
    return found


def command_needs(name: str, path: str, project: str) -> Needs:
    """What a program needs that a skill may start by `name`, or by a path in the project; nothing if it is not there.

    Helpers of its own, such as those in /usr/lib/git-core for git, are counted as part of it.
    """
    named = name if os.path.isabs(name) or "/" not in name else os.path.join(project, name)
    program = shutil.which(named, path=path)
    if program is None:
        return Needs()
    return needs_of(program, path) | Needs(execute=frozenset(_helpers(program)))


def any_program(path: str) -> Needs:
    """What it needs to start any program: the folders of `path`, and the system's."""
    folders = [*path.split(os.pathsep), "/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt", "/nix/store"]
    known = {folder for folder in folders if os.path.isabs(folder) and os.path.isdir(folder)}
    prefixes = {os.path.join(os.path.dirname(folder), "lib") for folder in known if os.path.basename(folder) == "bin"}
    return Needs(frozenset(known), frozenset(known | prefixes))


def cis_needs(path: str) -> Needs:
    """What the `cis` of this program needs."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    beside = os.path.join(os.path.dirname(sys.executable), "cis")
    libraries = {folder for folder in sys.path if os.path.isdir(folder) and "/lib/" in f"{folder}/"}
    own = Needs(read=frozenset({package, *libraries}), list=frozenset({os.path.dirname(package)}))
    return needs_of(sys.executable, path) | needs_of(beside, path) | own


def _links(file: str) -> Iterator[str]:
    """`file`, and what it leads to, link by link."""
    for _ in range(_MAX_LINKS):
        yield file
        if not os.path.islink(file):
            break
        file = os.path.normpath(os.path.join(os.path.dirname(file), os.readlink(file)))
    real = os.path.realpath(file)
    if real != file:
        yield real


def _beside(names: Iterable[str]) -> Iterator[str]:
    """Where programs in `…/bin` keep their libraries: `…/lib`; and the mark of a Python environment."""
    home = os.path.expanduser("~")
    for name in names:
        folder = os.path.dirname(name)
        prefix = os.path.dirname(folder)
        if os.path.basename(folder) in ("bin", "sbin") and prefix not in ("/", "/usr", "/usr/local", home):
            yield from (os.path.join(prefix, part) for part in ("lib", "lib64", "pyvenv.cfg"))


def _helpers(program: str) -> Iterator[str]:
    name, prefix = os.path.basename(program), os.path.dirname(os.path.dirname(os.path.realpath(program)))
    for folder in (os.path.join(prefix, "lib"), os.path.join(prefix, "libexec")):
        with suppress(OSError):
            yield from (
                os.path.join(folder, each) for each in os.listdir(folder) if each == name or each.startswith(f"{name}-")
            )


@lru_cache(maxsize=256)
def _interpreters(file: str, changed: int, size: int, path: str) -> tuple[str, ...]:
    """What the kernel starts to run `file`; `changed` and `size` say which state of it is meant."""
    with open(file, "rb") as opened:
        head = opened.read(_HEAD)
        if head.startswith(b"#!"):
            return _of_script(os.fsdecode(head[2:].partition(b"\n")[0]).split(), path)
        with suppress(struct.error, ValueError):
            if head.startswith(b"\x7fELF\x02\x01"):
                return _of_elf(head, opened.fileno())
    return ()


def _of_script(words: list[str], path: str) -> tuple[str, ...]:
    if not words:
        return ()
    named = next((word for word in words[1:] if not word.startswith("-") and "=" not in word), None)
    if os.path.basename(words[0]) != "env" or named is None:
        return (words[0],)
    found = shutil.which(named, path=path)
    return (words[0], found) if found else (words[0],)


def _of_elf(head: bytes, fd: int) -> tuple[str, ...]:
    table, size, count = struct.unpack_from("<Q", head, 32)[0], *struct.unpack_from("<HH", head, 54)
    headers = os.pread(fd, min(size * count, 1 << 16), table)
    for start in range(0, len(headers) - 55, size):
        kind, _, offset, _, _, length = struct.unpack_from("<IIQQQQ", headers, start)
        if kind == _IS_INTERPRETER:
            return (os.fsdecode(os.pread(fd, min(length, _HEAD), offset).rstrip(b"\0")),)
    return ()
