"""Events in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from cis_tui.core.events import Event, EventType
from cis_tui.tui.paint import Line, Tone, fit, shown
from cis_tui.tui.peer_events import peer_text
from cis_tui.tui.words import clock_time, span
from cis_tui.tui.writers import NOBODY, Names

TYPE_WIDTH = 19

_TONES: Mapping[str, Tone] = {
    EventType.TASK_COMPLETED: Tone.GOOD,
    EventType.RUN_COMPLETED: Tone.GOOD,
    EventType.TASK_FAILED: Tone.BAD,
    EventType.RUN_FAILED: Tone.BAD,
    EventType.ERROR: Tone.BAD,
    EventType.DECISION_REQUESTED: Tone.ASK,
    EventType.PEER_CONNECTED: Tone.GOOD,
    EventType.PEER_REFUSED: Tone.BAD,
    EventType.SYNC_ACKED: Tone.GOOD,
    EventType.TASK_RETRIED: Tone.ASK,
    EventType.TASK_STARTED: Tone.LIVE,
    EventType.RUN_STARTED: Tone.LIVE,
}
_NAMES = ("dag", "task", "key", "skill", "peer", "name")
"""Fields that name what an event is about, in the order in which they are shown."""
_REMARKS = ("change", "what", "reason", "error", "message", "domain")
_TURNS = {"removed": "gone", "changed": "reloaded"}


def event_line(event: Event, width: int, names: Names = NOBODY) -> Line:
    """One event: when, what, about what; `names` are those of nodes and runs."""
    about = event_text(event, names)
    return [
        (clock_time(event.at) + "  ", Tone.DIM),
        (fit(shown(event.type), TYPE_WIDTH), _TONES.get(event.type, Tone.PLAIN)),
        (fit(about, max(0, width - 10 - TYPE_WIDTH)), Tone.PLAIN),
    ]


def event_text(event: Event, names: Names = NOBODY) -> str:
    """What an event is about, and how it went; no value of any memory entry is in it."""
    data = event.data
    if told := peer_text(event, names):
        return told
    run = str(data.get("run") or "")
    fields = (field for field in _NAMES if data.get(field) and not (field == "dag" and run in names))
    parts = [shown(str(data[field]), limit=200) for field in fields]
    if run:
        parts.append(f"{shown(names.get(run, 'run'), limit=200)} {shown(run)[:8]}")
    return "  ".join([*parts, *_outcome(data)])


def reload_text(event: Event) -> tuple[str, str]:
    """A changed skill or DAG in a line, and what changed or is wrong."""
    name = next((shown(str(event.data[kind])) for kind in _NAMES if event.data.get(kind)), "")
    turn = shown(str(event.data["change"]))
    version = f" {shown(str(event.data['version']))}" if event.data.get("version") else ""
    return f"{name}{version} is {_TURNS.get(turn, turn)}", shown(str(event.data.get("what", "")))


def _outcome(data: Mapping[str, object]) -> list[str]:
    parts: list[str] = []
    if isinstance(data.get("duration"), (int, float)):
        parts.append("in " + span(cast("float", data["duration"])))
    if isinstance(data.get("exit_code"), int) and data["exit_code"] and not data.get("error"):
        parts.append(f"exit {data['exit_code']}")
    decision = data.get("decision")
    if isinstance(decision, Mapping):
        fields = cast("Mapping[str, object]", decision)
        parts.append(shown(f"{fields.get('kind', '')} {fields.get('status', '')}"))
    return parts + [shown(str(data[name]), limit=300) for name in _REMARKS if data.get(name)]
