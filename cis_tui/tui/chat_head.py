"""The lines above and below a conversation: who answers, how full, what it costs, what goes on. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import ceil

from cis_tui.agents.model import AgentInfo, Conversation
from cis_tui.core.clock import Instant
from cis_tui.tui.chat_log import ChatLog
from cis_tui.tui.paint import Line, Piece, Tone, cell_len, fit, line_width, shown
from cis_tui.tui.widgets.taught import Keys, taught
from cis_tui.tui.words import span

METER = 8
"""Cells."""
QUEUED = 30
"""Cells for what waits."""


def head_line(log: ChatLog, agents: Sequence[AgentInfo], width: int) -> Line:
    """Who answers in which conversation, and what it took so far."""
    agent, model = speaker(log, agents)
    offline = agent is not None and agent.kind == "offline"
    name = shown(agent.name if agent else log.agent, limit=40)
    left: list[Piece] = [(" ", Tone.PLAIN), (name or "…", Tone.ASK if offline else Tone.STRONG)]
    if offline:
        left.append((" no model is configured: memory answers", Tone.ASK))
    elif agent is not None and agent.kind == "file":
        left.append((f" · {shown(model, limit=60)}", Tone.ASK))
    elif model:
        left.append((f" {shown(model, limit=60)}", Tone.DIM))
    if log.conversation and log.conversation.title:
        left.append((f"  {shown(log.conversation.title, limit=80)}", Tone.DIM))
    right = _taken(log.conversation) if log.conversation else []
    room = width - line_width(right)
    text_width = line_width(left)
    if text_width > room:
        *most, (last, tone) = left
        left = [*most, (fit(last, max(0, room - line_width(most))), tone)]
    return [*left, (" " * max(0, room - line_width(left)), Tone.PLAIN), *right]


def speaker(log: ChatLog, agents: Sequence[AgentInfo]) -> tuple[AgentInfo | None, str]:
    """The agent that answers next, and its model."""
    chosen = log.conversation.agent if log.conversation else ""
    wanted = [agent for agent in agents if agent.name == chosen] or [agent for agent in agents if agent.default]
    agent = wanted[0] if wanted else None
    if agent is not None and agent.kind == "file":
        return agent, agent.model  # it has one model, whatever was asked for of others
    model = (log.conversation.model if log.conversation else "") or log.model or (agent.model if agent else "")
    return agent, model


def _taken(conversation: Conversation) -> list[Piece]:
    pieces: list[Piece] = []
    if conversation.window and conversation.context:
        part = min(1.0, conversation.context / conversation.window)
        full = round(part * METER)
        tone = Tone.BAD if part > 0.9 else Tone.ASK if part > 0.75 else Tone.DIM
        pieces.append((f"{'▰' * full}{'▱' * (METER - full)} {part:.0%}", tone))
    if conversation.input or conversation.output:
        pieces.append((f"  {thousands(conversation.input)}↑ {thousands(conversation.output)}↓", Tone.DIM))
    if conversation.cost is not None:
        pieces.append((f"  ${conversation.cost:.2f}" if conversation.cost >= 0.01 else "  <$0.01", Tone.DIM))
    return [*pieces, (" ", Tone.PLAIN)] if pieces else []


def thousands(number: int) -> str:
    """A number of tokens in few characters."""
    if number < 1000:
        return str(number)
    if number < 1_000_000:
        return f"{number / 1000:.1f}k" if number < 100_000 else f"{number // 1000}k"
    return f"{number / 1_000_000:.2f}M"


def state_line(log: ChatLog, now: Instant, key: Keys, *, below: bool, intent: str, output: bool) -> Line:
    """What goes on, what waits, and what the line would do."""
    pieces: list[Piece] = [(" ", Tone.PLAIN)]
    if below:
        pieces.append(("▼ more below  ", Tone.LIVE))
    pieces += _going_on(log, now)
    if log.queue:
        waiting = " | ".join(shown(text, limit=60) for text in log.queue)
        pieces.append((f"queued ({len(log.queue)}): {fit(waiting, min(cell_len(waiting), QUEUED))}  ", Tone.ASK))
    if intent:
        pieces += [(key("chat.run"), Tone.STRONG), (f" runs {intent} without a model, ", Tone.DIM)]
        return [*pieces, (key("chat.send"), Tone.STRONG), (" asks the agent", Tone.DIM)]
    if output:
        return [*pieces, (key("chat.give"), Tone.STRONG), (" gives this output to the agent", Tone.DIM)]
    keys: list[tuple[str, str]] = []
    if log.until is not None:
        keys = [("chat.go-on", "now")]
    elif log.unfinished and not log.busy:
        keys = [("chat.go-on", "ask again" if log.unanswered else "go on")]
    if log.busy:
        keys += [("chat.stop", "take back" if log.queue else "stop"), ("chat.send", "steer"), ("chat.queue", "queue")]
    return [*pieces, *(piece for id, does in keys for piece in ((key(id), Tone.STRONG), (f" {does}  ", Tone.DIM)))]


def _going_on(log: ChatLog, now: Instant) -> list[Piece]:
    """What the agent does, and for how long."""
    asked = [entry for entry in log.calls if entry.state == "asked"]
    if log.status:
        return [(f"{shown(waiting(log.status, log.until, now))}  ", Tone.ASK)]
    if asked:
        return [("? waits for your answer  ", Tone.ASK)]
    if not log.busy:
        return []
    running = [entry for entry in log.calls if entry.state == "running"]
    does = f"runs {shown(running[0].head.partition(' ')[0], limit=30)}" if running else "answering"
    passed = int(now - log.since) if log.since is not None else 0
    took = f" {passed}s" if passed < 60 else f" {span(passed)}"
    return [(f"● {does}{took}  ", Tone.LIVE)]


def waiting(status: str, until: Instant | None, now: Instant) -> str:
    """What is waited for, with the time that is left of it: `overloaded, again in 9 s (2/5)`."""
    if until is None:
        return status
    left = max(0, ceil(until - now))
    told = f"{left} s" if left < 120 else f"{left // 60}:{left % 60:02d}"
    return re.sub(r"again in [^()]*", f"again in {told} ", status)


def welcome(agents: Sequence[AgentInfo], keys: Keys) -> list[Line]:
    """What is said where nothing was said yet."""
    default = next((agent for agent in agents if agent.default), None)
    lines: list[Line] = [[("Nothing was said yet.", Tone.STRONG)], []]
    if default is not None and default.kind == "offline":
        lines += [
            [("No model is configured: what you ask is looked up in memory, and nobody thinks about it.", Tone.ASK)],
            [("ANTHROPIC_API_KEY for Claude, or agent.base_url for a server on this machine, changes that.", Tone.DIM)],
            [],
        ]
    if default is not None and default.kind == "file":
        lines += [
            [(f"{shown(default.model, limit=60)} · answers here, without a key, without tools.", Tone.ASK)],
            [("ANTHROPIC_API_KEY for Claude, or agent.base_url for a server on this machine, changes that.", Tone.DIM)],
            [],
        ]
    steps = (
        ("chat.send", "sends, or steers the agent while it works"),
        ("chat.queue", "sends after the present answer"),
        ("chat.stop", "takes back what waits, one by one, then stops everything, then leaves the line"),
        ("chat.new-line", "begins another line"),
        ("chat.go-on", "lets an answer go on that was cut off or stopped, or asks again now"),
        ("/", "commands: /sessions lists what was said before"),
        ("@", "names a file of the project"),
        ("#", "remembers: # KEY = VALUE, or just words"),
        ("!", "runs a command of yours here"),
    )
    return [*lines, *taught(keys, "", *steps)]
