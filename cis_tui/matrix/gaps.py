"""Parts of timelines that a homeserver left out, read backwards until nothing there is new."""

from __future__ import annotations

import logging

from cis_tui.core.errors import CisError
from cis_tui.matrix import ledger
from cis_tui.matrix.client import MatrixClient
from cis_tui.matrix.events import Page
from cis_tui.matrix.failures import NO_TOKEN, is_away
from cis_tui.matrix.intake import Batch, Intake
from cis_tui.matrix.store import Store, Transaction

log = logging.getLogger(__name__)

AT_ONCE = 20
"""Pages of one gap that are read before the homeserver is asked for news again."""
MAX_PAGES = 200
"""Of the room in which nodes meet: what lies further back is found by digests of memory, or has expired."""
MAX_OTHERS = 5
"""Of other rooms, whose past people page through when they want it."""
_IDLE = 2
"""Pages in a row with nothing new that end a gap: one may be what a homeserver told twice."""


async def heal(client: MatrixClient, store: Store, intake: Intake) -> bool:
    """Read what is missing, as far as it may be done at once; whether something still is.

    Raises:
        CisError: the homeserver is away, or the file cannot be written; what was read stays read.
    """
    for gap in await store.read(ledger.gaps):
        if not await _walk(client, store, intake, gap):
            return True
    return False


async def _walk(client: MatrixClient, store: Store, intake: Intake, gap: ledger.Gap) -> bool:
    """Read one gap; whether it is closed."""
    for _ in range(AT_ONCE):
        try:
            page = await client.messages(gap.room, gap.token)
        except CisError as error:
            if is_away(error) or error.code == NO_TOKEN:
                raise
            log.warning("the past of %s cannot be read: %s", gap.room, error.message)
            await store.write(lambda transaction: ledger.close_gap(transaction, gap))
            return True
        if await _take(intake, gap, page):
            return True
    return False


async def _take(intake: Intake, gap: ledger.Gap, page: Page) -> bool:
    """Take a page, and note how far that goes; whether the gap is closed."""
    limit = MAX_PAGES if gap.room == intake.federation else MAX_OTHERS
    closed = False

    def move(transaction: Transaction, new: int) -> None:
        nonlocal closed
        gap.idle = 0 if new else gap.idle + 1
        gap.pages += 1
        closed = not page.end or not (page.events or page.garbage) or gap.idle >= _IDLE or gap.pages >= limit
        if closed:
            ledger.close_gap(transaction, gap)
        else:
            gap.token = page.end
            ledger.move_gap(transaction, gap)

    await intake.take([Batch(gap.room, page.events[::-1], page.garbage, live=False)], move)
    return closed
