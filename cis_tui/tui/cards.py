"""The parts of a conversation as lines of toned text."""

from __future__ import annotations

from collections.abc import Sequence

from cis_tui.core.text import count
from cis_tui.tui.chat_log import Entry, Kind
from cis_tui.tui.paint import Line, Tone
from cis_tui.tui.words import span

SHOWN = 300
"""Lines of an input, a result or an output that are shown; the export has all."""
_MARKS = {
    "coming": ("…", Tone.DIM),
    "asked": ("?", Tone.ASK),
    "running": ("▶", Tone.LIVE),
    "done": ("✓", Tone.GOOD),
    "failed": ("✗", Tone.BAD),
    "refused": ("⊘", Tone.BAD),
}


def settled(entry: Entry) -> tuple[Sequence[Line], Sequence[Line]]:
    """The lines of a part that will not become different while it grows, and those that still may."""
    if entry.rendered is not None:
        return entry.rendered.lines, entry.rendered.open_lines
    return (), _card(entry)


def _card(entry: Entry) -> list[Line]:
    match entry.kind:
        case Kind.YOU:
            first, *rest = entry.text.split("\n")
            more: list[Line] = [[("  ", Tone.PLAIN), (line, Tone.STRONG)] for line in rest]
            return [[("❯ ", Tone.LIVE), (first, Tone.STRONG)], *more]
        case Kind.NEW:
            return [[("── new ", Tone.ASK), ("─" * 20, Tone.DIM)]]
        case Kind.NOTE:
            return [[("· ", Tone.DIM), (line, Tone.DIM)] for line in entry.text.split("\n")]
        case Kind.TROUBLE:
            first, *rest = entry.text.split("\n")
            return [[("✗ ", Tone.BAD), (first, Tone.PLAIN)], *([("  ", Tone.PLAIN), (line, Tone.DIM)] for line in rest)]
        case _:
            return [_head(entry), *(() if entry.folded else _body(entry))]


def _head(entry: Entry) -> Line:
    fold = "▸ " if entry.folded else "▾ "
    match entry.kind:
        case Kind.THINKING:
            words = len(entry.text.split())
            word = "thinks…" if entry.state == "coming" else "thought"
            return [(f"{fold}{word}", Tone.DIM), (f"  {count(words, 'word')}", Tone.DIM)]
        case Kind.MEMORY:
            return [(f"{fold}from memory: ", Tone.DIM), (entry.head, Tone.DIM)]
        case Kind.COMMAND:
            tone = Tone.LIVE if entry.state == "running" else Tone.DIM
            return [(fold, Tone.DIM), (f"! {entry.head}", Tone.STRONG), (f"  {entry.state}", tone)]
        case _:
            mark, tone = _MARKS.get(entry.state, ("·", Tone.DIM))
            took = f"  {span(entry.took)}" if entry.took is not None and entry.took >= 0.05 else ""
            word = f"  {entry.state}" if entry.state and entry.state != "done" else ""
            return [(fold, Tone.DIM), (f"{mark} ", tone), (entry.head, Tone.STRONG), (f"{word}{took}", Tone.DIM)]


def _body(entry: Entry) -> list[Line]:
    if entry.kind is not Kind.TOOL:
        return _quoted(entry.text)
    lines: list[Line] = []
    if entry.preview:
        lines += _diff(entry.preview)
    elif entry.input and entry.input != "{}":
        lines += _quoted(entry.input)
    if entry.result:
        lines += [[("  → ", Tone.DIM), (line, Tone.PLAIN)] for line in entry.result.split("\n")[:1]]
        lines += _quoted("\n".join(entry.result.split("\n")[1:]))
    return lines


def _quoted(text: str) -> list[Line]:
    lines = text.rstrip("\n").split("\n") if text.strip() else []
    found: list[Line] = [[("  │ ", Tone.DIM), (line.expandtabs(4), Tone.CODE)] for line in lines[:SHOWN]]
    if len(lines) > SHOWN:
        found.append([("  │ ", Tone.DIM), (f"… {count(len(lines) - SHOWN, 'more line')}", Tone.DIM)])
    return found


def _diff(text: str) -> list[Line]:
    """What a call would do; added and removed lines have their signs before them anyway."""
    tones = {"+": Tone.GOOD, "-": Tone.BAD}
    lines = text.split("\n")
    found: list[Line] = [
        [("  │ ", Tone.ASK), (line.expandtabs(4), tones.get(line[:1], Tone.PLAIN))] for line in lines[: SHOWN * 2]
    ]
    if len(lines) > SHOWN * 2:
        found.append(
            [
                ("  │ ", Tone.ASK),
                (f"… {count(len(lines) - SHOWN * 2, 'more line')}: i in the question shows all", Tone.ASK),
            ]
        )
    return found
