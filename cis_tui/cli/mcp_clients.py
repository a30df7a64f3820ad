"""The MCP clients that can be told of `cis mcp`, and where each keeps its servers (their own documentation, 2026)."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

SERVER = "cis"
"""The name of the server in the client's settings."""


@dataclass(frozen=True, slots=True)
class McpClient:
    """One client."""

    name: str
    title: str
    file: Callable[[], Path]
    """Its settings, JSON or TOML by the name's ending."""
    section: str
    """The table that has a table for each server."""
    entry: Callable[[list[str]], dict[str, object]]
    """What it wants to know of a server, from the server's command."""
    adds: Callable[[list[str]], list[str]] = lambda command: []
    """The client's own command that adds a server; empty if it has none."""


def _plain(command: list[str]) -> dict[str, object]:
    return {"command": command[0], "args": command[1:]}


def _home(name: str, *parts: str, variable: str = "") -> Callable[[], Path]:
    """A file below the folder that the environment names, else in the home directory."""

    def find() -> Path:
        named = os.environ.get(variable, "") if variable else ""
        return Path(named, *parts) if named else Path.home().joinpath(name, *parts)

    return find


CLIENTS: Mapping[str, McpClient] = {
    client.name: client
    for client in (
        McpClient(
            "claude",
            "Claude Code",
            _home("", ".claude.json", variable="CLAUDE_CONFIG_DIR"),
            "mcpServers",
            lambda command: {"type": "stdio", **_plain(command), "env": {}},
            lambda command: ["claude", "mcp", "add", "--scope", "user", SERVER, "--", *command],
        ),
        McpClient(
            "codex",
            "Codex",
            _home(".codex", "config.toml", variable="CODEX_HOME"),
            "mcp_servers",
            _plain,
            lambda command: ["codex", "mcp", "add", SERVER, "--", *command],
        ),
        McpClient(
            "gemini",
            "Gemini CLI",
            _home(".gemini", "settings.json"),
            "mcpServers",
            _plain,
            lambda command: ["gemini", "mcp", "add", "-s", "user", SERVER, *command],
        ),
        McpClient("cursor", "Cursor", _home(".cursor", "mcp.json"), "mcpServers", _plain),
        McpClient(
            "opencode",
            "opencode",
            _home(".config", "opencode", "opencode.json", variable="XDG_CONFIG_HOME"),
            "mcp",
            lambda command: {"type": "local", "command": command, "enabled": True},
        ),
    )
}


def server_command(home: str | None, project: str | None) -> list[str]:
    """The command that clients start: this program, for the home and the project that are in force here.

    Without a project, it serves the one around the folder in which the client starts it.
    """
    own = Path(sys.executable).with_name("cis")
    found = shutil.which("cis")
    same = found is not None and own.exists() and os.path.samefile(found, own)
    command = ["cis" if same or not own.exists() else str(own), "mcp"]
    home = home or os.environ.get("CIS_HOME")
    if home:
        command += ["--home", os.path.abspath(os.path.expanduser(home))]
    if project:
        command += ["--project", os.path.abspath(os.path.expanduser(project))]
    return command


def shown_command(words: list[str]) -> str:
    """A command as it is typed."""
    return shlex.join(words)
