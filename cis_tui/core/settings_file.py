"""Changes one setting in config.toml, or takes it out, and leaves everything else in it as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from cis_tui.core.config import parse_setting, read_toml
from cis_tui.core.errors import Invalid
from cis_tui.core.paths import Home, real, write_private

if TYPE_CHECKING:
    from pathlib import Path

    from tomlkit import TOMLDocument
    from tomlkit.items import Table


def write_setting(home: Home, name: str, text: str) -> object:
    """Check `text` as the value of the setting `name` and write it; the value.

    Raises:
        NotFound: there is no such setting.
        Invalid: the value does not fit, or config.toml is damaged; nothing is written.
    """
    import tomlkit

    value = parse_setting(name, text, "the command line")
    path = home.config_file
    document = _read(path)
    section, _, item = name.partition(".")
    _section(document, section, str(path))[item] = _for_toml(value)
    write_private(real(path), tomlkit.dumps(document).encode())  # where a link leads: it may be kept elsewhere
    return value


def remove_setting(home: Home, name: str) -> bool:
    """Take the setting `name` out of config.toml; whether it was there.

    Raises:
        Invalid: config.toml is damaged; nothing is written.
    """
    import tomlkit

    path = home.config_file
    document = _read(path)
    section, _, item = name.partition(".")
    if section not in document or item not in (table := _section(document, section, str(path))):
        return False
    table.remove(item)
    write_private(real(path), tomlkit.dumps(document).encode())
    return True


def _read(path: Path) -> TOMLDocument:
    import tomlkit

    read_toml(path)
    return tomlkit.parse(path.read_text("utf-8")) if path.exists() else tomlkit.document()


def _for_toml(value: object) -> object:
    return list(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else value


def _section(document: TOMLDocument, name: str, file: str) -> Table:
    import tomlkit
    from tomlkit.items import Table

    if name not in document:
        document[name] = tomlkit.table()
    section = cast("object", document[name])
    if not isinstance(section, Table):
        raise Invalid("CIS-CORE-045", f'{file}: "{name}" is not a table', hint=f"write it as [{name}]")
    return section
