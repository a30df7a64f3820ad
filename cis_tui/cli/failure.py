"""How a command says that it failed."""

from __future__ import annotations

import errno
import sys
from contextlib import suppress
from itertools import pairwise

from cis_tui.core.errors import CisError, UsageError, cannot_write


def report(error: Exception, argv: list[str]) -> int:
    """Print what happened and what to do next; give the exit code. A bug's traceback goes to the log."""
    if "--" in argv:
        argv = argv[: argv.index("--")]
    known = error if isinstance(error, CisError) else _unexpected(error, argv)
    if not ("--json" in argv and _printed(known)):
        with suppress(OSError):  # nobody listens
            _tell(known)
    return int(known.exit)


def _printed(error: CisError) -> bool:
    """Whether stdout takes an error as JSON: it may lie on a full disk, or its reader may have gone."""
    from cis_tui.cli.output import show_json

    try:
        show_json({"error": error.to_json()})
        sys.stdout.flush()
    except OSError:
        return False
    return True


def _tell(error: CisError) -> None:
    from cis_tui.cli.output import note, paint
    from cis_tui.core.text import clean

    for name, colour, text in (("error:", "red", error.message), ("hint:", "cyan", error.hint)):
        if text:
            below = "\n" + " " * (len(name) + 1)  # a file name with a newline in it makes no line of its own
            note(f"{paint(name, colour, sys.stderr)} {clean(text).replace(chr(10), below)}")


def _unexpected(error: Exception, argv: list[str]) -> CisError:
    if isinstance(error, OSError) and error.strerror:
        if error.errno in (errno.EROFS, errno.ENOSPC, errno.EDQUOT):
            return cannot_write(error.filename or "what was asked for", error)
        place = f"{error.filename}: " if error.filename else ""
        return CisError("CIS-CLI-002", f"{place}{error.strerror}")
    if isinstance(error, UnicodeEncodeError) and any(_is_half(word) for word in argv):
        hint = "see that the terminal, or the script, writes UTF-8"
        return usage("a word of the command is no text that UTF-8 can express", hint)
    return CisError(
        "CIS-CLI-001", f"{type(error).__name__}: {error}", hint=f"this is a bug in cis{_logged(error, argv)}"
    )


def _is_half(word: str) -> bool:
    """Whether a word was made of bytes that are no UTF-8."""
    return any("\ud800" <= letter <= "\udfff" for letter in word)


def _logged(error: Exception, argv: list[str]) -> str:
    """Where the traceback is now; empty if it could not be kept."""
    import logging

    from cis_tui.core.logs import start_log, stop_log
    from cis_tui.core.paths import find_home

    homes = [after for word, after in pairwise([*argv, ""]) if word == "--home"]
    homes += [word.partition("=")[2] for word in argv if word.startswith("--home=")]
    with suppress(OSError, CisError):
        home = find_home(next(iter(homes), None))
        if home.root.is_dir():
            handler = start_log(home)
            logging.getLogger(__name__).error("a command failed", exc_info=error)
            stop_log(handler)
            return f"; {home.log_file} tells where"
    return ""


def usage(message: str, hint: str = "") -> UsageError:
    """The error for a command that was called wrongly."""
    return UsageError("CIS-CLI-003", message, hint=hint)
