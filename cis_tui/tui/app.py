"""The workspace: paints first, attaches to an engine second, and shows what the engine says from then on."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import App
from textual.binding import Binding, BindingType
from textual.worker import Worker, WorkerError

from cis_tui.core.clock import Clock, utc_now
from cis_tui.core.config import Settings
from cis_tui.core.errors import CisError
from cis_tui.core.paths import Home, theme_files
from cis_tui.tui.desk import ROOM, SCREENS, TITLES
from cis_tui.tui.door import Door
from cis_tui.tui.few_colours import Of256
from cis_tui.tui.going import SCREEN, GoingApp
from cis_tui.tui.key_presets import preset_keys
from cis_tui.tui.link import Connect, Link
from cis_tui.tui.plain_signs import PlainSigns, wants_plain_signs
from cis_tui.tui.remembered import Remembered
from cis_tui.tui.screens.base import WorkspaceScreen
from cis_tui.tui.store import Changes, LinkState, Store
from cis_tui.tui.terminal import CellDriver

if TYPE_CHECKING:
    from textual.command import Provider
    from textual.filter import LineFilter
    from textual.timer import Timer
    from textual.types import CSSPathType

    from cis_tui.core.events import Event
    from cis_tui.protocol import EngineApi
    from cis_tui.tui.screens.dags import DagsScreen
    from cis_tui.tui.screens.quit import Leave

RELOADS = 3
"""Notices, and changed skills and DAGs, that are told at once; the activity screen lists all."""
SIGNALS = {signal.SIGTERM: 143, signal.SIGHUP: 129}
"""Signals on which the workspace leaves the terminal as it found it, and the exit codes that tell of them."""


def commands_provider() -> type[Provider]:
    """The palette's content, read when the palette is first opened."""
    from cis_tui.tui.commands import WorkspaceCommands

    return WorkspaceCommands


def kept_provider() -> type[Provider]:
    """What of it has to be asked for."""
    from cis_tui.tui.commands import KeptCommands

    return KeptCommands


def doing_provider() -> type[Provider]:
    """And what is done with what there is."""
    from cis_tui.tui.key_commands import DoingCommands

    return DoingCommands


class CisApp(GoingApp):
    """One person's view of one engine."""

    TITLE = "cis"
    # The first screen's own sheet is read with the app's, for to add one later is to parse all anew.
    CSS_PATH: ClassVar[CSSPathType | None] = ["app.tcss", "screens/dags.tcss"]
    DEFAULT_MODE = "dags"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {
        commands_provider,
        kept_provider,
        doing_provider,
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(number), f"show('{name}')", TITLES[name], show=False, id=f"go.{name}")
            for number, name in enumerate(SCREENS, 1)
        ),
        *(
            # Where a number is text; of the app first, for to Textual Alt with a number is text too.
            Binding(f"alt+{number}", f"show('{name}')", TITLES[name], show=False, priority=True, id=f"typing.{name}")
            for number, name in enumerate(SCREENS, 1)
        ),
        Binding("d", "decide", "next decision", id="decide"),
        Binding("colon,ctrl+p", "command_palette", "commands", show=False, id="palette"),
        Binding("question_mark,f1", "help", "help", id="help"),
        Binding("q", "quit", "quit", id="quit"),
        Binding("ctrl+o", "jump", "jump to a part", show=False, id="jump"),
        Binding("ctrl+l", "redraw", "draw the screen anew", show=False, id="redraw"),
        Binding("ctrl+z", "suspend_process", "suspend; fg comes back", show=False, priority=True, id="suspend"),
        Binding("ctrl+q", "quit", "quit", show=False, priority=True, id="quit.always"),
    ]

    def __init__(
        self,
        connect: Connect,
        *,
        project: Path | None,
        settings: Settings,
        home: Home,
        clock: Clock = utc_now,
        timer: Callable[[], float] = time.monotonic,
        read_only: bool = False,
    ) -> None:
        """`connect` gives an engine each time it is called; `project` is the folder that is opened, if any.

        `read_only`: nothing is changed from here, and it is shown; `connect` sees to what the engine is asked.
        """
        root = str(project) if project else ""
        left_at = Remembered(home).read(root).get(SCREEN, "")
        if left_at in SCREENS:
            # Textual begins with this one.
            self.DEFAULT_MODE = left_at  # pyright: ignore[reportConstantRedefinition, reportAttributeAccessIssue]
        store = Store(root, read_only=read_only)
        super().__init__(store, settings=settings, home=home, clock=clock, timer=timer)
        self.animation_level = "full" if settings.ui.motion else "none"
        self._door = Door()
        self._signs = [PlainSigns()] if wants_plain_signs(settings.ui.ascii) else []
        self._colours = [Of256()] if self.console.color_system == "256" else []
        self.link = Link(connect, store, self._tell, schedule=self._schedule, spawn=self._spawn)
        self._ticker: Timer | None = None
        self._arrived = False
        """Whether the engine was reached once."""
        self._attachment: Worker[None] | None = None
        self.theme_files = theme_files(home)
        self._first_theme()
        for name in (*SCREENS, ROOM):
            make = partial(self._make_screen, name)
            self.add_mode(name, make)  # pyright: ignore[reportUnknownMemberType] # Textual's Screen is not parametrised

    def get_line_filters(self) -> Sequence[LineFilter]:
        """See `App`; signs become ASCII, and colours those of the terminal, last."""
        return [*super().get_line_filters(), self._door, *self._signs, *self._colours]

    # Life

    def on_mount(self) -> None:
        """Paint the first screen; look for the engine once it is painted."""
        loop = asyncio.get_running_loop()
        for number, code in SIGNALS.items():
            loop.add_signal_handler(number, self.exit, None, code)
        self.set_keymap({**preset_keys(self.settings.ui.keys), **self.settings.keys})
        if self.settings.keys:
            self.run_worker(self._check_keys, group="keys")
        if self.current_theme.ansi:
            # Textual made its filter, which turns these into shades, before it knew of the theme.
            self.mutate_reactive(App.theme)
        self.call_after_refresh(self._reach_engine)

    def _reach_engine(self) -> None:
        self._attachment = self.run_worker(self.link.run, group="engine")
        self.run_worker(self._follow_themes, group="themes")

    async def on_unmount(self) -> None:
        """Let go of the engine and give the signals back."""
        if self._attachment is not None:
            self._attachment.cancel()
            with suppress(WorkerError):
                await self._attachment.wait()
        await self.link.closed()
        for number in SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(number)

    def _schedule(self, delay: float, call: Callable[[], None]) -> None:
        if delay > 0:
            self.set_timer(delay, call)
        else:
            # A timer of no time never fires; this one comes after the keys that are waiting.
            self.call_later(call)

    def _spawn(self, work: Callable[[], Coroutine[None, None, None]]) -> object:
        return self.run_worker(work, group="engine")

    # What the link tells

    def _tell(self, changes: Changes) -> None:
        if not self.screen_stack:
            return  # it is closing; what was asked of the engine has only now been answered
        for error in self.link.trouble if changes.link else ():
            self.complain(error)
        for notice in changes.notices[-RELOADS:]:
            self._ring(notice)
        for event in changes.reloads[-RELOADS:]:
            self._tell_reload(event)
        if self.store.link is LinkState.READY or changes.link:
            self._front.show_changes(changes)
            for dialog in self._dialogs:
                dialog.show_changes(changes)
        if self.store.link is LinkState.READY and not self._arrived:
            self._arrived = True
            if self.current_mode == "dags":
                cast("DagsScreen", self._front).arrive()
        self._tick_while_needed()

    def _tell_reload(self, event: Event) -> None:
        from cis_tui.tui.activity import reload_text

        message, what = reload_text(event)
        self.say(message, hint=what, bad=event.data["change"] == "broken")

    def _ring(self, notice: str) -> None:
        """Show what a skill asked to be shown, also to somebody who looks elsewhere."""
        from cis_tui.core.attention import desktop, osc

        self.say(notice)
        self.bell()
        if self._driver is not None:
            self._driver.write(osc(notice))
        self.run_worker(lambda: desktop(notice), thread=True, group="attention")

    def _tick_while_needed(self) -> None:
        """A timer runs only while something changes with time alone, so that an idle workspace sends nothing."""
        if self.store.ticking and self._ticker is None:
            self._ticker = self.set_interval(1.0, self._tick)
        elif not self.store.ticking and self._ticker is not None:
            self._ticker.stop()
            self._ticker = None

    def _tick(self) -> None:
        if not self.screen_stack:
            return  # it is closing
        self._front.show_tick()
        for dialog in self._dialogs:
            dialog.show_tick()

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is no next decision while none waits."""
        return action != "decide" or bool(self.store.pending)

    def action_rules(self) -> None:
        """Show what is approved all alike, to withdraw it."""
        from cis_tui.tui.screens.rules import RulesDialog

        self.ask(lambda engine: engine.decision_rules(), lambda rules: self.dialog(RulesDialog(self, rules)))

    async def action_settings(self, letters: str = "") -> None:
        """Show the settings in force, to change them; at first those with `letters` in their name."""
        from cis_tui.tui.screens.settings import SettingsDialog, read_config

        try:
            config = await asyncio.to_thread(read_config, self.home, self.store.project_root)
        except CisError as error:
            self.complain(error)
            return
        self.dialog(SettingsDialog(self, self.home, config, self._setting_changed, letters))

    def _setting_changed(self, name: str, value: object) -> None:
        if name == "ui.theme":
            self.use_theme(str(value))

    async def action_quit(self) -> None:
        """Leave; while runs go on, ask what becomes of them."""
        active = self.store.active_runs
        if not active or self.store.link is not LinkState.READY:
            self.exit()
            return
        if isinstance(self.screen, WorkspaceScreen):
            from cis_tui.tui.screens.quit import QuitDialog

            self.dialog(QuitDialog(active), self._leave)

    def _leave(self, how: Leave | None) -> None:
        if how == "running":
            self.exit()
        elif how == "stopped":
            self.say("stopping what runs…")
            self.ask(self._stop_runs, lambda _: self.exit())

    async def _stop_runs(self, engine: EngineApi) -> None:
        for run in self.store.active_runs:
            await engine.run_cancel(run.id)

    def action_help(self) -> None:
        """Show what the keys do now."""
        if isinstance(self.screen, WorkspaceScreen):
            from cis_tui.tui.screens.help import HelpDialog

            self.dialog(HelpDialog(self.screen, self.screen.PURPOSE))

    def on_resize(self) -> None:
        """What a terminal shows after it was resized is its own affair."""
        if isinstance(self._driver, CellDriver):
            self._driver.forget()

    async def _check_keys(self) -> None:
        """Say what is wrong with the person's own keys."""
        from cis_tui.tui.keymap import complaints

        found = await asyncio.to_thread(complaints, {**preset_keys(self.settings.ui.keys), **self.settings.keys})
        if found:
            more = f"\nand {len(found) - RELOADS} more" if len(found) > RELOADS else ""
            self.say("[keys] in config.toml:", hint="\n".join(found[:RELOADS]) + more, bad=True)

    def action_jump(self) -> None:
        """Put a letter over whatever can have the keys, and go where one is pressed."""
        from cis_tui.tui.screens.jump import JumpLabels

        if isinstance(self.screen, WorkspaceScreen):
            targets = [widget for widget in self.screen.focus_chain if widget.region]
            self.dialog(JumpLabels(targets), lambda target: target.focus() if target is not None else None)

    def action_redraw(self) -> None:
        """Write the whole screen again, when something else has written over it."""
        self.on_resize()
        self.screen.refresh(layout=True)

    def action_help_quit(self) -> None:
        """Ctrl+C is for copying and for reflexes."""
        self.say("q leaves the workspace")
