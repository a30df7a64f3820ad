"""The structured log: one JSON object a line, rotated, with secrets masked."""

from __future__ import annotations

import json
import logging
import logging.handlers
import re
from collections.abc import Iterable

from cis_tui.core.clock import Instant
from cis_tui.core.paths import Home, private_dir
from cis_tui.core.text import clean

MASK = "[masked]"
_SECRETS = re.compile(
    r"(?i:\b(?:api[-_ ]?key|secret|password|passwd|passphrase|token|authorization|bearer)\b"
    r"[\"']?\s*[:= ]\s*[\"']?(?:(?:bearer|basic)\s+)?)"
    r"(?P<value>[^\s\"',;]{4,})"
    r"|\b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}\b"
    r"|\bAKIA[0-9A-Z]{16}\b"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)


def mask(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` with the given secret values, and whatever has the look of one, replaced by `[masked]`."""
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, MASK)
    return _SECRETS.sub(_masked, text)


def _masked(match: re.Match[str]) -> str:
    value = match.group("value")
    if value is None:
        return MASK
    return match.group(0)[: -len(value)] + MASK


class JsonLines(logging.Formatter):
    """A record as one line: `{"at","level","logger","message"}`, and `error` with the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": Instant(record.created).iso(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": clean(mask(record.getMessage()), limit=20_000),
        }
        if record.exc_info:
            entry["error"] = clean(mask(self.formatException(record.exc_info)), limit=40_000)
        return json.dumps(entry, ensure_ascii=False)


class _PrivateRotation(logging.handlers.RotatingFileHandler):
    """Rotation whose files only their owner can read."""

    def _open(self):  # pyright: ignore[reportUnknownParameterType]
        import os

        os.close(os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        return super()._open()


def start_log(home: Home, level: str = "info") -> logging.Handler:
    """Write the records of `cis_tui` loggers to the home's log; give the handler back, to be closed at the end."""
    private_dir(home.log_file.parent)
    handler = _PrivateRotation(home.log_file, maxBytes=5_000_000, backupCount=3, encoding="utf-8", delay=True)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("cis_tui")
    logger.setLevel(level.upper())
    logger.addHandler(handler)
    return handler


def stop_log(handler: logging.Handler) -> None:
    """Close what `start_log` opened."""
    logging.getLogger("cis_tui").removeHandler(handler)
    handler.close()
