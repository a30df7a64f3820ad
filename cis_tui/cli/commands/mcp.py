"""`cis mcp`."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace

from cis_tui.cli.command import Command
from cis_tui.cli.context import Context
from cis_tui.cli.failure import usage


async def mcp(context: Context, arguments: Namespace) -> int:
    """`cis mcp`: serve one MCP client on stdin and stdout; `cis mcp install CLIENT`: tell a client of it."""
    if arguments.action is not None:
        from cis_tui.cli.mcp_install import install

        return install(context, arguments.client or "", write=arguments.write)
    if arguments.write:
        raise usage("cis mcp --write goes with install", "cis mcp install CLIENT --write")
    from cis_tui.agents.provider import CONVERSATION
    from cis_tui.api.mcp_server import serve

    await serve(context.home, context.project_path, os.environ.get(CONVERSATION, ""))
    return 0


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("action", metavar="install", nargs="?", choices=("install",), help="tell a client of it")
    parser.add_argument("client", metavar="CLIENT", nargs="?", help="such as claude; lists them without it")
    parser.add_argument("--write", action="store_true", help="add it to the client's settings; a copy is kept")


COMMANDS = (Command("mcp", "serve memory, DAGs and skills to an MCP client on stdio", mcp, _arguments),)
