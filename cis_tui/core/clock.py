"""Time, passed in rather than looked up, so that tests can live through a year."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

__all__ = ["Clock", "Instant", "iso_week", "next_week", "utc_now", "weeks_before"]


_FIRST_DAY = date(1970, 1, 1).toordinal()


class Instant(float):
    """A moment in seconds since 1970-01-01 UTC; written as ISO 8601 wherever it leaves the program."""

    def iso(self) -> str:
        """Such as `2026-11-23T23:12:10.123Z`."""
        moment = datetime.fromtimestamp(self, UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"

    @classmethod
    def parse(cls, text: str) -> Instant:
        """The moment that `iso` wrote (any ISO 8601 text with an offset is read).

        Raises:
            ValueError: `text` is not a moment in ISO 8601.
        """
        moment = datetime.fromisoformat(text)
        return cls((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


Clock = Callable[[], Instant]
"""Gives the present moment."""


def utc_now() -> Instant:
    """The machine's wall clock."""
    return Instant(time.time())


def iso_week(moment: Instant) -> str:
    """The ISO 8601 year and week of `moment` in UTC, such as `2026-W47`."""
    return _week_of(int(moment // 86_400))


@lru_cache(1024)
def _week_of(day: int) -> str:
    """The week of the day that is `day` days after 1970-01-01: weeks change at midnight, UTC."""
    year, week, _ = date.fromordinal(day + _FIRST_DAY).isocalendar()
    return f"{year}-W{week:02d}"


def next_week(week: str) -> str:
    """The ISO week after `week`, such as `2027-W01` after `2026-W53`."""
    return weeks_before(week, -1)


def weeks_before(week: str, count: int) -> str:
    """The ISO week that is `count` weeks before `week`.

    Raises:
        ValueError: `week` is no ISO week, such as `2026-W54`.
    """
    monday = datetime.strptime(f"{week}-1", "%G-W%V-%u") - timedelta(weeks=count)
    return monday.strftime("%G-W%V")
