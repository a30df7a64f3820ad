"""Whether skills have the other skills that they need: there, new enough, and without a circle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cis_tui.core.problems import Problem, Severity
from cis_tui.core.text import clean_line, did_you_mean
from cis_tui.skills.manifest import LoadedSkill
from cis_tui.skills.model import Dependency, SkillManifest
from cis_tui.skills.versions import satisfies

MAX_DEPTH = 100
"""Skills that need one another in a row."""


def with_dependencies(skills: Mapping[str, LoadedSkill]) -> dict[str, LoadedSkill]:
    """`skills` by name, those without what they need as broken ones that say so."""
    if not any(skill.manifest and skill.manifest.dependencies for skill in skills.values()):
        return dict(skills)
    checker = _Checker(skills)
    return {name: checker.settled(name) for name in skills}


def needed(skills: Mapping[str, LoadedSkill], name: str) -> list[str]:
    """The names of all skills that `name` needs, itself first; those that are not there are left out."""
    found: list[str] = []
    waiting = [name]
    while waiting:
        skill = skills.get(each := waiting.pop(0))
        if skill is not None and each not in found:
            found.append(each)
            waiting += [dependency.name for dependency in (skill.manifest.dependencies if skill.manifest else ())]
    return found


@dataclass(frozen=True, slots=True)
class _Finding:
    message: str
    hint: str


class _Checker:
    def __init__(self, skills: Mapping[str, LoadedSkill]) -> None:
        self._skills = skills
        self._done: dict[str, LoadedSkill] = {}

    def settled(self, name: str) -> LoadedSkill:
        """The skill after it was looked at."""
        self._look(name, ())
        return self._done[name]

    def _look(self, name: str, chain: tuple[str, ...]) -> None:
        """Look at a skill, after those that it needs; `chain`: those that need it, and are being looked at."""
        if name in self._done:
            return
        skill = self._skills[name]
        problems: list[Problem] = []
        manifest = skill.manifest
        for index, dependency in enumerate(manifest.dependencies if manifest else ()):
            finding = self._missing(dependency, (*chain, name))
            if finding is not None and manifest is not None:
                problems.append(_problem(manifest, index, dependency, finding))
        if problems:
            skill = replace(skill, manifest=None, problems=(*problems, *skill.problems))
        self._done.setdefault(name, skill)

    def _missing(self, dependency: Dependency, chain: tuple[str, ...]) -> _Finding | None:
        name = dependency.name
        shown = clean_line(name, limit=128)
        if name in chain:
            way = " -> ".join((*chain[chain.index(name) :], name))
            return _Finding(f"a circle: {way} (each needs the next one)", "take one of these dependencies out")
        if name not in self._skills:
            hint = did_you_mean(name, self._skills) or "cis skill list shows all that can be found"
            return _Finding(f'needs the skill "{shown}", which does not exist', hint)
        if len(chain) >= MAX_DEPTH:
            return _Finding(f"more than {MAX_DEPTH} skills need one another", "take one of them out")
        self._look(name, chain)
        return _unfit(self._done.get(name, self._skills[name]), dependency)


def _unfit(skill: LoadedSkill, dependency: Dependency) -> _Finding | None:
    shown = clean_line(dependency.name, limit=128)
    if skill.manifest is None:
        return _Finding(f'needs the skill "{shown}", which has errors', f"cis skill show {shown}")
    version = skill.manifest.version
    fits = satisfies(version, dependency.version)
    if fits:
        return None
    if fits is None:
        message = f'needs "{shown}" {dependency.version}, and its version "{version}" cannot be compared'
        return _Finding(message, f'give it a version such as "1.0.0" in {skill.file}')
    message = f'needs "{shown}" {dependency.version}, and there is {version} ({skill.file})'
    return _Finding(message, "install one that fits, or change the version that is asked for")


def _problem(manifest: SkillManifest, index: int, dependency: Dependency, finding: _Finding) -> Problem:
    message = (
        f'the skill "{manifest.name}" {finding.message}' if finding.message.startswith("needs") else finding.message
    )
    field = f"dependencies[{index}]"
    return Problem(Severity.ERROR, message, manifest.file, dependency.line, field, finding.hint)
