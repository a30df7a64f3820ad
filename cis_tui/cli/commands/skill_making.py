"""`cis skill new` and `cis skill test`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from cis_tui.cli.context import Context
from cis_tui.cli.output import show, show_json, status_word

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from cis_tui.core.errors import CisError
    from cis_tui.skills.cases import Case
    from cis_tui.skills.model import SkillResult


def new(context: Context, arguments: Namespace) -> int:
    """`cis skill new NAME`: into the project, or into the home outside of any; trusts exactly what it wrote."""
    from cis_tui.core.paths import PROJECT_DIR
    from cis_tui.core.text import clean_line
    from cis_tui.project.trust import TrustStore
    from cis_tui.skills.making import make_skill

    root = context.project
    skills = root / PROJECT_DIR / "skills" if root else context.home.ensure().skills
    written = make_skill(skills, arguments.name, "wasm" if arguments.wasm else "python")
    if root is not None:
        TrustStore(context.home.ensure()).trust_written(root, written)
    if context.json:
        show_json({"name": arguments.name, "folder": written[0].parent, "written": written})
        return 0
    for path in written:
        show(f"wrote {clean_line(str(path))}")
    show(f"next: cis skill test {arguments.name}, then change it; cis skill check {clean_line(str(written[0].parent))}")
    return 0


async def test(context: Context, arguments: Namespace) -> int:
    """`cis skill test NAME`: 1 if a test fails."""
    from cis_tui.cli.access import working
    from cis_tui.core.errors import Exit
    from cis_tui.core.text import clean, clean_line
    from cis_tui.skills.cases import failure

    told: list[dict[str, object]] = []
    async with working(context) as api:
        for case in await _cases(context, arguments.name):
            came = await _came(api.skill_run(context.project_path, arguments.name, case.args, case.input))
            why = failure(case, came)
            told.append({"name": case.name, "ok": not why, "why": why})
            if not context.json:
                word = status_word("failed" if why else "ok")
                show(f"{word}  {clean_line(case.name)}{': ' if why else ''}{clean(why)}")
    if context.json:
        show_json(told)
    return Exit.FAILED if any(each["why"] for each in told) else Exit.DONE


async def _came(call: Awaitable[SkillResult]) -> SkillResult | CisError:
    from cis_tui.core.errors import CisError, NotFound, Refused

    try:
        return await call
    except (NotFound, Refused):
        raise
    except CisError as error:
        return error


async def _cases(context: Context, name: str) -> tuple[Case, ...]:
    """The tests of the skill `name`.

    Raises:
        NotFound: there is no such skill (CIS-SKILL-002), or it has no tests (CIS-CLI-013).
        Invalid: something is wrong with them (CIS-SKILL-079).
    """
    from cis_tui.cli.access import reading
    from cis_tui.core.errors import Invalid, NotFound
    from cis_tui.core.text import clean_line, did_you_mean
    from cis_tui.skills.cases import CASES, read_cases

    async with reading(context) as api:
        skills = {skill.name: skill for skill in await api.skill_list(context.project_path)}
    if name not in skills:
        hint = did_you_mean(name, skills) or "cis skill list shows all"
        raise NotFound("CIS-SKILL-002", f'there is no skill "{clean_line(name)}"', hint=hint)
    path = Path(skills[name].file).parent / CASES
    if not path.is_file():
        raise NotFound("CIS-CLI-013", f"there is no {CASES} in {path.parent}", hint="docs/wasm.md shows one")
    cases, problems = read_cases(path)
    if not cases:
        raise Invalid("CIS-SKILL-079", str(problems[0]), context={"problems": [str(each) for each in problems]})
    return cases


def new_arguments(parser: ArgumentParser) -> None:
    """The arguments of `cis skill new`."""
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--wasm", action="store_true", help="as WebAssembly text (default: Python)")
