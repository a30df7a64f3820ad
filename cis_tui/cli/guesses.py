"""What a person most likely meant by a word that other commands know and `cis` calls something else."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from cis_tui.cli.command import GROUPS, Group
from cis_tui.core.text import did_you_mean

WORDS = {
    "list": ("ls", "all"),
    "get": ("show", "cat", "read", "print", "view", "value"),
    "show": ("get", "view", "describe", "inspect", "info", "cat", "list", "ls"),
    "status": ("show", "info", "state"),
    "delete": ("rm", "remove", "del", "forget", "unset"),
    "forget": ("rm", "remove", "delete", "del", "unpair"),
    "unset": ("rm", "remove", "delete", "reset"),
    "new": ("create", "add", "make", "init", "scaffold"),
    "set": ("add", "put", "write", "create", "new", "edit", "update", "remember"),
    "add": ("new", "create", "connect"),
    "cancel": ("stop", "kill", "abort", "end", "delete", "rm"),
    "stop": ("kill", "end", "down", "exit"),
    "start": ("run", "up", "serve", "launch"),
    "run": ("start", "call", "exec", "execute", "invoke", "apply"),
    "rerun": ("retry", "restart", "again", "repeat"),
    "resume": ("continue", "unpause", "start"),
    "rollback": ("undo", "revert", "restore"),
    "undo": ("revert", "restore", "rollback"),
    "search": ("find", "grep", "query"),
    "history": ("log", "versions"),
    "logs": ("log", "output", "tail"),
    "approve": ("accept", "yes", "ok", "confirm", "allow"),
    "reject": ("deny", "no", "decline", "refuse"),
    "allow": ("accept", "approve", "trust"),
    "deny": ("block", "ban", "reject"),
    "check": ("lint", "validate", "verify"),
    "validate": ("lint", "check", "verify"),
    "export": ("dump", "backup", "save"),
    "import": ("load", "restore"),
    "pair": ("invite", "join", "connect"),
    "send": ("say", "post"),
    "messages": ("read", "history"),
    "ask": ("chat", "prompt", "say"),
}
"""Names of commands, and what else they are called elsewhere."""
_OPTIONS = {
    "--public": "--domain public",
    "--private": "--domain private",
    "-y": "--yes",
    "--force": "--yes",
    "--param": "-p key=value",
    "--set": "-p key=value",
    "-d": "--detach",
    "--background": "--detach",
    "-n": "--limit N",
    "-o": "--output FILE",
    "-F": "--follow",
    "-V": "--version",
    "-v": "--version",
}
"""Options of others, and what is written here; it counts where its first word is an option."""
_SHOWN = 3
"""At most so many commands are named when a word fits several."""


def command_hint(word: str, group: Group | None, names: Collection[str]) -> str:
    """What was meant by `word` where one of `names`, the commands of `group` or all groups, was expected."""
    if group is None:
        found = _elsewhere(word)
        told = f"{', '.join(found[:-1])}{' or ' if found[1:] else ''}{found[-1]}" if found else ""
        return f"did you mean {told}?" if told else did_you_mean(word, names)
    same = _same(word, names)
    if same:
        return f'did you mean "{same}"?'
    runs = "cis dag run NAME runs a DAG; cis run -h lists what is done with its runs" if group.name == "run" else ""
    return did_you_mean(word, names) or runs


def option_hint(word: str, options: Collection[str]) -> str:
    """What was meant by an option that there is not; empty for no idea."""
    known = _OPTIONS.get(word, "")
    if known and known.split()[0] in options:
        return f'did you mean "{known}"?'
    return did_you_mean(word, options)


def missing_hint(prog: str, message: str) -> str:
    """Where the name comes from that a call of `prog` is missing; empty if nothing lists such."""
    from cis_tui.cli.app import commands_of

    _, name, command = (*prog.split(), "", "")[:3]
    wanted = message.partition("required: ")[2].split(", ")[0]
    named = wanted in ("ID", "KEY", "NAME", "NAME|FILE", "PEER") and command not in ("set", "new", "add")
    group = next((group for group in GROUPS if group.name == name), None)
    lists = group is not None and any(command.name == "list" for command in commands_of(group))
    return f"cis {name} list shows what there is; {prog} -h tells more" if named and lists else ""


def _same(word: str, names: Iterable[str]) -> str:
    return next((name for name in names if word in WORDS.get(name, ())), "")


def _elsewhere(word: str) -> list[str]:
    """The commands of the groups that are called so, else those that are called so elsewhere."""
    from cis_tui.cli.app import commands_of

    exact: list[str] = []
    alike: list[str] = []
    for group in GROUPS:
        names = [command.name for command in commands_of(group) if not command.hidden and command.name != group.name]
        same = _same(word, names)
        if word in names:
            exact.append(f'"cis {group.name} {word}"')
        elif same:
            alike.append(f'"cis {group.name} {same}"')
    return (exact or alike)[:_SHOWN]
