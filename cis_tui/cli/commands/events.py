"""`cis events`."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, cast

from cis_tui.cli.arguments import number
from cis_tui.cli.command import Command
from cis_tui.cli.context import Context
from cis_tui.cli.output import note, show_json_line

if TYPE_CHECKING:
    from cis_tui.api.client import RemoteEngine
    from cis_tui.core.events import Event

_LATEST = 100
_LOOK = 0.2
"""Seconds between looks for an engine."""


async def events(context: Context, arguments: Namespace) -> int:
    """`cis events`: the latest that were stored; with `-f` what happens from now on, whichever engine is live."""
    since: int | None = arguments.since
    if not arguments.follow:
        for event in _stored(context, since):
            show_json_line(event)
        return 0
    engine = await _connect(context)
    if engine is None:
        since = since if since is not None else _last_stored(context)  # before it is said: from then on it counts
        note("no engine is live; waiting for one (Ctrl-C ends)")
    while True:
        if engine is not None:
            since = await _print_until_gone(engine, since)
        await asyncio.sleep(_LOOK)
        engine = await _connect(context)
        if engine is None and since is not None:
            since = _print_stored(context, since)


def _print_stored(context: Context, since: int) -> int:
    """Print what an engine stored that was gone before it was seen; the number of the last event."""
    for event in _stored(context, since):
        show_json_line(event)
        since = event.seq
    return since


async def _connect(context: Context) -> RemoteEngine | None:
    from cis_tui.api.launch import connect

    return await connect(context.home)


async def _print_until_gone(engine: RemoteEngine, since: int | None) -> int | None:
    """Print events until the engine goes away; the number of the last one."""
    from cis_tui.core.errors import Unavailable

    last = since if since is not None else (await engine.status()).last_seq
    stream = cast("AsyncGenerator[Event]", engine.events(last))
    try:
        async with aclosing(stream):
            async for event in stream:
                show_json_line(event)
                last = event.seq
    except Unavailable:
        pass
    finally:
        await engine.close()
    return last


def _stored(context: Context, since: int | None) -> list[Event]:
    from cis_tui.dag.store import read_events, reading

    if not context.home.runs_db.exists():
        return []
    with reading(context.home.runs_db) as connection:
        if since is not None:
            return read_events(connection, "seq > ? ORDER BY seq", (since,))
        return read_events(connection, "1 ORDER BY seq DESC LIMIT ?", (_LATEST,))[::-1]


def _last_stored(context: Context) -> int:
    return max((event.seq for event in _stored(context, None)), default=0)


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("-f", "--follow", action="store_true", help="print what happens from now on")
    parser.add_argument("--since", metavar="SEQ", type=number, help="begin after the event with this number")


COMMANDS = (Command("events", "what happened, one JSON object a line", events, _arguments),)
