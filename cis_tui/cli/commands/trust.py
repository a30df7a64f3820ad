"""`cis trust`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from cis_tui.cli.arguments import folder
from cis_tui.cli.command import Command
from cis_tui.cli.context import Context
from cis_tui.cli.output import note, paint, question, show, show_json

if TYPE_CHECKING:
    from cis_tui.project.model import TrustReport

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


async def trust(context: Context, arguments: Namespace) -> int:
    """Show what may not run yet, and let it run if the person agrees; off a terminal the command itself is the yes."""
    from cis_tui.cli.access import reading

    project = _project(context, arguments.dir)
    async with reading(context) as api:
        if arguments.revoke:
            await api.trust_revoke(project)
            show_json({"project": project, "trust": "untrusted"}) if context.json else show(f"{project} is not trusted")
            return 0
        report = await api.trust_report(project)
        if arguments.show:
            show_json(report) if context.json else _show(report)
            return 0
        if not context.json:
            _show(report)
        if not report.pending and not arguments.author and report.state != "untrusted":
            info = await api.project_open(project)
        else:
            author = arguments.author or (not arguments.yes and _ask(report))
            info = await api.trust_grant(project, report.digest, author=author)
    if context.json:
        show_json(info)
    else:
        show(f"{project} is trusted" + (", and so is what you write there later" if info.trust == "author" else ""))
    return 0


def _project(context: Context, dir: str | None) -> str:
    from cis_tui.core.errors import NotFound

    found = context.project_at(dir) if dir else context.project
    if found is None:
        raise NotFound("CIS-CLI-010", f"{Path.cwd()} is not in a project", hint="cis init makes it one")
    return str(found)


def _show(report: TrustReport) -> None:
    from cis_tui.core.text import clean, clean_line

    if not report.pending:
        note("nothing new or changed that could run")
    for item in report.pending:
        show(paint(f"{item.change} {clean_line(item.path)}", "bold"))
        for line in clean(item.diff).splitlines():
            show(f"  {paint(line, _COLOURS.get(line[:1], ''))}")


def _ask(report: TrustReport) -> bool:
    """Whether the person is the author of the project; off a terminal nobody is asked.

    Raises:
        Refused: the answer is no (CIS-CLI-014).
    """
    from cis_tui.core.errors import Refused
    from cis_tui.core.text import count

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    note(f"{count(len(report.pending), 'file')} may then run on this machine as you.")
    question("[y] trust them as they are  [a] I write this project, trust later changes too  [N] no: ")
    answer = sys.stdin.readline().strip().lower()
    if answer not in ("y", "yes", "a"):
        raise Refused("CIS-CLI-014", "nothing was trusted")
    return answer == "a"


def _arguments(parser: ArgumentParser) -> None:
    help = "the project (default: the one around this folder)"
    parser.add_argument("dir", metavar="DIR", nargs="?", type=folder, help=help)
    parser.add_argument("--author", action="store_true", help="you write it: later changes are trusted too")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--show", action="store_true", help="only show what would be trusted")
    parser.add_argument("--revoke", action="store_true", help="trust nothing of it any more")


COMMANDS = (Command("trust", "let a project's DAGs and skills run", trust, _arguments),)
