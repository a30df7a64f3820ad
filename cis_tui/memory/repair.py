"""Mends the memory of a home, for `cis doctor --repair`. The caller keeps engines away: it holds the engine's lock.

A damaged log is moved to `memory/damaged/DOMAIN/` and kept there; what can be read of it is put into a new log, which
appears complete or not at all. Until then the folder's name begins with a point: where a repair was killed, the next
one finds it and goes on, also if somebody has begun a new log meanwhile. Nothing is removed but what can be made again.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cis_tui.core.clock import utc_now
from cis_tui.core.errors import CisError, Refused, Unavailable
from cis_tui.core.paths import Home, private_dir, sync_dir
from cis_tui.core.text import count
from cis_tui.memory import catalogue
from cis_tui.memory.check import Trouble, check_domain, gone_logs
from cis_tui.memory.database import Database, create, locked, remove
from cis_tui.memory.epochs import Epochs
from cis_tui.memory.log import prepare_log
from cis_tui.memory.records import Domain
from cis_tui.memory.salvage import KnownHead, missing_heads, missing_rows, opened, refill
from cis_tui.memory.vault import Vault

_LOCK = 0x40000000, 512
"""Where SQLite's own locks lie in a file, and how many bytes they take: who holds all of them is alone with it."""
_UNFINISHED = "."
_HEADS = "SELECT key, number, hlc, origin, version, category, index_type, deleted FROM heads WHERE week = ?"


@dataclass(frozen=True, slots=True)
class Repair:
    """What was done about one file."""

    file: str
    action: str
    """salvaged, rebuilt, removed, closed, forgotten: what is gone is missed no more, or left: nothing could be done."""
    message: str
    salvaged: int = 0
    """Versions that the new file has."""
    lost: int = 0
    """Versions that the damaged one had, as far as that is known."""
    lost_ranges: tuple[tuple[int, int], ...] = ()
    """Their numbers, first and last."""
    lost_keys: int = 0
    """Keys whose current version is among them."""
    lost_public_keys: tuple[str, ...] = ()
    reverted_keys: int = 0
    """Those of them that have an older version, which is current now."""
    kept: str = ""
    """Where the damaged file is now."""


def repair_memory(home: Home, key: Callable[[], str]) -> list[Repair]:
    """Mend what can be mended of the memory of `home`; `key` gives what opens private memory.

    What is healthy, and what this key does not open, stays as it is.
    """
    repairs = list(_leftovers(home))
    for vault in (Vault(home, Domain.PUBLIC), Vault(home, Domain.PRIVATE, key)):
        try:
            repairs += _repair_domain(home, vault)
        except CisError as error:
            repairs.append(Repair(str(vault.folder), "left", f"{error.message} ({error.hint})"))
    return repairs


def _repair_domain(home: Home, vault: Vault) -> Iterator[Repair]:
    if not vault.folder.is_dir():
        return
    _put_back(home, vault)
    problems = check_domain(home, vault)
    for problem in problems:
        if problem.trouble in (Trouble.CLOSED, Trouble.LOST):
            yield Repair(str(problem.path), "left", problem.message)
    if any(problem.trouble is Trouble.CLOSED and not problem.week for problem in problems):
        return
    damaged = {problem.week for problem in problems if problem.trouble is Trouble.DAMAGED}
    weeks = damaged | {_week_of(folder) for folder in _unfinished(home, vault)}
    for week in sorted(weeks):
        yield _salvage(home, vault, week, damaged=week in damaged)
    if any(problem.trouble is Trouble.STALE for problem in problems) and not weeks:
        yield _renew(home, vault)
    yield from _forget(vault)


def _forget(vault: Vault) -> Iterator[Repair]:
    """Say what was in the logs that are gone, and miss it no more."""
    messages = gone_logs(vault)
    if not messages:
        return
    losses = vault.losses()
    with closing(Database.nothing()) as database:
        vault.attach_catalogue(database, "kept")
        heads = catalogue.heads(database, "kept", {loss.key for loss in losses})
        catalogue.forget_losses(database, "kept")
    for week, message in messages.items():
        lost = {loss.key: loss.hlc for loss in losses if loss.week == week and loss.current}
        there = {key: heads[key] for key in lost if key in heads and not heads[key].deleted}
        yield Repair(
            file=str(vault.path(week)),
            action="forgotten",
            message=message,
            lost=len(lost),
            lost_keys=len(lost),
            lost_public_keys=tuple(lost) if vault.domain is Domain.PUBLIC else (),
            reverted_keys=sum(head.hlc < lost[key] for key, head in there.items()),
        )


def _renew(home: Home, vault: Vault) -> Repair:
    """Make the catalogue anew; says what only it knew of."""
    keys: list[str] = []
    lost = 0
    with locked(vault.folder):
        for week in vault.weeks():
            heads, last = _known(vault, week)
            ranges, gone = _losses(vault, week, heads, last)
            # Gaps are what an earlier repair has told of; what the catalogue alone knows of is beyond the end.
            lost += sum(last - begin + 1 for begin, end in ranges if end == last)
            keys += gone
        _drop_catalogue(home, vault)
    reverted = _rebuild(vault, keys)
    told = f"the catalogue of {vault.domain} memory was made anew"
    return Repair(
        file=str(vault.folder),
        action="rebuilt",
        message=f"{told}; {count(lost, 'version')} that it knew of in no log any more" if lost else told,
        lost=lost,
        lost_keys=len(keys),
        lost_public_keys=tuple(keys) if vault.domain is Domain.PUBLIC else (),
        reverted_keys=reverted,
    )


def _leftovers(home: Home) -> Iterator[Repair]:
    """Remove what killed processes have left half written."""
    for folder, pattern in ((home.keys, ".*.tmp"), *((home.memory / domain, ".new.db") for domain in Domain)):
        if folder.is_dir():
            # Whoever writes one holds this lock.
            with locked(folder):
                for path in folder.glob(pattern):
                    remove(path)
                    yield Repair(str(path), "removed", f"{path}, left half written, was removed")


def _salvage(home: Home, vault: Vault, week: str, *, damaged: bool) -> Repair:
    """Put what can be read of the damaged logs of `week`, those set aside and the one in place, into a new one."""
    path = vault.path(week)
    with locked(vault.folder):
        heads, last = _known(vault, week)
        if damaged:
            with _alone_with(path):
                _set_aside(home, vault, path)
        folders = [folder for folder in _unfinished(home, vault) if _week_of(folder) == week]
        sealed = [_refill(vault, week, folder / path.name, heads) for folder in folders]
        kept = [_finish(folder) for folder in folders]
        _drop_catalogue(home, vault)
        ranges, keys = _losses(vault, week, heads, last)
        salvaged = _count(vault, week)
    reverted = _rebuild(vault, keys)
    return Repair(
        file=str(path),
        action="salvaged",
        message=_told(path, salvaged, ranges, known=bool(last), sealed=all(sealed)),
        salvaged=salvaged,
        lost=_total(ranges),
        lost_ranges=tuple(ranges),
        lost_keys=len(keys),
        lost_public_keys=tuple(keys) if vault.domain is Domain.PUBLIC else (),
        reverted_keys=reverted,
        kept=", ".join(map(str, kept)),
    )


def _refill(vault: Vault, week: str, source: Path, heads: Sequence[KnownHead]) -> bool:
    """Add what `source` holds to the log of `week`, which is made if need be; whether the source proves it intact."""
    path = vault.path(week)
    with opened(source, vault.key()) as pages:

        def fill(log: Database) -> None:
            prepare_log(log)
            refill(log, pages, heads)

        if not path.exists():
            create(path, vault.key(), fill)
            return pages.sealed
        log = vault.open_log(week, durable=True)
        try:
            refill(log, pages, heads)
        finally:
            log.close()
        return pages.sealed


def _told(path: Path, salvaged: int, ranges: Sequence[tuple[int, int]], *, known: bool, sealed: bool) -> str:
    text = f"{path} was damaged: {count(salvaged, 'version')} salvaged"
    if ranges:
        shown = ", ".join(str(begin) if begin == end else f"{begin} to {end}" for begin, end in ranges[:10])
        text += f", {_total(ranges)} are lost (numbers {shown}{', …' if len(ranges) > 10 else ''})"
    elif known:
        text += ", none is lost"
    if not known:
        text += "; how many there were at its end is not known"
    if not sealed:
        text += "; what proves that they are as they were written is lost: look at them"
    return text


def _total(ranges: Sequence[tuple[int, int]]) -> int:
    return sum(end - begin + 1 for begin, end in ranges)


def _count(vault: Vault, week: str) -> int:
    log = vault.open_log(week)
    try:
        return int(log.value("SELECT count(*) FROM log_entries"))
    finally:
        log.close()


def _losses(vault: Vault, week: str, heads: Sequence[KnownHead], last: int) -> tuple[list[tuple[int, int]], list[str]]:
    """What the log of `week` lacks: ranges of numbers, and keys whose current version it should hold."""
    log = vault.open_log(week)
    try:
        return missing_rows(log, last), missing_heads(log, heads)
    finally:
        log.close()


def _known(vault: Vault, week: str) -> tuple[list[KnownHead], int]:
    """The current versions that the log of `week` held, and the number of its last one, as the catalogue says; nothing
    and 0 when it cannot be read."""
    for path in reversed(vault.catalogues()):
        with suppress(CisError):
            database = Database(path, vault.key())
            try:
                heads = [KnownHead(*row[:-1], deleted=bool(row[-1])) for row in database.all(_HEADS, (week,))]
                return heads, int(database.value("SELECT last FROM weeks WHERE week = ?", (week,)) or 0)
            finally:
                database.close()
    return [], 0


@contextmanager
def _alone_with(path: Path) -> Generator[None]:
    """Keep everybody else from opening the database at `path`.

    Raises:
        Unavailable: somebody has it open (CIS-MEM-090).
        Refused: it cannot be opened (CIS-MEM-033).
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise Refused("CIS-MEM-033", f"cannot open {path}: {error.strerror}") from error
    try:
        _lock(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    try:
        start, length = _LOCK
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start)
    except (BlockingIOError, PermissionError) as error:
        raise Unavailable(
            "CIS-MEM-090", f"{path} is in use by another process", hint="end it, or wait for its end; then try again"
        ) from error


def _aside(home: Home, vault: Vault) -> Path:
    return home.memory / "damaged" / vault.domain.value


def _unfinished(home: Home, vault: Vault) -> list[Path]:
    return sorted(
        folder for folder in _aside(home, vault).glob(f"{_UNFINISHED}*") if (folder / _log_name(folder)).exists()
    )


def _week_of(folder: Path) -> str:
    return folder.name.removeprefix(_UNFINISHED)[: len("2026-W47")]


def _log_name(folder: Path) -> str:
    return f"memory-{_week_of(folder)}.db"


def _set_aside(home: Home, vault: Vault, path: Path) -> None:
    """Move the damaged log at `path`, with what belongs to it, into a folder of its own.

    The write-ahead log goes first: SQLite would take it for that of the next file of this name.
    """
    week = path.stem.removeprefix("memory-")
    stamp = utc_now().iso().translate(str.maketrans("", "", "-:."))
    folder = private_dir(_aside(home, vault) / f"{_UNFINISHED}{week}-{stamp}")
    path.chmod(0o600)
    for suffix in ("-wal", ""):
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(folder / f"{path.name}{suffix}")
            sync_dir(folder)
    Path(f"{path}-shm").unlink(missing_ok=True)
    sync_dir(path.parent)


def _put_back(home: Home, vault: Vault) -> None:
    """Undo a move that was killed half way: give a log its write-ahead log back."""
    for folder in _aside(home, vault).glob(f"{_UNFINISHED}*"):
        wal = vault.folder / f"{_log_name(folder)}-wal"
        if (folder / _log_name(folder)).exists():
            continue
        if wal.exists():
            _finish(folder)
            continue
        with suppress(FileNotFoundError):
            (folder / wal.name).rename(wal)
        folder.rmdir()


def _finish(folder: Path) -> Path:
    """Say that all of the damaged log in `folder` is in the new one; gives its place from now on."""
    done = folder.with_name(folder.name.removeprefix(_UNFINISHED))
    folder.rename(done)
    sync_dir(done.parent)
    return done


def _drop_catalogue(home: Home, vault: Vault) -> None:
    """Have what is derived from the logs made anew, and tell everybody to look again."""
    epochs = Epochs(home)
    change = epochs.begin(vault.domain)
    vault.renew_catalogue()
    epochs.end(vault.domain, change)


def _rebuild(vault: Vault, keys: Sequence[str] = ()) -> int:
    """Make the catalogue anew; how many of `keys` have a version after all."""
    database = Database.nothing()
    try:
        vault.attach_catalogue(database, "kept")
        heads = catalogue.heads(database, "kept", keys)
        return sum(not head.deleted for head in heads.values())
    finally:
        database.close()
