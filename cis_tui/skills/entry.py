"""The program of a skill, as its manifest or an older one names it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from cis_tui.core.errors import CisError
from cis_tui.core.tables import Table, describe
from cis_tui.core.text import clean_line
from cis_tui.skills.model import SkillType
from cis_tui.skills.wasm.source import header_problems, read_source


def read_entry(top: Table, skill: Table, kind: SkillType, folder: Path) -> tuple[str, tuple[str, ...]]:
    """Program and the arguments before those of a call."""
    entry, args = skill.text("entry"), skill.texts("args")
    execution = top.table("execution")
    if execution.data:
        binary = execution.text("binary") or execution.text("command")
        fields = ", ".join(f"execution.{field}" for field in execution.data)
        execution.notes.warn(execution.path, f"[execution] is read as entry and args of [skill] ({fields})")
        entry, args = binary or entry, execution.texts("args") or args
        execution.finish()
    if top.get("commands") is not None:
        return _commands(top, entry, args)
    if kind is SkillType.DAG:
        return _dag_file(top, skill, entry, folder), args
    if not entry:
        if "entry" in skill.data and not isinstance(skill.data["entry"], str):
            return entry, args
        skill.notes.error(skill.path, 'there is no "entry"', "name a program on PATH, or a file beside the manifest")
    elif kind is SkillType.NATIVE:
        _check_entry(skill, entry, folder)
    elif kind is SkillType.WASM and args:
        skill.notes.warn(skill.at("args"), '"args" means nothing for a skill of type wasm')
    return entry, args


def _dag_file(top: Table, skill: Table, entry: str, folder: Path) -> str:
    """The file with the tasks: the one that is named, or the manifest itself if they stand in it."""
    if top.get("dag") is not None and not entry:
        return Path(top.notes.file).name
    if not entry:
        hint = "name a DAG file beside the manifest, or write [[dag.tasks]] into this one"
        skill.notes.error(skill.path, 'there is no "entry"', hint)
    elif os.path.isabs(entry) or os.path.normpath(entry).startswith(".."):
        skill.notes.error(skill.at("entry"), f"the entry {describe(entry)} leaves the folder of the skill")
    elif not (folder / entry).is_file():
        skill.notes.error(skill.at("entry"), f"the entry {describe(entry)} does not exist", f"looked in {folder}")
    for field in ("args", "timeout_secs"):
        if field in skill.data:
            skill.notes.warn(
                skill.at(field), f'"{field}" means nothing for a skill of type dag', "see [dag] of its file"
            )
    return entry


def check_module(skill: Table, entry: str, folder: Path, memory_mb: int) -> None:
    """Note what is wrong with the module of a WASM skill, as far as its header tells."""
    try:
        problems = header_problems(read_source(folder, entry), memory_mb)
    except CisError as error:
        skill.notes.error(skill.at("entry"), error.message, error.hint)
        return
    for problem in problems:
        skill.notes.error(skill.at("entry"), f"{clean_line(entry)} cannot be used: {problem}")


def _check_entry(skill: Table, entry: str, folder: Path) -> None:
    path = skill.at("entry") if "entry" in skill.data else ("execution", "binary")
    inside = os.path.normpath(entry)
    if not os.path.isabs(entry) and inside.startswith(".."):
        skill.notes.error(path, f"the entry {describe(entry)} leaves the folder of the skill")
    elif "/" in entry and not (folder / entry).is_file():
        skill.notes.error(path, f"the entry {describe(entry)} does not exist", f"looked in {folder}")
    elif (folder / entry).is_file():
        if not os.access(folder / entry, os.X_OK):
            skill.notes.error(path, f"the entry {describe(entry)} may not be executed", f"chmod +x {folder / entry}")
    elif shutil.which(entry) is None:
        message = f"the entry {describe(entry)} is neither beside the manifest nor a program on PATH"
        skill.notes.warn(path, message, "install it before the skill is called")


def _commands(top: Table, entry: str, args: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """`[[commands]]` of the older shell skills: the first argument of a call chooses one of them."""
    commands: dict[str, str] = {}
    for table in top.tables("commands"):
        name, command = table.line("name"), table.text("command")
        table.line("description")
        table.finish()
        if not name or not command.strip():
            table.notes.error(table.path, 'a command needs "name" and "command"')
        else:
            commands[name] = command
    if entry:
        top.notes.warn(top.at("commands"), f'[[commands]] is ignored: the entry "{clean_line(entry)}" runs instead')
        return entry, args
    if not commands:
        top.notes.error(top.at("commands"), "there is no command in [[commands]]")
        return "", ()
    names = " | ".join(commands)
    top.notes.warn(
        top.at("commands"), f"[[commands]] is taken as one program for /bin/sh, whose first argument is {names}"
    )
    return "/bin/sh", ("-c", _case_script(commands), "skill")


def _case_script(commands: Mapping[str, str]) -> str:
    """A script for sh in which the first argument chooses the command; the rest are its `$1`, `$2`…"""
    quoted = {name: "'" + name.replace("'", "'\\''") + "'" for name in commands}
    arms = "".join(f"{quoted[name]})\nshift\n{command.strip()}\n;;\n" for name, command in commands.items())
    usage = " | ".join(commands).replace("'", "’")
    return f"case \"$1\" in\n{arms}*)\necho 'usage: {usage}' >&2\nexit 2\n;;\nesac\n"
