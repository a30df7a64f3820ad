"""An app whose colours are in files: one of them in force, followed while somebody edits it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import App
from textual.filter import Monochrome, NoColor
from textual.screen import SystemModalScreen

from cis_tui.core.errors import Invalid
from cis_tui.core.paths import theme_file, theme_files
from cis_tui.tui.desk_app import DeskApp
from cis_tui.tui.few_colours import OF_SIXTEEN
from cis_tui.tui.themes import DEFAULT, changed_themes, load_theme

if TYPE_CHECKING:
    from textual.filter import LineFilter


class ThemedApp(DeskApp):
    """What the workspace knows of themes."""

    theme_files: dict[str, Path]

    def _first_theme(self) -> None:
        """Put the theme of the settings into force before anything is styled; say later what is wrong with it.

        In a terminal of sixteen colours, most of those of a theme are white: its own are taken unless another is said.
        """
        wanted = self.settings.ui.theme
        if wanted == DEFAULT and self.console.color_system == "standard":
            wanted = OF_SIXTEEN
        for name in (wanted, DEFAULT):
            try:
                self._register_theme_file(name)
            except Invalid as error:
                self.call_later(self._theme_refused, name, error)
                continue
            self.set_reactive(App.theme, name)
            self.stylesheet.set_variables(self.get_css_variables())
            return

    def get_line_filters(self) -> Sequence[LineFilter]:
        """See `App`, which makes of the terminal's own colours one black where no colours are wanted."""
        filters = super().get_line_filters()
        if not (self.no_color and self.native_ansi_color):
            return filters
        return [NoColor() if isinstance(filter, Monochrome) else filter for filter in filters]

    def use_theme(self, name: str) -> None:
        """Take another theme; a file that cannot be read becomes a notice."""
        try:
            self._register_theme_file(name)
        except Invalid as error:
            self._theme_refused(name, error)
        else:
            if name != self.theme:
                self.theme = name
            else:
                self.mutate_reactive(App.theme)  # its file changed

    def refresh_css(self, animate: bool = True) -> None:
        """See `App`, which leaves out what belongs to the system, such as the palette, while it is in front."""
        super().refresh_css(animate)
        if self.screen_stack and isinstance(self.screen, SystemModalScreen):
            self.stylesheet.update(self.screen, animate=animate)

    async def _follow_themes(self) -> None:
        """Show a theme as it is while somebody edits it."""
        async for names in changed_themes(self.home):
            self.theme_files = theme_files(self.home)
            if self.theme in names:
                self.use_theme(self.theme)

    def _register_theme_file(self, name: str) -> None:
        self.register_theme(load_theme(theme_file(self.theme_files, name)))

    def _theme_refused(self, name: str, error: Invalid) -> None:
        self.say(f'theme "{name}" is not used', hint=f"{error.message} {error.hint}".strip(), bad=True)
