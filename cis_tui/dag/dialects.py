"""How other programs, and older versions of this one, spell a task; each is turned into the contract's spelling."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from cis_tui.core.document import as_list, as_table, is_list, is_table
from cis_tui.core.tables import is_number
from cis_tui.core.text import clean_line
from cis_tui.dag.draft import Draft
from cis_tui.dag.model import LevelKind
from cis_tui.dag.shells import BASHES, PLAIN, bash_only

TASK_NAMES: Mapping[str, str] = {
    "depends_on": "deps",
    "dependencies": "deps",
    "timeout": "timeout_secs",
    "task_id": "id",
    "node_id": "id",
    "key": "id",
    "title": "name",
    "label": "name",
    "needs": "deps",
    "requires": "deps",
    "depends": "deps",
    "after": "deps",
    "upstream": "deps",
    "run": "command",
    "cmd": "command",
    "script": "command",
    "commands": "command",
    "steps": "command",
    "bash": "command",
    "exec": "command",
    "shell": "command",
    "uses": "skill",
    "operator": "type",
    "timeout_seconds": "timeout_secs",
    "timeout_sec": "timeout_secs",
    "timeout_s": "timeout_secs",
    "time_limit": "timeout_secs",
    "total_timeout": "total_timeout_secs",
    "decision_level": "level",
    "decision": "level",
    "when": "condition",
    "if": "condition",
    "environment": "env",
    "cwd": "work_dir",
    "workdir": "work_dir",
    "working_dir": "work_dir",
    "working_directory": "work_dir",
    "retries": "retry",
    "max_retries": "retry",
    "config": "input",
    "with": "input",
    "inputs": "input",
    "params": "input",
    "parameters": "input",
    "arguments": "args",
}
LEVEL_NAMES: Mapping[str, str] = {
    "timeout_secs": "timeout",
    "timeout_seconds": "timeout",
    "kind": "type",
    "level": "type",
    "name": "type",
    "default": "default_action",
    "voters": "stakeholders",
    "approvers": "stakeholders",
}
RETRY_NAMES: Mapping[str, str] = {
    "max_retries": "max",
    "retries": "max",
    "count": "max",
    "limit": "max",
    "delay": "backoff",
    "delay_secs": "backoff",
    "initial_delay": "backoff",
    "backoff_secs": "backoff",
    "multiplier": "factor",
    "backoff_factor": "factor",
    "max_backoff": "max_delay",
    "max_delay_secs": "max_delay",
}

_SHELLS = frozenset(
    {"shell-exec", "shell_exec", "shellexec", "shell", "sh", "bash", "exec", "command", "cmd", "script"}
)
_LINES = ("run", "script", "commands", "steps")
"""Fields in which a list is a script, a line each, and not the words of one command."""
_COMMANDS = frozenset({"command", *(old for old, new in TASK_NAMES.items() if new == "command" and old != "shell")})
_ID_NAMES = ("id", "task_id", "task", "name")
_LEVELS = frozenset(kind.value for kind in LevelKind)
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|secs?|seconds?|m|mins?|minutes?|h|hours?)\s*", re.IGNORECASE)


def normalise_task(task: Draft) -> None:
    """Turn one task into the contract's shape."""
    shell = _interpreter(task)
    _script(task)
    _args_table(task)
    if "dag" in task.data and "params" in task.data and "input" not in task.data:
        task.move("params", "input")
    task.rename({old: new for old, new in TASK_NAMES.items() if not (old == "shell" and task.data.get(old) is True)})
    _identity(task)
    _type(task)
    _shell(task)
    _command_and_args(task)
    _run_by(task, shell)
    seconds(task, "timeout_secs")
    seconds(task, "total_timeout_secs")
    _level(task)
    retry = task.inner("retry")
    if retry is not None:
        _retry(retry)
    if isinstance(task.data.get("condition"), bool):
        task.data["condition"] = str(task.data["condition"]).lower()
    _deps(task)


def _interpreter(task: Draft) -> str:
    """The shell that the file names for the task: by its skill, or beside its command; empty if it names none."""
    skill, shell = task.data.get("skill", task.data.get("type")), task.data.get("shell")
    if isinstance(shell, str) and not shell.strip().count(" ") and _COMMANDS & task.data.keys():
        del task.data["shell"]
        if shell in PLAIN | BASHES:
            task.warn("shell", f'"shell" is read as what runs the command ("{shell}")')
            return shell
        message = f'the command is for "{clean_line(shell, limit=60)}", and would be run by /bin/sh'
        task.notes.error((*task.source, "shell"), message, 'name the program: args = ["PROGRAM", "-c", "…"]')
    if isinstance(skill, str) and skill in PLAIN | BASHES:
        return skill
    return "any" if isinstance(skill, str) and skill != "shell" and skill.lower() in _SHELLS else ""


def _run_by(task: Draft, shell: str) -> None:
    """Let bash run what is for bash."""
    command, args = task.data.get("command"), task.data.get("args")
    if shell and task.data.get("skill") == shell and is_list(args):
        task.data["skill"] = "shell"
        task.data["args"] = [shell, *args]
        task.warn("skill", f'the skill "{shell}" is read as the program that gets "args"')
    if not isinstance(command, str) or "args" in task.data:
        return
    odd = bash_only(command)
    if shell in BASHES or (shell == "any" and odd):
        task.data["args"] = [shell if shell in BASHES else "bash", "-c", command]
        task.notes.moved[(*task.path, "args")] = task.notes.place((*task.path, "command"))
        del task.data["command"]
        if odd and shell == "any":
            task.warn("command", f"{odd} is for bash, which runs this command; /bin/sh would take it as text")
    elif odd:
        hint = 'let bash run it: command = ["bash", "-c", "…"]'
        task.warn("command", f"{odd} is for bash; /bin/sh, which runs the command, takes it otherwise", hint)


def _script(task: Draft) -> None:
    for field in _LINES:
        lines = [_line(item) for item in as_list(task.data.get(field))]
        if lines and all(lines):
            task.data[field] = "\n".join(["set -e", *lines])
            task.warn(
                field, f'the list "{field}" is read as a script, one command a line, that ends at the first failure'
            )


def _line(item: object) -> str:
    """One command of a list: the text itself, or what a table has to run; empty if it is something else."""
    text = as_table(item).get("run", as_table(item).get("command")) if is_table(item) else item
    return text if isinstance(text, str) else ""


def _args_table(task: Draft) -> None:
    for field in ("args", "arguments"):
        if is_table(task.data.get(field)) and "input" not in task.data:
            task.move(field, "input")
            task.warn(field, f'the table "{field}" is read as "input"')


def _deps(task: Draft) -> None:
    deps = task.data.get("deps")
    if isinstance(deps, str):
        task.data["deps"] = [deps]
    tables = [item for item in as_list(deps) if is_table(item)]
    if tables and len(tables) == len(as_list(deps)):
        ids = [next((table[name] for name in _ID_NAMES if name in table), table) for table in tables]
        task.data["deps"] = ids
        task.warn("deps", 'tables in "deps" are read as the ids in them')


def _identity(task: Draft) -> None:
    id, name = task.data.get("id"), task.data.get("name")
    if isinstance(id, (int, float)) and not isinstance(id, bool):
        task.data["id"] = str(id)
    elif id is None and isinstance(name, str) and name.strip():
        task.data["id"] = name.strip()
        task.warn("name", 'a task without "id" is called by its "name"')


def _type(task: Draft) -> None:
    """`type` + `action` + `config`, as test frameworks write it: the type is the skill, the rest its input."""
    kind = task.data.get("type")
    if isinstance(kind, str) and kind and not {"skill", "command", "agent", "prompt"} & task.data.keys():
        task.warn("type", f'"type" is read as the skill ("{clean_line(kind, limit=60)}")')
        task.move("type", "skill")
    elif isinstance(kind, str) and kind.lower() in _SHELLS and "command" in task.data:
        del task.data["type"]
    action = task.data.get("action")
    if (
        isinstance(action, str)
        and "skill" in task.data
        and (is_table(task.data.get("input")) or "input" not in task.data)
    ):
        task.warn("action", '"action" is read as "input.action"')
        task.data["input"] = dict(as_table(task.data.get("input"))) | {"action": task.data.pop("action")}


def _shell(task: Draft) -> None:
    """Other names of the shell skill, and a command that stands in its input."""
    skill = task.data.get("skill")
    if not isinstance(skill, str) or skill.lower() not in _SHELLS:
        return
    input = as_table(task.data.get("input"))
    inner = next((field for field in ("command", "cmd", "run", "script") if isinstance(input.get(field), str)), None)
    if "command" not in task.data and "args" not in task.data and inner is not None:
        task.data["command"] = input[inner]
        task.data["input"] = {field: value for field, value in input.items() if field != inner}
        task.notes.moved[(*task.path, "command")] = (*task.notes.place((*task.path, "input")), inner)
        task.warn("input", f'"{inner}" in the input of a shell task is read as its "command"')
    if skill != "shell" and ("command" in task.data or "-" in skill or "_" in skill):
        task.data["skill"] = "shell"
        task.warn("skill", f'the skill "{skill}" is taken as "shell": its commands are run by /bin/sh')


def _command_and_args(task: Draft) -> None:
    command, args = task.data.get("command"), task.data.get("args")
    if isinstance(command, str) and is_list(args) and args and all(isinstance(word, str) for word in args):
        task.data["command"] = f"{command} {shlex.join(map(str, args))}"
        del task.data["args"]
        task.warn("args", '"args" beside "command" are added to its line as words')


def seconds(table: Draft, field: str) -> None:
    """`"5m"` as a number of seconds."""
    value = table.data.get(field)
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is not None:
        unit = match.group(2).lower()
        factor = 0.001 if unit == "ms" else {"s": 1, "m": 60, "h": 3600}[unit[0]]
        seconds = table.data[field] = float(match.group(1)) * factor
        table.notes.warn((*table.path, field), f'"{value}" is read as {seconds:g} second{"s" * (seconds != 1)}')


def _level(task: Draft) -> None:
    value = task.data.get("level")
    if isinstance(value, str):
        task.data["level"] = {"type": value}
        task.notes.moved[(*task.path, "level", "type")] = task.notes.place((*task.path, "level"))
    level = task.inner("level")
    if level is None:
        return
    _tagged(level)
    level.rename(LEVEL_NAMES)
    for field in ("type", "default_action"):
        word = level.data.get(field)
        if isinstance(word, str):
            level.data[field] = word.strip().lower()
    seconds(level, "timeout")
    if "retry" in level.data:
        retry = level.data.pop("retry")
        if "retry" not in task.data:
            task.data["retry"] = retry
            task.notes.moved[(*task.path, "retry")] = (*level.source, "retry")


def _tagged(level: Draft) -> None:
    """`{ Confirmed = { timeout_secs = 60 } }`, as a Rust program writes its enums."""
    if len(level.data) != 1:
        return
    [(tag, fields)] = level.data.items()
    if tag.lower() in _LEVELS and (is_table(fields) or fields is None):
        del level.data[tag]
        level.data.update(as_table(fields))
        level.data["type"] = tag
        level.warn(tag, f'the level "{tag}" is read as type = "{tag.lower()}"')
        for field in as_table(fields):
            level.notes.moved[(*level.path, field)] = (*level.source, tag, field)


def _retry(retry: Draft) -> None:
    for field in ("max_attempts", "attempts"):
        attempts = retry.data.get(field)
        if is_number(attempts) and attempts >= 1 and "max" not in retry.data:
            retry.move(field, "max")
            retry.data["max"] = attempts - 1
            retry.warn(
                field, f'"{field}" counts the first attempt too: {attempts:g} of them are max = {attempts - 1:g}'
            )
    retry.rename(RETRY_NAMES)
    for field in ("backoff", "max_delay"):
        seconds(retry, field)
