"""What the page of an entry of memory says, as lines."""

from __future__ import annotations

from collections.abc import Sequence

from cis_tui.memory.records import IndexType, MemoryItem
from cis_tui.tui.detail import labelled, text_lines
from cis_tui.tui.paint import Line, Tone, shown
from cis_tui.tui.words import calendar_time, count

MASK = "••••••••"
"""What stands for a sensitive value."""


def value_text(item: MemoryItem) -> str:
    """A value as text; bytes are described."""
    if isinstance(item.value, bytes):
        return f"{len(item.value)} bytes that are not text"
    return item.value


def preview(item: MemoryItem) -> str:
    """One line of a value, masked when it is sensitive."""
    if item.index_type is IndexType.SENSITIVE:
        return MASK
    return shown(value_text(item)[:500])


def memory_lines(item: MemoryItem, history: Sequence[MemoryItem], *, revealed: bool) -> list[Line]:
    """One entry with its value, and its earlier versions."""
    masked = item.index_type is IndexType.SENSITIVE and not revealed
    lines: list[Line] = [
        [(shown(item.key, limit=600), Tone.STRONG)],
        labelled(
            "domain", item.domain.value + (", encrypted, never leaves this machine" if item.domain == "private" else "")
        ),
        labelled("kind", item.index_type.value + (f", {shown(item.category)}" if item.category else "")),
        labelled("written", f"{calendar_time(item.created_at)} UTC, week {item.week}"),
        labelled("used", _usage(item)),
        [],
        *([labelled("value", f"{MASK}  s reveals it")] if masked else text_lines(value_text(item), "value")),
    ]
    if len(history) > 1:
        lines += [[], [(count(len(history), "version"), Tone.DIM)]]
        lines += [_version(version, masked=masked) for version in history]
    return lines


def _usage(item: MemoryItem) -> str:
    times = f"{count(item.access_count, 'time')}"
    return times + (f", last {calendar_time(item.last_accessed_at)} UTC" if item.last_accessed_at else "")


def _version(item: MemoryItem, *, masked: bool) -> Line:
    value = "deleted" if item.deleted else MASK if masked else shown(value_text(item)[:200])
    mark = "≠ " if item.concurrent else "  "
    return [(mark, Tone.ASK), (calendar_time(item.created_at) + "  ", Tone.DIM), (value, Tone.PLAIN)]
