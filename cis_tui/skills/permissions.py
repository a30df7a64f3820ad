"""What a skill's permissions allow in memory (contract, skill.toml): pure rules, the same for every kind of skill."""

from __future__ import annotations

from collections.abc import Sequence

from cis_tui.memory.records import Domain
from cis_tui.skills.model import Permissions


def may_read(granted: Permissions, key: str, domain: Domain) -> bool:
    """Whether the entry `key` in `domain` may be read."""
    return _may(granted.memory_read, key, domain)


def may_write(granted: Permissions, key: str, domain: Domain) -> bool:
    """Whether the entry `key` in `domain` may be written; the permission to write is none to read."""
    return _may(granted.memory_write, key, domain)


def _may(named: Sequence[str], key: str, domain: Domain) -> bool:
    """A public entry is covered by any prefix of its key, even an empty one; a private one has to be named whole."""
    if domain is Domain.PRIVATE:
        return bool(key) and key in named
    return any(key.startswith(prefix) for prefix in named)
