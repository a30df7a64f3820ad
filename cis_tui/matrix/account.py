"""What is kept of a login: `keys/matrix.json` (0600), and the secrets in the operating system's keyring if it has one.

A password is kept only if the person asks for that; with it, a login that the homeserver has ended is made anew, once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from cis_tui.core.errors import Invalid, Refused
from cis_tui.core.paths import Home, private_dir, write_private

FILE = "matrix.json"
"""In the home's `keys`."""


@dataclass(frozen=True, slots=True)
class Account:
    """A login."""

    homeserver: str
    """Such as `https://matrix.example.org`."""
    user: str
    device: str
    token: str = field(repr=False, default="")
    password: str = field(repr=False, default="")
    """Empty: it is not kept."""

    @property
    def server(self) -> str:
        """The server's name, as it stands in ids."""
        return self.user.partition(":")[2]


def read_account(home: Home, *, env: Mapping[str, str] = os.environ, secrets: bool = True) -> Account | None:
    """The login of a home, None if nobody is logged in. May block, but for `secrets=False`.

    Raises:
        Refused: others can read the file (CIS-MATRIX-011).
        Invalid: it is damaged, or the keyring has lost the secrets (CIS-MATRIX-012).
    """
    path = home.keys / FILE
    kept = _read(path)
    if kept is None:
        return None
    account = Account(str(kept["homeserver"]), str(kept["user"]), str(kept["device"]))
    if not secrets:
        return account
    secret = kept if kept.get("kept") == "file" else _from_keyring(str(kept["user"]), env)
    token = secret.get("token")
    if not isinstance(token, str) or not token:
        hint = "cis matrix login logs in anew"
        raise Invalid("CIS-MATRIX-012", "the keyring does not give the login of Matrix", hint=hint)
    return replace(account, token=token, password=str(secret.get("password", "")))


def write_account(home: Home, account: Account, *, env: Mapping[str, str] = os.environ) -> str:
    """Keep a login, in place of any other; gives where its secrets are, `keyring` or `file`. May block."""
    from cis_tui.memory.keys import system_keyring

    private_dir(home.ensure().keys)
    kept = {"homeserver": account.homeserver, "user": account.user, "device": account.device}
    secrets = {"token": account.token} | ({"password": account.password} if account.password else {})
    keyring = system_keyring(env)
    way = "keyring" if keyring is not None and keyring.put(_entry(account.user), json.dumps(secrets)) else "file"
    content = {**kept, "kept": way, **(secrets if way == "file" else {})}
    write_private(home.keys / FILE, json.dumps(content, indent=2).encode() + b"\n")
    return way


def drop_account(home: Home, *, env: Mapping[str, str] = os.environ) -> None:
    """Keep nothing of the login any more. May block."""
    from cis_tui.memory.keys import system_keyring

    path = home.keys / FILE
    kept = _read(path)
    keyring = system_keyring(env) if kept is not None and kept.get("kept") == "keyring" else None
    if kept is not None and keyring is not None:
        keyring.drop(_entry(str(kept["user"])))
    path.unlink(missing_ok=True)


def homeserver_url(text: str) -> str:
    """An address of a homeserver as scheme, host and port.

    Raises:
        Invalid: it is none: http only on this machine, https elsewhere (CIS-MATRIX-010).
    """
    try:
        parts = urlsplit(text if "://" in text else f"{'http' if _is_local(_host(text)) else 'https'}://{text}")
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError as error:
        raise _no_homeserver(text, str(error)) from error
    host = (parts.hostname or "").lower()
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.password:
        raise _no_homeserver(text, "expected https://host")
    if parts.scheme == "http" and not _is_local(host):
        raise _no_homeserver(text, "http goes to this machine only; a password would be sent in clear")
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}{parts.path.rstrip('/')}"


def server_of(user: str) -> str:
    """The server in an id such as `@ann:example.org`; empty if there is none."""
    return user.partition(":")[2] if user.startswith("@") else ""


def _host(text: str) -> str:
    return urlsplit(f"//{text}").hostname or ""


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _read(path: Path) -> dict[str, object] | None:
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise Refused("CIS-MATRIX-011", f"{path} can be read by others", hint=f"chmod 600 {path}")
            found: object = json.loads(file.read(65_536))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Invalid(
            "CIS-MATRIX-012", f"{path} cannot be read: {error}", hint="cis matrix login makes it anew"
        ) from error
    kept = cast("dict[str, object]", found) if isinstance(found, dict) else {}
    if not all(isinstance(kept.get(name), str) for name in ("homeserver", "user", "device")):
        raise Invalid("CIS-MATRIX-012", f"{path} is damaged", hint="cis matrix login makes it anew")
    return kept


def _from_keyring(user: str, env: Mapping[str, str]) -> dict[str, object]:
    from cis_tui.memory.keys import system_keyring

    keyring = system_keyring(env)
    text = keyring.get(_entry(user)) if keyring is not None else None
    try:
        found: object = json.loads(text) if text else {}
    except ValueError:
        found = {}
    return cast("dict[str, object]", found) if isinstance(found, dict) else {}


def _entry(user: str) -> str:
    return f"matrix:{user}"


def _no_homeserver(text: str, why: str) -> Invalid:
    return Invalid("CIS-MATRIX-010", f"{text[:200]!r} is no address of a homeserver: {why}")
