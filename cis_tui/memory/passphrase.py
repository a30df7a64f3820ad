"""Passphrases of private memory: which are taken, and where a script gives one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cis_tui.core.errors import Invalid, Unavailable

MAX_PASSPHRASE = 1024
"""Bytes of a passphrase in UTF-8."""


def given_passphrase(env: Mapping[str, str], name: str = "CIS_PASSPHRASE") -> str | None:
    """The passphrase that the variable `name`, else the file that `name`_FILE names, holds.

    Raises:
        Unavailable: the file cannot be read (CIS-MEM-025).
        Invalid: it is too long (CIS-MEM-075).
    """
    if env.get(name):
        return checked_passphrase(env[name])
    file = env.get(f"{name}_FILE")
    if not file:
        return None
    try:
        with Path(file).expanduser().open("rb") as opened:
            text = opened.read(MAX_PASSPHRASE + 3).decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or "it is not text"
        raise Unavailable(
            "CIS-MEM-025",
            f"{name}_FILE: cannot read {file}: {why}",
            hint=f"name a file of yours that holds the passphrase, or unset {name}_FILE",
            retryable=False,
        ) from error
    return checked_passphrase(text) if text else None


def checked_passphrase(text: str) -> str:
    """`text`, which can be a passphrase.

    Raises:
        Invalid: it is empty or too long (CIS-MEM-075).
    """
    if not 0 < len(text.encode("utf-8", "surrogateescape")) <= MAX_PASSPHRASE:
        raise Invalid("CIS-MEM-075", f"a passphrase has 1 to {MAX_PASSPHRASE} bytes")
    return text
