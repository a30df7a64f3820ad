"""The value of one key, read with as few imports as can be: what makes `cis memory get` fast from a cold start.

It answers only what it can answer for certain from files that are in order. Anything else - a missing key, a key under
a passphrase, a catalogue that lags behind its logs, another version's tables - it leaves to `MemoryService`, which
knows all of that.
"""

from __future__ import annotations

import fcntl
import json
import os
import time

import sqlcipher3.dbapi2 as _sqlite

TYPE_CHECKING = False  # the typing module alone would cost a tenth of what is saved here
if TYPE_CHECKING:
    from typing import Any

sqlite: Any = _sqlite  # the driver has no type stubs
_LOG_FORM, _CATALOGUE_FORM = 3, 5
_PREFIX, _SUFFIX = "memory-", ".db"


def peek(home: str, key: str) -> str | bytes | None:
    """The value of `key` in the CIS home `home`, counted as a use; None when `MemoryService` is to be asked."""
    try:
        for domain in ("public", "private"):
            folder = f"{home}/memory/{domain}"
            weeks, archived = _weeks(folder), _archived(f"{home}/memory/archives/{domain}")
            if weeks or archived:
                found, value = _look_into(home, domain, weeks, archived, key)
                if found:
                    return value
    except (OSError, ValueError, LookupError, sqlite.Error):
        return None
    return None


def _look_into(
    home: str, domain: str, weeks: list[str], archived: set[str], key: str
) -> tuple[bool, str | bytes | None]:
    """As `_look`, as one of the users of the key where one is needed: nobody changes it meanwhile.

    Raises:
        LookupError, OSError: it is being changed, or is not to be had.
    """
    folder = f"{home}/memory/{domain}"
    if domain == "public":
        return _look(folder, weeks, archived, None, key)
    locks = [os.open(f"{home}/keys/{name}.lock", os.O_RDONLY | os.O_CLOEXEC) for name in ("next", "use")]
    try:
        for lock in locks:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return _look(folder, weeks, archived, _plain_key(home), key)
    finally:
        for lock in locks:
            os.close(lock)


def _look(
    folder: str, weeks: list[str], archived: set[str], secret: str | None, key: str
) -> tuple[bool, str | bytes | None]:
    """Whether the domain decides about `key`, and its value.

    Raises:
        LookupError: the catalogue cannot be relied upon.
    """
    catalogue = _open(f"{folder}/{_names(folder, 'catalogue-')[-1]}", secret, _CATALOGUE_FORM)
    logs: dict[str, Any] = {}
    try:
        known: dict[str, int] = dict(catalogue.execute("SELECT week, last FROM weeks"))
        if not archived <= known.keys() <= {*weeks, *archived}:
            raise LookupError("a log is gone")
        for week in weeks:
            if week not in known or week == weeks[-1] or _has_wal(_log(folder, week)):
                logs[week] = _open(_log(folder, week), secret, _LOG_FORM)
                last = logs[week].execute("SELECT max(id) FROM log_entries").fetchone()[0]
                if (last or 0) > known.get(week, 0):
                    raise LookupError("the catalogue lags behind")
        head = catalogue.execute("SELECT week, row FROM heads WHERE key = ? AND deleted = 0", (key,)).fetchone()
        if head is None:
            return False, None
        week, row = head
        if week not in weeks:
            raise LookupError("it is archived")
        if week not in logs:
            logs[week] = _open(_log(folder, week), secret, _LOG_FORM)
        value = logs[week].execute("SELECT value FROM log_entries WHERE id = ?", (row,)).fetchone()[0]
        _count_use(logs[week], row)
        return True, value
    finally:
        for database in (catalogue, *logs.values()):
            database.close()


def _open(path: str, secret: str | None, form: int) -> Any:
    """An open file of memory.

    Raises:
        LookupError: its tables are of another version.
    """
    uri = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    database = sqlite.connect(f"file:{uri}?mode=rw", uri=True, isolation_level=None, timeout=10.0)
    if secret is not None:
        database.execute("PRAGMA cipher_log_level=NONE")
        database.set_key(f"x'{secret}'")
    if database.execute("PRAGMA user_version").fetchone()[0] != form:
        database.close()
        raise LookupError("another version")
    database.execute("PRAGMA synchronous=NORMAL")
    return database


def _count_use(log: Any, row: int) -> None:
    """Write down that the row was used, unless somebody else is writing: no read may wait or fail for it."""
    try:
        log.set_busy_timeout(0.02)
        log.execute(
            "UPDATE log_entries SET access_count = access_count + 1, uses = uses + 1,"
            " last_accessed_at = max(coalesce(last_accessed_at, 0), ?) WHERE id = ?",
            (time.time(), row),
        )
    except sqlite.OperationalError:
        return


def _plain_key(home: str) -> str:
    """The data key, if it is kept as it is.

    Raises:
        LookupError, OSError, ValueError: it is not, or others can read it.
    """
    with open(f"{home}/keys/data.json", "rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise LookupError("others can read the key")
        kept = json.load(file)
    if "rotation" in kept:
        raise LookupError("the key is being changed")
    secret = kept["key"] if kept["kept"] == "file" else ""
    if len(bytes.fromhex(secret)) != 32:
        raise LookupError("no plain key")
    return secret.lower()


def _weeks(folder: str) -> list[str]:
    """The weeks that have a log, oldest first."""
    return [name[len(_PREFIX) : -len(_SUFFIX)] for name in _names(folder, _PREFIX)]


def _archived(folder: str) -> set[str]:
    """The weeks that have an archive."""
    return {name.removesuffix(".db.gz") for name in _names(folder, "", ".db.gz") if name[0] != "."}


def _names(folder: str, prefix: str, suffix: str = _SUFFIX) -> list[str]:
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    return sorted(name for name in names if name.startswith(prefix) and name.endswith(suffix))


def _log(folder: str, week: str) -> str:
    return f"{folder}/{_PREFIX}{week}{_SUFFIX}"


def _has_wal(path: str) -> bool:
    try:
        return os.stat(f"{path}-wal").st_size > 0
    except FileNotFoundError:
        return False
