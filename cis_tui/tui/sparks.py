"""Numbers over time as a line of bars, to be read beside those numbers: nothing is told by the bars alone."""

from __future__ import annotations

from collections.abc import Sequence

from cis_tui.core.pulse import Activity
from cis_tui.core.text import count
from cis_tui.memory.growth import MemoryGrowth
from cis_tui.tui.paint import Line, Piece, Tone
from cis_tui.tui.words import clock_time, size

BARS = "▁▂▃▄▅▆▇█"
NOTHING = "·"


def gathered(values: Sequence[int], cells: int) -> list[int]:
    """`values` in at most `cells` groups of as many each, added up; the first group is the one that may have fewer."""
    if not values or cells <= 0:
        return []
    wide = -(-len(values) // cells)
    first = len(values) % wide or wide
    starts = [0, *range(first, len(values), wide)]
    return [sum(values[start:end]) for start, end in zip(starts, [*starts[1:], len(values)], strict=True)]


def growth_notes(growth: MemoryGrowth) -> list[Line]:
    """How much was written into memory day by day, in many words and in few; nothing where nothing was."""
    written, days = sum(growth.days), len(growth.days)
    if not written:
        return []
    today = f"{growth.days[-1]:,} today"
    if days == 1:
        return [[(f"{written:,} written today, {size(growth.bytes)} in all ", Tone.DIM)]]
    in_all = f" {count(written, 'version')}, {today}, {size(growth.bytes)} in all "
    few = bars(gathered(growth.days, 14))
    return [
        [(f"written in {days} days ", Tone.DIM), (bars(growth.days), Tone.LIVE), (in_all, Tone.DIM)],
        [(f"{days} days ", Tone.DIM), (few, Tone.LIVE), (f" {written:,} written ", Tone.DIM)],
    ]


def activity_notes(hour: Activity, day: Activity) -> list[Line]:
    """How much happened in the last hour, and day, in many words and in few."""
    till = clock_time(hour.until)[:5]
    long = _pulse(hour.counts, 60, f"the hour to {till} ", "a minute")
    few = bars(gathered(hour.counts, 12))
    return [
        [*long, *_pulse(day.counts, 24, "  24 hours ", "an hour")],
        long,
        _pulse(hour.counts, 30, f"hour to {till} ", "2 min"),
        [("1 h ", Tone.DIM), (few, Tone.LIVE), (f" {sum(hour.counts):,} ", Tone.DIM)],
    ]


def _pulse(counts: Sequence[int], cells: int, title: str, group: str) -> list[Piece]:
    groups = gathered(counts, cells)
    told = f" {sum(counts):,}, at most {max(groups):,} in {group} " if any(groups) else " nothing "
    return [(title, Tone.DIM), (bars(groups), Tone.LIVE), (told, Tone.DIM)]


def bars(values: Sequence[int]) -> str:
    """A bar for each value, the highest for the greatest one; of one that is not there, a dot."""
    most = max(values, default=0)
    return "".join(BARS[-(-value * len(BARS) // most) - 1] if value > 0 else NOTHING for value in values)
