"""`cis engine`."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from typing import TYPE_CHECKING

from cis_tui.cli.command import Command
from cis_tui.cli.context import Context
from cis_tui.cli.output import note, show, show_json

if TYPE_CHECKING:
    from cis_tui.core.paths import Home

_STOP_TIMEOUT = 20.0
"""Seconds that an engine may take to end its processes and go."""


async def start(context: Context, arguments: Namespace) -> int:
    """`cis engine start`: returns when an engine is live that stays without a face."""
    from cis_tui.api.launch import launch

    api = await launch(context.home, "command")
    try:
        await api.stay()
        status = await api.status()
    finally:
        await api.close()
    show_json(status) if context.json else show(f"the engine of {status.home} is live, process {status.pid}")
    return 0


async def stop(context: Context, arguments: Namespace) -> int:
    """`cis engine stop`: returns when the engine and all its children have ended; runs can be resumed."""
    from cis_tui.api.launch import connect
    from cis_tui.core.errors import Unavailable
    from cis_tui.core.lock import engine_live

    was_live = engine_live(context.home)
    try:
        api = await connect(context.home)
        if api is not None:
            await api.shutdown()
            await api.close()
    except Unavailable:
        _signal(context)
    await asyncio.to_thread(_wait_until_gone, context.home)
    if context.json:
        show_json({"stopped": was_live})
    else:
        show("the engine has stopped") if was_live else note("no engine was running")
    return 0


async def status(context: Context, arguments: Namespace) -> int:
    """`cis engine status`: 0 only when an engine is live."""
    from cis_tui.cli.access import live
    from cis_tui.cli.outcome import moment

    async with live(context, hint="cis engine start starts one") as api:
        found = await api.status()
    if context.json:
        show_json(found)
        return 0
    show(f"live      process {found.pid}, since {moment(found.started_at)} UTC, cis {found.version}")
    show(f"home      {found.home}")
    show(f"faces     {found.faces}" + (", stays without one" if found.staying else ""))
    show(f"runs      {found.active_runs} active")
    show(f"decisions {found.pending_decisions} pending")
    return 0


def serve(context: Context, arguments: Namespace) -> int:
    """Be the engine; what `cis engine start` and the workspace start in a process of its own."""
    ready_fd: int | None = arguments.ready_fd
    if ready_fd is not None and os.fork():
        os._exit(0)  # the one who started it waits for this process only, and never has to reap the engine
    from cis_tui.api.launch import report_ready
    from cis_tui.api.serve import serve as be_engine
    from cis_tui.core.errors import CisError

    waiting: list[int] = [] if ready_fd is None else [ready_fd]
    try:
        asyncio.run(be_engine(context.home, ready=lambda: report_ready(waiting)))
    except CisError as error:
        report_ready(waiting, error)
        raise
    return 0


def _signal(context: Context) -> None:
    """End an engine that cannot be talked to, such as one of another version."""
    with suppress(OSError, ValueError):
        os.kill(int(context.home.engine_lock.read_text("ascii")), signal.SIGTERM)


def _wait_until_gone(home: Home) -> None:
    from cis_tui.core.errors import TimedOut
    from cis_tui.core.lock import engine_live

    deadline = time.monotonic() + _STOP_TIMEOUT
    while engine_live(home):
        if time.monotonic() > deadline:
            raise TimedOut("CIS-CLI-016", f"the engine of {home.root} did not end in {_STOP_TIMEOUT:g} s")
        time.sleep(0.02)
    home.engine_socket.unlink(missing_ok=True)


def _serve(parser: ArgumentParser) -> None:
    parser.add_argument("--ready-fd", type=int, help="where to say that it listens; the process forks first")


COMMANDS = (
    Command("start", "start an engine that stays", start),
    Command("stop", "end the engine and all its children; runs can be resumed", stop),
    Command("status", "whether an engine is live, and what it does", status),
    Command("serve", "be the engine", serve, _serve, hidden=True),
)
