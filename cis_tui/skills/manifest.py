"""Reads a skill.toml, of this and of older versions, with every problem at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cis_tui.core.document import is_list, is_table, load_toml
from cis_tui.core.problems import Problem
from cis_tui.core.tables import Table, is_number
from cis_tui.core.text import clean_line
from cis_tui.skills.digest import folder_digest
from cis_tui.skills.entry import check_module, read_entry
from cis_tui.skills.exports import read_dependencies, read_exports
from cis_tui.skills.grants import read_permissions
from cis_tui.skills.model import CallLevel, Mode, SkillManifest, SkillOrigin, SkillType
from cis_tui.skills.wasm.interface import MEMORY_MB

MANIFEST = "skill.toml"
MAX_TIMEOUT = 7 * 86_400
"""Seconds."""
_LIMITS: Mapping[str, int] = {
    "memory_mb": 1 << 20,
    "cpu_secs": MAX_TIMEOUT,
    "disk_mb": 1 << 20,
    "processes": 4096,
    "fuel": 2**62,
    "output_kb": 1 << 20,
}
"""Limits a manifest may set, and the most that each may be."""
_OF_NATIVE = ("cpu_secs", "disk_mb", "processes")


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
    entry, args = read_entry(top, skill, kind, path.parent)
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
        permissions=read_permissions(top),
        limits=_limits(top.table("limits")),
        confirm=_confirm(skill),
        mode=Mode(skill.choice("mode", Mode, Mode.ONCE)),
        exports=read_exports(top),
        dependencies=read_dependencies(top),
        folder=path.parent,
        file=str(path),
        origin=origin,
    )
    skill.line("author")
    if kind is SkillType.WASM and entry:
        check_module(skill, entry, path.parent, manifest.limits.get("memory_mb", MEMORY_MB))
    _not_yet(top, skill, manifest)
    skill.finish()
    top.finish()
    return manifest


def _confirm(skill: Table) -> str:
    """Why each call is to be confirmed; empty if it need not."""
    level = CallLevel(skill.choice("level", CallLevel, CallLevel.MECHANICAL))
    return "its manifest asks for that" if level is CallLevel.CONFIRMED else ""


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


def _limits(table: Table) -> dict[str, int]:
    limits: dict[str, int] = {}
    for name, most in _LIMITS.items():
        value = table.whole(name, 1, most)
        if value is not None:
            limits[name] = value
    table.finish()
    return limits


def _not_yet(top: Table, skill: Table, manifest: SkillManifest) -> None:
    """Speak up about what this version reads and does not carry out."""
    if manifest.mode is Mode.WARM and manifest.type is not SkillType.NATIVE:
        skill.notes.warn(skill.at("mode"), 'mode = "warm" is for native skills')
    elif manifest.mode is Mode.WARM and "cpu_secs" in manifest.limits:
        message = 'the limit "cpu_secs" does not bound a warm skill: "timeout_secs" bounds each of its calls'
        top.notes.warn(("limits", "cpu_secs"), message)
    hooks = top.get("hooks")
    if not (hooks is None or is_table(hooks) or is_list(hooks)):
        top.wrong(("hooks",), hooks, "a table")
    elif hooks:
        top.notes.warn(top.at("hooks"), '"hooks" is read but not carried out by this version: no hook is run')
    if manifest.type is SkillType.WASM:
        for name in filter(manifest.limits.__contains__, _OF_NATIVE):
            message = f'the limit "{name}" is for native skills; "fuel" and "timeout_secs" bound one of type wasm'
            top.notes.warn(("limits", name), message)
