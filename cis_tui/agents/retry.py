"""When a failed answer is asked for again: pure."""

from __future__ import annotations

from cis_tui.agents.provider import ProviderFailure

ATTEMPTS = 5
"""Requests for one answer, the first one included."""
LONGEST = 60.0
"""Seconds that are waited where nobody sees it."""
LONGEST_SEEN = 3600.0
"""Seconds that are waited where a person sees it, and can end it."""
_FIRST, _CAP = 0.5, 8.0


def wait_before_next(failure: ProviderFailure, made: int, chance: float, *, attended: bool = False) -> float | None:
    """Seconds until the next attempt after `made` of them; None when there is to be none.

    `chance`, from 0 to 1, shortens a wait that the service did not ask for by up to a quarter. `attended`: a person is
    there, who sees the wait and can stop the turn.
    """
    if not failure.retryable or made >= ATTEMPTS:
        return None
    if failure.wait is not None:
        return failure.wait if failure.wait <= (LONGEST_SEEN if attended else LONGEST) else None
    return min(_CAP, _FIRST * 2 ** (made - 1)) * (1 - 0.25 * chance)


def notice(failure: ProviderFailure, wait: float, made: int) -> str:
    """What a person is told meanwhile, such as `overloaded, again in 12 s (2/5)`."""
    shown = f"{wait:.0f} s" if wait >= 1 else f"{wait:.1f} s"
    if wait > 2 * LONGEST:
        shown = f"{wait / 60:.0f} min"
    return f"{failure.word}, again in {shown} ({made + 1}/{ATTEMPTS})"
