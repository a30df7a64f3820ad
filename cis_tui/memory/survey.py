"""Gathers the figures of one domain."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from cis_tui.core.errors import CisError
from cis_tui.memory.reader import Reader
from cis_tui.memory.stats import DomainStats, LogStats
from cis_tui.memory.vault import Vault


def domain_stats(vault: Vault, reader: Reader) -> DomainStats:
    """The figures of one domain; what cannot be opened is said, and never an error."""
    sizes = {week: file_size(vault.path(week)) for week in vault.weeks()}
    archives = sorted(vault.archive("").parent.glob("*.db.gz"))
    entries: int | None = None
    held, kinds, problem = dict[str, int](), dict[str, int](), ""
    try:
        entries = reader.count(vault.domain)
        for week in sizes:
            found = reader.kinds(vault.domain, week)
            held[week] = sum(found.values())
            for kind, count in found.items():
                kinds[kind] = kinds.get(kind, 0) + count
    except CisError as error:
        problem = error.message
    return DomainStats(
        domain=vault.domain,
        entries=entries,
        kinds=dict(sorted(kinds.items())),
        logs=tuple(LogStats(week, held.get(week), size) for week, size in sizes.items()),
        archives=len(archives),
        archive_bytes=sum(map(file_size, archives)),
        problem=problem,
    )


def file_size(path: Path) -> int:
    """Bytes of a file, with what SQLite keeps beside it."""
    size = 0
    for suffix in ("", "-wal"):
        with suppress(FileNotFoundError):
            size += Path(f"{path}{suffix}").stat().st_size
    return size
