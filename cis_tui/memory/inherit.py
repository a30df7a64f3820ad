"""What a write of an entry that is there keeps of it: what a person once said holds until they say otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cis_tui.core.errors import Invalid, Refused
from cis_tui.memory.classify import default_category
from cis_tui.memory.records import IndexType

if TYPE_CHECKING:
    from cis_tui.memory.catalogue import Head
    from cis_tui.memory.plan import Entry

DECLASSIFIED = "CIS-MEM-084"
"""The code of the error that says: this is Sensitive, and would no longer be."""
SAID = "you said so"
"""Why an entry is of a kind that a person chose."""
_WAS_SENSITIVE = "it was Sensitive before"


class Kind(NamedTuple):
    """What an entry is taken as."""

    index_type: IndexType
    reason: str
    classed: bool
    """A person said so."""


def inherited(entry: Entry, head: Head | None) -> Entry:
    """`entry`, a write, with what it leaves open taken from the live version `head` that it replaces.

    Raises:
        Refused: it is Sensitive, and would no longer be (CIS-MEM-084).
    """
    kind = Kind(entry.index_type, entry.reason, entry.classed)
    if head is not None:
        kind = _kind(entry, kind, head)
    return entry._replace(
        category=entry.category or (head.category if head else "") or default_category(entry.key),
        pinned=head is not None and head.pinned if entry.pinned is None else entry.pinned,
        index_type=kind.index_type,
        reason=kind.reason,
        classed=kind.classed,
    )


def check_given(said: IndexType) -> None:
    """See that an entry may be `said` to be of a kind at all.

    Raises:
        Invalid: that kind is earned (CIS-MEM-100).
    """
    if said is IndexType.FREQUENTLY_QUERIED:
        hint = "cis memory pin keeps an entry, however often it is used"
        raise Invalid("CIS-MEM-100", f"{said.value} is earned by use, and not given", hint=hint)


def check_class(key: str, was: Kind, said: IndexType) -> None:
    """See that an entry may be `said` to be of a kind without another word.

    Raises:
        Refused: it `was` Sensitive, and would no longer be (CIS-MEM-084).
    """
    if was.index_type is IndexType.SENSITIVE and said is not IndexType.SENSITIVE:
        raise Refused(
            DECLASSIFIED,
            f"{key} is Sensitive ({was.reason}); as {said.value} it would be shown, searched and exported",
            hint="say --yes if that is what you want",
        )


def _kind(entry: Entry, found: Kind, head: Head) -> Kind:
    """What a person says now, else what they said before, else what was found; Sensitive stays Sensitive.

    A person who called an entry something else than Sensitive knew its key, but not the value that comes now.
    """
    if entry.classed:
        if not entry.declassify:
            was = SAID if head.classed else _WAS_SENSITIVE
            check_class(entry.key, Kind(head.index_type, was, head.classed), found.index_type)
        return found
    if head.classed and not (entry.secret_value and head.index_type is not IndexType.SENSITIVE):
        return Kind(head.index_type, SAID, classed=True)
    if head.index_type is IndexType.SENSITIVE and found.index_type is not IndexType.SENSITIVE:
        return Kind(IndexType.SENSITIVE, _WAS_SENSITIVE, classed=False)
    return found
