"""The data key of private memory: 32 random bytes, and how they are kept (contract, Memory keys).

`keys/data.json` (0600) holds the key in one of three ways, named by `kept`: `passphrase` (wrapped by AES key wrap, RFC
3394, under Argon2id of the passphrase, RFC 9106), `keyring` (in the keyring of the operating system), or `file` (as it
is). `check` tells a wrong key from a damaged database.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

from cis_tui.core.errors import Invalid, Refused, Unavailable
from cis_tui.core.paths import Home, private_dir, write_private
from cis_tui.memory.database import locked

if TYPE_CHECKING:
    from cis_tui.memory.keyring_access import Keyring

KEY_FILE = "data.json"
_ARGON2 = {"t": 3, "m": 65536, "p": 4}
"""Iterations, KiB and lanes: the second profile that RFC 9106, section 4, recommends."""
_LIMITS = {"t": 64, "m": 2**21, "p": 64}


def load_key(home: Home, *, env: Mapping[str, str] = os.environ, keyring: Keyring | None = None) -> str:
    """The data key of `home` as 64 hexadecimal digits; made at first use.

    Raises:
        Unavailable: private memory is locked (CIS-MEM-020) or the passphrase is wrong (CIS-MEM-021).
        Invalid: the key file, or the key it leads to, is damaged (CIS-MEM-022).
        Refused: others can read the key file (CIS-MEM-023).
    """
    path = home.keys / KEY_FILE
    keyring = keyring or _system_keyring(env)
    try:
        kept = _read(path)
    except FileNotFoundError:
        kept = _create(home, path, env, keyring)
    except OSError as error:
        raise Refused("CIS-MEM-023", f"cannot read {path}: {error.strerror}", hint="see that it is yours") from error
    key = _unwrap(kept, path, env, keyring)
    if _check(key) != kept.get("check"):
        raise Invalid(
            "CIS-MEM-022",
            f"{path} leads to a key that is not the one it was made for",
            hint="restore the keys folder from a backup; without it private memory cannot be read",
        )
    return key.hex()


def key_exists(home: Home) -> bool:
    """Whether the home has a data key."""
    return (home.keys / KEY_FILE).exists()


def given_passphrase(env: Mapping[str, str]) -> str | None:
    """The passphrase that `CIS_PASSPHRASE`, else the file that `CIS_PASSPHRASE_FILE` names, holds.

    Raises:
        Unavailable: the file cannot be read (CIS-MEM-025).
    """
    if env.get("CIS_PASSPHRASE"):
        return env["CIS_PASSPHRASE"]
    name = env.get("CIS_PASSPHRASE_FILE")
    if not name:
        return None
    try:
        return Path(name).expanduser().read_text("utf-8").rstrip("\r\n") or None
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(
            "CIS-MEM-025", f"CIS_PASSPHRASE_FILE: cannot read {name}: {error}", retryable=False
        ) from error


def _read(path: Path) -> dict[str, object]:
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise Refused("CIS-MEM-023", f"{path} can be read by other users", hint=f"chmod 600 {path}")
        data = file.read(65536)
    with suppress(ValueError):
        kept: object = json.loads(data)
        if isinstance(kept, dict):
            return cast("dict[str, object]", kept)
    raise _damaged(path)


def _create(home: Home, path: Path, env: Mapping[str, str], keyring: Keyring | None) -> dict[str, object]:
    """Write a new key, or give the one that another process has written meanwhile."""
    private_dir(home.ensure().keys)
    with locked(home.keys):
        with suppress(FileNotFoundError):
            return _read(path)
        private = home.memory / "private"
        if any(private.glob("memory-*.db")) or any((home.memory / "archives" / "private").glob("*.db.gz")):
            raise Unavailable(
                "CIS-MEM-026",
                f"{path} is missing, and {private} was written with the key that it held",
                hint="restore the keys folder from a backup",
                retryable=False,
            )
        kept = _wrap(os.urandom(32), env, keyring)
        write_private(path, json.dumps(kept, indent=2).encode() + b"\n")
        return kept


def _wrap(key: bytes, env: Mapping[str, str], keyring: Keyring | None) -> dict[str, object]:
    kept: dict[str, object] = {"v": 1, "check": _check(key)}
    passphrase = given_passphrase(env)
    if passphrase is not None:
        from cryptography.hazmat.primitives.keywrap import aes_key_wrap

        salt = os.urandom(16)
        wrapped = aes_key_wrap(_derive(passphrase, salt, _ARGON2), key)
        return kept | {"kept": "passphrase", "salt": salt.hex(), **_ARGON2, "wrapped": wrapped.hex()}
    account = os.urandom(8).hex()
    if keyring is not None and keyring.put(account, key.hex()):
        return kept | {"kept": "keyring", "account": account}
    return kept | {"kept": "file", "key": key.hex()}


def _unwrap(kept: Mapping[str, object], path: Path, env: Mapping[str, str], keyring: Keyring | None) -> bytes:
    try:
        match kept.get("kept"):
            case "file":
                return _hex(kept["key"], 32)
            case "keyring":
                return _from_keyring(str(kept["account"]), keyring)
            case "passphrase":
                return _by_passphrase(kept, path, given_passphrase(env))
            case _:
                raise _damaged(path)
    except (KeyError, ValueError) as error:
        raise _damaged(path) from error


def _by_passphrase(kept: Mapping[str, object], path: Path, passphrase: str | None) -> bytes:
    if passphrase is None:
        raise _locked("it needs its passphrase", "set CIS_PASSPHRASE or CIS_PASSPHRASE_FILE")
    costs = {name: int(str(kept[name])) for name in _ARGON2}
    if any(not 0 < costs[name] <= limit for name, limit in _LIMITS.items()):
        raise _damaged(path)
    from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

    try:
        return aes_key_unwrap(_derive(passphrase, _hex(kept["salt"], 16), costs), _hex(kept["wrapped"], 40))
    except InvalidUnwrap as error:
        raise Unavailable(
            "CIS-MEM-021",
            "private memory: this is not its passphrase",
            hint="check CIS_PASSPHRASE or CIS_PASSPHRASE_FILE; nothing was changed",
            retryable=False,
        ) from error


def _from_keyring(account: str, keyring: Keyring | None) -> bytes:
    found = keyring.get(account) if keyring is not None else None
    if found is None:
        raise _locked("its key is in the keyring of this account, which does not answer", "unlock the keyring")
    return _hex(found, 32)


def _system_keyring(env: Mapping[str, str]) -> Keyring | None:
    """This account's keyring; None where there can be none, as on a server or in a container."""
    if not env.get("DBUS_SESSION_BUS_ADDRESS") and sys.platform != "darwin":
        return None
    from cis_tui.memory.keyring_access import COMMAND, Keyring

    return Keyring(COMMAND)


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


def _locked(reason: str, hint: str) -> Unavailable:
    return Unavailable("CIS-MEM-020", f"private memory is locked: {reason}", hint=hint, retryable=False)


def _damaged(path: Path) -> Invalid:
    return Invalid("CIS-MEM-022", f"{path} is damaged", hint="restore the keys folder from a backup")
