"""Numbers over time: nothing is lost in groups, and the numbers stand beside the bars."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cis_tui.core.clock import Instant
from cis_tui.core.pulse import Activity
from cis_tui.memory.growth import MemoryGrowth
from cis_tui.tui.paint import Line
from cis_tui.tui.peer_words import hour_bars, hour_words
from cis_tui.tui.plain_signs import PLAIN
from cis_tui.tui.sparks import activity_notes, bars, gathered, growth_notes

COUNTS = st.lists(st.integers(0, 10_000), max_size=80)


def text(line: Line) -> str:
    return "".join(piece for piece, _ in line)


@given(COUNTS, st.integers(1, 60))
def test_groups_hold_all_that_was_counted_in_no_more_cells_than_there_are(counts: list[int], cells: int) -> None:
    groups = gathered(counts, cells)
    assert sum(groups) == sum(counts) and len(groups) <= cells
    drawn = bars(groups)
    assert len(drawn) == len(groups)
    assert [bar == "·" for bar in drawn] == [group == 0 for group in groups]
    assert drawn.translate(PLAIN).isascii()
    if any(groups):
        assert drawn[groups.index(max(groups))] == "█"


def test_growth_is_told_in_numbers_too() -> None:
    long, short = map(text, growth_notes(MemoryGrowth((0, 3, 1), 5 << 20)))
    assert long == "written in 3 days ·█▃ 4 versions, 1 today, 5 MB in all "
    assert short == "3 days ·█▃ 4 written "
    assert [text(line) for line in growth_notes(MemoryGrowth((2,), 4096))] == ["2 written today, 4 KB in all "]
    assert growth_notes(MemoryGrowth((0, 0), 4096)) == []


def test_activity_is_told_from_many_words_to_few() -> None:
    at = Instant.parse("2026-11-26T07:58:12Z")
    hour = Activity((*[0] * 58, 1200, 8), 60, at)
    notes = [text(line) for line in activity_notes(hour, Activity((*[0] * 23, 1208), 3600, at))]
    assert [len(note) for note in notes] == sorted((len(note) for note in notes), reverse=True)
    assert "the hour to 07:58" in notes[0] and "1,208, at most 1,200 in a minute" in notes[0] and "24 hours" in notes[0]
    assert notes[-1] == "1 h ···········█ 1,208 "
    assert "nothing" in text(activity_notes(Activity((0,) * 60, 60, at), Activity((0,) * 24, 3600, at))[1])


def test_the_hour_of_a_peer() -> None:
    past = (*[0] * 5, *[-1] * 5, 0, 0, 0, 0, 3, *[0] * 4, 1200)
    assert hour_bars(past, 12) == "▁·▃█"
    assert hour_words(past) == "5 min away, 2 min behind, by at most 1,200"
    assert hour_words((0, 0)) == "in step for all of 2 min"
