"""What a manifest permits, in this and in older dialects."""

from __future__ import annotations

import os
from collections.abc import Mapping

from cis_tui.core.document import is_list
from cis_tui.core.tables import Table
from cis_tui.core.text import clean_line
from cis_tui.skills.model import Permissions

MAX_PORT = 65_535
_WHOLE: Mapping[str, tuple[str, ...]] = {
    "memory_read": ("",),
    "memory_write": ("",),
    "filesystem": ("read:.", "write:."),
    "command": ("*",),
    "network": ("*",),
}
"""What `true` means for each permission."""
_PERMISSION_NAMES: Mapping[str, str] = {
    "memory": "memory_read",
    "fs": "filesystem",
    "files": "filesystem",
    "file_system": "filesystem",
    "commands": "command",
    "exec": "command",
    "shell": "command",
    "net": "network",
}


def read_permissions(top: Table) -> Permissions:
    value = top.get("permissions")
    if is_list(value):
        top.notes.warn(top.at("permissions"), "the list [[permissions]] is read as one table [permissions]")
        value = _merged(top)
    table = Table(value, top.at("permissions"), top.notes)
    for field in [name for name in table.data if name in _PERMISSION_NAMES]:
        table.notes.warn(table.at(field), f'the permission "{field}" is read as "{_PERMISSION_NAMES[field]}"')
    granted = {name: _permission(table, name) for name in _WHOLE}
    table.finish()
    return Permissions(**granted)


def _permission(table: Table, name: str) -> tuple[str, ...]:
    found = [field for field in (name, *_PERMISSION_NAMES) if _PERMISSION_NAMES.get(field, field) == name]
    given: tuple[str, ...] = ()
    for field in found:
        value = table.get(field)
        if value is True:
            given += _WHOLE[name]
            if name not in ("memory_read", "memory_write"):
                shown = ", ".join(f'"{item}"' for item in _WHOLE[name])
                table.notes.warn(table.at(field), f'"{field} = true" is taken as [{shown}]')
        elif isinstance(value, str):
            given += (value,)
            table.notes.warn(table.at(field), f'the text "{field}" is taken as a list of one')
        elif value not in (None, False):
            given += table.texts(field, what="true, false or a list of texts")
    _check_permission(table, name, given)
    return tuple(dict.fromkeys(given))


def _check_permission(table: Table, name: str, given: tuple[str, ...]) -> None:
    for item in given:
        if name == "filesystem" and not item.startswith(("read:", "write:")):
            table.wrong((name,), item, '"read:PATH" or "write:PATH"')
        elif name == "filesystem" and leaves_project(item.partition(":")[2]):
            table.wrong((name,), item, "a path in the project, such as read:. or write:build/")
        elif name == "network" and item != "*" and not _is_host(item):
            message = (
                f'"{clean_line(item, limit=60)}" grants no network: it is no "host:port", such as "example.org:443"'
            )
            table.notes.warn(table.at(name), message)


def leaves_project(path: str) -> bool:
    """Whether a path of a permission names something outside of the project."""
    return os.path.isabs(path) or path.startswith("~") or os.path.normpath(path).split(os.sep)[0] == os.pardir


def _is_host(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and port.isdecimal() and 0 < int(port) <= MAX_PORT


def _merged(top: Table) -> dict[str, object]:
    """`[[permissions]]`, each with `type`/`name` and perhaps `value`/`paths`/`hosts`, as one table."""
    merged: dict[str, object] = {}
    for table in top.tables("permissions"):
        name = table.line("type") or table.line("name") or table.line("resource")
        if not name:
            merged.update(table.data)
            continue
        values = [
            value for field, value in table.data.items() if field not in ("type", "name", "resource", "description")
        ]
        lists = [value for value in values if is_list(value)]
        merged[name] = (
            [item for value in lists for item in value] if lists else all(value is not False for value in values)
        )
    return merged
