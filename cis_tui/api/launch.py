"""Finding the live engine of a home, and bringing one to life in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

from cis_tui.core.errors import CisError, Unavailable, error_from_wire, error_to_wire
from cis_tui.core.lock import engine_live
from cis_tui.core.paths import Home, private_dir
from cis_tui.core.text import clean

if TYPE_CHECKING:
    from cis_tui.api.client import RemoteEngine

START_TIMEOUT = 15.0
"""Seconds that an engine may take to come up."""
SETTLE = 5.0
"""Seconds that a live engine may be without a socket, while it starts or stops."""
_ANOTHER_IS_LIVE = "CIS-ENG-001"


async def connect(home: Home, role: str = "command", *, settle: float = SETTLE) -> RemoteEngine | None:
    """Attach to the live engine of `home`; None if there is none. One without a socket is given `settle` seconds.

    Raises:
        Unavailable: one is live but does not answer, or is of another version.
    """
    if not (engine_live(home) or home.engine_socket.exists()):
        return None
    from cis_tui.api.client import RemoteEngine

    deadline = time.monotonic() + settle
    while True:
        try:
            return await RemoteEngine.connect(home, role)
        except (OSError, Unavailable) as error:
            if isinstance(error, Unavailable) and not error.retryable:
                raise
            if not engine_live(home):
                return None
            if time.monotonic() > deadline:
                raise Unavailable(
                    "CIS-ENG-018",
                    f"the engine of {home.root} is live and cannot be reached: {error}",
                    hint="cis engine stop ends it",
                ) from error
            # It is starting or ending: between its lock and its socket. From outside one can only look again.
            await asyncio.sleep(0.05)


async def launch(home: Home, role: str = "face") -> RemoteEngine:
    """Attach to the live engine of `home`; when there is none, start one in a process of its own first.

    Raises:
        Unavailable: it did not come up within 15 s (CIS-ENG-018).
        CisError: what kept it from coming up.
    """
    engine = await connect(home, role)
    while engine is None:
        await asyncio.to_thread(start_engine, home)
        engine = await connect(home, role)
    return engine


def start_engine(home: Home, *, timeout: float = START_TIMEOUT, python: str = sys.executable) -> None:
    """Start the engine process of `home`, with this Python, and return when it, or one that was faster, listens.

    Raises:
        Unavailable: it did not come up within `timeout` seconds (CIS-ENG-018).
        CisError: what kept it from coming up.
    """
    home.ensure()
    private_dir(home.log_file.parent)
    errors = home.log_file.with_name("engine.err")
    reading, writing = os.pipe()
    try:
        process = _spawn(home, python, writing, errors)
        os.close(writing)
        writing = -1
        word = _read_word(reading, timeout)
        if word is None:
            with suppress(ProcessLookupError):
                os.killpg(process, signal.SIGTERM)
            raise Unavailable("CIS-ENG-018", f"the engine did not come up in {timeout:g} s", hint=f"see {errors}")
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)
    _judge(word, errors)


def report_ready(waiting: list[int], error: CisError | None = None) -> None:
    """Tell `start_engine`, at the other end of each descriptor, that the engine listens, or why it never will.

    The descriptors are closed and taken out of `waiting`: only the first word counts.
    """
    word = {"ready": os.getpid()} if error is None else {"error": error_to_wire(error)}
    while waiting:
        with suppress(BrokenPipeError), os.fdopen(waiting.pop(), "wb") as pipe:
            pipe.write(json.dumps(word, default=str).encode())


def _spawn(home: Home, python: str, ready: int, errors: Path) -> int:
    """Start the process; it forks at once, so that the one waited for here is its short-lived parent."""
    command = [python, "-P", "-m", "cis_tui.cli", "--home", str(home.root), "engine", "serve"]
    descriptor = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        process = subprocess.Popen(
            [*command, "--ready-fd", str(ready)],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            pass_fds=(ready,),
            start_new_session=True,
            cwd="/",
        )
    finally:
        os.close(descriptor)
    process.wait()
    return process.pid


def _read_word(descriptor: int, timeout: float) -> bytes | None:
    """All that the child says before it closes the pipe; None if that takes too long."""
    deadline = time.monotonic() + timeout
    word = b""
    while select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
        chunk = os.read(descriptor, 65536)
        if not chunk:
            return word
        word += chunk
    return None


def _judge(word: bytes, errors: Path) -> None:
    """Raise what kept the engine from coming up, if anything did and no other engine was faster."""
    if not word:
        last = clean(errors.read_text("utf-8", "replace"), limit=20_000).strip()[-2000:]
        raise Unavailable("CIS-ENG-018", "the engine ended while it started", hint=last or f"see {errors}")
    message = cast("dict[str, object]", json.loads(word))
    if "error" in message:
        error = error_from_wire(cast("dict[str, object]", message["error"]))
        if error.code != _ANOTHER_IS_LIVE:
            raise error
