"""A homeserver, over matrix-nio: what the Matrix client-server API has of use here, and nothing of how nio sees rooms.

nio makes the requests and keeps the connections. Its own retries, which have no end, its loop and its view of rooms,
which does not know rooms of version 12, are not used: an answer is read here, and an error raised.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import quote, urlencode

from cis_tui.core.errors import CisError, Invalid, NotFound, Refused
from cis_tui.matrix.events import (
    Json,
    News,
    Page,
    is_room_id,
    parse_json,
    read_page,
    read_sync,
    short,
    table,
)
from cis_tui.matrix.failures import MISSING, TOO_LARGE, away, failure, late

if TYPE_CHECKING:
    from nio import AsyncClient

MAX_ANSWER = 64_000_000
"""Bytes of one answer."""
_SMALL = 4_096
_ADDRESS = re.compile("mxc://([^/#]{1,200})/([^/#]{1,200})#([0-9a-f]{64})")
_TAG = 16
_NONCE = bytes(12)
"""Of AES-256-GCM: a key encrypts one file."""
_V3 = "/_matrix/client/v3"
FILTER: Json = {
    "presence": {"types": []},
    "account_data": {"types": []},
    "room": {
        "ephemeral": {"types": []},
        "account_data": {"types": ["m.fully_read"]},
        "state": {"lazy_load_members": False},
        "timeline": {"limit": 100},
    },
}
"""What is told of at all; Synapse gives at most 100 events of a timeline."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds for which a homeserver is waited for."""

    call: float = 15.0
    """That an answer may take which is given at once."""
    poll: float = 30.0
    """For which it waits itself for news (Matrix has no WebSocket)."""
    grace: float = 10.0
    """That an answer may take beyond that."""


PATIENCE = Patience()


class Session(NamedTuple):
    """What a login gives."""

    user: str
    device: str
    token: str
    homeserver: str = ""
    """Where the homeserver wants to be asked from now on, if it says so."""


class MatrixClient:
    """One homeserver, for one account. Calls raise `CisError` (see `failures`); to be closed."""

    def __init__(self, homeserver: str, *, token: str = "", patience: Patience = PATIENCE) -> None:
        self.homeserver = homeserver
        self.patience = patience
        self.token = token
        self._nio: AsyncClient | None = None

    async def close(self) -> None:
        """Let go of the connections."""
        if self._nio is not None:
            await self._nio.close()
            self._nio = None

    # Who we are

    async def discover(self) -> str:
        """Where the server at this address says that its clients are to go (`.well-known`); empty if it does not.

        Raises:
            CisError: nobody answers there.
        """
        try:
            told = await self._call("GET", "/.well-known/matrix/client")
        except NotFound:
            return ""
        except CisError as error:
            if error.context.get("status") == 404:
                return ""
            raise
        url = table(told.get("m.homeserver")).get("base_url")
        return url.rstrip("/") if isinstance(url, str) else ""

    async def login(self, user: str, password: str, *, device: str = "", name: str = "cis") -> Session:
        """Log in by password; with `device`, as that one.

        Raises:
            Refused: the homeserver knows no such account, or another password (CIS-MATRIX-004).
        """
        identifier = {"type": "m.id.user", "user": user}
        wanted = {"type": "m.login.password", "identifier": identifier, "password": password}
        wanted |= {"device_id": device} if device else {"initial_device_display_name": name}
        told = await self._call("POST", f"{_V3}/login", wanted, bare=True)
        found = short(told.get("user_id")), short(told.get("device_id")), told.get("access_token")
        if not all(found) or not isinstance(found[2], str):
            raise away("it answered a login with none")
        base = table(table(told.get("well_known")).get("m.homeserver")).get("base_url")
        return Session(found[0], found[1], found[2], base.rstrip("/") if isinstance(base, str) else "")

    async def whoami(self) -> tuple[str, str]:
        """Account and device of the token."""
        told = await self._call("GET", f"{_V3}/account/whoami")
        return short(told.get("user_id")), short(told.get("device_id"))

    async def logout(self) -> None:
        """Let the token be worth nothing from now on."""
        await self._call("POST", f"{_V3}/logout", {})

    # What happens

    async def sync(self, since: str, *, quick: bool = False, full: bool = False) -> News:
        """What is new after `since`, or all if that is empty; waits for something unless it is to be `quick`."""
        wait = 0.0 if quick else self.patience.poll
        asked = {"filter": json.dumps(FILTER, separators=(",", ":")), "timeout": str(int(wait * 1000))}
        asked |= ({"since": since} if since else {}) | ({"full_state": "true"} if full else {})
        patience = wait + self.patience.grace * (1 if since else 6)
        raw = await self._call("GET", f"{_V3}/sync?{urlencode(asked)}", patience=patience)
        return await asyncio.to_thread(read_sync, raw)

    async def messages(self, room: str, start: str, *, limit: int = 100) -> Page:
        """A part of a room's past, from `start` backwards; from now if that is empty."""
        asked = {"dir": "b", "limit": str(limit)} | ({"from": start} if start else {})
        raw = await self._call("GET", f"{_room(room)}/messages?{urlencode(asked)}", patience=2 * self.patience.call)
        return await asyncio.to_thread(read_page, raw, room)

    # Rooms

    async def resolve(self, alias: str) -> str:
        """The id of the room that an alias names.

        Raises:
            NotFound: none (CIS-MATRIX-006).
        """
        told = await self._call("GET", f"{_V3}/directory/room/{_quoted(alias)}", patience=3 * self.patience.call)
        return _room_id(told)

    async def join(self, room: str) -> str:
        """Join a room by its id or alias, or be in it already; gives its id."""
        return _room_id(await self._call("POST", f"{_V3}/join/{_quoted(room)}", {}, patience=4 * self.patience.call))

    async def create(self, wanted: Mapping[str, object]) -> str:
        """Create a room as the specification's `createRoom` has it; gives its id."""
        return _room_id(await self._call("POST", f"{_V3}/createRoom", wanted, patience=2 * self.patience.call))

    async def state_of(self, room: str, type: str, key: str = "") -> Json:
        """The content of one state event.

        Raises:
            NotFound: there is none (CIS-MATRIX-006).
        """
        return await self._call("GET", f"{_room(room)}/state/{_quoted(type)}/{_quoted(key)}")

    async def put_state(self, room: str, type: str, content: Json, *, key: str = "") -> str:
        """Set state; gives the event."""
        return _event_id(await self._call("PUT", f"{_room(room)}/state/{_quoted(type)}/{_quoted(key)}", content))

    async def send(self, room: str, type: str, content: Json, transaction: str) -> str:
        """Say something; gives the event. The same transaction is said once by a device, for about a day."""
        if type == "m.room.redaction":
            return await self.redact(room, short(content.get("redacts")), transaction, str(content.get("reason", "")))
        return _event_id(await self._call("PUT", f"{_room(room)}/send/{_quoted(type)}/{_quoted(transaction)}", content))

    async def redact(self, room: str, event: str, transaction: str, reason: str = "") -> str:
        """Take the content of an event back."""
        content = {"reason": reason} if reason else {}
        return _event_id(
            await self._call("PUT", f"{_room(room)}/redact/{_quoted(event)}/{_quoted(transaction)}", content)
        )

    async def mark_read(self, room: str, event: str) -> None:
        """Say that everything up to an event was read."""
        await self._call("POST", f"{_room(room)}/read_markers", {"m.fully_read": event, "m.read": event})

    # Media

    async def upload_limit(self) -> int:
        """Bytes that the homeserver takes as one file."""
        told = await self._call("GET", "/_matrix/client/v1/media/config")
        limit = told.get("m.upload.size")
        return limit if isinstance(limit, int) and limit > 0 else 50_000_000

    async def upload(self, data: bytes) -> str:
        """Keep bytes at the homeserver, encrypted; gives the address, with the key, for who is to read them."""
        key = os.urandom(32)
        sealed = await asyncio.to_thread(_sealed, key, data)
        told = await self._call(
            "POST",
            "/_matrix/media/v3/upload",
            sealed,
            type="application/octet-stream",
            patience=4 * self.patience.call,
        )
        address = short(told.get("content_uri"))
        if not address.startswith("mxc://"):
            raise away("it answered an upload with no address")
        return f"{address}#{key.hex()}"

    async def download(self, address: str, limit: int) -> bytes:
        """What an address with its key leads to.

        Raises:
            Invalid: it has more than `limit` bytes (CIS-MATRIX-005), or `address` is none (CIS-MATRIX-008).
            Refused: the homeserver gives something else (CIS-MATRIX-009).
        """
        found = _ADDRESS.fullmatch(address)
        if found is None:
            raise Invalid("CIS-MATRIX-008", "this is no address of a file at a homeserver")
        path = f"/_matrix/client/v1/media/download/{_quoted(found[1])}/{_quoted(found[2])}"
        data = await self._ask("GET", path, None, patience=4 * self.patience.call, limit=limit + _TAG)
        return await asyncio.to_thread(_opened, bytes.fromhex(found[3]), data)

    # How it is asked

    async def ask(self, method: str, path: str, body: Json) -> Json:
        """Anything else of the client-server API, such as `/keys/upload`."""
        return await self._call(method, f"{_V3}{path}", body)

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | bytes | None = None,
        *,
        patience: float = 0.0,
        bare: bool = False,
        type: str = "application/json",
    ) -> Json:
        seconds = patience or self.patience.call
        data = await self._ask(method, path, body, patience=seconds, limit=MAX_ANSWER, bare=bare, type=type)
        try:
            return await asyncio.to_thread(parse_json, data) if len(data) > _SMALL else parse_json(data)
        except Invalid as error:
            raise away(error.message) from error

    async def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | bytes | None,
        *,
        patience: float,
        limit: int,
        bare: bool = False,
        type: str = "application/json",
    ) -> bytes:
        """One request; the answer's bytes. `bare`: without the token."""
        from aiohttp import ClientError

        data = json.dumps(body).encode() if isinstance(body, Mapping) else body
        headers = {"Content-Type": type} if data is not None else {}
        if self.token and not bare:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            async with asyncio.timeout(patience):
                response = await self._connected().send(method, path, data, headers, timeout=2 * patience)
                async with response:
                    answer = await _read(response.content.iter_any(), limit if response.status < 400 else MAX_ANSWER)
        except TimeoutError as error:
            raise late(patience) from error
        except (ClientError, OSError, ValueError) as error:  # an address that is none is a ValueError
            raise away(str(error) or error.__class__.__name__) from error
        if response.status >= 400:
            raise failure(response.status, _error(answer))
        return answer

    def _connected(self) -> AsyncClient:
        if self._nio is None:
            from nio import AsyncClient

            self._nio = AsyncClient(self.homeserver)
        return self._nio


def _sealed(key: bytes, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key).encrypt(_NONCE, data, None)


def _opened(key: bytes, data: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(_NONCE, data, None)
    except (InvalidTag, ValueError) as error:
        raise Refused("CIS-MATRIX-009", "the homeserver gives another file than the one that was kept") from error


async def _read(parts: AsyncIterator[bytes], limit: int) -> bytes:
    data = bytearray()
    async for part in parts:
        data += part
        if len(data) > limit:
            raise Invalid(TOO_LARGE, f"the homeserver answers with more than {limit} bytes")
    return bytes(data)


def _error(answer: bytes) -> Json:
    try:
        return parse_json(answer[:65_536])
    except Invalid:
        return {}


def _room(id: str) -> str:
    return f"{_V3}/rooms/{_quoted(id)}"


def _quoted(part: str) -> str:
    return quote(part, safe="")


def _room_id(told: Json) -> str:
    id = told.get("room_id")
    if not is_room_id(id):
        raise NotFound(MISSING, "the homeserver names no room")
    return cast("str", id)


def _event_id(told: Json) -> str:
    id = short(told.get("event_id"))
    if not id:
        raise away("it names no event")
    return id
