"""`cis` alone: the workspace."""

from __future__ import annotations

import sys
from argparse import Namespace

from cis_tui.cli.command import Command
from cis_tui.cli.context import Context
from cis_tui.cli.failure import usage


def open_workspace(context: Context, arguments: Namespace) -> int:
    """Show the workspace until the person leaves it."""
    if context.json:
        raise usage("the workspace has no JSON form", "cis -h lists the commands that have")
    if not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):
        raise usage("the workspace needs a terminal", "cis -h lists the commands that need none")
    from cis_tui.api.launch import launch
    from cis_tui.core.config import load_config
    from cis_tui.core.paths import PROJECT_DIR, PROJECT_FILE
    from cis_tui.tui.app import CisApp

    home, project = context.home.ensure(), context.project
    project_file = project / PROJECT_DIR / PROJECT_FILE if project else None
    settings = load_config(home.config_file, project_file=project_file).settings
    app = CisApp(lambda: launch(home, "face"), project=project, settings=settings, home=home)
    app.run()
    return app.return_code or 0


COMMAND = Command("cis", "open the workspace", open_workspace)
