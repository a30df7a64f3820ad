"""Every setting in force, where its value comes from, and a way to change it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widgets import Input

from cis_tui.core.attribute_docs import setting_words
from cis_tui.core.config import CHOICES, RANGES, Config, SettingValue, load_config, parse_setting, setting_text
from cis_tui.core.errors import CisError
from cis_tui.core.paths import PROJECT_DIR, PROJECT_FILE, Home, theme_file, theme_files
from cis_tui.core.settings_file import write_setting
from cis_tui.tui.desk import Desk
from cis_tui.tui.paint import Line, Tone, fit, shown, wrap
from cis_tui.tui.read_only import looks_only
from cis_tui.tui.screens.dialog import Dialog
from cis_tui.tui.screens.form import Field, FormDialog
from cis_tui.tui.widgets.painted import LineWidget
from cis_tui.tui.widgets.rows import RowList

if TYPE_CHECKING:
    from pathlib import Path

    from textual.app import ComposeResult

THEME = "ui.theme"
NAME = 24
SOURCE = 14


class SettingList(RowList, can_focus=False):
    """One row a setting; the line above has the keys."""

    def __init__(self, home: Home) -> None:
        super().__init__(id="dialog-options")
        self.found: Sequence[SettingValue] = ()
        self._home = home

    def empty(self) -> list[Line]:
        """See `RowList`."""
        return [[("no setting has these letters", Tone.DIM)]]

    def row(self, index: int, width: int) -> Line:
        """Name, value and source; what was set stands out."""
        setting = self.found[index]
        source = "config.toml" if setting.source == str(self._home.config_file) else setting.source
        source = source.rsplit("/", 1)[-1]
        is_set = source != "default"
        value = "(all)" if setting.value == ("",) else shown(setting_text(setting.value)) or "(empty)"
        return [
            (fit(setting.name, NAME), Tone.STRONG if is_set else Tone.PLAIN),
            (fit(value, max(4, width - NAME - SOURCE - 1)), Tone.CODE),
            (fit(f" {shown(source)}", SOURCE + 1), Tone.PLAIN if is_set else Tone.DIM),
        ]


class About(LineWidget):
    """What a setting is for."""

    def __init__(self) -> None:
        super().__init__(id="setting-about")
        self._words = ""

    def show(self, words: str) -> None:
        """Say it."""
        self._words = words
        self.repaint_changed()

    def line(self, y: int, width: int) -> Line:
        """One of its lines."""
        lines = wrap([(self._words, Tone.DIM)], width)
        return lines[y] if y < len(lines) else ()


class SettingsDialog(Dialog[None]):
    """Lists what fits the letters that are typed; Enter changes one, in config.toml."""

    DEFAULT_CLASSES = "-tall"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "change", "change", priority=True, id="settings.change"),
        Binding("up", "move(-1)", "Up", show=False, priority=True, id="list.up"),
        Binding("down", "move(1)", "Down", show=False, priority=True, id="list.down"),
    ]

    def __init__(
        self, desk: Desk, home: Home, config: Config, changed: Callable[[str, object], object], letters: str = ""
    ) -> None:
        """`changed` is told the name and the value of what was written; `letters` narrow at first."""
        super().__init__("Settings and where each comes from")
        self._desk = desk
        self._home = home
        self._config = config
        self._changed = changed
        self._list = SettingList(home)
        self._about = About()
        self._first = letters
        self._letters = Input(
            letters, placeholder="part of a name, or of what it is for", compact=True, id="settings-letters"
        )
        self._letters.cursor_blink = False

    def content(self) -> ComposeResult:
        """What is looked for, and what is found."""
        yield self._letters
        yield self._list
        yield self._about

    def on_mount(self) -> None:
        """The line has the keys."""
        self._letters.focus()
        self._list.styles.height = len(self._config.values)
        self._look()

    @on(Input.Changed, "#settings-letters")
    def _look(self) -> None:
        letters = self._letters.value.strip().lower()
        named = [setting for setting in self._config.values if letters in setting.name]
        told = [setting for setting in self._config.values if letters in setting_words().get(setting.name, "").lower()]
        self._list.found = [*named, *(setting for setting in told if setting not in named)]
        self._list.show_rows(len(self._list.found), cursor=0)
        self._tell()

    @on(RowList.Moved)
    def _tell(self) -> None:
        chosen = self._list.found[self._list.cursor : self._list.cursor + 1]
        self._about.show(setting_words().get(chosen[0].name, "") if chosen else "")

    def action_move(self, step: int) -> None:
        """Move the cursor."""
        self._list.action_move(step)

    def action_change(self) -> None:
        """Ask for another value of the setting under the cursor."""
        untouched = self.deaf and self._letters.value == self._first
        if untouched or not self._list.found or looks_only(self._desk):
            return
        setting = self._list.found[self._list.cursor]
        themes = theme_files(self._home)
        field = Field(setting.name, setting_text(setting.value), _allowed(setting.name, themes))

        def send(given: dict[str, str], form: FormDialog) -> None:
            if given[setting.name] == setting_text(setting.value):
                form.taken()
            else:
                self.run_worker(self._write(setting.name, given[setting.name], form))

        complaint = partial(_complaint, themes)
        self._desk.dialog(FormDialog(f"Change {setting.name}", [field], complaint, send=send))

    async def _write(self, name: str, text: str, form: FormDialog) -> None:
        try:
            value = await asyncio.to_thread(write_setting, self._home.ensure(), name, text)
            self._config = await asyncio.to_thread(read_config, self._home, self._desk.store.project_root)
        except CisError as error:
            form.refused(error)
            return
        form.taken()
        cursor = self._list.cursor
        self._look()
        self._list.show_rows(len(self._list.found), cursor=min(cursor, len(self._list.found) - 1))
        source = self._config.get(name).source
        if source == str(self._home.config_file):
            self._changed(name, value)
            hint = "a workspace takes it" if name.startswith("ui.") else "a live engine takes some settings"
            self._desk.say(f"{name} is written", hint="" if name == THEME else f"{hint} at its next start")
        else:
            self._desk.say(f"{name} is written", hint=f"for now {source} overrides it")


def read_config(home: Home, project: str) -> Config:
    """The settings in force in a project folder, or in none for an empty path.

    Raises:
        CisError: a file cannot be read or is damaged.
    """
    from pathlib import Path

    return load_config(home.config_file, project_file=Path(project) / PROJECT_DIR / PROJECT_FILE if project else None)


def _complaint(themes: Mapping[str, Path], name: str, text: str) -> str:
    try:
        parse_setting(name, text, "what was typed")
        if name == THEME:
            theme_file(themes, text)
    except CisError as error:
        if name == THEME:
            return error.message
        return "".join(error.message.rpartition("expected ")[1:])
    return ""


def _allowed(name: str, themes: Mapping[str, Path]) -> str:
    if name == THEME:
        return " · ".join(themes)
    if name in CHOICES:
        return " · ".join(choice or "(empty)" for choice in CHOICES[name])
    if name in RANGES:
        return f"{RANGES[name][0]:g} to {RANGES[name][1]:g}"
    return ""
