"""Matrix as the engine has it: the login, the loop, what is said, and who takes what the room says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

from cis_tui.core.clock import Clock, Instant, utc_now
from cis_tui.core.config import MatrixSettings
from cis_tui.core.errors import CisError, Unavailable
from cis_tui.core.events import EventType
from cis_tui.core.identity import Identity
from cis_tui.core.paths import Home
from cis_tui.core.retry import Retry
from cis_tui.matrix import ledger, rooms, views
from cis_tui.matrix.account import Account, read_account, write_account
from cis_tui.matrix.client import PATIENCE, MatrixClient, Patience
from cis_tui.matrix.entering import announce, enter, room_address
from cis_tui.matrix.events import Page
from cis_tui.matrix.hiding import Hiding
from cis_tui.matrix.intake import Before, Handler, Intake, Kind, Listener
from cis_tui.matrix.loop import RETRY, SyncLoop
from cis_tui.matrix.model import (
    MatrixMember,
    MatrixRejection,
    MatrixRoom,
    MatrixState,
    MatrixStatus,
)
from cis_tui.matrix.outbound import Sender, Source
from cis_tui.matrix.policy import Book, Policy
from cis_tui.matrix.policy import Standing as Trust
from cis_tui.matrix.saying import Saying
from cis_tui.matrix.store import Database, Store, Tell, Transaction
from cis_tui.matrix.views import Standing

log = logging.getLogger(__name__)


def _nobody(did: str) -> Trust:
    return Trust()


class MatrixService(Saying):
    """All that a home does in Matrix. Without `begin` it is the files alone, which any command may look at."""

    def __init__(
        self,
        home: Home,
        identity: Identity,
        settings: MatrixSettings,
        *,
        book: Book = _nobody,
        tell: Tell = lambda what, data: None,
        clock: Clock = utc_now,
        patience: Patience = PATIENCE,
        retry: Retry = RETRY,
    ) -> None:
        """
        Raises:
            Invalid: a rule of `[matrix] policy` is none (CIS-MATRIX-040).
        """
        self._home = home
        self._identity = identity
        self._settings = settings
        self._tell = tell
        self._clock = clock
        self._patience = patience
        self._retry = retry
        self.store = Store(home.matrix_db, tell=tell, clock=clock)
        self.policy = Policy(book, settings.policy)
        self.intake = Intake(self.store, self.policy, identity.did)
        self._hiding: Hiding | None = None
        self._sources: list[Source] = []
        self._ready: list[Callable[[], object]] = []
        self.account: Account | None = None
        """The login, while an engine lives by it."""
        self.client: MatrixClient | None = None
        """The homeserver, as long as there is a login."""
        self._loop: SyncLoop | None = None
        self._sender: Sender | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._starting: asyncio.Task[None] | None = None
        self._problem = ""
        self._begun = self._closed = False
        self._reloading = asyncio.Lock()

    # For those who build on it; to be called before `begin`

    def handle(self, kind: str, handler: Handler, *, capability: str = "") -> None:
        """Let `handler` take operations of `kind` from nodes that have `capability`; empty: all that are not denied."""
        self.intake.kinds[kind] = Kind(handler, capability)

    def handle_before(self, kind: str, before: Before) -> None:
        """Have `before` done ahead of the transaction in which the handler takes an operation of `kind`."""
        self.intake.before[kind] = before

    def listen(self, listener: Listener) -> None:
        """Tell `listener` of every event of every room that was not set aside, in the same transaction."""
        self.intake.listeners.append(listener)

    def source(self, source: Source) -> None:
        """Ask `source` what is to be said, whenever the outbox is empty; `wake` says that it has something."""
        self._sources.append(source)

    def when_ready(self, call: Callable[[], object]) -> None:
        """Call this on the event loop whenever the room was entered and read, after each time the server was away."""
        self._ready.append(call)

    # Its life

    def begin(self, *, after: float = 0.0) -> None:
        """Speak to the homeserver, in the background, in `after` seconds, if somebody is logged in."""
        if not self._settings.enabled or self._closed:
            return
        if self._starting is not None:
            if after or self._begun:
                return
            self._starting.cancel()
        self._starting = asyncio.create_task(self._begin(after))

    async def _begin(self, after: float) -> None:
        await asyncio.sleep(after)
        self._begun = True
        await self.reload()

    async def live(self, *, timeout: float) -> None:
        """Speak to the homeserver now, if it was to be later, and wait until the room is known.

        Raises:
            Unavailable: nobody is logged in, or the room did not become known in `timeout` seconds (CIS-MATRIX-034).
        """
        self.begin()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while not self.intake.federation and not self._is_hopeless():  # noqa: ASYNC110 - many things may end it
                    await asyncio.sleep(0.02)
        if self._begun:
            self._connected()
        if not self.intake.federation:
            hint = "cis matrix status tells how it stands"
            raise Unavailable("CIS-MATRIX-034", "the room in which nodes meet is not known yet", hint=hint)

    def _is_hopeless(self) -> bool:
        if not self._begun:
            return self._starting is None
        if self._reloading.locked():
            return False
        return self._loop is None or self._loop.standing.state is MatrixState.AUTH_FAILED

    async def reload(self) -> None:
        """Read the login anew, and live by it."""
        async with self._reloading:
            await self._end()
            await self._start_anew()

    async def _start_anew(self) -> None:
        self._problem = ""
        if not self._settings.enabled or self._closed:
            return
        try:
            self.account = await asyncio.to_thread(read_account, self._home)
            if self.account is not None:
                await self._settle(self.account)
                self._start(self.account)
        except CisError as error:
            self._problem = error.message
            self._tell(EventType.ERROR, {"code": error.code, "message": f"matrix: {error.message}"})
        if self._loop is None:
            self._became(Standing(MatrixState.AUTH_FAILED if self._problem else MatrixState.OFF, self._problem))

    async def _settle(self, account: Account) -> None:
        """Forget where the account before this one was."""
        about = f"{account.homeserver} {account.user}"

        def settle(transaction: Transaction) -> None:
            if ledger.fact(transaction.database, "account") != about:
                for table in ("rooms", "members", "gaps"):
                    transaction.execute(f"DELETE FROM {table}")
                for name in ("since", "room", "address"):
                    ledger.put_fact(transaction, name, "")
                ledger.put_fact(transaction, "account", about)
            ledger.prune(transaction)

        await self.store.write(settle)
        self.intake.user = account.user
        self.intake.federation = await self.store.read(lambda database: ledger.fact(database, "room"))

    def _start(self, account: Account) -> None:
        self.client = client = MatrixClient(account.homeserver, token=account.token, patience=self._patience)
        self._hiding = hiding = Hiding(self._home, self._identity, account, client, self.store, self.policy)
        self.intake.reveal = hiding.reveal
        self._loop = loop = SyncLoop(
            client,
            self.store,
            self.intake,
            enter=self._enter,
            entered=self._entered,
            heed=hiding.heed,
            login_again=self._login_again,
            changed=self._became,
            clock=self._clock,
            retry=self._retry,
        )
        self._sender = Sender(
            client,
            self.store,
            self._sources,
            seal=self.seal,
            conceal=lambda waiting: hiding.conceal(waiting, self.intake.federation),
            online=loop.online,
            suspect=loop.suspect,
            changed=lambda txn, change: self._tell(EventType.MATRIX_CHANGED, {"change": change, "transaction": txn}),
        )
        self._tasks = [
            asyncio.create_task(self._guard(loop.run())),
            asyncio.create_task(self._guard(self._sender.run())),
        ]

    async def _guard(self, work: Awaitable[None]) -> None:
        """Let nothing that goes wrong end the engine, or go unseen."""
        try:
            await work
        except Exception as error:
            log.exception("matrix has failed")
            self._problem = f"{type(error).__name__}: {error}"
            self._became(Standing(MatrixState.AUTH_FAILED, self._problem))

    async def close(self) -> None:
        """Hang up, and let go of the file."""
        self._closed = True
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        await self._end()
        await asyncio.to_thread(self.store.close)

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._tasks, self._loop, self._sender, self.account = [], None, None, None
        if self.client is not None:
            await self.client.close()
            self.client = None
        if self._hiding is not None:
            await self._hiding.close()
            self._hiding = self.intake.reveal = None

    @property
    def online(self) -> bool:
        """Whether the homeserver is there, and the room was entered."""
        return self._loop is not None and self._loop.online.is_set()

    # What the loop asks for

    async def _enter(self) -> None:
        account, client = self._connected()
        address = room_address(self._settings, account)
        if self._hiding is not None:
            await self._hiding.prepare(self.intake.federation)
        known = await self.store.read(
            lambda database: (ledger.fact(database, "address"), ledger.fact(database, "room"))
        )
        if known[0] == address and known[1]:
            listed = await self.store.read(lambda database: rooms.rooms(database, known[1]))
            if any(room.federation for room in listed):
                return
        room = await enter(client, self._settings, account)

        def note(transaction: Transaction) -> None:
            ledger.put_fact(transaction, "address", address)
            ledger.put_fact(transaction, "room", room)
            transaction.execute("INSERT OR IGNORE INTO rooms(id) VALUES(?)", (room,))

        await self.store.write(note)
        self.intake.federation = room

    async def _entered(self) -> None:
        account, client = self._connected()
        room, wanted, address = self.intake.federation, self._settings.encrypted, room_address(self._settings, account)
        assert self._hiding is not None, "it is there as long as the loop is"
        key = await self._hiding.enter(room, wanted=wanted, address=address)
        await announce(client, self._identity, account, room, self._clock(), key=key)
        for call in self._ready:
            call()
        self.wake()

    async def _login_again(self) -> bool:
        account, client = self._connected()
        if not account.password:
            return False
        session = await client.login(account.user, account.password, device=account.device)
        self.account = Account(account.homeserver, session.user, session.device, session.token, account.password)
        client.token = session.token
        await asyncio.to_thread(write_account, self._home, self.account)
        return True

    def _became(self, standing: Standing) -> None:
        told: dict[str, object] = {"state": standing.state.value, "problem": standing.problem}
        told["user"] = self.account.user if self.account is not None else ""
        told["room"] = self.intake.federation
        if standing.retry_at is not None:
            told["retry_in"] = round(max(standing.retry_at - self._clock(), 0.0), 1)
        self._tell(EventType.MATRIX_CONNECTED, told)

    def _connected(self) -> tuple[Account, MatrixClient]:
        if self.account is None or self.client is None:
            raise Unavailable("CIS-MATRIX-034", "nobody is logged in", hint="cis matrix login", retryable=False)
        return self.account, self.client

    # What faces ask for

    async def status(self) -> MatrixStatus:
        """Matrix at a glance; without an engine, from the files."""
        account = self.account or await asyncio.to_thread(read_account, self._home, secrets=False)
        standing = Standing(MatrixState.AUTH_FAILED if self._problem else MatrixState.OFF, self._problem)
        if self._loop is not None:
            standing = replace(self._loop.standing, synced_at=self._loop.synced_at)
        room = room_address(self._settings, account) if account else self._settings.room
        enabled, now = self._settings.enabled, self._clock()
        return await self.store.read(
            lambda database: views.status(database, standing, account, room=room, enabled=enabled, now=now)
        )

    async def rooms(self) -> tuple[MatrixRoom, ...]:
        """The rooms that the account has joined."""
        return await self.store.read(lambda database: rooms.rooms(database, ledger.fact(database, "room")))

    async def members(self, room: str = "") -> tuple[MatrixMember, ...]:
        """Who is in a room, by its id, alias or name; empty: the one in which nodes meet.

        Raises:
            NotFound: there is no such room (CIS-MATRIX-036).
        """
        return await self.store.read(
            lambda database: views.members(database, views.find_room(database, room), self._trust)
        )

    async def rejections(self, limit: int = 50) -> tuple[MatrixRejection, ...]:
        """What was set aside, newest first."""
        return await self.store.read(lambda database: ledger.rejections(database, limit))

    def _trust(self, did: str) -> str:
        return "self" if did == self._identity.did else self.policy.book(did).trust or "pending"

    def find_room(self, database: Database, word: str) -> str:
        """The id of a room by its id, alias or name; for an empty `word` that of the one in which nodes meet.

        Raises:
            NotFound: there is no such room (CIS-MATRIX-036).
        """
        return views.find_room(database, word)

    async def past(self, room: str, start: str, *, limit: int = 100) -> Page:
        """A part of a room's past from the homeserver, newest first, from `start` backwards; from now if that is empty.

        Raises:
            CisError: nobody is logged in, or the homeserver is away.
        """
        _, client = self._connected()
        page = await client.messages(room, start, limit=limit)
        return replace(page, events=tuple(await self._hiding.reveal(page.events) if self._hiding else page.events))

    def now(self) -> Instant:
        """The moment."""
        return self._clock()
