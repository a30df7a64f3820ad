"""What the table of memory is to show: the entries below a prefix, or what fits what was typed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cis_tui.core.errors import CisError
from cis_tui.memory.records import MemoryItem
from cis_tui.tui.pages import CUT, SIZE, Pages, Step
from cis_tui.tui.words import hint_of

if TYPE_CHECKING:
    from cis_tui.protocol import EngineApi
    from cis_tui.tui.widgets.taught import Keys

NAMED = 10
"""Entries shown because their key begins with what was typed."""
FOUND = 100
"""Entries shown because of what they say."""
AT_ONCE = 0.3
"""Seconds after which keys alone are shown, and the rest follows."""
WHILE = 2.0
"""Seconds after which a search is made again that could not find everything by meaning."""
PATIENCE = 20.0
"""Seconds that a search by meaning waits for its model, while what words find is shown already."""


async def read_listing(
    engine: EngineApi, prefix: str, needle: str, rows: tuple[int, int], step: Step, keys: Keys
) -> Pages:
    """The listing below `prefix`, with the pages of the rows from `rows[0]` to `rows[1]`; or what `needle` finds there.

    A search goes as far as `step`; where more would be found with the next one, `Pages.next` names it. What goes wrong
    is said in `Pages.problem`, with what `keys` names.
    """
    pages = Pages(prefix, needle)
    try:
        await (_find(engine, pages, step) if needle else _read(engine, pages, rows))
    except CisError as error:
        hint = hint_of(error, keys)
        pages.problem = f"{error.message}; {hint}" if hint else error.message
    return pages


async def _read(engine: EngineApi, pages: Pages, rows: tuple[int, int]) -> None:
    start = rows[0] // SIZE * SIZE
    pages.to_read(start, start)
    pages.take(start, await engine.memory_list(pages.prefix, limit=SIZE, offset=start, cut=CUT))
    for offset in pages.to_read(min(rows[0], pages.total), min(rows[1], pages.total - 1)):
        pages.take(offset, await engine.memory_list(pages.prefix, limit=SIZE, offset=offset, cut=CUT))


async def _find(engine: EngineApi, pages: Pages, step: Step) -> None:
    from cis_tui.memory.queries import Query

    if step is Step.AGAIN:
        await asyncio.sleep(WHILE)
    named = await _named(engine, pages)
    patience = PATIENCE if step in (Step.MEANING, Step.AGAIN) else 0.0
    search = engine.memory_search(Query(pages.needle, limit=FOUND, prefix=pages.prefix, patience=patience))
    try:
        result = await asyncio.wait_for(search, AT_ONCE if step is Step.AT_ONCE else None)
    except TimeoutError:
        pages.next, pages.note = Step.WORDS, "by key; words follow, what was written is being looked through"
        pages.take_found(named, ())
        return
    pages.locked = bool(result.locked)
    if result.semantic and not patience:
        pages.next, pages.note = Step.MEANING, "by words; meaning follows"
    elif result.semantic:
        pages.note = f"by words only: {result.semantic}"
    elif result.waiting:
        pages.next, pages.note = Step.AGAIN, "meaning follows for what was just written"
    pages.take_found(named, result.hits)


async def _named(engine: EngineApi, pages: Pages) -> list[MemoryItem]:
    """The entries whose key, or its part below the prefix, begins with what is looked for."""
    found: list[MemoryItem] = []
    for beginning in dict.fromkeys((pages.needle, pages.prefix + pages.needle)):
        if beginning.startswith(pages.prefix):
            page = await engine.memory_list(beginning, limit=NAMED, cut=CUT)
            found += page.items
    return found
