"""How a command says that it failed."""

from __future__ import annotations

import errno
import sys

from cis_tui.core.errors import CisError, UsageError, cannot_write


def report(error: Exception, argv: list[str]) -> int:
    """Print what happened and what to do next; give the exit code. A bug's traceback goes to the log."""
    from cis_tui.cli.output import show_json

    if "--" in argv:
        argv = argv[: argv.index("--")]
    known = error if isinstance(error, CisError) else _unexpected(error, argv)
    if "--json" in argv:
        show_json({"error": known.to_json()})
        sys.stdout.flush()
    else:
        _tell(known)
    return int(known.exit)


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
    import logging

    from cis_tui.core.logs import start_log, stop_log
    from cis_tui.core.paths import find_home

    home = find_home(argv[argv.index("--home") + 1] if "--home" in argv[:-1] else None)
    where = ""
    if home.root.is_dir():
        handler = start_log(home)
        logging.getLogger(__name__).error("a command failed", exc_info=error)
        stop_log(handler)
        where = f"; {home.log_file} tells where"
    return CisError("CIS-CLI-001", f"{type(error).__name__}: {error}", hint=f"this is a bug in cis{where}")


def usage(message: str, hint: str = "") -> UsageError:
    """The error for a command that was called wrongly."""
    return UsageError("CIS-CLI-003", message, hint=hint)
