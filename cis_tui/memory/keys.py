"""The data key of private memory: 32 random bytes, and how they are kept (contract, Memory keys).

`keys/data.json` (0600) holds the key in one of three ways, named by `kept`: `passphrase` (wrapped by AES key wrap, RFC
3394, under Argon2id of the passphrase, RFC 9106), `keyring` (in the keyring of the operating system), or `file` (as it
is). `check` tells a wrong key from a damaged database. `rotation` is there between the moment when a new key counts and
the moment when every file that it opens is in its place (see `rotation`).
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

from cis_tui.core.errors import Invalid, Refused, Unavailable
from cis_tui.core.paths import Home, private_dir, write_private
from cis_tui.memory.database import locked
from cis_tui.memory.passphrase import checked_passphrase, given_passphrase
from cis_tui.memory.records import LOCKED

if TYPE_CHECKING:
    from cis_tui.memory.keyring_access import Keyring

KEY_FILE = "data.json"
WAYS = ("passphrase", "keyring", "file")
"""How a key can be kept."""
Kept = Mapping[str, object]
"""What the key file says."""
Ask = Callable[[bool], str | None]
"""Asks a person for the passphrase, again after a wrong one; None when there is none to be had."""
_ARGON2 = {"t": 3, "m": 65536, "p": 4}
"""Iterations, KiB and lanes: the second profile that RFC 9106, section 4, recommends."""
_LIMITS = {"t": 64, "m": 2**21, "p": 64}
_TRIES = 3


def load_key(
    home: Home, *, env: Mapping[str, str] = os.environ, keyring: Keyring | None = None, ask: Ask | None = None
) -> str:
    """The data key of `home` as 64 hexadecimal digits; made at first use.

    Raises:
        Unavailable: private memory is locked (CIS-MEM-020) or the passphrase is wrong (CIS-MEM-021).
        Invalid: the key file, or the key it leads to, is damaged (CIS-MEM-022).
        Refused: others can read the key file (CIS-MEM-023).
    """
    keyring = keyring or system_keyring(env)
    kept = read_kept(home) or _create(home, env, keyring)
    passphrase = given_passphrase(env) if kept.get("kept") == "passphrase" else None
    if passphrase is None and kept.get("kept") == "passphrase" and ask is not None:
        return _unwrap_asking(home, kept, ask)
    return unwrap(home, kept, passphrase, keyring)


def key_exists(home: Home) -> bool:
    """Whether the home has a data key."""
    return (home.keys / KEY_FILE).exists()


def read_kept(home: Home) -> Kept | None:
    """What the key file says; None when there is none yet.

    Raises:
        Invalid: it is damaged (CIS-MEM-022).
        Refused: others can read it, or this account cannot (CIS-MEM-023).
    """
    path = home.keys / KEY_FILE
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise Refused("CIS-MEM-023", f"{path} can be read by other users", hint=f"chmod 600 {path}")
            data = file.read(65536)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Refused("CIS-MEM-023", f"cannot read {path}: {error.strerror}", hint="see that it is yours") from error
    with suppress(ValueError):
        kept: object = json.loads(data)
        if isinstance(kept, dict):
            return cast("Kept", kept)
    raise _damaged(path)


def write_kept(home: Home, kept: Kept) -> None:
    """Replace the key file, atomically and durably."""
    write_private(home.keys / KEY_FILE, json.dumps(kept, indent=2).encode() + b"\n")


def wrap(key: bytes, way: str, passphrase: str | None, keyring: Keyring | None) -> Kept:
    """What the key file is to say so that `key` is kept in the `way`.

    Raises:
        Unavailable: there is no keyring that keeps it (CIS-MEM-073).
    """
    kept: dict[str, object] = {"v": 1, "check": _check(key), "kept": way}
    if way == "passphrase":
        from cryptography.hazmat.primitives.keywrap import aes_key_wrap

        salt = os.urandom(16)
        wrapped = aes_key_wrap(_derive(checked_passphrase(passphrase or ""), salt, _ARGON2), key)
        return kept | {"salt": salt.hex(), **_ARGON2, "wrapped": wrapped.hex()}
    if way == "keyring":
        account = os.urandom(8).hex()
        if keyring is None or not keyring.put(account, key.hex()):
            raise Unavailable(
                "CIS-MEM-073",
                "no keyring of this account answers",
                hint="log in to a desktop, or keep the key by a passphrase: cis memory rekey --passphrase",
                retryable=False,
            )
        return kept | {"account": account}
    return kept | {"key": key.hex()}


def unwrap(home: Home, kept: Kept, passphrase: str | None, keyring: Keyring | None) -> str:
    """The key that `kept` leads to, as 64 hexadecimal digits.

    Raises:
        CisError: as `load_key`.
    """
    path = home.keys / KEY_FILE
    try:
        match kept.get("kept"):
            case "file":
                key = _hex(kept["key"], 32)
            case "keyring":
                key = _from_keyring(str(kept["account"]), keyring)
            case "passphrase":
                key = _by_passphrase(kept, path, passphrase)
            case _:
                raise _damaged(path)
    except (KeyError, ValueError) as error:
        raise _damaged(path) from error
    if _check(key) != kept.get("check"):
        raise Invalid(
            "CIS-MEM-022",
            f"{path} leads to a key that is not the one it was made for",
            hint="restore the keys folder from a backup; without it private memory cannot be read",
        )
    return key.hex()


def is_of(kept: Kept, key: str) -> bool:
    """Whether `key` is the one that `kept` leads to."""
    return _check(bytes.fromhex(key)) == kept.get("check")


def system_keyring(env: Mapping[str, str]) -> Keyring | None:
    """This account's keyring; None where there can be none, as on a server or in a container."""
    if not env.get("DBUS_SESSION_BUS_ADDRESS") and sys.platform != "darwin":
        return None
    from cis_tui.memory.keyring_access import COMMAND, Keyring

    return Keyring(COMMAND)


def locked_error(hint: str, reason: str = "") -> Unavailable:
    """The error that says that private memory is locked, and why if more than that is known."""
    more = f": {reason}" if reason else ""
    return Unavailable(LOCKED, f"private memory is locked{more}", hint=hint, retryable=False)


def _create(home: Home, env: Mapping[str, str], keyring: Keyring | None) -> Kept:
    """Write a new key, or give the one that another process has written meanwhile."""
    private_dir(home.ensure().keys)
    with locked(home.keys):
        there = read_kept(home)
        if there is not None:
            return there
        check_not_lost(home)
        kept = _wrap_first(os.urandom(32), given_passphrase(env), keyring)
        write_kept(home, kept)
        return kept


def check_not_lost(home: Home) -> None:
    """See that a home without a key has nothing that a key would be needed for.

    Raises:
        Unavailable: it has (CIS-MEM-026).
    """
    for folder in (home.memory / "private", home.memory / "archives" / "private"):
        if any(folder.glob("*.db*")):
            raise Unavailable(
                "CIS-MEM-026",
                f"{home.keys / KEY_FILE} is missing, and {folder} was written with the key that it held",
                hint="restore the keys folder from a backup",
                retryable=False,
            )


def _wrap_first(key: bytes, passphrase: str | None, keyring: Keyring | None) -> Kept:
    """Keep a new home's key: by a passphrase if one is given, else in a keyring if there is one."""
    if passphrase is not None:
        return wrap(key, "passphrase", passphrase, keyring)
    if keyring is not None:
        with suppress(Unavailable):
            return wrap(key, "keyring", None, keyring)
    return wrap(key, "file", None, None)


def _unwrap_asking(home: Home, kept: Kept, ask: Ask) -> str:
    for attempt in range(1, _TRIES + 1):
        passphrase = ask(attempt > 1)
        try:
            return unwrap(home, kept, passphrase, None)
        except Unavailable as error:
            if error.code == LOCKED or attempt == _TRIES:
                raise
    raise AssertionError("the last try returns or raises")


def _by_passphrase(kept: Kept, path: Path, passphrase: str | None) -> bytes:
    if not passphrase:
        raise locked_error("set CIS_PASSPHRASE or CIS_PASSPHRASE_FILE, or unlock the engine", "it needs its passphrase")
    costs = {name: int(str(kept[name])) for name in _ARGON2}
    if any(not 0 < costs[name] <= limit for name, limit in _LIMITS.items()):
        raise _damaged(path)
    from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

    wrapped, salt = _hex(kept["wrapped"], 40), _hex(kept["salt"], 16)
    try:
        return aes_key_unwrap(_derive(checked_passphrase(passphrase), salt, costs), wrapped)
    except InvalidUnwrap as error:
        raise Unavailable(
            "CIS-MEM-021",
            "private memory: this is not its passphrase",
            hint="check what was typed, CIS_PASSPHRASE or CIS_PASSPHRASE_FILE; nothing was changed",
            retryable=False,
        ) from error


def _from_keyring(account: str, keyring: Keyring | None) -> bytes:
    found = keyring.get(account) if keyring is not None else None
    if found is None:
        reason = "its key is in the keyring of this account, which does not answer"
        raise locked_error("unlock the keyring", reason)
    return _hex(found, 32)


def _derive(passphrase: str, salt: bytes, costs: Mapping[str, int]) -> bytes:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    kdf = Argon2id(salt=salt, length=32, iterations=costs["t"], lanes=costs["p"], memory_cost=costs["m"])
    return kdf.derive(passphrase.encode("utf-8", "surrogateescape"))


def _check(key: bytes) -> str:
    return hashlib.sha256(b"cis private memory 1\0" + key).hexdigest()[:32]


def _hex(text: object, length: int) -> bytes:
    data = bytes.fromhex(str(text))
    if len(data) != length:
        raise ValueError("wrong length")
    return data


def _damaged(path: Path) -> Invalid:
    return Invalid("CIS-MEM-022", f"{path} is damaged", hint="restore the keys folder from a backup")
