"""The workspace as its screens see it (see `Desk`): it asks the engine, tells, opens dialogs, copies, keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cis_tui.core.clock import Clock
from cis_tui.core.config import Settings
from cis_tui.core.errors import CisError
from cis_tui.core.paths import Home
from cis_tui.core.text import clean
from cis_tui.tui.desk import Failed
from cis_tui.tui.key_order import OrderedApp
from cis_tui.tui.link import Link
from cis_tui.tui.remembered import Remembered
from cis_tui.tui.store import Store
from cis_tui.tui.terminal import driver_of

if TYPE_CHECKING:
    from textual.screen import Screen

    from cis_tui.protocol import EngineApi

T = TypeVar("T")


class DeskApp(OrderedApp):
    """An app that is a `Desk`."""

    link: Link

    def __init__(
        self, store: Store, *, settings: Settings, home: Home, clock: Clock, timer: Callable[[], float]
    ) -> None:
        super().__init__(driver_class=driver_of(settings.ui.driver))
        self.store = store
        self.settings = settings
        self.home = home
        self.clock = clock
        self.timer = timer
        self._remembered = Remembered(home)
        self._keeper = ThreadPoolExecutor(1)
        """One thing after the other, so that the last one stays; all of it is done, whenever the workspace ends."""

    def ask(
        self,
        call: Callable[[EngineApi], Awaitable[T]],
        then: Callable[[T], object] | None = None,
        *,
        failed: Failed | None = None,
        group: str = "",
        quiet: bool = False,
    ) -> None:
        """See `Desk`."""
        failed = failed or (_nothing if quiet else self.complain)
        work = partial(self._work, lambda: call(self.link.api), then or _nothing, failed)
        self.run_worker(work, group=group or "ask", exclusive=bool(group))

    async def _work(self, call: Callable[[], Awaitable[T]], then: Callable[[T], object], failed: Failed) -> None:
        try:
            answer = await call()
        except (CisError, OSError) as error:
            failed(error)
        else:
            then(answer)

    def refresh_peers(self) -> None:
        """See `Desk`."""
        self.link.read_peers()

    def say(self, message: str, *, hint: str = "", bad: bool = False) -> None:
        """See `Desk`."""
        text = clean(f"{message}\n{hint}" if hint else message, limit=1000)
        self.notify(text, severity="error" if bad else "information", markup=False)

    def dialog(self, screen: Screen[T], then: Callable[[T | None], object] | None = None) -> None:
        """See `Desk`."""

        def closed(answer: T | None) -> None:
            if then is not None:
                then(answer)

        self.push_screen(screen, closed)

    def key(self, action: str) -> str:
        """See `Desk`."""
        from cis_tui.tui.screens.memory import MemoryScreen
        from cis_tui.tui.widgets.taught import keys_of

        return keys_of(self.screen, MemoryScreen)(action)

    def copy(self, text: str, what: str) -> None:
        """See `Desk`."""
        from cis_tui.tui.clipboard import clipboard_hint

        text = clean(text, limit=len(text) + 1)
        self.copy_to_clipboard(text)
        self.say(f"copied {what}", hint=clipboard_hint(text))

    def copy_to_clipboard(self, text: str) -> None:
        """See `App`; fields for text copy by way of this too."""
        from cis_tui.tui.clipboard import clipboard_sequence

        self._clipboard = text
        if self._driver is not None:
            self._driver.write(clipboard_sequence(text))

    def remember(self, name: str, value: str) -> None:
        """See `Desk`."""
        if not self.store.read_only:
            self._keeper.submit(self._remembered.keep, self.store.project_root, name, value)

    def remembered(self, name: str, then: Callable[[str], Awaitable[object]]) -> None:
        """See `Desk`."""

        async def read() -> None:
            found = await asyncio.to_thread(self._remembered.read, self.store.project_root)
            if name in found:
                await then(found[name])

        self.run_worker(read, group="remember")

    def edit_file(
        self,
        path: Path,
        then: Callable[[bool], object],
        *,
        failed: Failed | None = None,
        line: int | None = None,
        private: bool = False,
    ) -> None:
        """See `Desk`."""
        from cis_tui.tui.external import edit_file
        from cis_tui.tui.read_only import looks_only

        if not looks_only(self):
            edit = partial(edit_file, self, path, line, private=private)
            self.run_worker(partial(self._work, edit, then, failed or self.complain), group="editor")

    def complain(self, error: CisError | OSError) -> None:
        """Show why something could not be done."""
        from cis_tui.tui.words import hint_of, text_of

        self.say(text_of(error), hint=hint_of(error, self.key), bad=True)


def _nothing(_: object) -> None:
    """Nobody wants to know."""
