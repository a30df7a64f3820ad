"""Looks through every file of memory, for `cis doctor`; changes nothing but a catalogue that lags behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from cis_tui.core.errors import CisError
from cis_tui.core.paths import Home
from cis_tui.memory import catalogue
from cis_tui.memory.database import Database, Reading
from cis_tui.memory.keys import key_exists
from cis_tui.memory.records import Domain
from cis_tui.memory.vault import Vault


class Trouble(StrEnum):
    """What kind of thing is wrong, which says what mends it."""

    OPEN = "open"
    """Other users can read it."""
    CLOSED = "closed"
    """It cannot be looked at: the key is not to be had, or it was written with another one."""
    DAMAGED = "damaged"
    """A log of which some can be read, perhaps: it can be salvaged."""
    STALE = "stale"
    """A catalogue that is to be made anew."""
    GONE = "gone"
    """A log that somebody removed; only a backup brings it back, and a repair takes note of it."""
    LOST = "lost"
    """What only a backup brings back."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a file."""

    trouble: Trouble
    message: str
    path: Path
    week: str = ""
    """Of a log."""


def check_memory(home: Home, key: Callable[[], str]) -> list[Problem]:
    """What is wrong with the memory of `home`; `key` gives what opens private memory."""
    vaults = (Vault(home, Domain.PUBLIC), Vault(home, Domain.PRIVATE, key))
    return [problem for vault in vaults for problem in check_domain(home, vault)]


def check_domain(home: Home, vault: Vault) -> list[Problem]:
    """What is wrong with the files of one domain."""
    if not vault.exists() and not (vault.domain is Domain.PRIVATE and key_exists(home)):
        return []
    problems = [*_modes(vault.folder), *_modes(vault.archive("").parent)]
    try:
        vault.key()
    except CisError as error:
        return [*problems, Problem(Trouble.CLOSED, error.message, home.keys)]
    return [*problems, *_contents(vault)]


def _modes(folder: Path) -> Iterator[Problem]:
    for path in (folder, *sorted(folder.glob("*"))):
        if path.exists() and path.stat().st_mode & 0o077:
            yield Problem(Trouble.OPEN, f"{path} can be read by other users: chmod go= {path}", path)


def _contents(vault: Vault) -> list[Problem]:
    """Problems of the logs, and of the catalogue if all logs are well; and which logs are gone."""
    problems = [problem for week in vault.weeks() for problem in _log_problems(vault, week)]
    for week in vault.archives():
        path = vault.archive(week)
        problems += (Problem(Trouble.LOST, message, path) for message, _ in _damage(partial(vault.open_archive, week)))
    gone = [Problem(Trouble.GONE, message, vault.path(week), week) for week, message in gone_logs(vault).items()]
    return [*(problems or _catalogue_problems(vault)), *gone]


def gone_logs(vault: Vault) -> dict[str, str]:
    """The weeks whose log is gone, or was and another one is in its place, and what is said of each.

    Raises:
        CisError: the key is not to be had.
    """
    current: dict[str, int] = {}
    for loss in vault.losses():
        current[loss.week] = current.get(loss.week, 0) + loss.current
    return {week: _told_gone(vault, week, count) for week, count in current.items()}


def is_log_gone(home: Home, key: Callable[[], str]) -> bool:
    """Whether there is a log that is gone; `key` is asked only where there is private memory.

    Raises:
        CisError: the key is not to be had, and no log of public memory is gone.
    """
    vaults = (Vault(home, Domain.PUBLIC), Vault(home, Domain.PRIVATE, key))
    return any(vault.exists() and vault.losses() for vault in vaults)


def _told_gone(vault: Vault, week: str, current: int) -> str:
    files = f"{vault.path(week).name}, or {vault.archive(week).name} if it was archived"
    what = f"{current} current {'entry' if current == 1 else 'entries'}" if current else "older versions"
    told = f"the log of {week} of {vault.domain} memory ({files}) is gone, and with it {what}"
    anew = "; a new one has its name: cis memory export saves what that holds before you replace it"
    return told + anew if vault.path(week).exists() else told


def _log_problems(vault: Vault, week: str) -> Iterator[Problem]:
    path = vault.path(week)
    for message, error in _damage(partial(vault.open_log, week)):
        if error is not None and error.code != "CIS-MEM-032":
            yield Problem(Trouble.LOST, message, path, week)
        elif vault.domain is Domain.PRIVATE and not _is_ours(vault, path):
            told = f"nothing in {path} opens with this home's key: it was written with another one, or is destroyed"
            yield Problem(Trouble.CLOSED, told, path, week)
            return
        else:
            yield Problem(Trouble.DAMAGED, message, path, week)


def _is_ours(vault: Vault, path: Path) -> bool:
    """Whether the key of the domain opens any of a file that SQLite does not: a wrong key is no damage."""
    from cis_tui.memory.salvage import holds_rows, opened

    with opened(path, vault.key()) as pages:
        return pages.sealed or holds_rows(pages) or (pages.blank() and vault.opens_catalogue())


def _damage(open: Callable[[], Reading]) -> list[tuple[str, CisError | None]]:
    """What is wrong with the tables of a log, and the error, if it was one."""
    try:
        log = open()
    except CisError as error:
        return [(error.message, error)]
    try:
        found = [str(row[0]) for row in log.all("PRAGMA integrity_check(10)")]
    except CisError as error:
        return [(error.message, error)]
    finally:
        log.close()
    return [] if found == ["ok"] else [(f"{log.path} is damaged: {line}", None) for line in found]


def _catalogue_problems(vault: Vault) -> list[Problem]:
    """Whether the catalogue says of each key what a catalogue made anew from the same rows would say."""
    database = Database.nothing()
    try:
        path = vault.attach_catalogue(database, "kept")
        database.run("BEGIN")
        known = catalogue.taken_in(database, "kept")
        if database.value("PRAGMA kept.integrity_check(1)") != "ok":
            return [Problem(Trouble.STALE, f"{path} is damaged", path)]
        if catalogue.all_heads(database, "kept") != _fresh(vault, known):
            return [Problem(Trouble.STALE, f"{path} disagrees with the logs", path)]
    except CisError as error:
        return [Problem(Trouble.STALE, error.message, vault.folder)]
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
