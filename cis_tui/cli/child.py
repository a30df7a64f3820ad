"""Runs a program in the place of this one, with its output passed through filters.

At a terminal the program gets a terminal of its own, so that it behaves as if it had been started alone. Elsewhere its
stdout and stderr are two pipes, and its stdin is ours.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import tty
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from threading import Thread
from typing import Protocol

from cis_tui.cli.output import note

Sink = Callable[[bytes], object]
"""Takes output."""

_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_HEARD = (*_FORWARDED, signal.SIGCHLD, signal.SIGWINCH)
_FROM_KERNEL = 0x80
"""`si_code` of a signal that no process sent, as for Ctrl-C: the whole group of the terminal has got it."""
_BLOCK = 65536
_PAUSE = 0.05
"""Seconds without output after which a terminal shows what is held back and too short to be a secret."""
_PATIENCE = 2.0
"""Seconds after the end of the program until we say why we still wait."""


class Filter(Protocol):
    """What output passes through (see `memory.masking.Masker`)."""

    def feed(self, data: bytes) -> bytes: ...
    def pause(self) -> bytes: ...
    def finish(self) -> bytes: ...


def run_child(
    argv: Sequence[str],
    env: Mapping[str, str],
    new_filter: Callable[[], Filter],
    sinks: tuple[Sink, Sink] | None = None,
) -> int:
    """Run `argv` to its end, with `env` as its whole environment; signals that we get go to it.

    `sinks`: where its stdout and stderr go instead of to ours.

    Returns:
        Its exit code; 128 and the signal's number when a signal ended it.

    Raises:
        OSError: it cannot be started.
    """
    sys.stdout.flush()
    with _signals_blocked() as mask:
        if sinks is None and _at_terminal():
            return _run_at_terminal(argv, env, mask, new_filter)
        return _run_with_pipes(argv, env, mask, new_filter, sinks or (_writer(1), _writer(2)))


def _run_with_pipes(
    argv: Sequence[str],
    env: Mapping[str, str],
    mask: Collection[int],
    new_filter: Callable[[], Filter],
    sinks: tuple[Sink, Sink],
) -> int:
    child = subprocess.Popen(
        argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=partial(_prepare, mask), bufsize=0
    )
    assert child.stdout is not None and child.stderr is not None
    pumps = [
        _Pump(os.dup(pipe.fileno()), new_filter(), sink)
        for pipe, sink in zip((child.stdout, child.stderr), sinks, strict=True)
    ]
    child.stdout.close()
    child.stderr.close()

    def heard(number: int, sender: int) -> None:
        if sender != _FROM_KERNEL:
            child.send_signal(number)

    code = _attend(child, heard)
    _drain(pumps, argv[0])
    return code


def _run_at_terminal(
    argv: Sequence[str], env: Mapping[str, str], mask: Collection[int], new_filter: Callable[[], Filter]
) -> int:
    master, slave = pty.openpty()
    termios.tcsetattr(slave, termios.TCSANOW, termios.tcgetattr(0))
    _copy_size(master)
    # Before the program can ask for anything: our own terminal must not echo what is typed for it.
    with _raw_terminal():
        child = subprocess.Popen(
            argv,
            env=env,
            stdin=slave,
            stdout=slave,
            stderr=slave if os.isatty(2) else subprocess.PIPE,
            start_new_session=True,
            preexec_fn=partial(_prepare, mask, terminal=True),
            bufsize=0,
        )
        os.close(slave)
        screen = _ScreenPump(master, new_filter(), _writer(1))
        pumps: list[_Pump] = [screen]
        if child.stderr is not None:
            pumps.append(_Pump(os.dup(child.stderr.fileno()), new_filter(), _writer(2)))
            child.stderr.close()

        def heard(number: int, sender: int) -> None:
            if number == signal.SIGWINCH:
                _copy_size(master)
            else:
                child.send_signal(number)

        Thread(target=_pass_keys, args=(master,), daemon=True).start()
        code = _attend(child, heard)
        # What is left running in the background keeps the terminal open; that is no reason to stay.
        screen.end()
        _drain(pumps, argv[0])
    return code


def _at_terminal() -> bool:
    """Whether stdin and stdout are a terminal in whose foreground we are."""
    with suppress(OSError):
        return os.isatty(0) and os.isatty(1) and os.tcgetpgrp(0) == os.getpgrp()
    return False


def _prepare(mask: Collection[int], *, terminal: bool = False) -> None:
    """What the new process does before it becomes the program."""
    if terminal:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _attend(child: subprocess.Popen[bytes], heard: Callable[[int, int], None]) -> int:
    """Wait for the end of `child`; `heard` gets every other signal, with what says who sent it."""
    while child.poll() is None:
        info = signal.sigwaitinfo(_HEARD)
        if info.si_signo != signal.SIGCHLD:
            heard(info.si_signo, info.si_code)
    code = int(child.returncode)
    return code if code >= 0 else 128 - code


def _drain(pumps: Sequence[_Pump], name: str) -> None:
    """Wait until all output is passed on, or a signal says that this is enough."""
    for pump in pumps:
        pump.join(_PATIENCE)
    if not any(pump.is_alive() for pump in pumps):
        return
    note(f"{name} has ended, but what it started still holds its output; Ctrl-C leaves it")
    while any(pump.is_alive() for pump in pumps):
        if signal.sigtimedwait(_FORWARDED, _PAUSE):
            return


class _Pump(Thread):
    """Passes one stream through a filter, from the beginning."""

    def __init__(self, source: int, filter: Filter, sink: Sink) -> None:
        super().__init__(daemon=True)
        self._source, self._filter, self._sink = source, filter, sink
        self.start()

    def run(self) -> None:
        try:
            while data := self._read():
                self._give(self._filter.feed(data))
            self._give(self._filter.finish())
        except OSError:
            # Nobody reads our output any more: neither do we, so that the program hears of it.
            pass
        finally:
            os.close(self._source)

    def _read(self) -> bytes:
        """The next bytes; none when there will be no more."""
        return os.read(self._source, _BLOCK)

    def _give(self, data: bytes) -> None:
        if data:
            self._sink(data)


class _ScreenPump(_Pump):
    """Passes on what a program shows on its terminal."""

    def __init__(self, source: int, filter: Filter, sink: Sink) -> None:
        self._wake, self._waker = os.pipe()
        super().__init__(source, filter, sink)

    def end(self) -> None:
        """Stop when all that was shown so far is passed on."""
        os.close(self._waker)

    def _read(self) -> bytes:
        pause: float | None = _PAUSE
        while True:
            ready, _, _ = select.select([self._source, self._wake], [], [], pause)
            if self._source in ready:
                # On Linux a terminal that no program holds any more is an error, not an end.
                with suppress(OSError):
                    return os.read(self._source, _BLOCK)
            if ready:
                return b""
            self._give(self._filter.pause())
            pause = None


def _pass_keys(master: int) -> None:
    write = _writer(master)
    with suppress(OSError):
        while data := os.read(0, _BLOCK):
            write(data)


def _writer(descriptor: int) -> Sink:
    def write(data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]

    return write


def _copy_size(terminal: int) -> None:
    """Give `terminal` the size of ours."""
    with suppress(OSError):
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8)))


@contextmanager
def _raw_terminal() -> Generator[None]:
    """Let every key through to the program meanwhile."""
    before = termios.tcgetattr(0)
    tty.setraw(0, termios.TCSADRAIN)
    try:
        yield
    finally:
        with suppress(termios.error):
            termios.tcsetattr(0, termios.TCSADRAIN, before)


@contextmanager
def _signals_blocked() -> Generator[Collection[int]]:
    """Let the signals that `_attend` hears wait for it; gives the mask as it was."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    try:
        yield mask
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
