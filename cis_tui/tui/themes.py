"""Themes from TOML files: those shipped, and those in `$CIS_HOME/themes`, which win."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import cast

from textual.theme import Theme

from cis_tui.core.config import read_toml
from cis_tui.core.errors import Invalid
from cis_tui.core.paths import Home
from cis_tui.core.text import did_you_mean

DEFAULT = "cis-dark"
_COLOURS = (
    "primary",
    "secondary",
    "warning",
    "error",
    "success",
    "accent",
    "foreground",
    "background",
    "surface",
    "panel",
    "boost",
)
_OTHER: Mapping[str, type] = {
    "name": str,
    "dark": bool,
    "ansi": bool,
    "text_alpha": float,
    "luminosity_spread": float,
    "variables": dict,
}


def load_theme(path: Path) -> Theme:
    """The theme in a file.

    Raises:
        Invalid: it is not TOML, or a field is unknown or of the wrong type (CIS-CORE-043, CIS-CORE-060).
    """
    from textual.color import Color, ColorParseError

    fields = read_toml(path)
    fields["name"] = path.stem
    for field, value in fields.items():
        kind = str if field in _COLOURS else _OTHER.get(field)
        if kind is None:
            raise _invalid(path, f'"{field}" is no field of a theme', did_you_mean(field, [*_COLOURS, *_OTHER]))
        if not isinstance(value, kind):
            raise _invalid(path, f'"{field}" must be {kind.__name__}, not {value!r}')
    if "primary" not in fields:
        raise _invalid(path, '"primary" is missing')
    for field in _COLOURS:
        try:
            Color.parse(str(fields.get(field, "#000000")))
        except ColorParseError:
            raise _invalid(path, f'"{field}": {fields[field]!r} is not a colour', "such as #7aa2c9") from None
    variables = cast("dict[str, object]", fields.get("variables", {}))
    fields["variables"] = {name: str(value) for name, value in variables.items()}
    return Theme(**cast("dict[str, str]", fields))  # pyright: ignore[reportArgumentType] # types were checked above


async def changed_themes(home: Home) -> AsyncIterator[set[str]]:
    """The names of themes of the home whose files were written, each time that some are; ends if it has no folder."""
    if not home.themes.is_dir():
        return
    from watchfiles import awatch

    async for changes in awatch(home.themes, recursive=False, debounce=200, step=20):
        yield {Path(path).stem for _, path in changes if path.endswith(".toml")}


def _invalid(path: Path, trouble: str, hint: str = "") -> Invalid:
    return Invalid("CIS-CORE-060", f"{path}: {trouble}", hint=hint)
