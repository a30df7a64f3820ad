"""How much happens, by the minute."""

from __future__ import annotations

from cis_tui.core.clock import Instant
from cis_tui.core.events import Event
from cis_tui.core.pulse import KEPT, MINUTE, Pulse, gathered

NOON = Instant.parse("2026-11-26T12:00:30Z")


def test_what_is_news_is_counted_and_put_into_spans() -> None:
    pulse = Pulse(NOON)
    for ago, type in ((0, "MemorySet"), (1, "RunStarted"), (59, "TaskOutput"), (61, "RunStarted"), (3700, "RunFailed")):
        pulse.take(Event(1, Instant(NOON - ago), type))
    hour = gathered(pulse.minutes(), step=60, spans=60, now=NOON)
    assert (hour.counts[-1], hour.counts[-2], sum(hour.counts)) == (2, 1, 3), "output is no news"
    day = gathered(pulse.minutes(), step=3600, spans=24, now=NOON)
    assert (day.counts[-1], day.counts[-2], sum(day.counts), day.step) == (2, 1, 4, 3600)


def test_it_forgets_what_is_older_than_a_day() -> None:
    pulse = Pulse(NOON)
    for minute in range(KEPT + 10):
        pulse.take(Event(minute, Instant(NOON + minute * MINUTE), "RunStarted"))
    assert len(pulse.minutes()) == KEPT
    assert min(pulse.minutes()) == int(NOON // MINUTE) + 10
