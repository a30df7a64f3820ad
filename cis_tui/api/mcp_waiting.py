"""Calls of MCP clients that take a while: followed, told as progress, given up when nobody is there to answer."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import cast

from cis_tui.core.codec import decode
from cis_tui.core.errors import NotFound, Refused, Unavailable
from cis_tui.core.events import Event, EventType
from cis_tui.core.text import clean_line
from cis_tui.dag.inspection import ToolCall
from cis_tui.dag.state import RunState
from cis_tui.dag.verdicts import Consequence, consequence, explain
from cis_tui.dag.views import Decision, DecisionKind, DecisionStatus, RunStatus, RunView
from cis_tui.protocol import EngineApi
from cis_tui.skills.model import SkillResult

Tell = Callable[[float, float | None, str], Awaitable[None]]
"""Told of progress: how far, of how much if that is known, and what happens."""
BEAT = 10.0
"""Seconds after which a call that waits says so again, and looks whether anybody is still there to answer."""
PAUSE = 0.5
"""Seconds between two lines of output that are told."""
NOBODY = "CIS-MCP-004"
NOTHING = 2**31
"""A number after which no message of a conversation comes."""
_TASK_EVENTS = frozenset(
    {
        EventType.TASK_STARTED,
        EventType.TASK_COMPLETED,
        EventType.TASK_FAILED,
        EventType.TASK_RETRIED,
        EventType.TASK_SKIPPED,
        EventType.DECISION_REQUESTED,
        EventType.DECISION_MADE,
    }
)


async def consent(engine: EngineApi, project: str, call: ToolCall, tell: Tell) -> None:
    """Have a person confirm `call`; returns when they did.

    Raises:
        Refused: no workspace is open in which somebody could (CIS-MCP-004), or somebody said no (CIS-MCP-005).
    """
    what = f"{call.tool} needs a person's yes, because {call.why}"
    conversation = call.call.partition("/")[0]
    await require_somebody(engine, what, conversation)
    asking = asyncio.ensure_future(engine.decision_ask(project, call))
    await tell(0, None, f"{what}: it waits in the workspace")
    try:
        decision = await _answered(engine, asking, what, conversation, tell)
    finally:
        asking.cancel()
    if consequence(decision) is not Consequence.RUN:
        raise Refused("CIS-MCP-005", f"{call.tool} was refused: {explain(decision)}")


async def require_somebody(engine: EngineApi, what: str, conversation: str = "") -> None:
    """Refuse at once what a person has to answer when no workspace is open, and nobody follows the conversation.

    Raises:
        Refused: there is none (CIS-MCP-004).
    """
    if (await engine.status()).faces == 0 and not await _attended(engine, conversation):
        hint = "open the workspace with cis, then try again"
        raise Refused(NOBODY, f"{what}, and no workspace is open in which it could be given", hint=hint)


async def _attended(engine: EngineApi, conversation: str) -> bool:
    """Whether somebody can be asked by way of a conversation, as at a terminal where cis agent ask runs."""
    if not conversation:
        return False
    try:
        return (await engine.agent_show(conversation, after=NOTHING)).conversation.attended
    except NotFound:
        return False


async def _answered(
    engine: EngineApi, asking: asyncio.Future[Decision], what: str, conversation: str, tell: Tell
) -> Decision:
    for beat in range(1, 1_000_000):
        done, _ = await asyncio.wait({asking}, timeout=BEAT)
        if done:
            break
        await require_somebody(engine, what, conversation)
        await tell(beat, None, f"{what}: it still waits")
    return await asking


async def follow_run(engine: EngineApi, view: RunView, tell: Tell) -> None:
    """Return when the run that `view` shows has ended.

    Raises:
        Refused: it waits for a person, and no workspace is open (CIS-MCP-004); it goes on waiting.
        Unavailable: the engine went away before the run ended.
    """
    state = RunState.from_view(view, await engine.decision_list(all=True))
    while not state.status.ended:
        seen = state.seq
        try:
            await _take_events(engine, state, tell)
        except Unavailable:
            if state.seq == seen:
                raise


async def _take_events(engine: EngineApi, state: RunState, tell: Tell) -> None:
    await _check_answerable(engine, state)
    told = 0
    events = cast("AsyncGenerator[Event]", engine.events(state.seq))
    async with aclosing(events):
        async for event in _with_beats(events):
            if event is not None and event.data.get("run") == state.id:
                state.apply(event)
                if event.type in _TASK_EVENTS:
                    told += 1
                    await tell(*_progress(state, told), _words(event, state))
            if state.status.ended:
                return
            if event is None:
                told += 1
                await tell(*_progress(state, told), f"the run is {state.status.value}")
            if event is None or event.type == EventType.DECISION_REQUESTED:
                await _check_answerable(engine, state)


async def _with_beats(events: AsyncGenerator[Event]) -> AsyncGenerator[Event | None]:
    """`events`, and None whenever there was none for a while."""
    upcoming: asyncio.Future[Event] | None = None
    try:
        while True:
            upcoming = upcoming or asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait({upcoming}, timeout=BEAT)
            if not done:
                yield None
                continue
            ready, upcoming = upcoming, None
            try:
                yield await ready
            except StopAsyncIteration:
                return
    finally:
        if upcoming is not None:
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)


def _progress(state: RunState, told: int) -> tuple[float, float]:
    """How far the run is: tasks that have ended, and what was told, which makes it grow with every notification."""
    total = max(len(state.tasks), 1)
    ended = sum(task.status.ended for task in state.tasks.values())
    return min(ended + told / 1000, total), total


def _words(event: Event, state: RunState) -> str:
    name = clean_line(str(event.data.get("task", "")), limit=100)
    task = state.tasks.get(str(event.data.get("task", "")))
    return f"{name}: {task.status.value}" if task is not None else name


async def _check_answerable(engine: EngineApi, state: RunState) -> None:
    """Raise when the run can only go on after an answer that nobody is there to give."""
    if state.status is not RunStatus.WAITING:
        return
    pending = [each for each in state.decisions.values() if each.status is DecisionStatus.PENDING]
    if any(each.kind is DecisionKind.RECOMMENDED for each in pending) or (await engine.status()).faces:
        return
    ids = ", ".join(each.id for each in pending)
    raise Refused(
        NOBODY,
        f"the run {state.id} waits for a person's answer ({ids}), and no workspace is open in which it could be given",
        hint=f"a person answers in cis, or with cis decision approve; dag_status tells how {state.id} goes on",
        context={"run": state.id},
    )


async def call_skill(
    engine: EngineApi, project: str, name: str, args: tuple[str, ...], input: Mapping[str, object], tell: Tell
) -> SkillResult:
    """What a skill answers; what it prints meanwhile is told. A call that is cancelled ends with its processes.

    Raises:
        CisError: see `EngineApi.skill_run`.
    """
    call = secrets.token_hex(6)
    work = asyncio.ensure_future(engine.skill_run(project, name, args, input, call=call))
    telling = asyncio.ensure_future(_tell_output(engine, call, tell))
    try:
        return await work
    finally:
        work.cancel()
        telling.cancel()
        await asyncio.gather(work, telling, return_exceptions=True)


async def _tell_output(engine: EngineApi, call: str, tell: Tell) -> None:
    told, clock = 0, asyncio.get_running_loop().time
    quiet_until = clock()
    events = cast("AsyncGenerator[Event]", engine.events())
    async with aclosing(events):
        async for event in _with_beats(events):
            text = "it still runs" if event is None else _line_of(event, call)
            if text and clock() >= quiet_until:
                told += 1
                safe = await engine.agent_mask({"text": text})
                await tell(told, None, str(safe["text"]))
                quiet_until = clock() + PAUSE


def _line_of(event: Event, call: str) -> str:
    """What an event tells of the call; empty when it is about something else."""
    if event.type == EventType.SKILL_OUTPUT and event.data.get("call") == call:
        lines = str(event.data.get("text", "")).strip().splitlines()
        return clean_line(lines[-1]) if lines else ""
    if event.type == EventType.DECISION_REQUESTED and not event.data.get("run"):
        decision = decode(Decision, event.data["decision"])
        return f"{decision.task} waits for a person's yes ({decision.id})" if decision.call == call else ""
    return ""
