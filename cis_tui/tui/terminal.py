"""The terminal as the workspace writes to it: one that goes away must not hold up the end."""

from __future__ import annotations

from typing import IO, Any

from textual.drivers.linux_driver import LinuxDriver


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
        except OSError:
            return len(text)

    def flush(self) -> None:
        """See `write`."""
        try:
            self._file.flush()
        except OSError:
            return

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class TerminalDriver(LinuxDriver):
    """Textual's own, writing to a file that lasts."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)  # pyright: ignore[reportUnknownMemberType] # App is not parametrised
        self._file: Any = LastingFile(self._file)
