"""`cis skill new` and `cis skill test`."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from cis_tui.cli.context import Context
from cis_tui.cli.output import show, show_json, status_word

if TYPE_CHECKING:
    from cis_tui.skills.cases import Case
    from cis_tui.skills.manifest import LoadedSkill

KINDS = ("python", "shell", "wat", "c", "assemblyscript")
"""What `cis skill new` writes."""


def new(context: Context, arguments: Namespace) -> int:
    """`cis skill new NAME`: into the project, or into the home outside of any; trusts exactly what it wrote."""
    from cis_tui.core.paths import PROJECT_DIR
    from cis_tui.core.text import clean_line
    from cis_tui.project.trust import TrustStore
    from cis_tui.skills.making import make_skill

    root = context.project
    skills = root / PROJECT_DIR / "skills" if root else context.home.ensure().skills
    written = make_skill(skills, arguments.name, "wat" if arguments.wasm else arguments.lang)
    if root is not None:
        TrustStore(context.home.ensure()).trust_written(root, written)
    if context.json:
        show_json({"name": arguments.name, "folder": written[0].parent, "written": written})
        return 0
    for path in written:
        show(f"wrote {clean_line(str(path))}")
    show(f"next: cis skill test {arguments.name}, then change it; cis skill check {arguments.name}")
    return 0


async def test(context: Context, arguments: Namespace) -> int:
    """`cis skill test [NAME|DIR]`: 1 if a test fails."""
    from cis_tui.cli.skill_tests import try_skill
    from cis_tui.core.errors import Exit
    from cis_tui.core.text import clean, clean_line

    tried = [
        each
        for skill, cases in await asyncio.to_thread(_chosen, context, arguments.name)
        for each in await try_skill(skill.name, Path(skill.file).parent, _needed(context, skill), cases)
    ]
    if context.json:
        show_json(tried)
    several = len({each.skill for each in tried}) > 1
    for each in () if context.json else tried:
        head = f"{each.skill}: {each.name}" if several else each.name
        word = status_word("ok" if each.ok else "failed")
        show(f"{word}  {clean_line(head)}{': ' if each.why else ''}{clean(each.why)}")
    return Exit.DONE if all(each.ok for each in tried) else Exit.FAILED


def _needed(context: Context, skill: LoadedSkill) -> list[Path]:
    """The folders of the skills that a skill needs, without its own and the shipped ones.

    Raises:
        Refused: one of them is a project's and not trusted as it is now (CIS-PROJ-010).
    """
    from cis_tui.skills.dependencies import needed
    from cis_tui.skills.model import SkillOrigin
    from cis_tui.skills.registry import find_skills

    found = {**find_skills(context.home, context.project), skill.name: skill}
    others = [found[name] for name in needed(found, skill.name)[1:]]
    for other in others:
        _check_trust(context, other)
    return [Path(other.file).parent for other in others if other.origin is not SkillOrigin.SHIPPED]


def _chosen(context: Context, named: str | None) -> list[tuple[LoadedSkill, tuple[Case, ...]]]:
    """The skills that are to be tested with their tests: one by name or folder, or all that have some.

    Raises:
        NotFound: there is no such skill (CIS-SKILL-002), or it has no tests (CIS-CLI-013).
        Invalid: something is wrong with it, or with its tests (CIS-SKILL-003, 079).
        Refused: it is a project's and not trusted as it is now (CIS-PROJ-010): its tests are programs too.
    """
    from cis_tui.core.errors import Invalid, NotFound
    from cis_tui.core.text import clean_line, did_you_mean
    from cis_tui.skills.cases import CASES, read_cases
    from cis_tui.skills.checking import check_manifest
    from cis_tui.skills.manifest import MANIFEST
    from cis_tui.skills.registry import find_skills

    found = find_skills(context.home, context.project)
    if named is None:
        chosen = [skill for skill in found.values() if (Path(skill.file).parent / CASES).is_file()]
    elif named in found:
        chosen = [found[named]]
    elif (Path(named) / MANIFEST).is_file():
        chosen = [check_manifest(Path(named).absolute() / MANIFEST, context.home, context.project)]
    else:
        hint = did_you_mean(named, found) or "cis skill list shows all"
        raise NotFound("CIS-SKILL-002", f'there is no skill "{clean_line(named)}"', hint=hint)
    tests: list[tuple[LoadedSkill, tuple[Case, ...]]] = []
    for skill in chosen:
        path = Path(skill.file).parent / CASES
        if skill.manifest is None:
            raise Invalid("CIS-SKILL-003", f"the skill {skill.name} cannot run: {skill.problems[0]}")
        if not path.is_file():
            raise NotFound("CIS-CLI-013", f"there is no {CASES} in {path.parent}", hint="docs/skills.md shows one")
        _check_trust(context, skill)
        cases, problems = read_cases(path)
        if not cases:
            raise Invalid("CIS-SKILL-079", str(problems[0]), context={"problems": [str(each) for each in problems]})
        tests.append((skill, cases))
    return tests


def _check_trust(context: Context, skill: LoadedSkill) -> None:
    from cis_tui.core.paths import find_project
    from cis_tui.project.skills import untrusted
    from cis_tui.project.trust import TrustStore
    from cis_tui.skills.model import SkillOrigin

    file = Path(skill.file)
    root = find_project(file.parent) if skill.origin is SkillOrigin.PROJECT else None
    if root is not None and not TrustStore(context.home).covers(root, file):
        raise untrusted(f"the skill {skill.name}", root)


def new_arguments(parser: ArgumentParser) -> None:
    """The arguments of `cis skill new`."""
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--lang", choices=KINDS, default="python", help="what it is written in (default: python)")
    parser.add_argument("--wasm", action="store_true", help="the same as --lang wat")


def test_arguments(parser: ArgumentParser) -> None:
    """The arguments of `cis skill test`."""
    help = "a skill, or the folder of one (default: all that have tests)"
    parser.add_argument("name", metavar="NAME|DIR", nargs="?", help=help)
