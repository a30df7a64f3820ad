"""Encryption of the room (Olm and Megolm, by nio), with trust that comes from DIDs, and no emoji to compare.

A node says in its signed identity which key its device has. A device is trusted if, and only if, a node that may speak
to this one has said so; every other one, of whatever account, is given no key. All of it runs in a thread of its own.
"""

# Much of what nio has of encryption says not of which type it is, or says it wrongly.
# pyright: reportUnknownMemberType=false, reportUnnecessaryIsInstance=false

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from cis_tui.core.paths import private_dir
from cis_tui.matrix.account import Account
from cis_tui.matrix.client import MatrixClient
from cis_tui.matrix.events import Json, RoomEvent, table
from cis_tui.matrix.operations import new_id

if TYPE_CHECKING:
    from nio.crypto import Olm
    from nio.crypto.device import OlmDevice

log = logging.getLogger(__name__)

T = TypeVar("T")
ENCRYPTED = "m.room.encrypted"
_MEGOLM = "m.megolm.v1.aes-sha2"
_CLEAR = frozenset({"m.reaction", "m.room.redaction"})
"""What clients do not encrypt: servers count the one, and act on the other."""

Trusted = Mapping[tuple[str, str], str]
"""The Ed25519 key of each device that is trusted, by account and device."""


class Secrecy:
    """The keys of this device, and what it knows of others."""

    def __init__(self, folder: Path, account: Account, secret: str) -> None:
        """`secret` encrypts the keys on disk."""
        self._folder = folder
        self._account = account
        self._secret = secret
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cis-olm")
        self._lock = asyncio.Lock()
        self._olm: Olm | None = None
        self._shared: dict[str, frozenset[tuple[str, str]]] = {}
        """Devices that have the key with which a room is written now."""
        self.key = ""
        """This device's Ed25519 key."""

    async def open(self) -> None:
        """Load the keys, or make them."""
        self.key = await asyncio.get_running_loop().run_in_executor(self._thread, self._open)

    async def close(self) -> None:
        """Let go of the files."""
        await asyncio.to_thread(self._thread.shutdown)

    def _open(self) -> str:
        from nio.crypto import Olm
        from nio.store import SqliteStore

        private_dir(self._folder)
        path = self._folder / f"{self._account.device}.db"
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        where = str(self._folder)
        store = SqliteStore(self._account.user, self._account.device, where, self._secret, path.name)
        self._olm = Olm(self._account.user, self._account.device, store)
        return str(self._olm.account.identity_keys["ed25519"])

    # What the homeserver tells

    async def heed(self, client: MatrixClient, raw: Json) -> None:
        """Take what a sync brings of keys, and give the homeserver new ones of ours if it runs out of them."""
        async with self._lock:
            await self._do(lambda olm: self._heed(olm, raw))
            await self._give_keys(client)

    async def give_keys(self, client: MatrixClient) -> None:
        """Let others find this device."""
        async with self._lock:
            await self._give_keys(client)

    async def _give_keys(self, client: MatrixClient) -> None:
        keys = await self._do(lambda olm: olm.share_keys() if olm.should_upload_keys else None)
        if not keys:
            return
        told = await client.ask("POST", "/keys/upload", keys)
        left = table(told.get("one_time_key_counts")).get("signed_curve25519")

        def note(olm: Olm) -> None:
            olm.account.shared = True
            olm.uploaded_key_count = left if isinstance(left, int) else 0
            olm.mark_keys_as_published()
            olm.save_account()

        await self._do(note)

    def _heed(self, olm: Olm, raw: Json) -> None:
        left = table(raw.get("device_one_time_keys_count")).get("signed_curve25519")
        if isinstance(left, int) and not isinstance(left, bool):
            olm.uploaded_key_count = left
        changed = table(raw.get("device_lists")).get("changed")
        for each in cast("list[object]", changed) if isinstance(changed, list) else ():
            if isinstance(each, str) and each in olm.tracked_users:
                olm.users_for_key_query.add(each)
        events = table(raw.get("to_device")).get("events")
        for each in cast("list[object]", events) if isinstance(events, list) else ():
            self._take_key(olm, each)

    def _take_key(self, olm: Olm, raw: object) -> None:
        """A message for this device alone; only keys of rooms are of use."""
        from nio.events import EncryptedToDeviceEvent, ToDeviceEvent

        try:
            event = ToDeviceEvent.parse_event(cast("dict[Any, Any]", raw))
            if isinstance(event, EncryptedToDeviceEvent):
                olm.handle_to_device_event(event)
        except Exception as error:  # whatever somebody sends, it ends nothing
            log.warning("a message about keys could not be taken: %s", type(error).__name__)

    async def revealed(self, events: Sequence[RoomEvent]) -> tuple[RoomEvent, ...]:
        """Events as they were before they were encrypted; what is not for this device stays as it is."""
        if not any(event.type == ENCRYPTED for event in events):
            return tuple(events)
        return await self._do(lambda olm: tuple(_reveal(olm, event) for event in events))

    # What is said

    async def concealed(
        self, client: MatrixClient, room: str, type: str, content: Json, members: Iterable[str], trusted: Trusted
    ) -> tuple[str, Json]:
        """Type and content of the event that says this to the trusted devices among those of `members`.

        Raises:
            CisError: the homeserver is away.
        """
        if type in _CLEAR:
            return type, content
        async with self._lock:
            await self._know(client, set(members))
            devices = await self._do(lambda olm: _judge(olm, set(members), trusted))
            if self._shared.get(room) != devices or await self._do(lambda olm: _is_used_up(olm, room)):
                await self._do(lambda olm: olm.outbound_group_sessions.pop(room, None))
                await self._share(client, room, devices)
                self._shared[room] = devices
            sealed = await self._do(lambda olm: olm.group_encrypt(room, {"type": type, "content": dict(content)}))
        relation = content.get("m.relates_to")
        return ENCRYPTED, {**sealed, "m.relates_to": relation} if relation else sealed

    async def _know(self, client: MatrixClient, users: set[str]) -> None:
        """Ask which devices accounts have, as far as that is not known."""
        asked = await self._do(lambda olm: (users - olm.tracked_users) | (users & olm.users_for_key_query))
        if not asked:
            return
        all_devices: list[str] = []
        told = await client.ask("POST", "/keys/query", {"device_keys": dict.fromkeys(asked, all_devices)})

        def note(olm: Olm) -> None:
            from nio.responses import KeysQueryResponse

            known = cast("dict[str, Any]", told.get("device_keys"))
            olm.handle_response(KeysQueryResponse(known, {}))
            olm.tracked_users |= asked

        await self._do(note)

    async def _share(self, client: MatrixClient, room: str, devices: frozenset[tuple[str, str]]) -> None:
        """Give the key of a new session to devices."""
        users = sorted({user for user, _ in devices})
        missing = await self._do(lambda olm: _missing(olm, users, devices))
        if missing:
            told = await client.ask("POST", "/keys/claim", {"one_time_keys": missing})

            def note(olm: Olm) -> None:
                from nio.responses import KeysClaimResponse

                olm.handle_response(KeysClaimResponse(cast("dict[str, Any]", told.get("one_time_keys")), {}, room))

            await self._do(note)
        for messages in await self._do(lambda olm: [part for _, part in olm.share_group_session_parallel(room, users)]):
            await client.ask("PUT", f"/sendToDevice/{ENCRYPTED}/{new_id()}", messages)

        def shared(olm: Olm) -> None:
            olm.outbound_group_sessions[room].mark_as_shared()

        await self._do(shared)

    async def _do(self, call: Callable[[Olm], T]) -> T:
        """What `call` gives, in the thread of the keys."""

        def run() -> T:
            return call(cast("Olm", self._olm))

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)


def _reveal(olm: Olm, event: RoomEvent) -> RoomEvent:
    from nio.events import MegolmEvent

    if event.type != ENCRYPTED or event.redacted:
        return event
    whole = {"event_id": event.id, "sender": event.sender, "origin_server_ts": event.at, "type": event.type}
    try:
        sealed = MegolmEvent.from_dict({**whole, "content": dict(event.content)})
        if not isinstance(sealed, MegolmEvent):
            return event
        opened = olm.decrypt_megolm_event(sealed, event.room).source
        kind, content = opened.get("type"), opened.get("content")
    except Exception as error:  # no key for it, or no message of that kind
        log.info("an event is not for this device: %s", type(error).__name__)
        return event
    if not isinstance(kind, str) or not isinstance(content, dict):
        return event
    return replace(event, type=kind, content=cast("Json", content))


def _judge(olm: Olm, users: set[str], trusted: Trusted) -> frozenset[tuple[str, str]]:
    """Trust the devices that are to be trusted, and no others; gives those."""
    good: set[tuple[str, str]] = set()
    for user in users:
        for device in olm.device_store.active_user_devices(user):
            if _is_trusted(device, trusted):
                olm.verify_device(device)
                good.add((user, device.id))
            elif not olm.is_device_blacklisted(device):
                olm.blacklist_device(device)
    return frozenset(good)


def _is_used_up(olm: Olm, room: str) -> bool:
    """Whether the key of a room has served for as long as one may."""
    session = olm.outbound_group_sessions.get(room)
    return session is None or bool(session.expired)


def _is_trusted(device: OlmDevice, trusted: Trusted) -> bool:
    return trusted.get((device.user_id, device.id)) == device.ed25519


def _missing(olm: Olm, users: list[str], devices: frozenset[tuple[str, str]]) -> dict[str, dict[str, str]]:
    """Devices with which no session was begun yet."""
    found: dict[str, dict[str, str]] = {}
    for user, ids in olm.get_missing_sessions(users).items():
        wanted = {id: "signed_curve25519" for id in ids if (user, id) in devices}
        found |= {user: wanted} if wanted else {}
    return found
