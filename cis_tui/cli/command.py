"""What a command is, as the parser and the help see it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from cis_tui.cli.context import Context

Outcome = int | Coroutine[object, object, int]
"""An exit code, or a coroutine that gives one."""


def no_arguments(parser: ArgumentParser) -> None:
    """The arguments of a command that takes none."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command, such as `cis memory get`."""

    name: str
    """Its last word."""
    help: str
    """One line."""
    run: Callable[[Context, Namespace], Outcome]
    arguments: Callable[[ArgumentParser], None] = no_arguments
    hidden: bool = False
    takes_program: bool = False
    """What comes after `--` is a program with its arguments, `arguments.program`; else words like those before it."""
    for_skills: bool = False
    """A confined skill may run it."""


@dataclass(frozen=True, slots=True)
class Group:
    """A first word of the command line and the module of `cis_tui.cli.commands` that has its commands.

    The module's `COMMANDS` holds one command of the group's own name, or the group's subcommands.
    """

    name: str
    help: str

    @property
    def module(self) -> str:
        return f"cis_tui.cli.commands.{self.name}"


GROUPS = (
    Group("init", "make a folder a project, with a working example"),
    Group("doctor", "check every part and say how to mend it"),
    Group("status", "engine, project, memory, runs, decisions and peers at a glance"),
    Group("memory", "remember values, encrypted or shared"),
    Group("dag", "look at DAGs, check them, run them"),
    Group("run", "look at runs, resume or cancel them"),
    Group("decision", "answer what runs wait for"),
    Group("skill", "look at skills, check them, run them"),
    Group("do", "ask for something in words: understood, shown, run"),
    Group("agent", "ask an agent, see which there are"),
    Group("peer", "pair nodes, say who may speak and what they are given"),
    Group("matrix", "meet other nodes and people in a room of a homeserver"),
    Group("trust", "let a project's DAGs and skills run"),
    Group("secret", "give remembered values to a program without showing them"),
    Group("config", "settings and where each comes from"),
    Group("engine", "an engine without a workspace"),
    Group("events", "what happens, one JSON object a line"),
    Group("mcp", "serve memory, DAGs and skills to an MCP client, or tell a client of it"),
    Group("completion", "completion of these commands for a shell"),
)
