"""Whether the room is encrypted, and what follows from that."""

from __future__ import annotations

from collections.abc import Sequence

from cis_tui.core.errors import Refused
from cis_tui.core.identity import Identity
from cis_tui.core.paths import Home
from cis_tui.matrix import identities, rooms
from cis_tui.matrix.account import Account
from cis_tui.matrix.client import MatrixClient
from cis_tui.matrix.events import News, RoomEvent
from cis_tui.matrix.outbox import Waiting
from cis_tui.matrix.policy import Policy
from cis_tui.matrix.secrecy import Secrecy
from cis_tui.matrix.store import Database, Store


class Hiding:
    """What one login has of encryption: nothing, until a room needs it."""

    def __init__(
        self, home: Home, identity: Identity, account: Account, client: MatrixClient, store: Store, policy: Policy
    ) -> None:
        self._home = home
        self._identity = identity
        self._account = account
        self._client = client
        self._store = store
        self._policy = policy
        self._secrecy: Secrecy | None = None

    async def close(self) -> None:
        """Let go of the keys."""
        if self._secrecy is not None:
            await self._secrecy.close()

    async def enter(self, room: str, *, wanted: bool, address: str) -> str:
        """Make ready for a room; gives the key of this device to be told there, empty if it is not encrypted.

        Raises:
            Refused: it is `wanted` to be encrypted, and is not (CIS-MATRIX-039).
        """
        if not await self.is_encrypted(room):
            if wanted:
                hint = "name another one in matrix.room, or set matrix.encrypted to false"
                raise Refused(
                    "CIS-MATRIX-039", f"{address} is not encrypted, and matrix.encrypted wants it so", hint=hint
                )
            return ""
        secrecy = await self._opened()
        await secrecy.give_keys(self._client)
        return secrecy.key

    async def prepare(self, room: str) -> None:
        """Have the keys ready before what was said in a room is read."""
        if await self.is_encrypted(room):
            await self._opened()

    async def is_encrypted(self, room: str) -> bool:
        """Whether a room is, as far as it is known."""
        return await self._store.read(lambda database: rooms.is_encrypted(database, room))

    async def heed(self, news: News) -> None:
        """Take what a sync brings of keys."""
        if self._secrecy is not None:
            await self._secrecy.heed(self._client, news.raw)

    async def reveal(self, events: Sequence[RoomEvent]) -> Sequence[RoomEvent]:
        """Events as they were before they were encrypted."""
        return events if self._secrecy is None else await self._secrecy.revealed(events)

    async def conceal(self, waiting: Waiting, federation: str) -> Waiting:
        """What is to be said, encrypted if its room is.

        Raises:
            Refused: it is, and is not the one in which nodes meet (CIS-MATRIX-039).
        """
        if not await self.is_encrypted(waiting.room):
            return waiting
        if waiting.room != federation:
            raise Refused("CIS-MATRIX-039", "a room that is encrypted is written by cis only where nodes meet")

        def look(database: Database) -> tuple[list[str], dict[tuple[str, str], str]]:
            known = [each for each in identities.nodes(database) if self._trusts(each.did)]
            members = [user for user, _ in rooms.members(database, waiting.room)]
            return members, {(each.user, each.device): each.key for each in known}

        (members, trusted), secrecy = await self._store.read(look), await self._opened()
        type, content = await secrecy.concealed(
            self._client, waiting.room, waiting.type, waiting.content, members, trusted
        )
        return waiting._replace(type=type, content=content)

    def _trusts(self, did: str) -> bool:
        return self._policy.book(did).trust in ("own", "allowed")

    async def _opened(self) -> Secrecy:
        if self._secrecy is None:
            secret = self._identity.derived("matrix olm").hex()
            secrecy = Secrecy(self._home.matrix_keys, self._account, secret)
            await secrecy.open()
            self._secrecy = secrecy
        return self._secrecy
