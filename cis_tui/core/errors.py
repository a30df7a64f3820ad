"""The one kind of failure that a face may see, and the exit code it becomes."""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from enum import IntEnum

from cis_tui.core.text import clean_line

_CODE = re.compile(r"CIS-[A-Z0-9]{2,8}-\d{3}")


class Exit(IntEnum):
    """Exit codes of the `cis` command (contract, "The command")."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    REFUSED = 4
    INVALID = 5
    UNAVAILABLE = 6
    TIMED_OUT = 7
    INTERRUPTED = 130


class CisError(Exception):
    """A failure with everything a person needs: what happened, where, and what to do next."""

    exit = Exit.FAILED
    retryable = False

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str = "",
        context: Mapping[str, object] | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        """Stable name of the failure, such as `CIS-DAG-003`."""
        self.message = message
        self.hint = hint
        """The next step for the person, one sentence, or empty."""
        self.context: dict[str, object] = dict(context or {})
        if retryable is not None:
            self.retryable = retryable

    def to_json(self) -> dict[str, object]:
        """The shape that `--json` prints under `error`."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "context": self.context,
        }


class UsageError(CisError):
    """The command was called wrongly."""

    exit = Exit.USAGE


class NotFound(CisError):
    """The named key, DAG, skill, run or peer does not exist."""

    exit = Exit.NOT_FOUND


class Refused(CisError):
    """Permission, trust or a person said no."""

    exit = Exit.REFUSED


class Invalid(CisError):
    """A file or value has the wrong shape."""

    exit = Exit.INVALID


class Unavailable(CisError):
    """Something needed is away: a network, the engine, a locked key."""

    exit = Exit.UNAVAILABLE
    retryable = True


class TimedOut(CisError):
    """A time limit passed."""

    exit = Exit.TIMED_OUT


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FULL_HINT = "make room on the disk, then try again"


def cannot_write(path: object, error: OSError) -> CisError:
    """Why `path` could not be written (CIS-CORE-012 for a full disk, else 013)."""
    if error.errno in _FULL:
        return Unavailable("CIS-CORE-012", f"cannot write {path}: the disk is full", hint=FULL_HINT)
    return Refused(
        "CIS-CORE-013", f"cannot write {path}: {error.strerror}", hint="see that it is yours, and on no read-only disk"
    )


_BY_EXIT: dict[Exit, type[CisError]] = {
    kind.exit: kind for kind in (CisError, UsageError, NotFound, Refused, Invalid, Unavailable, TimedOut)
}


def error_to_wire(error: CisError) -> dict[str, object]:
    """`error` as plain data that `error_from_wire` turns back into the same kind."""
    return error.to_json() | {"exit": int(error.exit), "retryable": error.retryable}


def error_from_wire(data: Mapping[str, object]) -> CisError:
    """The error that `error_to_wire` described; an unknown kind becomes a plain `CisError`."""
    try:
        kind = _BY_EXIT.get(Exit(int(str(data.get("exit", 1)))), CisError)
    except ValueError:
        kind = CisError
    context = data.get("context")
    return kind(
        str(data.get("code", "CIS-CORE-000")),
        str(data.get("message", "unknown failure")),
        hint=str(data.get("hint", "")),
        context={str(k): v for k, v in context.items()} if isinstance(context, dict) else None,  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        retryable=bool(data.get("retryable", False)),
    )


def error_from_stranger(data: Mapping[str, object], code: str) -> CisError:
    """The same of somebody who need not be believed: text of others, bounded; with `code` if its own is none."""
    said = str(data.get("code", ""))
    return error_from_wire(
        {
            "code": said if _CODE.fullmatch(said) else code,
            "message": clean_line(str(data.get("message", "")), limit=500),
            "hint": clean_line(str(data.get("hint", "")), limit=300),
            "exit": data.get("exit", 1),
            "retryable": data.get("retryable") is True,
        }
    )
