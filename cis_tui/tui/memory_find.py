"""What the table of memory is to show: the entries below a prefix, or what fits what was typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cis_tui.memory.records import MemoryItem
from cis_tui.tui.pages import CUT, SIZE, Pages

if TYPE_CHECKING:
    from cis_tui.protocol import EngineApi

NAMED = 10
"""Entries shown because their key begins with what was typed."""
FOUND = 100
"""Entries shown because of what they say."""
PATIENCE = 20.0
"""Seconds that a search by meaning waits for its model, while what words find is shown already."""


async def read_listing(
    engine: EngineApi, prefix: str, needle: str, rows: tuple[int, int], patience: float = 0.0
) -> Pages:
    """The listing below `prefix`, with the pages of the rows from `rows[0]` to `rows[1]`; or what `needle` finds there.

    A search waits up to `patience` seconds for its model; where it then has none, `Pages.again` says how long the same
    search is to wait, once, for the whole answer.
    """
    pages = Pages(prefix, needle)
    if needle:
        await _find(engine, pages, patience)
        return pages
    first = await engine.memory_list(prefix, limit=SIZE, offset=rows[0] // SIZE * SIZE, cut=CUT)
    pages.take(rows[0] // SIZE * SIZE, first)
    for offset in pages.to_read(min(rows[0], pages.total), min(rows[1], pages.total - 1)):
        pages.take(offset, await engine.memory_list(prefix, limit=SIZE, offset=offset, cut=CUT))
    return pages


async def _find(engine: EngineApi, pages: Pages, patience: float) -> None:
    from cis_tui.memory.queries import Query

    query = Query(pages.needle, limit=FOUND, prefix=pages.prefix, patience=patience)
    result = await engine.memory_search(query)
    pages.locked = bool(result.locked)
    pages.again = PATIENCE if result.semantic and not patience else 0.0
    pages.note = (
        "by words; meaning follows" if pages.again else f"by words only: {result.semantic}" if result.semantic else ""
    )
    pages.take_found(await _named(engine, pages), result.hits)


async def _named(engine: EngineApi, pages: Pages) -> list[MemoryItem]:
    """The entries whose key, or its part below the prefix, begins with what is looked for."""
    found: list[MemoryItem] = []
    for beginning in dict.fromkeys((pages.needle, pages.prefix + pages.needle)):
        if beginning.startswith(pages.prefix):
            page = await engine.memory_list(beginning, limit=NAMED, cut=CUT)
            found += page.items
    return found
