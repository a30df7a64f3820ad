"""`cis init`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from cis_tui.cli.arguments import folder
from cis_tui.cli.command import Command
from cis_tui.cli.context import Context
from cis_tui.cli.output import show, show_json


def init(context: Context, arguments: Namespace) -> int:
    """Make a folder a project and this machine a node; trust exactly what was written."""
    from cis_tui.cli.failure import usage
    from cis_tui.core.errors import cannot_write
    from cis_tui.core.identity import node_id
    from cis_tui.core.paths import find_project
    from cis_tui.core.text import clean_line
    from cis_tui.project.scaffold import init_project
    from cis_tui.project.trust import TrustStore

    root = Path(arguments.dir).expanduser().absolute()
    if root.exists() and not root.is_dir():
        raise usage(f"{root} is a file, and a project is a folder", "cis init DIR makes DIR, if it is not there")
    around = find_project(root.parent) if root.parent != root else None
    home = context.home.ensure()
    did = node_id(home)
    try:
        root.mkdir(parents=True, exist_ok=True)
        written = init_project(root)
    except OSError as error:
        raise cannot_write(error.filename or root, error) from error
    TrustStore(home).trust_written(root, written)
    if context.json:
        show_json({"project": root, "written": written, "did": did})
        return 0
    for path in written:
        show(f"wrote {clean_line(str(path))}")
    if not written:
        show(f"{clean_line(str(root))} is a project already; nothing was changed")
    if around is not None:
        show(f"it lies inside the project {clean_line(str(around))}")
    show(f"you are {did}")
    show("next: cis dag run tour, or cis for the workspace")
    return 0


def _dir(parser: ArgumentParser) -> None:
    help = "the folder (default: this one)"
    parser.add_argument("dir", metavar="DIR", nargs="?", type=folder, default=".", help=help)


COMMANDS = (Command("init", "make a folder a project, with a working example", init, _dir),)
