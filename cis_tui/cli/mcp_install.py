"""`cis mcp install`: says how an MCP client is told of this server, or tells it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

from cis_tui.cli.context import Context
from cis_tui.cli.failure import usage
from cis_tui.cli.mcp_clients import CLIENTS, SERVER, McpClient, server_command, shown_command
from cis_tui.cli.output import note, show, show_json, table
from cis_tui.core.document import as_list, as_table
from cis_tui.core.errors import CisError, Invalid, Refused, cannot_write
from cis_tui.core.text import clean_line, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tomlkit import TOMLDocument

MAX_BYTES = 16_000_000


def install(context: Context, name: str, *, write: bool) -> int:
    """Print what adds this server to the client `name`, or with `write` add it; without a name, list the clients.

    Raises:
        UsageError: there is no such client (CIS-CLI-003), or none is named to be written to.
        CisError: see `add_server`.
    """
    if not name:
        if write:
            raise usage("cis mcp install --write needs a client", f"one of {', '.join(CLIENTS)}")
        rows = [(client.name, client.title, str(client.file())) for client in CLIENTS.values()]
        if context.json:
            show_json([{"name": name, "title": title, "file": file} for name, title, file in rows])
        else:
            table(("CLIENT", "IS", "SETTINGS"), rows)
        return 0
    client = CLIENTS.get(name)
    if client is None:
        hint = did_you_mean(name, CLIENTS) or f"one of {', '.join(CLIENTS)}; any other is given the command cis mcp"
        raise usage(f'cis mcp install knows no client "{clean_line(name)}"', hint)
    command = server_command(context.given_home, context.given_project)
    return _write(context, client, command) if write else _print(context, client, command)


def _print(context: Context, client: McpClient, command: list[str]) -> int:
    adds, file = client.adds(command), client.file()
    if context.json:
        show_json({"client": client.name, "command": adds, "file": str(file), "config": _config(client, command)})
        return 0
    if adds:
        show(shown_command(adds))
        note(f"this adds cis to {client.title}; or let cis write {file} with --write")
    else:
        show(_text(file, _config(client, command)).rstrip())
        note(f"this belongs into {file}; --write adds it")
    return 0


def _write(context: Context, client: McpClient, command: list[str]) -> int:
    file = client.file()
    backup = add_server(file, client.section, client.entry(command))
    if context.json:
        show_json({"client": client.name, "file": str(file), "backup": str(backup or ""), "written": backup != file})
    elif backup == file:
        show(f"{file} has cis already")
    else:
        show(f"added cis to {file}" + (f"; as it was before: {backup}" if backup else ""))
        note(f"{client.title} sees it when it starts the next time")
    return 0


def add_server(file: Path, section: str, entry: Mapping[str, object]) -> Path | None:
    """Add our server to a client's settings and keep everything else that is there.

    Returns:
        The copy of the file as it was; None if there was none; `file` itself if the server was there already.

    Raises:
        Invalid: the file cannot be read as JSON or TOML (CIS-MCP-010).
        Refused: another server has our name (CIS-MCP-011); the file changed meanwhile (CIS-MCP-012); it cannot be
            written (CIS-CORE-013).
        CisError: it could not be written without a loss (CIS-MCP-013).
    """
    target = Path(os.path.realpath(file))  # where a link leads: settings are often kept elsewhere
    before = _read(target)
    document = _parse(target, before)
    servers = _servers(target, document, section)
    there = servers.get(SERVER)
    if there is not None and _plain(there) == dict(entry):
        return file
    if there is not None and not _is_ours(there):
        hint = f"rename it, or add cis under another name by hand: {json.dumps(entry)}"
        raise Refused("CIS-MCP-011", f'{target} has another server named "{SERVER}"', hint=hint)
    servers[SERVER] = dict(entry)
    after = _dump(target, document)
    _refuse_loss(target, after, document)
    try:
        return _replace(target, before, after.encode())
    except OSError as error:
        raise cannot_write(target, error) from error


def _read(file: Path) -> bytes | None:
    """The bytes of a file; None if there is none."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise Invalid("CIS-MCP-010", f"{file} is larger than {MAX_BYTES // 1_000_000} MB")
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Invalid("CIS-MCP-010", f"{file} cannot be read: {error.strerror}") from error


def _parse(file: Path, content: bytes | None) -> dict[str, object]:
    import tomlkit
    from tomlkit.exceptions import ParseError

    try:
        text = (content or b"").decode("utf-8")
        if file.suffix == ".toml":
            return cast("dict[str, object]", tomlkit.parse(text))
        data: object = json.loads(text, object_pairs_hook=_once) if text.strip() else {}
    except (ValueError, ParseError, RecursionError) as error:
        hint = "add cis by hand: cis mcp install without --write prints it"
        raise Invalid("CIS-MCP-010", f"{file} cannot be read: {clean_line(str(error))}", hint=hint) from error
    return _table(file, data, "it")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a name stands in it twice")
    return fields


def _servers(file: Path, document: dict[str, object], section: str) -> dict[str, object]:
    if section not in document:
        if file.suffix == ".toml":
            import tomlkit

            document[section] = tomlkit.table(is_super_table=True)
        else:
            document[section] = {}
    return _table(file, document[section], section)


def _table(file: Path, value: object, what: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise Invalid("CIS-MCP-010", f"{file}: {what} is no table", hint="mend it, then try again")
    return cast("dict[str, object]", value)


def _is_ours(entry: object) -> bool:
    """Whether an entry starts a `cis mcp`, such as one of another home."""
    fields = as_table(_plain(entry))
    command = fields.get("command")
    words = [*([command] if isinstance(command, str) else as_list(command)), *as_list(fields.get("args"))]
    return len(words) > 1 and Path(str(words[0])).name == "cis" and words[1] == "mcp"


def _plain(value: object) -> object:
    return value.unwrap() if hasattr(value, "unwrap") else value  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]


def _config(client: McpClient, command: list[str]) -> dict[str, object]:
    return {client.section: {SERVER: client.entry(command)}}


def _text(file: Path, config: dict[str, object]) -> str:
    if file.suffix == ".toml":
        import tomlkit

        return tomlkit.dumps(config)  # pyright: ignore[reportUnknownMemberType]
    return json.dumps(config, indent=2)


def _dump(file: Path, document: dict[str, object]) -> str:
    if file.suffix == ".toml":
        import tomlkit

        return tomlkit.dumps(cast("TOMLDocument", document))  # pyright: ignore[reportUnknownMemberType]
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _refuse_loss(file: Path, after: str, document: dict[str, object]) -> None:
    """Make sure that what is about to be written reads back as what was meant.

    Raises:
        CisError: it does not (CIS-MCP-013).
    """
    finite = file.suffix == ".toml" or _is_finite(document)
    if not finite or _plain(_parse(file, after.encode())) != _plain(document):
        raise CisError("CIS-MCP-013", f"{file} could not be written without a loss; nothing was changed")


def _is_finite(document: dict[str, object]) -> bool:
    """Whether all its numbers are such that JSON has them."""
    try:
        json.dumps(document, allow_nan=False)
    except ValueError:
        return False
    return True


def _replace(file: Path, before: bytes | None, after: bytes) -> Path | None:
    """Put `after` in the place of the file, whose content was `before`, and keep a copy of that."""
    from cis_tui.core.paths import replacing

    file.parent.mkdir(parents=True, exist_ok=True)
    mode = file.stat().st_mode & 0o777 if before is not None else 0o600
    backup = None
    if before is not None:
        backup = file.with_name(f"{file.name}.before-cis-{time.strftime('%Y%m%d-%H%M%S')}")
        with replacing(backup) as copy:
            copy.write(before)
    if _read(file) != before:
        raise Refused("CIS-MCP-012", f"{file} was changed by another program meanwhile", hint="try again")
    with replacing(file) as new:
        os.fchmod(new.fileno(), mode)
        new.write(after)
    return backup
