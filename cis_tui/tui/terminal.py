"""The terminal as the workspace writes to it: one that goes away must not hold up the end, nor a slow line each key."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import IO, Any, cast

from textual import _ansi_sequences
from textual.drivers.linux_driver import LinuxDriver

from cis_tui.tui.frames import Frames

_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
"""Around a frame, so that no half of it is shown (synchronized output, DEC mode 2026)."""
_OTHER_SCREEN = "\x1b[?1049"


@dataclass(frozen=True, slots=True)
class _Alt:
    """A key that Textual does not know, in the form in which it knows keys."""

    value: str


def take_alt_as_alt() -> None:
    """Have Alt with a number and Alt+Enter be keys; Textual takes them for signs of one kind of keyboard, and Enter."""
    known = cast("dict[str, object]", _ansi_sequences.ANSI_SEQUENCES_KEYS)
    known["\x1b\r"] = (_Alt("alt+enter"),)
    for number in "0123456789":
        known[f"\x1b{number}"] = (_Alt(f"alt+{number}"),)


class LastingFile:
    """A file to which writing never fails: what a terminal that is gone cannot take is dropped.

    Textual writes in a thread that ends with the first error; its queue is full soon, and whoever writes then waits for
    ever. The app would never come to the SIGHUP that the dropped line has sent.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Write as far as there is somebody to read it."""
        try:
            return self._file.write(text)
        except OSError as error:
            self._forget(error)
            return len(text)

    def flush(self) -> None:
        """See `write`."""
        try:
            self._file.flush()
        except OSError as error:
            self._forget(error)

    def _forget(self, error: OSError) -> None:
        """Let what waits for a terminal that is gone go nowhere: Python tries again at its end, and ends with 120."""
        if error.errno == errno.EIO:
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), self._file.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class TerminalDriver(LinuxDriver):
    """Textual's own, writing to a file that lasts."""

    def __init__(self, *args: Any, **more: Any) -> None:
        take_alt_as_alt()
        super().__init__(*args, **more)  # pyright: ignore[reportUnknownMemberType] # App is not parametrised
        self._file: Any = LastingFile(self._file)

    def write(self, data: str) -> None:
        """Nothing while another program has the terminal: nobody empties the queue, and who fills it waits."""
        if self._writer_thread is not None and self._writer_thread.is_alive():
            super().write(data)


class CellDriver(TerminalDriver):
    """Writes only the cells that changed: a key takes a few hundred bytes rather than thousands."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._frames = Frames()
        self._begun = False

    def forget(self) -> None:
        """The terminal may show anything: write all of the next frames."""
        self._frames.forget()

    def start_application_mode(self) -> None:
        """See `LinuxDriver`."""
        self.forget()
        super().start_application_mode()

    def write(self, data: str) -> None:
        """See `LinuxDriver`."""
        if data == _BEGIN:
            self._begun = True
            return
        if data == _END and self._begun:
            self._begun = False  # the frame was empty
            return
        if data.startswith("\x1b[") and "H" in data:
            data = self._frames.changed(data)
        elif _OTHER_SCREEN in data:
            self.forget()
        if data:
            super().write(_BEGIN + data if self._begun else data)
            self._begun = False


def driver_of(choice: str) -> type[TerminalDriver]:
    """The driver for `[ui] driver`: `cells`, `plain`, or `auto`, which takes cells over SSH."""
    remote = "SSH_CONNECTION" in os.environ or "SSH_TTY" in os.environ
    return CellDriver if choice == "cells" or (choice == "auto" and remote) else TerminalDriver
