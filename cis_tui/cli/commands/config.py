"""`cis config`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from cis_tui.cli.command import Command
from cis_tui.cli.context import Context
from cis_tui.cli.output import note, show, show_json, table

if TYPE_CHECKING:
    from cis_tui.core.config import Config


def show_config(context: Context, arguments: Namespace) -> int:
    """`cis config show`: every setting in force and where it comes from."""
    from cis_tui.core.config import setting_text
    from cis_tui.core.paths import theme_files

    config = _load(context)
    if context.json:
        show_json(config.values)
    else:
        rows = [(value.name, setting_text(value.value), value.source) for value in config.values]
        table(("NAME", "VALUE", "FROM"), rows)
        note(f"themes for ui.theme: {', '.join(theme_files(context.home))}")
    for warning in config.warnings:
        note(f"warning: {warning}")
    return 0


def get(context: Context, arguments: Namespace) -> int:
    """`cis config get KEY`: the value and nothing else."""
    from cis_tui.core.config import setting_text

    value = _load(context).get(arguments.key)
    show_json(value) if context.json else show(setting_text(value.value))
    return 0


def set_(context: Context, arguments: Namespace) -> int:
    """`cis config set KEY VALUE`: checked, then written to config.toml, whose comments stay."""
    from cis_tui.core.config import setting_text
    from cis_tui.core.paths import theme_file, theme_files
    from cis_tui.core.settings_file import write_setting

    if arguments.key == "ui.theme":
        theme_file(theme_files(context.home), arguments.value)
    value = write_setting(context.home.ensure(), arguments.key, arguments.value)
    in_force = _load(context).get(arguments.key)
    if context.json:
        show_json(in_force)
    else:
        show(f"{arguments.key} = {setting_text(value)}")
    if in_force.source != str(context.home.config_file):
        note(f"for now {in_force.source} overrides it: {setting_text(in_force.value)}")
    _tell_of_engine(context, arguments.key)
    return 0


def unset(context: Context, arguments: Namespace) -> int:
    """`cis config unset KEY`: out of config.toml, so that the project's or the default counts again."""
    from cis_tui.core.config import setting_text
    from cis_tui.core.settings_file import remove_setting

    _load(context).get(arguments.key)
    there = remove_setting(context.home.ensure(), arguments.key)
    value = _load(context).get(arguments.key)
    if context.json:
        show_json(value)
    else:
        show(f"{arguments.key} = {setting_text(value.value)}, from {value.source}")
    if not there:
        note(f"{context.home.config_file} did not set it")
    else:
        _tell_of_engine(context, arguments.key)
    return 0


def _tell_of_engine(context: Context, key: str) -> None:
    from cis_tui.core.lock import engine_live
    from cis_tui.p2p.settings import AT_START

    if key.removeprefix("p2p.") in AT_START and engine_live(context.home):
        note("an engine is live: it takes this up when it is started anew (cis engine stop)")


def _load(context: Context) -> Config:
    from cis_tui.core.config import load_config
    from cis_tui.core.paths import PROJECT_DIR, PROJECT_FILE

    project = context.project
    file = project / PROJECT_DIR / PROJECT_FILE if project else None
    return load_config(context.home.config_file, project_file=file)


def _key(parser: ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help="such as decisions.recommended")


def _set(parser: ArgumentParser) -> None:
    _key(parser)
    parser.add_argument("value", metavar="VALUE")


COMMANDS = (
    Command("show", "show every setting and where it comes from", show_config),
    Command("get", "print one setting", get, _key),
    Command("set", "write one setting to config.toml", set_, _set),
    Command("unset", "take one setting out of config.toml", unset, _key),
)
