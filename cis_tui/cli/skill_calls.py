"""A skill that is called from the command line: a person at the terminal is asked when it has to be confirmed."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import cast

from cis_tui.cli.context import Context
from cis_tui.cli.prompts import Prompts
from cis_tui.core.codec import decode
from cis_tui.core.events import Event, EventType
from cis_tui.dag.views import Decision
from cis_tui.protocol import EngineApi
from cis_tui.skills.model import SkillResult

_SOON = 0.3
"""Seconds in which a call that nobody is asked about has usually ended."""


async def call_skill(
    api: EngineApi,
    context: Context,
    name: str,
    args: tuple[str, ...],
    input: Mapping[str, object],
    *,
    yes: bool = False,
) -> SkillResult:
    """Call a skill; announce, and on a terminal ask, what has to be answered first.

    Raises:
        CisError: see `EngineApi.skill_run`.
    """
    call = secrets.token_hex(6)
    work = asyncio.ensure_future(api.skill_run(context.project_path, name, args, input, call=call, yes=yes))
    try:
        await asyncio.wait({work}, timeout=_SOON)
        if not work.done():
            await _asked(api, context, call, work)
        return await work
    finally:
        work.cancel()


async def _asked(api: EngineApi, context: Context, call: str, work: asyncio.Future[SkillResult]) -> None:
    with Prompts(api, context, yes=False) as prompts:
        watching = asyncio.ensure_future(_watch(api, call, prompts))
        for decision in await api.decision_list():
            if decision.call == call:
                prompts.update(decision)
        await asyncio.wait({work})
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _watch(api: EngineApi, call: str, prompts: Prompts) -> None:
    events = cast("AsyncGenerator[Event]", api.events())
    async with aclosing(events):
        async for event in events:
            if event.type in (EventType.DECISION_REQUESTED, EventType.DECISION_MADE) and not event.data.get("run"):
                decision = decode(Decision, event.data["decision"])
                if decision.call == call:
                    prompts.update(decision)
