"""A person at a terminal: starts a program, presses keys, reads the screen. Over a bare pty, or in tmux."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shlex
import shutil
import signal
import struct
import subprocess
import termios
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pyte

KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "space": " ",
    "tab": "\t",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "backspace": "\x7f",
    "ctrl+c": "\x03",
    "ctrl+p": "\x10",
}
TMUX_KEYS = {
    "enter": "Enter",
    "escape": "Escape",
    "space": "Space",
    "tab": "Tab",
    "up": "Up",
    "down": "Down",
    "backspace": "BSpace",
    "ctrl+c": "C-c",
    "ctrl+p": "C-p",
}


class Terminal(Protocol):
    """What a test does at a terminal."""

    def press(self, *keys: str) -> None:
        """Press keys by name, or type a text."""
        ...

    def screen(self) -> str:
        """The text on the screen now, rows joined by newlines."""
        ...

    def wait(self, found: str | Callable[[str], bool], *, seconds: float = 30) -> str:
        """The screen as soon as `found` is on it; fails with the screen when time is up."""
        ...

    def resize(self, columns: int, rows: int) -> None: ...
    def wait_exit(self, *, seconds: float = 30) -> int:
        """The exit code of the program, once it has ended."""
        ...

    def kill(self, signal_number: int = signal.SIGKILL) -> None:
        """Send a signal to the program alone."""
        ...

    def close(self) -> None: ...


class PtyTerminal:
    """A terminal made of a pty and a pure Python screen; it also counts what was sent to it."""

    def __init__(
        self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str], columns: int = 80, rows: int = 24
    ) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self.received: bytearray = bytearray()
        """Everything that the program wrote."""
        master, slave = pty.openpty()
        self._master = master
        self.resize(columns, rows)
        self._process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cwd,
            env={**_without_size(env), "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            start_new_session=True,
            preexec_fn=_own_terminal,
        )
        os.close(slave)

    @property
    def pid(self) -> int:
        return self._process.pid

    def press(self, *keys: str) -> None:
        for key in keys:
            os.write(self._master, KEYS.get(key, key).encode())

    def screen(self) -> str:
        self.listen(0)
        # Not pyte's `display`: it fails on a frame read so far that half of a wide character is drawn over.
        return "\n".join("".join(cell.data for cell in row) for row in self.cells())

    def cells(self) -> list[list[pyte.screens.Char]]:
        """Each character on the screen with its colours."""
        shown = self._screen
        return [[shown.buffer[row][column] for column in range(shown.columns)] for row in range(shown.lines)]

    def listen(self, seconds: float) -> bool:
        """Take in what the program writes; False when nothing came for `seconds` or the program is gone."""
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:
            return False
        self.received += data
        self._stream.feed(data)
        return bool(data)

    def wait(self, found: str | Callable[[str], bool], *, seconds: float = 30) -> str:
        return _wait(self, found, seconds, lambda left: self.listen(min(left, 0.5)))

    def resize(self, columns: int, rows: int) -> None:
        self._screen.resize(rows, columns)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait_exit(self, *, seconds: float = 30) -> int:
        end = time.monotonic() + seconds
        while self._process.poll() is None and time.monotonic() < end:
            self.listen(0.05)
        while self.listen(0.05):
            pass
        return self._process.wait(0.1)

    def kill(self, signal_number: int = signal.SIGKILL) -> None:
        self._process.send_signal(signal_number)

    def hang_up(self) -> None:
        """Close the terminal under the program, as a dropped SSH line does."""
        os.close(self._master)
        self._master = os.open(os.devnull, os.O_RDWR)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._master)


class TmuxTerminal:
    """A pane of a tmux server of its own."""

    def __init__(
        self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str], columns: int = 80, rows: int = 24
    ) -> None:
        self._socket = f"cis-{uuid.uuid4().hex[:12]}"
        variables = [word for name, value in _without_size(env).items() for word in ("-e", f"{name}={value}")]
        shell = f"{shlex.join(command)}; echo exit-code=$?; exec cat"
        size = ("-x", str(columns), "-y", str(rows))
        self._tmux("-f", "/dev/null", "new-session", "-d", "-s", "t", *size, "-c", str(cwd), *variables, shell)
        # A client in control mode says when something changed, so that nothing polls.
        self._control = subprocess.Popen(
            ["tmux", "-L", self._socket, "-C", "attach", "-t", "t"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(os.environ, TERM="xterm-256color"),
        )
        self._tmux("set-option", "-t", "t", "window-size", "manual")
        self.resize(columns, rows)

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(["tmux", "-L", self._socket, *words], capture_output=True, text=True, check=True)
        return done.stdout

    def press(self, *keys: str) -> None:
        for key in keys:
            words = [TMUX_KEYS[key]] if key in TMUX_KEYS else ["-l", key]
            self._tmux("send-keys", "-t", "t", *words)

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p", "-t", "t")

    def wait(self, found: str | Callable[[str], bool], *, seconds: float = 30) -> str:
        return _wait(self, found, seconds, self._changed)

    def _changed(self, seconds: float) -> None:
        assert self._control.stdout is not None
        if select.select([self._control.stdout], [], [], min(seconds, 0.5))[0]:
            os.read(self._control.stdout.fileno(), 1 << 20)

    def resize(self, columns: int, rows: int) -> None:
        self._tmux("resize-window", "-t", "t", "-x", str(columns), "-y", str(rows))

    def wait_exit(self, *, seconds: float = 30) -> int:
        screen = self.wait("exit-code=", seconds=seconds)
        return int(screen.split("exit-code=")[1].split()[0])

    def kill(self, signal_number: int = signal.SIGKILL) -> None:
        pane = int(self._tmux("display-message", "-p", "-t", "t", "#{pane_pid}"))
        children = Path(f"/proc/{pane}/task/{pane}/children").read_text().split()
        os.kill(int(children[0]), signal_number)

    def close(self) -> None:
        subprocess.run(["tmux", "-L", self._socket, "kill-server"], capture_output=True, check=False)
        self._control.communicate()


TERMINALS = [PtyTerminal, TmuxTerminal] if shutil.which("tmux") else [PtyTerminal]
"""Those that this machine has."""


def _wait(
    terminal: Terminal, found: str | Callable[[str], bool], seconds: float, listen: Callable[[float], object]
) -> str:
    end = time.monotonic() + seconds
    while True:
        screen = terminal.screen()
        if found(screen) if callable(found) else found in screen:
            return screen
        left = end - time.monotonic()
        if left <= 0:
            raise AssertionError(f"{found!r} did not appear in {seconds} s on:\n{screen}")
        listen(left)


def _without_size(env: Mapping[str, str]) -> dict[str, str]:
    """The terminal tells its size; variables would hide that it changed."""
    return {name: value for name, value in env.items() if name not in ("COLUMNS", "LINES")}


def _own_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
