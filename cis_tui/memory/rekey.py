"""Changes the data key, or how it is kept: the part of `rotation` that knows passphrases."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from cis_tui.core.errors import Invalid, Unavailable
from cis_tui.core.paths import Home
from cis_tui.memory.data_key import DataKey
from cis_tui.memory.keys import (
    WAYS,
    Kept,
    check_not_lost,
    locked_error,
    read_kept,
    system_keyring,
    unwrap,
    wrap,
    write_kept,
)
from cis_tui.memory.passphrase import given_passphrase
from cis_tui.memory.records import Domain, RekeyReport
from cis_tui.memory.rotation import Step, rotate, settle
from cis_tui.memory.vault import Vault


@dataclass(frozen=True, slots=True)
class Rekey:
    """What is asked for. Passphrases that are not given are taken from the environment where it has them."""

    way: str = ""
    """`passphrase`, `keyring` or `file`; empty: as the key is kept already."""
    current: str = field(default="", repr=False)
    """The passphrase that opens the present key."""
    new: str = field(default="", repr=False)
    """The passphrase that is to open the new one; empty: the present one."""


def rekey(home: Home, held: DataKey, asked: Rekey, step: Step, *, env: Mapping[str, str] = os.environ) -> RekeyReport:
    """Give private memory a new key; this process has closed all its private files.

    Raises:
        Unavailable: private memory is locked (CIS-MEM-020), the passphrase is wrong (CIS-MEM-021), other processes have
            it open (CIS-MEM-071), there is no keyring (CIS-MEM-073) or no new passphrase (CIS-MEM-076).
        CisError: a file is damaged or cannot be written. In all cases nothing was changed.
    """
    if asked.way not in ("", *WAYS):
        raise Invalid("CIS-MEM-077", f"a key is kept by {', '.join(WAYS[:-1])} or {WAYS[-1]}, not {asked.way!a:.40}")
    began = time.monotonic()
    keyring, locked = system_keyring(env), held.state().locked
    with held.alone():
        settle(home, keyring)
        kept = read_kept(home)
        current = asked.current or given_passphrase(env)
        way = asked.way or str(kept["kept"] if kept else "file")
        if kept is None:
            check_not_lost(home)
        elif held.shut and kept.get("kept") != "passphrase":
            raise locked_error("cis memory unlock")
        old = unwrap(home, kept, current, keyring) if kept else ""
        passphrase = asked.new or _kept_passphrase(asked, kept, current) if way == "passphrase" else None
        key = os.urandom(32)
        new = wrap(key, way, passphrase, keyring)
        files = 0
        if kept is None:
            write_kept(home, new)
        else:
            Vault(home, Domain.PRIVATE, lambda: old).prove_key(old)
            files = rotate(home, old, kept, new, key.hex(), keyring, step)
        if not locked or way == "file":  # a key in a file cannot stay locked
            held.replace(key.hex(), typed=way == "passphrase" and passphrase != given_passphrase(env))
    return RekeyReport(way, files, round(time.monotonic() - began, 3))


def _kept_passphrase(asked: Rekey, kept: Kept | None, current: str | None) -> str:
    """The passphrase for a new key when no new one is given: the one in use, or the first one, from the environment.

    Raises:
        Unavailable: `asked` names this way for a key that has a passphrase already, or there is none (CIS-MEM-076).
    """
    changes = bool(asked.way) and kept is not None and kept.get("kept") == "passphrase"
    if current and not changes:
        return current
    raise Unavailable(
        "CIS-MEM-076",
        "no new passphrase for private memory was given",
        hint="call it on a terminal, or set CIS_NEW_PASSPHRASE or CIS_NEW_PASSPHRASE_FILE",
        retryable=False,
    )
