"""`cis skill`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from cis_tui.cli.command import Command
from cis_tui.cli.commands.skill_making import new, new_arguments, test, test_arguments
from cis_tui.cli.context import Context
from cis_tui.cli.output import note, paint, show, show_json, status_word, table

if TYPE_CHECKING:
    from cis_tui.skills.model import ExportedCommand, SkillInfo


async def list_skills(context: Context, arguments: Namespace) -> int:
    """`cis skill list`."""
    skills = await _skills(context)
    if context.json:
        show_json(skills)
        return 0
    rows = [(skill.name, skill.version, skill.type, skill.origin, _state(skill), skill.description) for skill in skills]
    table(("NAME", "VERSION", "TYPE", "FROM", "STATE", "DESCRIPTION"), rows)
    return 0


async def show_skill(context: Context, arguments: Namespace) -> int:
    """`cis skill show NAME`."""
    from cis_tui.core.errors import NotFound
    from cis_tui.core.text import clean_line, did_you_mean

    skills = {skill.name: skill for skill in await _skills(context)}
    skill = skills.get(arguments.name)
    if skill is None:
        hint = did_you_mean(arguments.name, skills) or "cis skill list shows all"
        raise NotFound("CIS-SKILL-002", f'there is no skill "{clean_line(arguments.name)}"', hint=hint)
    show_json(skill) if context.json else _show(skill)
    return 0


def check(context: Context, arguments: Namespace) -> int:
    """`cis skill check [NAME|DIR]`: every problem of a manifest, or of all of the project; 5 if one is an error."""
    from cis_tui.cli.commands.dag import problem_line
    from cis_tui.core.errors import Exit
    from cis_tui.core.text import clean_line
    from cis_tui.skills.checking import check_manifest

    skills = [check_manifest(file, context.home, context.project) for file in _manifests(context, arguments.name)]
    if context.json:
        told = [{"name": skill.name, "file": skill.file, "problems": skill.problems} for skill in skills]
        show_json(told if arguments.name is None else told[0])
    for skill in () if context.json else skills:
        for problem in skill.problems:
            show(problem_line(problem))
        if skill.manifest is not None:
            show(f"{clean_line(skill.file)}: {status_word('ok')}, {clean_line(skill.name)}")
    if not skills and not context.json:
        note("no skills here")
    return Exit.DONE if all(skill.manifest is not None for skill in skills) else Exit.INVALID


def _manifests(context: Context, named: str | None) -> list[Path]:
    """The manifest that a person names by itself, its folder or its skill; without a name all of the project.

    Raises:
        NotFound: there is none (CIS-CLI-013).
    """
    from cis_tui.skills.model import SkillOrigin
    from cis_tui.skills.registry import find_skills

    found = find_skills(context.home, context.project) if named is None or not Path(named).exists() else {}
    if named is None:
        return [Path(skill.file) for skill in found.values() if skill.origin is SkillOrigin.PROJECT]
    return [Path(found[named].file) if named in found else _manifest(named)]


def _manifest(named: str) -> Path:
    from cis_tui.core.errors import NotFound
    from cis_tui.skills.manifest import MANIFEST

    path = Path(named).expanduser().absolute()
    file = path / MANIFEST if path.is_dir() else path
    if not file.is_file():
        hint = "name a skill, its folder, or its manifest; cis skill list shows all"
        raise NotFound(
            "CIS-CLI-013", f"there is no {MANIFEST} in {path}" if path.is_dir() else f"there is no {path}", hint=hint
        )
    return file


def schema(context: Context, arguments: Namespace) -> int:
    """`cis skill schema`: for editors that complete and check TOML."""
    from cis_tui.skills.checking import SCHEMA

    show(SCHEMA.read_text("utf-8").removesuffix("\n"))
    return 0


async def run(context: Context, arguments: Namespace) -> int:
    """`cis skill run NAME [ARG…]`: prints what the skill answers."""
    from cis_tui.cli.access import working
    from cis_tui.cli.results import show_result
    from cis_tui.cli.skill_calls import call_skill

    input = _input(arguments)
    async with working(context) as api:
        result = await call_skill(api, context, arguments.name, tuple(arguments.args), input, yes=arguments.yes)
    return show_result(context, result)


async def _skills(context: Context) -> tuple[SkillInfo, ...]:
    from cis_tui.cli.access import reading

    async with reading(context) as api:
        return await api.skill_list(context.project_path)


def _input(arguments: Namespace) -> dict[str, object]:
    from cis_tui.cli.arguments import json_object, text_of

    return json_object(text_of(arguments.input, "--input"))


def _state(skill: SkillInfo) -> str:
    if any(problem.severity == "error" for problem in skill.problems):
        return "invalid"
    return "ready" if skill.trusted else "untrusted"


def _show(skill: SkillInfo) -> None:
    from cis_tui.cli.commands.dag import problem_line
    from cis_tui.core.codec import encode
    from cis_tui.core.text import clean_line

    show(paint(f"{clean_line(skill.name)} {clean_line(skill.version)}", "bold"))
    facts = {"description": skill.description, "file": skill.file, "type": skill.type, "state": _state(skill)}
    facts["asks"] = f"before each call: {skill.confirm}" if skill.confirm else ""
    for name, value in facts.items():
        if value:
            show(f"{name:<12} {clean_line(value)}")
    for command in skill.exports:
        show(f"{'command':<12} {_command_line(skill, command)}")
    for need in skill.dependencies:
        show(f"{'needs':<12} {clean_line(f'{need.name} {need.version}'.strip())}")
    for name, granted in cast("dict[str, list[str]]", encode(skill.permissions)).items():
        if granted:
            show(f"{name:<12} {clean_line(', '.join(item or '(all public)' for item in granted))}")
    for gap in skill.not_enforced:
        show(f"{'not enforced':<12} {clean_line(gap)}, so each call is confirmed")
    for problem in skill.problems:
        show(problem_line(problem))


def _command_line(skill: SkillInfo, command: ExportedCommand) -> str:
    from cis_tui.core.text import clean_line
    from cis_tui.skills.arguments import synopsis

    words = synopsis(skill.name, command, several=len(skill.exports) > 1).split(" ", 4)
    return clean_line("  ".join(filter(None, (" ".join(words[3:]) or command.name, command.description))))


def _name(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")


def _checked(parser: ArgumentParser) -> None:
    help = "a skill, its folder, or its manifest (default: all of the project)"
    parser.add_argument("name", metavar="NAME|DIR", nargs="?", help=help)


def _run(parser: ArgumentParser) -> None:
    _name(parser)
    parser.add_argument(
        "args", metavar="ARG", nargs="*", default=[], help="for the skill; after -- also words that begin with -"
    )
    parser.add_argument("--input", metavar="JSON", default="{}", help="a JSON object for the skill; - reads stdin")
    parser.add_argument("--yes", action="store_true", help="confirm the call, if it has to be confirmed")


COMMANDS = (
    Command("list", "list the skills that can be called from here", list_skills),
    Command("show", "show one skill with what it may touch", show_skill, _name),
    Command("check", "check the manifests of skills and print every problem", check, _checked),
    Command("schema", "print the JSON schema of skill.toml, for editors", schema),
    Command("run", "call a skill and print what it answers", run, _run),
    Command("new", "write a skill that runs, with a test that passes", new, new_arguments),
    Command("test", "call skills as their tests.toml say, and compare", test, test_arguments),
)
