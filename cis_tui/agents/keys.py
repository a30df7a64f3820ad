"""API keys, each bound to the origin that it is for: it is sent nowhere else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from cis_tui.agents.provider import ProviderFailure
from cis_tui.core.config import read_toml
from cis_tui.core.document import as_table
from cis_tui.core.errors import Exit, Invalid, Refused
from cis_tui.core.paths import Home

OFFICIAL = "https://api.anthropic.com"
KEY_FILE = "agents.toml"
"""In the home's `keys`; `"https://host" = "key"`, 0600."""
SET = "ANTHROPIC_API_KEY (an engine that runs already sees it after cis engine stop)"
"""How a key is set for the usual service."""
_NO_KEY = "local"
"""What a service on this machine, which asks for no key, is told."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key and where it was found."""

    secret: str = field(repr=False)
    source: str


def origin_of(url: str) -> str:
    """Scheme, host and port of an address, such as `https://api.anthropic.com`.

    Raises:
        Invalid: it is no address of a service: http only on this machine, https elsewhere (CIS-AGENT-002).
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _bad_url(url, str(error)) from error
    host = (parts.hostname or "").lower()
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.password:
        raise _bad_url(url, "expected https://host, or http://localhost:port")
    if parts.scheme == "http" and not is_local(host):
        raise _bad_url(url, "http goes to this machine only; a key would be sent in clear")
    shown = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{shown}" + (f":{port}" if port not in (None, usual) else "")


def is_local(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def find_key(home: Home, base_url: str, *, env: Mapping[str, str] = os.environ) -> Key:
    """The key for the service at `base_url`: from the environment, `keys/agents.toml`, or the keyring. May block.

    `ANTHROPIC_API_KEY` is for the origin of `ANTHROPIC_BASE_URL`, or the official one; `CIS_AGENT_API_KEY` for that of
    `CIS_AGENT_BASE_URL`.

    Raises:
        ProviderFailure: there is none, and the service is not on this machine (CIS-AGENT-003).
        Refused: others can read the key file (CIS-AGENT-017).
    """
    origin = origin_of(base_url)
    for variable, address in _variables(env):
        if env.get(variable) and _same(address, origin):
            return Key(env[variable].strip(), variable)
    kept = _from_file(home, origin) or _from_keyring(origin, env)
    if kept is not None:
        return kept
    if is_local(urlsplit(origin).hostname or ""):
        return Key(_NO_KEY, "none needed")
    name = SET if origin == OFFICIAL else f'"{origin}" in {home.keys / KEY_FILE}'
    raise ProviderFailure(
        "CIS-AGENT-003",
        f"there is no API key for {origin}",
        hint=f"set {name}; docs/agents.md tells of other ways",
        exit=Exit.UNAVAILABLE,
    )


def _variables(env: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    official = env.get("ANTHROPIC_BASE_URL") or OFFICIAL
    own = env.get("CIS_AGENT_BASE_URL", "")
    # Whoever gives address and key in one environment means the one for the other.
    return (("CIS_AGENT_API_KEY", own), ("ANTHROPIC_API_KEY", own or official), ("ANTHROPIC_API_KEY", official))


def _same(address: str, origin: str) -> bool:
    try:
        return bool(address) and origin_of(address) == origin
    except Invalid:
        return False


def _from_file(home: Home, origin: str) -> Key | None:
    path = home.keys / KEY_FILE
    try:
        status = path.stat()
    except OSError:
        return None
    if status.st_mode & 0o077 or status.st_uid != os.geteuid():
        raise Refused("CIS-AGENT-017", f"{path} can be read by others", hint=f"chmod 600 {path}")
    for address, secret in as_table(read_toml(path)).items():
        if isinstance(secret, str) and secret.strip() and _same(address, origin):
            return Key(secret.strip(), str(path))
    return None


def _from_keyring(origin: str, env: Mapping[str, str]) -> Key | None:
    from cis_tui.memory.keys import system_keyring

    keyring = system_keyring(env)
    secret = keyring.get(f"agent:{origin}") if keyring is not None else None
    return Key(secret, "the keyring") if secret else None


def _bad_url(url: str, why: str) -> Invalid:
    return Invalid("CIS-AGENT-002", f"{url[:200]!r} is no address of an agent: {why}", hint="see agent.base_url")
