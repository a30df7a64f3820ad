"""Versions as nodes give them to each other, and what is told of those that came."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from cis_tui.core.errors import CisError, Invalid, Refused
from cis_tui.memory.merge import MAX_RECORDS, version_of
from cis_tui.memory.plan import Version
from cis_tui.memory.records import Domain, IndexType, MemoryItem, MemoryRecord, MergeReport
from cis_tui.memory.versions import Rank

if TYPE_CHECKING:
    from cis_tui.memory.committer import Merged


def records_of(versions: Iterable[tuple[Rank, MemoryItem]]) -> tuple[MemoryRecord, ...]:
    """What may leave of versions of a public key, each given after its rank; newest first, each once."""
    newest_first = sorted(versions, key=lambda version: version[0], reverse=True)
    shared = {rank: item for rank, item in newest_first if item.deleted or item.index_type is not IndexType.SENSITIVE}
    return tuple(_record(item, rank[1]) for rank, item in shared.items() if item.domain is Domain.PUBLIC)


def sorted_out(records: Sequence[MemoryRecord]) -> tuple[dict[int, Version], dict[int, CisError]]:
    """The versions that `records` describe, by position, and why the others cannot be taken.

    Raises:
        Invalid: there are too many at once (CIS-MEM-085).
    """
    if len(records) > MAX_RECORDS:
        raise Invalid("CIS-MEM-085", f"{len(records)} records at once are too many, at most {MAX_RECORDS} are taken")
    versions: dict[int, Version] = {}
    refused: dict[int, CisError] = {}
    for position, record in enumerate(records):
        try:
            versions[position] = version_of(record)
        except CisError as error:
            refused[position] = error
    return versions, refused


def merge_report(versions: Mapping[int, Version], unfit: Mapping[int, CisError], merged: Merged) -> MergeReport:
    """What became of records: `versions` and `unfit` as `sorted_out` gives them, and what a merge did of those."""
    refused = {
        **unfit,
        **{number: _too_many_branches(versions[number]) for number in merged.crowded},
        **{number: _too_great_a_leap(versions[number]) for number in merged.forged},
    }
    return MergeReport(
        added=len(merged.added),
        known=len(versions) + len(unfit) - len(merged.added) - len(refused),
        disputed=tuple(sorted(key for key, head in merged.heads.items() if head.branches)),
        refused=tuple(sorted(refused.items())),
    )


def _too_many_branches(version: Version) -> CisError:
    return Refused(
        "CIS-MEM-087", f"{version.key} has too many concurrent versions", hint="cis memory resolve settles it"
    )


def _too_great_a_leap(version: Version) -> CisError:
    return Invalid(
        "CIS-MEM-085",
        f"a version of {version.key} from another node cannot be: it counts a million more of them than are known here",
    )


def merge_event(version: Version, disputed: Collection[str]) -> tuple[str, Mapping[str, object]]:
    """What is told of a version that was merged."""
    data = {"key": version.key, "domain": Domain.PUBLIC.value, "origin": version.origin}
    return "MemoryMerged", data | {"concurrent": version.key in disputed}


def _record(item: MemoryItem, hlc: int) -> MemoryRecord:
    return MemoryRecord(
        key=item.key,
        value=None if item.deleted else item.value,
        category=item.category,
        index_type=item.index_type,
        vector=item.version,
        origin=item.origin,
        hlc=hlc,
        pinned=item.pinned,
        classed=item.classed,
        undoes=item.undoes,
    )
