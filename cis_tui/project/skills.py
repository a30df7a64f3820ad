"""The skills that can be called from one project folder, and whether they may (spec, Project Skill Routing Flow)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from cis_tui.core.errors import Invalid, NotFound, Refused
from cis_tui.core.paths import Home
from cis_tui.core.problems import Problem, Severity
from cis_tui.core.text import clean_line, did_you_mean
from cis_tui.project.code import SETTINGS
from cis_tui.project.reload import Kind, Seen
from cis_tui.project.trust import TrustStore
from cis_tui.skills.digest import folder_files
from cis_tui.skills.kernel import Probe, asked_why, gaps_of, this_kernel
from cis_tui.skills.manifest import MANIFEST, LoadedSkill, load_manifest
from cis_tui.skills.model import Mode, Permissions, SkillInfo, SkillManifest, SkillOrigin, SkillType
from cis_tui.skills.registry import find_skills
from cis_tui.skills.snapshot import Snapshot, Snapshots


@dataclass(frozen=True, slots=True)
class _Kept:
    """A skill as it was when it was last whole and trusted."""

    manifest: SkillManifest
    copy: Snapshot


class ProjectSkills:
    """What an engine knows of the skills of one project folder; of no project when `root` is None.

    Skills are read when they are asked for. Those of the project and of the home run from a copy, which is what was
    held against trust. A skill that was called, or looked at by `refresh`, and is broken since, is called as it was.
    """

    def __init__(
        self,
        home: Home,
        trust: TrustStore,
        root: Path | None,
        snapshots: Snapshots | None,
        probe: Probe = this_kernel,
    ) -> None:
        """`probe` says what the kernel can hold a native skill to."""
        self._probe = probe
        self._home = home
        self._trust = trust
        self._root = root
        self._snapshots = snapshots
        self._kept: dict[str, _Kept] = {}
        """By the path of the manifest."""
        self._read: dict[str, SkillManifest | None] = {}
        """By the folder of the copy that it was read from."""

    def all(self) -> Mapping[str, LoadedSkill]:
        """Every skill that can be found from here, by name."""
        return find_skills(self._home, self._root, settle=lambda skill: self._asked(self._last_good(skill)))

    def _asked(self, skill: LoadedSkill) -> LoadedSkill:
        """`skill`, to be confirmed by a person if it could do more here than it may."""
        return replace(skill, manifest=self._confirmed(skill.manifest)) if skill.manifest is not None else skill

    def _confirmed(self, manifest: SkillManifest) -> SkillManifest:
        why = asked_why(manifest, self._probe()) if manifest.type is SkillType.NATIVE else ""
        return replace(manifest, confirm=why) if why else manifest

    def infos(self) -> tuple[SkillInfo, ...]:
        """Every skill that can be found from here, by name."""
        return tuple(self._info(skill) for _, skill in sorted(self.all().items()))

    def runnable(self, name: str) -> SkillManifest:
        """The skill `name`, if it is whole and trusted.

        Raises:
            NotFound: there is none (CIS-SKILL-002).
            Invalid: it has errors (CIS-SKILL-003).
            Refused: it is the project's and not trusted as it is now (CIS-PROJ-010).
        """
        found = self.all()
        if name not in found:
            shown = clean_line(name, limit=128)
            hint = did_you_mean(name, found) or "cis skill list shows all"
            raise NotFound("CIS-SKILL-002", f'there is no skill "{shown}"', hint=hint)
        skill = found[name]
        if skill.manifest is None:
            raise _broken(skill)
        return self._ready(skill)

    def trusted(self, names: set[str]) -> Mapping[str, SkillManifest]:
        """The manifests of `names`, those that exist.

        Raises:
            Refused: one of them is the project's and not trusted as it is now (CIS-PROJ-010).
        """
        found = self.all()
        chosen = [found[name] for name in sorted(names & found.keys())]
        for skill in chosen:
            if skill.manifest is None and not self._is_trusted(skill):
                raise untrusted(f"the skill {skill.name}", self._root)
        return {skill.name: self._ready(skill) for skill in chosen if skill.manifest is not None}

    def keep_good(self) -> dict[str, Seen]:
        """Keep a copy of each skill that is whole and trusted now; the skills that are not the program's, by file."""
        found = self.all()
        for skill in found.values():
            if skill.manifest is not None and not skill.manifest.stale:
                with suppress(Refused, Invalid):
                    self._ready(skill)
        own = (skill for skill in found.values() if skill.origin in (SkillOrigin.PROJECT, SkillOrigin.HOME))
        return {skill.file: self._seen(skill) for skill in own}

    def _seen(self, skill: LoadedSkill) -> Seen:
        manifest = skill.manifest
        errors = [problem for problem in skill.problems if problem.severity is Severity.ERROR]
        return Seen(
            Kind.SKILL,
            skill.name,
            skill.file,
            folder_files(Path(skill.file).parent, self._within(skill)),
            version=manifest.version if manifest else "",
            error=str(errors[0]) if errors else "",
            kept=f"{manifest.version or 'the one before'} goes on being called" if manifest and errors else "",
            trusted=self._is_trusted(skill),
            permissions=manifest.permissions if manifest else Permissions(),
        )

    def _ready(self, skill: LoadedSkill) -> SkillManifest:
        """The skill as it can be run: read from a copy that is trusted, where it is not the program's own."""
        manifest = skill.manifest
        assert manifest is not None
        kept = self._kept.get(skill.file)
        if kept is not None and manifest.stale:
            return self._allowed(skill, kept.copy, manifest)
        if self._snapshots is None or skill.origin not in (SkillOrigin.PROJECT, SkillOrigin.HOME):
            if not self._is_trusted(skill):
                raise untrusted(f"the skill {skill.name}", self._root)
            return manifest
        folder = Path(skill.file).parent
        try:
            copy = self._snapshots.take(folder, self._within(skill))
        except Refused:
            if skill.origin is SkillOrigin.HOME:
                return manifest  # the person's own is trusted wherever it lies
            raise
        copied = self._manifest_in(copy, skill)
        self._allowed(skill, copy, copied)
        self._kept[skill.file] = _Kept(copied, copy)
        return copied

    def _within(self, skill: LoadedSkill) -> Path:
        folder = Path(skill.file).parent
        return self._root if self._root is not None and skill.origin is SkillOrigin.PROJECT else folder

    def _allowed(self, skill: LoadedSkill, copy: Snapshot, manifest: SkillManifest) -> SkillManifest:
        folder = Path(skill.file).parent
        project = self._root if skill.origin is SkillOrigin.PROJECT else None
        if project is not None:
            check_settings(self._trust, project)
            if not self._trust.covers_copy(project, folder, copy.files):
                raise untrusted(f"the skill {skill.name}", project)
        return manifest

    def _manifest_in(self, copy: Snapshot, skill: LoadedSkill) -> SkillManifest:
        key = f"{copy.folder}\0{skill.file}"
        if key not in self._read:
            loaded = load_manifest(copy.folder / MANIFEST, skill.origin)
            self._read[key] = loaded.manifest
        manifest = self._read[key]
        if manifest is None:
            raise Invalid("CIS-SKILL-003", f"the skill {skill.name} is being changed", hint="try again in a moment")
        return self._confirmed(replace(manifest, name=skill.name, file=skill.file))

    def _last_good(self, skill: LoadedSkill) -> LoadedSkill:
        """A broken skill as it was before it was broken, as long as that is trusted."""
        kept = self._kept.get(skill.file)
        if skill.manifest is not None or kept is None:
            return skill
        try:
            self._allowed(skill, kept.copy, kept.manifest)
        except Refused:
            return skill
        version = f" ({kept.manifest.version})" if kept.manifest.version else ""
        message = f"it is called as it was before it was broken{version}"
        told = Problem(Severity.WARNING, message, skill.file, hint="mend it; then that is called")
        return replace(
            skill,
            name=kept.manifest.name,
            manifest=replace(kept.manifest, stale=True),
            problems=(*skill.problems, told),
        )

    def _info(self, skill: LoadedSkill) -> SkillInfo:
        manifest = skill.manifest
        return SkillInfo(
            name=skill.name,
            version=manifest.version if manifest else "",
            type=manifest.type.value if manifest else "",
            file=skill.file,
            description=manifest.description if manifest else "",
            permissions=manifest.permissions if manifest else Permissions(),
            trusted=self._is_trusted(skill),
            problems=skill.problems,
            origin=skill.origin,
            confirm=manifest.confirm if manifest else "",
            exports=manifest.exports if manifest else (),
            dependencies=manifest.dependencies if manifest else (),
            mode=manifest.mode if manifest else Mode.ONCE,
            timeout=manifest.timeout if manifest else 0.0,
            not_enforced=gaps_of(manifest, self._probe()) if manifest else (),
        )

    def _is_trusted(self, skill: LoadedSkill) -> bool:
        if self._root is None or skill.origin is not SkillOrigin.PROJECT:
            return True
        return self._trust.covers(self._root, Path(skill.file))


def check_settings(trust: TrustStore, root: Path) -> None:
    """Whoever votes, and whatever else the project.toml decides, has to be trusted before code of the project runs.

    Raises:
        Refused: it says something that matters, and is not trusted as it is now (CIS-PROJ-010).
    """
    if not trust.covers_settings(root):
        raise untrusted(SETTINGS, root)


def manifests(skills: Mapping[str, LoadedSkill]) -> dict[str, SkillManifest]:
    """Those of `skills` that can be called."""
    return {name: skill.manifest for name, skill in skills.items() if skill.manifest is not None}


def untrusted(what: str, root: Path | None) -> Refused:
    """The error for what may not run before somebody looked at it."""
    return Refused(
        "CIS-PROJ-010",
        f"{what} is not trusted as it is now",
        hint=f"look at it and trust it: cis trust {root}",
        context={"project": str(root)},
    )


def _broken(skill: LoadedSkill) -> Invalid:
    errors = [problem for problem in skill.problems if problem.severity is Severity.ERROR]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    first = errors[0] if errors else skill.file
    return Invalid(
        "CIS-SKILL-003",
        f"the skill {skill.name} cannot run: {first}{more}",
        hint=f"cis skill check {Path(skill.file).parent} shows every problem",
        context={"problems": [str(problem) for problem in errors[:50]]},
    )
