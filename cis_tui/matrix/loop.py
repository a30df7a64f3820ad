"""Follows a homeserver: connects, asks for news for as long as it lives, and comes back when it was away.

There is no WebSocket in Matrix: an answer is waited for, up to 30 seconds, and the next is asked for at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from cis_tui.core.clock import Clock, Instant
from cis_tui.core.errors import CisError, Refused
from cis_tui.core.retry import Retry
from cis_tui.matrix import ledger, rooms
from cis_tui.matrix.client import MatrixClient
from cis_tui.matrix.events import News
from cis_tui.matrix.failures import AWAY, FORBIDDEN, NO_TOKEN, away, errcode, is_away, retry_after
from cis_tui.matrix.gaps import heal
from cis_tui.matrix.intake import Batch, Intake
from cis_tui.matrix.model import MatrixState
from cis_tui.matrix.store import Store, Transaction
from cis_tui.matrix.views import Standing

log = logging.getLogger(__name__)

RETRY = Retry(backoff=1.0, factor=2.0, max_delay=30.0)
_BAD_SINCE = ("M_UNKNOWN", "M_INVALID_PARAM", "M_UNRECOGNIZED")


class SyncLoop:
    """One run of it for one login."""

    def __init__(
        self,
        client: MatrixClient,
        store: Store,
        intake: Intake,
        *,
        enter: Callable[[], Awaitable[None]],
        entered: Callable[[], Awaitable[None]],
        heed: Callable[[News], Awaitable[None]],
        login_again: Callable[[], Awaitable[bool]],
        changed: Callable[[Standing], object],
        clock: Clock,
        retry: Retry = RETRY,
    ) -> None:
        """`enter` is awaited at each beginning, before anything is read; `entered` once news have come after it.

        `heed` takes of news what is not of rooms, before these are taken.
        `login_again` makes a login that the homeserver has ended anew, if it can.
        """
        self._client = client
        self._store = store
        self._intake = intake
        self._enter = enter
        self._entered = entered
        self._heed = heed
        self._login_again = login_again
        self._changed = changed
        self._clock = clock
        self._retry = retry
        self.standing = Standing(MatrixState.OFF)
        self.online = asyncio.Event()
        self.synced_at: Instant | None = None
        self._waiting: asyncio.Task[News] | None = None
        self._failed = self._logins = 0

    async def run(self) -> None:
        """Follow until cancelled, or until a person has to log in anew."""
        self._become(Standing(MatrixState.CONNECTING))
        while True:
            try:
                await self._follow()
            except CisError as error:
                if not await self._recovered(error):
                    return
            except Exception as error:  # whatever a homeserver answers, it is asked again
                log.exception("what the homeserver tells cannot be taken")
                await self._recovered(away(f"what it tells cannot be taken: {type(error).__name__}"))

    def suspect(self) -> None:
        """Something else got no answer: see at once whether the homeserver is still there."""
        if self._waiting is not None:
            self._waiting.cancel()

    async def _recovered(self, error: CisError) -> bool:
        """Do what helps, or wait; False if only a person can help."""
        if self.online.is_set():
            self._failed = self._logins = 0
        if error.code == NO_TOKEN and not self._logins:
            self._logins += 1
            try:
                if await self._login_again():
                    return True
            except CisError as again:
                log.warning("the login cannot be made anew: %s", again.message)
                if is_away(again):
                    error, self._logins = again, 0
        if error.code == NO_TOKEN or self._is_barred(error):
            self._become(Standing(MatrixState.AUTH_FAILED, error.message))
            return False
        self._failed += 1
        await self._wait(error)
        return True

    def _is_barred(self, error: CisError) -> bool:
        return error.code == FORBIDDEN and errcode(error) in ("M_USER_DEACTIVATED", "M_USER_LOCKED")

    async def _wait(self, error: CisError) -> None:
        wait = retry_after(error) or self._retry.delay(self._failed)
        self._become(Standing(MatrixState.RETRYING, error.message, Instant(self._clock() + wait)))
        await asyncio.sleep(wait)

    def _become(self, standing: Standing) -> None:
        before, self.standing = self.standing, standing
        if standing.state is MatrixState.ONLINE:
            self.online.set()
        else:
            self.online.clear()
        if before != standing:
            log.log(
                logging.WARNING if standing.problem else logging.INFO, "matrix: %s %s", standing.state, standing.problem
            )
            self._changed(standing)

    async def _follow(self) -> None:
        await self._client.whoami()
        await self._enter()
        since = await self._store.read(lambda database: ledger.fact(database, "since"))
        fresh, more = True, True
        while True:
            news = await self._ask(since, quick=more)
            if news is None:  # what it was to go on from is known there no more
                since, more = "", True
                continue
            since = await self._take(news)
            self.synced_at = self._clock()
            if fresh:
                await self._entered()
                self._become(Standing(MatrixState.ONLINE))
                fresh = False
            more = await heal(self._client, self._store, self._intake)

    async def _ask(self, since: str, *, quick: bool) -> News | None:
        """News; None if `since` means nothing to the homeserver."""
        while True:
            self._waiting = asyncio.create_task(self._client.sync(since, quick=quick, full=not since))
            try:
                return await self._waiting
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    self._waiting.cancel()
                    raise
                quick = True  # it was suspected
            except CisError as error:
                if since and errcode(error) in _BAD_SINCE:
                    log.warning("the homeserver has lost our place: %s; all is read anew", error.message)
                    return None
                raise
            finally:
                self._waiting = None

    async def _take(self, news: News) -> str:
        """Take what is new, with the place from which to go on, in one transaction."""

        def finish(transaction: Transaction, new: int) -> None:
            for room in news.rooms:
                if room.limited and room.before:
                    ledger.open_gap(transaction, room.room, room.before)
            for left in news.left:
                rooms.drop_room(transaction, left)
            ledger.put_fact(transaction, "since", news.next)

        await self._heed(news)
        batches = [Batch(room.room, room.timeline, room.garbage, state=room.state, news=room) for room in news.rooms]
        await self._intake.take(batches, finish)
        if self._intake.federation in news.left:
            raise Refused(AWAY, "this account was put out of the room in which nodes meet")
        return news.next
