"""What went wrong with a request, in our words, and whether to try again (facts: "Retry rule")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cis_tui.agents.keys import SET
from cis_tui.agents.provider import ProviderFailure
from cis_tui.core.errors import Exit
from cis_tui.core.text import clean_line

_IN_STREAM = {
    "overloaded_error": ("CIS-AGENT-008", "overloaded"),
    "rate_limit_error": ("CIS-AGENT-009", "asked too often"),
    "api_error": ("CIS-AGENT-010", "the service failed"),
    "timeout_error": ("CIS-AGENT-010", "the service took too long"),
}
"""Errors by type: they may come in the middle of an answer, with the status 200."""
_SPENT = ("spend", "credit", "billing", "quota", "budget")


def cut_short() -> ProviderFailure:
    """The stream of an answer ended before the answer did."""
    return ProviderFailure(
        "CIS-AGENT-013",
        "the answer was cut short: the connection ended in the middle of it",
        hint="try again; what came of it was thrown away",
        again=True,
        word="cut short",
    )


def silent(seconds: float) -> ProviderFailure:
    """The service said nothing for too long."""
    return ProviderFailure(
        "CIS-AGENT-014",
        f"the agent was silent for {seconds:g} s",
        hint="try again, or allow more: cis config set agent.timeout SECONDS",
        again=True,
        word="silent",
        exit=Exit.TIMED_OUT,
    )


def from_exception(error: Exception, *, base_url: str, timeout: float) -> ProviderFailure:
    """What an exception of the library, or of what lies below it, means."""
    import anthropic
    import httpx2

    if isinstance(error, anthropic.APIStatusError):
        return from_status(
            error.status_code,
            kind=str(error.type or ""),
            reason=str(error.error_code or ""),
            message=clean_line(str(error.api_message or error.message), limit=300),
            headers=error.response.headers,
            base_url=base_url,
        )
    if isinstance(error, (anthropic.APITimeoutError, httpx2.TimeoutException)):
        cause = error.__cause__ or error
        if isinstance(cause, httpx2.ConnectTimeout):
            return _unreachable(base_url, "no answer")
        return silent(timeout)
    if isinstance(error, anthropic.APIConnectionError):
        cause = error.__cause__ or error
        if isinstance(cause, httpx2.ConnectError):
            return _unreachable(base_url, clean_line(str(cause), limit=120))
        return cut_short()
    if isinstance(error, (httpx2.TransportError, httpx2.StreamError, ValueError)):
        # The library parses what comes: what is no JSON is a stream that broke.
        return cut_short()
    return ProviderFailure("CIS-AGENT-010", f"the agent failed: {type(error).__name__}: {clean_line(str(error))}")


def from_status(
    status: int, *, kind: str, reason: str, message: str, headers: Mapping[str, Any], base_url: str
) -> ProviderFailure:
    """What an error of the service means; `kind` is its type, `reason` its code."""
    said = f": {message}" if message else ""
    if status == 402 or any(word in reason for word in _SPENT):
        hint = "raise the limit where you pay for it, or ask another agent"
        return ProviderFailure("CIS-AGENT-011", f"the service refuses because of a limit of spending{said}", hint=hint)
    if status == 401:
        hint = f"set {SET}, or put the key of {base_url} into keys/agents.toml (docs/agents.md)"
        return ProviderFailure("CIS-AGENT-003", f"{base_url} does not accept the API key{said}", hint=hint)
    known = _KNOWN.get(status)
    if known is not None and kind not in _IN_STREAM:
        code, words, hint, exit = known
        return ProviderFailure(code, f"{words}{said}", hint=hint, exit=exit)
    if kind in _IN_STREAM or status in (408, 409, 429) or status >= 500:
        code, word = _IN_STREAM.get(kind) or _by_status(status)
        wait = retry_after(headers) if headers.get("x-should-retry") != "false" else None
        again = headers.get("x-should-retry") != "false"
        hint = f"it asks to wait {wait:.0f} s" if wait and wait > 60 else "try again later"
        return ProviderFailure(code, f"{word}{said}", hint=hint, again=again, wait=wait, word=word)
    return ProviderFailure("CIS-AGENT-005", f"the service refuses the request ({status}){said}", exit=Exit.INVALID)


_KNOWN: Mapping[int, tuple[str, str, str, Exit]] = {
    400: ("CIS-AGENT-005", "the service refuses the request", "the log has its id", Exit.INVALID),
    403: ("CIS-AGENT-004", "this key may not do that", "use another key or model", Exit.REFUSED),
    404: (
        "CIS-AGENT-006",
        "the service does not know this model",
        "cis config set agent.model NAME",
        Exit.NOT_FOUND,
    ),
    413: ("CIS-AGENT-007", "the conversation is too large for the service", "begin a new one", Exit.INVALID),
    422: ("CIS-AGENT-005", "the service refuses the request", "the log has its id", Exit.INVALID),
}


def _by_status(status: int) -> tuple[str, str]:
    if status == 529:
        return _IN_STREAM["overloaded_error"]
    if status == 429:
        return _IN_STREAM["rate_limit_error"]
    return "CIS-AGENT-010", f"the service failed ({status})"


def retry_after(headers: Mapping[str, Any]) -> float | None:
    """Seconds that the service asks to wait, if it says so in seconds."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(str(headers.get(name, ""))) * unit
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    return None


def _unreachable(base_url: str, why: str) -> ProviderFailure:
    return ProviderFailure(
        "CIS-AGENT-012",
        f"{base_url} cannot be reached: {why}",
        hint="check the network, and that the service runs there",
        again=True,
        word="not reachable",
    )
