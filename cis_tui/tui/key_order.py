"""Keys that come in one go: each is for what has the keys once the one before has done its work.

Textual gives a key to whatever has the focus when it arrives, also while the one before it is on its way to another
part: of `/word`, Enter and `x` the last would be a letter of the search.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from textual.app import App
from textual.events import Event, InputEvent, Key, Paste

if TYPE_CHECKING:
    from textual.dom import DOMNode
    from textual.driver import Driver
    from textual.screen import Screen
    from textual.timer import Timer

ROUNDS = 3
"""How often what a key does can be told from the focused part to the app: the key, what it means, what follows."""
PATIENCE = 2.0
"""Seconds after which a key waits no longer for the one before it."""
HELD = 10.0
"""Seconds after which keys are given up that wait for what is being read."""


class OrderedApp(App[None]):
    """An app whose keys wait for each other; letters that go into the same text need not."""

    def __init__(self, driver_class: type[Driver] | None = None) -> None:
        super().__init__(driver_class=driver_class)
        self.lent = False
        """Whether the terminal is another program's: keys that still come were meant for that."""
        self._ahead: deque[Key | Paste] = deque()
        self._busy = False
        """Whether the work of a key is under way."""
        self._held = False
        self._typed = False
        """Whether letters are on their way into a text."""
        self._turn = 0
        """Counts what was waited for."""
        self._impatient: Timer | None = None

    async def on_event(self, event: Event) -> None:
        """See `App`."""
        if not isinstance(event, InputEvent | Paste) or event.is_forwarded:
            await super().on_event(event)
        elif isinstance(event, Key | Paste) and not self.lent:
            self._ahead.append(event)
            await self._next()
        elif not self.lent:
            await super().on_event(event)

    def hold_keys(self, held: bool) -> None:
        """Let keys wait for what is only being read, or no longer; those that wait too long are not taken at all."""
        self._held = held
        if self._impatient is not None:
            self._impatient.stop()
            self._impatient = None
        self.call_later(self._next)

    async def _next(self) -> None:
        """Take the keys that need not wait."""
        while self._ahead and self.screen_stack and not (self._busy or self._held):
            event = self._ahead[0]
            if self._is_text(event):
                self._typed = True
                await super().on_event(self._ahead.popleft())
            elif self._typed:
                await self._wait_for(self.focused or self.screen, self.screen)
            else:
                target, screen = self.focused or self.screen, self.screen
                self._busy = True
                await super().on_event(self._ahead.popleft())
                await self._wait_for(target, screen)
        if self._ahead and self._impatient is None:
            self._impatient = self.set_timer(HELD if self._held else PATIENCE, partial(self._give_up, self._turn))

    def _is_text(self, event: Key | Paste) -> bool:
        """Whether it goes into a text, and leads nowhere else."""
        focused = self.focused
        if focused is None or not isinstance(event, Key) or not event.is_printable or len(event.key.split("+")) > 1:
            return False
        return focused.check_consume_key(event.key, event.character)

    # The work of a key

    async def _wait_for(self, target: DOMNode, screen: Screen[object]) -> None:
        """Go on once all is done that the key has told `target`, which was on `screen`, and what it leads to."""
        self._busy = True
        self._turn += 1
        await self._hop(deque([*target.ancestors_with_self] * ROUNDS), screen, self._turn)

    async def _hop(self, way: deque[DOMNode], screen: Screen[object], turn: int) -> None:
        """Queue up behind what each of these has still to do, one after the other."""
        while way:
            if way.popleft().call_later(self._hop, way, screen, turn):
                return
        if turn != self._turn or not self.screen_stack:
            return
        now = self.screen
        if now is not screen:  # a dialog was opened or closed: it, too, says who has the keys
            await self._hop(deque([now, self] * 2), now, turn)
            return
        self._busy = self._typed = False
        await self._next()

    async def _give_up(self, turn: int) -> None:
        """Something takes too long: keys that waited for what is to be read go, others are taken after all."""
        self._impatient = None
        if self._held:
            self._ahead.clear()
            self._held = False
        elif turn == self._turn:
            self._turn += 1
            self._busy = self._typed = False
        await self._next()
