"""What every screen works with: the model, the clock, and a way to ask the engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from cis_tui.core.clock import Clock
from cis_tui.core.errors import CisError
from cis_tui.tui.store import Store

if TYPE_CHECKING:
    from textual.screen import Screen

    from cis_tui.protocol import EngineApi

T = TypeVar("T")
Failed = Callable[[CisError | OSError], object]
"""Is told why something could not be done."""

SCREENS = ("memory", "dags", "peers", "chat", "skills", "activity")
"""The six screens, in the order of their keys."""
ROOM = "room"
"""One more, reached from that of the peers."""
TITLES = {
    "memory": "Memory",
    "dags": "DAGs",
    "peers": "Peers",
    "chat": "Chat",
    "skills": "Skills",
    "activity": "Activity",
}


class Desk(Protocol):
    """The workspace as its screens see it."""

    store: Store
    clock: Clock
    timer: Callable[[], float]
    """Seconds that only grow, for what must not depend on the wall clock."""

    def ask(
        self,
        call: Callable[[EngineApi], Awaitable[T]],
        then: Callable[[T], object] | None = None,
        *,
        failed: Failed | None = None,
        group: str = "",
        quiet: bool = False,
    ) -> None:
        """Make one call of the engine and hand its answer to `then`; a failure becomes a notice, or goes to `failed`.

        A later call of the same non-empty `group` takes the place of an earlier one. `quiet`: failures are not shown.
        """
        ...

    def hold_keys(self, held: bool) -> None:
        """Let keys wait for what is being read, since they are about that; or no longer."""
        ...

    def refresh_peers(self) -> None:
        """Have the peers read anew, in a moment; it is told as a change."""
        ...

    def say(self, message: str, *, hint: str = "", bad: bool = False) -> None:
        """Show a notice for a few seconds."""
        ...

    def dialog(self, screen: Screen[T], then: Callable[[T | None], object] | None = None) -> None:
        """Open a dialog and hand its answer to `then`."""
        ...

    def key(self, action: str) -> str:
        """The name of the key that is bound now to an action of what is in front, or of the memory screen."""
        ...

    def copy(self, text: str, what: str) -> None:
        """Give a text to the clipboard of the terminal, and say that `what` was copied."""
        ...

    def edit_file(
        self,
        path: Path,
        then: Callable[[bool], object],
        *,
        failed: Failed | None = None,
        line: int | None = None,
        private: bool = False,
    ) -> None:
        """Open a file in the person's editor, and tell `then` whether it was changed; see `external`."""
        ...

    def remember(self, name: str, value: str) -> None:
        """Keep a small thing for the next time that this project is opened."""
        ...

    def remembered(self, name: str, then: Callable[[str], Awaitable[object]]) -> None:
        """Hand what was kept under `name` to `then`, if anything was."""
        ...
