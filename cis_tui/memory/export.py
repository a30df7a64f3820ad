"""What of memory may leave it in clear, a part at a time (contract, Memory, "Never-sync")."""

from __future__ import annotations

from collections.abc import Iterable

from cis_tui.memory.records import ExportPage, IndexType, MemoryItem

PAGE = 500
"""Entries that are looked at for one part."""
PAGE_BYTES = 2 * 1024 * 1024
"""Bytes of values after which a part ends; a single value may be larger."""


def export_page(items: Iterable[MemoryItem], *, named: str, sensitive: bool) -> ExportPage:
    """The part of an export that the next entries make, by key.

    `items`: at most `PAGE` entries; fewer end the export. A Sensitive one is passed over unless `sensitive` asks for
    them, or its key is exactly `named`.
    """
    taken: list[MemoryItem] = []
    size = withheld = 0
    after = ""
    for looked_at, item in enumerate(items, 1):
        if item.index_type is IndexType.SENSITIVE and not sensitive and item.key != named:
            withheld += 1
        else:
            taken.append(item)
            size += len(item.value)
        if size >= PAGE_BYTES or looked_at == PAGE:
            after = item.key
            break
    return ExportPage(tuple(taken), after, withheld)
