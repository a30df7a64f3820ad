"""Matrix as the engine has it: the login, the loop, what is said, and who takes what the room says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from cis_tui.core.clock import Clock, Instant, utc_now
from cis_tui.core.config import MatrixSettings
from cis_tui.core.errors import CisError, Invalid, NotFound, Refused, Unavailable
from cis_tui.core.events import EventType
from cis_tui.core.identity import Identity
from cis_tui.core.paths import Home
from cis_tui.core.retry import Retry
from cis_tui.matrix import identities, ledger, outbox, rooms, views
from cis_tui.matrix.account import Account, read_account, write_account
from cis_tui.matrix.client import PATIENCE, MatrixClient, Patience
from cis_tui.matrix.entering import announce, enter, room_address
from cis_tui.matrix.events import News
from cis_tui.matrix.intake import Before, Handler, Intake, Kind, Listener
from cis_tui.matrix.loop import RETRY, SyncLoop
from cis_tui.matrix.model import (
    MatrixMember,
    MatrixRejection,
    MatrixRoom,
    MatrixSent,
    MatrixState,
    MatrixStatus,
)
from cis_tui.matrix.operations import OP, new_id, seal_operation
from cis_tui.matrix.outbound import Outgoing, Sender, Source
from cis_tui.matrix.outbox import Waiting
from cis_tui.matrix.policy import Book, Policy
from cis_tui.matrix.policy import Standing as Trust
from cis_tui.matrix.secrecy import Secrecy, not_encrypted
from cis_tui.matrix.store import Database, Store, Tell, Transaction
from cis_tui.matrix.views import Standing

log = logging.getLogger(__name__)


def _nobody(did: str) -> Trust:
    return Trust()


class MatrixService:
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
        self._secrecy: Secrecy | None = None
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
        self._loop = loop = SyncLoop(
            client,
            self.store,
            self.intake,
            enter=self._enter,
            entered=self._entered,
            heed=self._heed,
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
            conceal=self._conceal,
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
        if self._secrecy is not None:
            await self._secrecy.close()
            self._secrecy = self.intake.reveal = None

    @property
    def online(self) -> bool:
        """Whether the homeserver is there, and the room was entered."""
        return self._loop is not None and self._loop.online.is_set()

    # What the loop asks for

    async def _enter(self) -> None:
        account, client = self._connected()
        address = room_address(self._settings, account)
        if await self._is_encrypted(self.intake.federation):
            await self._hide()
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
        room = self.intake.federation
        encrypted = await self._is_encrypted(room)
        if self._settings.encrypted and not encrypted:
            raise not_encrypted(room_address(self._settings, account))
        secrecy = await self._hide() if encrypted else None
        if secrecy is not None:
            await secrecy.give_keys(client)
        key = secrecy.key if secrecy is not None else ""
        await announce(client, self._identity, account, room, self._clock(), key=key)
        for call in self._ready:
            call()
        self.wake()

    # Encryption

    async def _hide(self) -> Secrecy:
        """The keys of this device."""
        if self._secrecy is None:
            account, _ = self._connected()
            secret = self._identity.derived("matrix olm").hex()
            secrecy = Secrecy(self._home.matrix_keys, account, secret)
            await secrecy.open()
            self._secrecy, self.intake.reveal = secrecy, secrecy.revealed
        return self._secrecy

    async def _is_encrypted(self, room: str) -> bool:
        return await self.store.read(lambda database: rooms.is_encrypted(database, room))

    async def _heed(self, news: News) -> None:
        if self._secrecy is not None:
            _, client = self._connected()
            await self._secrecy.heed(client, news.raw)

    async def _conceal(self, waiting: Waiting) -> Waiting:
        if not await self._is_encrypted(waiting.room):
            return waiting
        if self._secrecy is None or waiting.room != self.intake.federation:
            raise Refused("CIS-MATRIX-039", "a room that is encrypted is written by cis only where nodes meet")

        def look(database: Database) -> tuple[list[str], dict[tuple[str, str], str]]:
            trusted = {
                (each.user, each.device): each.key for each in identities.nodes(database) if self._trusts(each.did)
            }
            return [user for user, _ in rooms.members(database, waiting.room)], trusted

        (_, client), (users, trusted) = self._connected(), await self.store.read(look)
        type, content = await self._secrecy.concealed(
            client, waiting.room, waiting.type, waiting.content, users, trusted
        )
        return waiting._replace(type=type, content=content)

    def _trusts(self, did: str) -> bool:
        return self.policy.book(did).trust in ("own", "allowed")

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

    # Saying something

    def wake(self) -> None:
        """Say what sources have."""
        if self._sender is not None:
            self._sender.wake()

    def seal(self, outgoing: Outgoing, id: str = "") -> Waiting:
        """The event that says an operation, as this node, by this account, in the room.

        Raises:
            Unavailable: nobody is logged in, or the room is not known yet (CIS-MATRIX-034).
            Invalid: it cannot be said in a room (CIS-MATRIX-025, 026).
        """
        account, room = self.account, self.intake.federation
        if account is None or not room:
            hint = "cis matrix status tells how it stands"
            raise Unavailable("CIS-MATRIX-034", "the room in which nodes meet is not known yet", hint=hint)
        id = id or new_id()
        operation = seal_operation(
            self._identity,
            outgoing.kind,
            outgoing.data,
            account=account.user,
            device=account.device,
            room=room,
            at=self._clock(),
            id=id,
        )
        content: dict[str, object] = {OP: operation}
        if outgoing.type == "m.room.message" or outgoing.body:
            content |= {"msgtype": "m.notice", "body": outgoing.body}
        if outgoing.relates_to:
            content["m.relates_to"] = {"rel_type": "m.reference", "event_id": outgoing.relates_to}
        return Waiting(id, room, outgoing.type, content)

    async def queue(
        self, type: str, kind: str, data: Mapping[str, object], *, body: str = "", relates_to: str = "", id: str = ""
    ) -> str:
        """Have an operation said in the room, whenever the homeserver is there; durable on return. Gives its id.

        Raises:
            CisError: as `seal`, or the file cannot be written.
        """
        waiting = self.seal(Outgoing(type, kind, data, body, relates_to), id)
        await self.store.write(lambda transaction: self.put(transaction, waiting))
        return waiting.txn

    def put(self, transaction: Transaction, waiting: Waiting) -> None:
        """Have something said as a part of a transaction: what `seal` made, or a plain event."""
        outbox.put(transaction, waiting.txn, waiting.room, waiting.type, waiting.content)
        transaction.after(self.wake)

    async def post(self, type: str, content: Mapping[str, object], *, room: str = "", txn: str = "") -> MatrixSent:
        """Have a plain event said, such as what a person writes; durable on return.

        Raises:
            NotFound: there is no such room (CIS-MATRIX-036).
            Invalid: the event would be too large (CIS-MATRIX-025).
        """
        target = await self.store.read(lambda database: self.find_room(database, room))
        size = len(str(content).encode("utf-8", "replace"))
        if size > 60_000:
            raise Invalid("CIS-MATRIX-025", f"a message of {size} bytes is more than a room takes")
        waiting = Waiting(txn or new_id(), target, type, content)
        await self.store.write(lambda transaction: self.put(transaction, waiting))
        return await self.sent(waiting.txn)

    async def sent(self, txn: str) -> MatrixSent:
        """How far something that was to be said has come.

        Raises:
            NotFound: nothing of that number was (CIS-MATRIX-037).
        """
        found = await self.store.read(lambda database: outbox.find(database, txn))
        if found is None:
            raise NotFound("CIS-MATRIX-037", f"nothing was said as {txn[:80]!a}")
        return found

    async def said(self, txn: str, *, timeout: float) -> MatrixSent:
        """The same, once it was sent or has failed, or when `timeout` seconds are over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while (found := await self.sent(txn)).state.value == "queued":  # noqa: ASYNC110 - rows of a file
                    await asyncio.sleep(0.05)
                return found
        return await self.sent(txn)

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

    def nudge(self) -> None:
        """Ask the homeserver again now."""
        if self._loop is not None:
            self._loop.nudge()

    def now(self) -> Instant:
        """The moment."""
        return self._clock()
