"""`cis` alone: the workspace."""

from __future__ import annotations

import gc
import os
import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from cis_tui.cli.command import Command
from cis_tui.cli.context import Context
from cis_tui.cli.failure import usage

if TYPE_CHECKING:
    from cis_tui.protocol import EngineApi


CANNOT_DRAW = ("dumb", "unknown")
"""Kinds of terminals on which there is no writing anywhere but at the end."""


def open_workspace(context: Context, arguments: Namespace) -> int:
    """Show the workspace until the person leaves it."""
    if context.json:
        raise usage("the workspace has no JSON form", "cis -h lists the commands that have")
    if not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):
        raise usage("the workspace needs a terminal", "cis -h lists the commands that need none")
    term = os.environ.get("TERM", "")
    if term in CANNOT_DRAW:
        raise usage(f"TERM={term}: such a terminal cannot show the workspace", "cis -h lists commands that need none")
    # What is made until the first paint stays: to look for garbage in it would cost a tenth of the time to it.
    gc.disable()
    from cis_tui.core.config import load_config
    from cis_tui.core.paths import PROJECT_DIR, PROJECT_FILE
    from cis_tui.tui.app import CisApp
    from cis_tui.tui.few_colours import name_all_colours

    home, project = context.home.ensure(), context.project
    project_file = project / PROJECT_DIR / PROJECT_FILE if project else None
    settings = load_config(home.config_file, project_file=project_file).settings

    async def connect() -> EngineApi:
        if not gc.isenabled():
            gc.freeze()
            gc.enable()
        from cis_tui.api.launch import launch

        engine = await launch(home, "face")
        if not arguments.read_only:
            return engine
        from cis_tui.tui.read_only import read_only

        return read_only(engine)

    name_all_colours(os.environ)
    app = CisApp(connect, project=project, settings=settings, home=home, read_only=arguments.read_only)
    app.run()
    return app.return_code or 0


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--read-only", action="store_true", help="look, and change nothing")


COMMAND = Command("cis", "open the workspace", open_workspace, _arguments)
