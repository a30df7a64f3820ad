"""Which weeks are to be archived, and when (contract, Memory, "Weeks"): no file, no clock."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, time, timedelta

from cis_tui.core.clock import weeks_before
from cis_tui.core.errors import NotFound, Refused, UsageError

_AT = time(23, 59)
_SUNDAY = 7
LOOK = 3600.0
"""Seconds after which the wall clock is looked at again, for it may have been set, and the machine may have slept."""


def due(logs: Sequence[str], archives: Collection[str], *, current: str, hot_weeks: int) -> list[str]:
    """Those of `logs` that left the hot window, which ends with the week `current`; and those that are archived already
    but for the end of it. Oldest first.
    """
    oldest_hot = weeks_before(current, max(hot_weeks, 1) - 1)
    return sorted(week for week in logs if is_week(week) and (week < oldest_hot or week in archives))


def asked_for(week: str, logs: Collection[str], archives: Collection[str], *, current: str) -> None:
    """See that `week`, which somebody named, may be archived now.

    Raises:
        UsageError: it is no week (CIS-MEM-066).
        Refused: it is not over yet (CIS-MEM-067).
        NotFound: nothing was written in it, or it is archived already (CIS-MEM-068).
    """
    if not is_week(week):
        raise UsageError("CIS-MEM-066", f"{week!a:.40} is no week", hint=f"a week is written as {current}")
    if week >= current:
        raise Refused("CIS-MEM-067", f"{week} is not over yet", hint="a week can be archived when it has ended")
    if week not in logs:
        problem = "is archived already" if week in archives else "has no entries"
        raise NotFound("CIS-MEM-068", f"{week} {problem}", hint="cis memory archive does all that is due")


def is_week(text: str) -> bool:
    """Whether `text` names an ISO week, such as `2026-W47`."""
    try:
        return weeks_before(text, 0) == text
    except ValueError:
        return False


def next_trigger(now: datetime) -> datetime:
    """The next Sunday, 23:59, after the local time `now`, which carries no offset."""
    sunday = now.date() + timedelta(days=_SUNDAY - now.isoweekday())
    trigger = datetime.combine(sunday, _AT)
    return trigger if trigger > now else trigger + timedelta(weeks=1)


class Schedule:
    """Says when it is time, given the local time again and again: once for each trigger, wherever the clock is set."""

    def __init__(self, now: datetime) -> None:
        """`now`: the local time of the start, when all is done that was missed."""
        self._seen = {_trigger_before(now)}

    def fires(self, now: datetime) -> bool:
        """Whether a trigger has come that was not there yet."""
        trigger = _trigger_before(now)
        new = trigger not in self._seen
        self._seen.add(trigger)
        return new

    def wait(self, now: datetime) -> float:
        """Seconds until it is worth to ask again."""
        return min((next_trigger(now) - now).total_seconds(), LOOK)


def _trigger_before(now: datetime) -> datetime:
    return next_trigger(now) - timedelta(weeks=1)
