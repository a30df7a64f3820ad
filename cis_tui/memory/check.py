"""Looks through every file of memory, for `cis doctor`; changes nothing but a catalogue that lags behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from cis_tui.core.errors import CisError
from cis_tui.core.paths import Home
from cis_tui.memory import catalogue
from cis_tui.memory.database import Database, Reading
from cis_tui.memory.keys import key_exists
from cis_tui.memory.records import Domain
from cis_tui.memory.vault import Vault


def check_memory(home: Home, key: Callable[[], str]) -> list[str]:
    """What is wrong with the memory of `home`, a sentence each; `key` gives what opens private memory."""
    problems: list[str] = []
    for vault in (Vault(home, Domain.PUBLIC), Vault(home, Domain.PRIVATE, key)):
        if not vault.exists() and not (vault.domain is Domain.PRIVATE and key_exists(home)):
            continue
        problems.extend(_modes(vault.folder))
        problems.extend(_modes(vault.archive("").parent))
        try:
            vault.key()
        except CisError as error:
            problems.append(error.message)
            continue
        problems.extend(_contents(vault))
    return problems


def _modes(folder: Path) -> Iterator[str]:
    for path in (folder, *sorted(folder.glob("*"))):
        if path.exists() and path.stat().st_mode & 0o077:
            yield f"{path} can be read by other users: chmod go= {path}"


def _contents(vault: Vault) -> list[str]:
    """Problems of the logs, and of the catalogue if all logs are well."""
    problems: list[str] = []
    for open, week in [*_each(vault.open_log, vault.weeks()), *_each(vault.open_archive, vault.archives())]:
        try:
            log = open(week)
        except CisError as error:
            problems.append(error.message)
            continue
        try:
            problems.extend(_damage(log))
        finally:
            log.close()
    return problems or _catalogue_problems(vault)


def _each(open: Callable[[str], Reading], weeks: list[str]) -> list[tuple[Callable[[str], Reading], str]]:
    return [(open, week) for week in weeks]


def _damage(log: Reading) -> list[str]:
    try:
        found = [str(row[0]) for row in log.all("PRAGMA integrity_check(10)")]
    except CisError as error:
        return [error.message]
    return [] if found == ["ok"] else [f"{log.path} is damaged: {line}" for line in found]


def _catalogue_problems(vault: Vault) -> list[str]:
    """Whether the catalogue says of each key what a catalogue made anew from the same rows would say."""
    database = Database.nothing()
    try:
        path = vault.attach_catalogue(database, "kept")
        database.run("BEGIN")
        known = catalogue.taken_in(database, "kept")
        if catalogue.all_heads(database, "kept") != _fresh(vault, known):
            return [f"{path} disagrees with the logs: remove it, it is made anew"]
    except CisError as error:
        return [error.message]
    finally:
        database.close()
    return []


def _fresh(vault: Vault, known: dict[str, int]) -> dict[str, tuple[str, int, bool]]:
    heads: dict[str, tuple[tuple[int, int, str, str, int], bool]] = {}
    for week, last in known.items():
        log = vault.open_week(week)
        try:
            rows = log.all("SELECT key, id, number, hlc, origin, tombstone FROM log_entries WHERE id <= ?", (last,))
        finally:
            log.close()
        for key, row, number, hlc, origin, tombstone in rows:
            rank = (number, hlc, origin, week, row)
            if key not in heads or rank > heads[key][0]:
                heads[key] = (rank, bool(tombstone))
    return {key: (rank[3], rank[4], deleted) for key, (rank, deleted) in heads.items()}
