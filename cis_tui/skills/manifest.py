"""Reads a skill.toml, of this and of older versions, with every problem at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cis_tui.core.document import is_list, is_table, load_toml
from cis_tui.core.problems import Problem
from cis_tui.core.tables import Table, describe, is_number
from cis_tui.core.text import clean_line
from cis_tui.skills.digest import folder_digest
from cis_tui.skills.model import Permissions, SkillManifest, SkillOrigin, SkillType

MANIFEST = "skill.toml"
MAX_TIMEOUT = 7 * 86_400
"""Seconds."""
_LIMITS: Mapping[str, int] = {"memory_mb": 1 << 20, "cpu_secs": MAX_TIMEOUT, "fuel": 2**62, "output_kb": 1 << 20}
"""Limits a manifest may set, and the most that each may be."""
_UNUSED: Mapping[str, str] = {"hooks": "no hook is run", "dependencies": "they are not checked", "exports": ""}
"""Sections of a manifest that change nothing yet, and what that means, if it means anything."""
_WHOLE: Mapping[str, tuple[str, ...]] = {
    "memory_read": ("",),
    "memory_write": ("",),
    "filesystem": ("read:.", "write:."),
    "command": ("*",),
    "network": ("*",),
}
"""What `true` means for each permission."""
_PERMISSION_NAMES: Mapping[str, str] = {
    "memory": "memory_read",
    "fs": "filesystem",
    "files": "filesystem",
    "file_system": "filesystem",
    "commands": "command",
    "exec": "command",
    "shell": "command",
    "net": "network",
}


@dataclass(frozen=True, slots=True)
class LoadedSkill:
    """What the folder of a skill holds."""

    name: str
    manifest: SkillManifest | None
    """None when it has errors."""
    problems: tuple[Problem, ...]
    file: str
    """The manifest's path."""
    origin: SkillOrigin

    @property
    def digest(self) -> str:
        """SHA-256 over every file of the folder as it is now; empty when one of them cannot be hashed."""
        return folder_digest(Path(self.file).parent)


def load_manifest(path: Path, origin: SkillOrigin) -> LoadedSkill:
    """Read the manifest `path`; never raises for what is in it or in its folder."""
    data, notes = load_toml(path)
    name = clean_line(path.parent.name, limit=128)
    manifest = None
    if not notes.broken:
        manifest = _manifest(Table(data, (), notes), path, origin)
        name = manifest.name or name
    if notes.broken:
        manifest = None
    return LoadedSkill(name, manifest, notes.problems, str(path), origin)


def _manifest(top: Table, path: Path, origin: SkillOrigin) -> SkillManifest:
    skill = top.table("skill")
    if "skill" not in top.data:
        top.notes.error(
            (), "there is no [skill]", 'a manifest begins with [skill], name = "…", type = "native" and entry = "…"'
        )
    kind = _type(skill)
    entry, args = _entry(top, skill, kind, path.parent)
    timeout = skill.number("timeout_secs", 0, MAX_TIMEOUT, unit="seconds", above=True)
    if timeout is None:
        timeout = skill.number("timeout", 0, MAX_TIMEOUT, unit="seconds", above=True)
    manifest = SkillManifest(
        name=_name(skill),
        version=str(skill.get("version")) if is_number(skill.data.get("version")) else skill.line("version"),
        type=kind,
        entry=entry,
        args=args,
        description=skill.prose("description"),
        timeout=30.0 if timeout is None else timeout,
        permissions=_permissions(top),
        limits=_limits(top.table("limits")),
        folder=path.parent,
        file=str(path),
        origin=origin,
    )
    skill.line("author")
    _not_yet(top, skill, kind, manifest.limits)
    skill.finish()
    top.finish()
    return manifest


def _name(skill: Table) -> str:
    name = skill.line("name", limit=128)
    if skill.data and (not name or name != skill.text("name").strip() or "/" in name):
        skill.wrong(("name",), skill.get("name") or "", "a name of 1 to 128 characters in one line, without /")
    return name


def _type(skill: Table) -> SkillType:
    value = skill.get("type")
    if isinstance(value, str) and value.lower() in ("shell", "script", "binary", "executable", "process"):
        skill.notes.warn(skill.at("type"), f'the type "{value}" is taken as "native"')
        return SkillType.NATIVE
    if isinstance(value, str) and any(word in value.lower() for word in ("agent", "executor", "prompt")):
        message = f'a skill of type "{clean_line(value, limit=60)}" is work for an agent, which this version cannot run'
        skill.notes.error(skill.at("type"), message, 'a program is type = "native" with its entry')
        return SkillType.NATIVE
    return SkillType(skill.choice("type", SkillType, SkillType.NATIVE))


def _entry(top: Table, skill: Table, kind: SkillType, folder: Path) -> tuple[str, tuple[str, ...]]:
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
    if not entry and kind is not SkillType.DAG:
        skill.notes.error(skill.path, 'there is no "entry"', "name a program on PATH, or a file beside the manifest")
    elif kind is SkillType.NATIVE:
        _check_entry(skill, entry, folder)
    return entry, args


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


def _permissions(top: Table) -> Permissions:
    value = top.get("permissions")
    if is_list(value):
        top.notes.warn(top.at("permissions"), "the list [[permissions]] is read as one table [permissions]")
        value = _merged(top)
    table = Table(value, top.at("permissions"), top.notes)
    for field in [name for name in table.data if name in _PERMISSION_NAMES]:
        table.notes.warn(table.at(field), f'the permission "{field}" is read as "{_PERMISSION_NAMES[field]}"')
    granted = {name: _permission(table, name) for name in _WHOLE}
    table.finish()
    return Permissions(**granted)


def _permission(table: Table, name: str) -> tuple[str, ...]:
    found = [field for field in (name, *_PERMISSION_NAMES) if _PERMISSION_NAMES.get(field, field) == name]
    given: tuple[str, ...] = ()
    for field in found:
        value = table.get(field)
        if value is True:
            given += _WHOLE[name]
            if name not in ("memory_read", "memory_write"):
                shown = ", ".join(f'"{item}"' for item in _WHOLE[name])
                table.notes.warn(table.at(field), f'"{field} = true" is taken as [{shown}]')
        elif isinstance(value, str):
            given += (value,)
            table.notes.warn(table.at(field), f'the text "{field}" is taken as a list of one')
        elif value not in (None, False):
            given += table.texts(field, what="true, false or a list of texts")
    _check_permission(table, name, given)
    return tuple(dict.fromkeys(given))


def _check_permission(table: Table, name: str, given: tuple[str, ...]) -> None:
    for item in given:
        if name == "filesystem" and not item.startswith(("read:", "write:")):
            table.wrong((name,), item, '"read:PATH" or "write:PATH"')


def _merged(top: Table) -> dict[str, object]:
    """`[[permissions]]`, each with `type`/`name` and perhaps `value`/`paths`/`hosts`, as one table."""
    merged: dict[str, object] = {}
    for table in top.tables("permissions"):
        name = table.line("type") or table.line("name") or table.line("resource")
        if not name:
            merged.update(table.data)
            continue
        values = [
            value for field, value in table.data.items() if field not in ("type", "name", "resource", "description")
        ]
        lists = [value for value in values if is_list(value)]
        merged[name] = (
            [item for value in lists for item in value] if lists else all(value is not False for value in values)
        )
    return merged


def _limits(table: Table) -> dict[str, int]:
    limits: dict[str, int] = {}
    for name, most in _LIMITS.items():
        value = table.whole(name, 1, most)
        if value is not None:
            limits[name] = value
    table.finish()
    return limits


def _not_yet(top: Table, skill: Table, kind: SkillType, limits: Mapping[str, int]) -> None:
    """Speak up about what this version reads and does not carry out."""
    if kind is not SkillType.NATIVE:
        skill.notes.warn(skill.at("type"), f"a skill of type {kind} is listed, but this version does not run it yet")
    for field, what in _UNUSED.items():
        value = top.get(field)
        if not (value is None or is_table(value) or is_list(value)):
            top.wrong((field,), value, "a table")
        elif value and what:
            top.notes.warn(top.at(field), f'"{field}" is read but not carried out by this version: {what}')
    for field in ("memory_mb", "cpu_secs"):
        if field in limits:
            message = f'the limit "{field}" is read but not enforced by this version'
            top.notes.warn(("limits", field), message)
