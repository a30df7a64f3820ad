"""What a homeserver's errors mean here (Matrix client-server API, standard error response)."""

from __future__ import annotations

from collections.abc import Mapping

from cis_tui.core.errors import CisError, Invalid, NotFound, Refused, TimedOut, Unavailable
from cis_tui.core.text import clean_line

AWAY = "CIS-MATRIX-001"
NO_TOKEN = "CIS-MATRIX-002"
TOO_OFTEN = "CIS-MATRIX-003"
FORBIDDEN = "CIS-MATRIX-004"
TOO_LARGE = "CIS-MATRIX-005"
MISSING = "CIS-MATRIX-006"
NOT_TAKEN = "CIS-MATRIX-007"
_FORBIDDEN = {"M_FORBIDDEN", "M_GUEST_ACCESS_FORBIDDEN", "M_USER_DEACTIVATED", "M_USER_LOCKED", "M_CONSENT_NOT_GIVEN"}
_LONGEST = 3600.0


def away(why: str) -> Unavailable:
    """The homeserver does not answer, or with what makes no sense."""
    return Unavailable(AWAY, f"the homeserver is away: {clean_line(why, limit=200)}")


def late(seconds: float) -> TimedOut:
    """The homeserver took longer than it may."""
    return TimedOut(AWAY, f"the homeserver did not answer within {seconds:g} seconds", retryable=True)


def failure(status: int, answer: Mapping[str, object]) -> CisError:
    """The error that an answer with an HTTP status of 400 or more is; `context` has `errcode`, and `retry_after`."""
    errcode = str(answer.get("errcode", ""))[:80]
    said = clean_line(str(answer.get("error", "")), limit=200) or f"status {status}"
    context: dict[str, object] = {"errcode": errcode, "status": status}
    if errcode == "M_LIMIT_EXCEEDED" or status == 429:
        context["retry_after"] = _seconds(answer.get("retry_after_ms"))
        return Unavailable(TOO_OFTEN, "the homeserver is asked too often", context=context)
    if errcode in ("M_UNKNOWN_TOKEN", "M_MISSING_TOKEN"):
        hint = "cis matrix login logs in anew"
        return Refused(NO_TOKEN, "the homeserver takes this login no more", hint=hint, context=context)
    if errcode in _FORBIDDEN or (status in (401, 403) and errcode != "M_UNKNOWN"):
        return Refused(FORBIDDEN, f"the homeserver refuses: {said}", context=context)
    if errcode == "M_TOO_LARGE" or status == 413:
        return Invalid(TOO_LARGE, "this is more than the homeserver takes at once", context=context)
    if errcode == "M_NOT_FOUND":
        return NotFound(MISSING, f"the homeserver knows nothing of it: {said}", context=context)
    if status >= 500 or not errcode:
        return Unavailable(AWAY, f"the homeserver is away: {said}", context=context)
    return Invalid(NOT_TAKEN, f"the homeserver does not take it: {errcode}, {said}", context=context)


def errcode(error: CisError) -> str:
    """Such as `M_FORBIDDEN`; empty if no homeserver said so."""
    return str(error.context.get("errcode", ""))


def retry_after(error: CisError) -> float | None:
    """Seconds after which the homeserver wants to be asked again, if it said so."""
    found = error.context.get("retry_after")
    return found if isinstance(found, float) else None


def is_away(error: CisError) -> bool:
    """Whether it helps to ask again later."""
    return error.code in (AWAY, TOO_OFTEN)


def _seconds(milliseconds: object) -> float:
    if not isinstance(milliseconds, (int, float)) or isinstance(milliseconds, bool):
        return 1.0
    return min(max(milliseconds / 1000, 0.05), _LONGEST)
