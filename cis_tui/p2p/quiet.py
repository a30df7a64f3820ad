"""Importing libp2p without letting it write to the terminal."""

from __future__ import annotations

import logging

_log = logging.getLogger(__name__)


class _ToOurLog(logging.Handler):
    """Hands what libp2p says to this program's log, as detail: most of it tells what strangers send."""

    def emit(self, record: logging.LogRecord) -> None:
        _log.debug("%s: %s", record.name, record.getMessage()[:500])


def import_quietly() -> None:
    """Import libp2p (0.7 s, 80 MB).

    Its own logger has no handler, so that warnings would go to stderr, and it logs through the root logger, which would
    then get a handler that writes to stderr.
    """
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.NullHandler())
    import libp2p

    assert libp2p
    hush("libp2p")


def hush(name: str) -> None:
    """Let the logger `name` of a library speak to this program's log alone."""
    theirs = logging.getLogger(name)
    if not any(isinstance(handler, _ToOurLog) for handler in theirs.handlers):
        theirs.addHandler(_ToOurLog())
    theirs.propagate = False
    theirs.setLevel(logging.WARNING)
