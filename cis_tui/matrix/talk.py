"""What people say in a room: read, said, edited, reacted to, taken back, and read as far as it was read.

All that is said goes through the outbox, so it is durable before anything is sent, and is tried again when a person
says so. Events that nodes sign come by way of the intake only; of the past, as far as their signature is right.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

from cis_tui.core.errors import CisError, Invalid, NotFound, Refused, Unavailable
from cis_tui.core.events import EventType
from cis_tui.core.text import clean
from cis_tui.matrix import history, ledger, outbox, rooms
from cis_tui.matrix.events import Page, RoomEvent
from cis_tui.matrix.messages import EDITABLE, SPOKEN, MessagePage
from cis_tui.matrix.model import MatrixSent
from cis_tui.matrix.operations import Operation, carries, open_operation
from cis_tui.matrix.rows import MAX_KEY, MAX_TEXT, Role, Row, row_of
from cis_tui.matrix.service import MatrixService
from cis_tui.matrix.store import Database, Transaction
from cis_tui.matrix.timeline import fold

MAX_PAGE = 1_000
"""Messages that are read at once."""
MOST_PAGES = 10
"""Pages that the homeserver is asked for at once, until one has messages that are not kept yet."""
_PRUNE_EVERY = 1_000
_BEGINNING = "-"
"""In the place of a token: the homeserver has nothing from before."""
_NAMED = re.compile(r"@[a-z0-9._=/+-]{1,200}:[A-Za-z0-9.:\[\]-]{1,200}")


class RoomTalk:
    """The rooms of a home, for people."""

    def __init__(self, service: MatrixService) -> None:
        """To be made before the service begins."""
        self._service = service
        self._heard = 0
        service.store.add_tables(history.TABLES)
        service.listen(self._listen)

    def _listen(self, event: RoomEvent, operation: Operation | None, transaction: Transaction) -> None:
        """Keep what is for people, and tell faces of it; of a new message they are told anyway."""
        row = row_of(event, operation, now=transaction.now)
        if row is None or not history.keep(transaction, event.room, row):
            return
        self._heard += 1
        if self._heard % _PRUNE_EVERY == 0:
            history.prune(transaction, event.room)
        if not any(type in (EventType.MATRIX_MESSAGE, EventType.MATRIX_CHANGED) for type, _ in transaction.told):
            transaction.tell(EventType.MATRIX_CHANGED, {"change": "timeline", "room": event.room})

    # Reading

    async def page(self, *, room: str = "", before: str = "", limit: int = 100) -> MessagePage:
        """The last messages, as far as they are kept; or those before the page that gave `before`.

        Only for the latter the homeserver is asked, which may take its time.

        Raises:
            NotFound: there is no such room (CIS-MATRIX-036).
            Invalid: `before` is nothing that a page gave (CIS-MATRIX-110), or `limit` is not from 1 to 1000 (111).
        """
        if not 1 <= limit <= MAX_PAGE:
            raise Invalid("CIS-MATRIX-111", f"a page has from 1 to {MAX_PAGE} messages, not {limit}")
        target = await self._service.store.read(lambda database: self._service.find_room(database, room))
        page, complete = await self._service.store.read(lambda database: self._page(database, target, before, limit))
        if complete or not before:
            return page
        problem, more = "", True
        try:
            more = await self._read_past(target, limit - len(page.messages))
        except CisError as error:
            problem = error.message
        page, complete = await self._service.store.read(lambda database: self._page(database, target, before, limit))
        beginning = not complete and not more and not problem
        return replace(page, before="" if beginning else page.before, problem=problem)

    def _page(self, database: Database, room: str, before: str, limit: int) -> tuple[MessagePage, bool]:
        me = self._service.intake.user
        part = history.part(database, room, before, limit)
        waiting = [] if before else history.waiting(database, room, me)
        messages = fold(part.rows, me=me, waiting=waiting, answered=part.answered)
        read = history.read_up_to(database, room, rooms.read_marker(database, room))
        return MessagePage(room, messages, part.before, read), part.complete

    async def _read_past(self, room: str, wanted: int) -> bool:
        """Read what the homeserver has from before; whether there is still more."""
        if self._service.client is None:
            raise Unavailable("CIS-MATRIX-034", "no engine asks a homeserver now", hint="cis matrix status")
        place = f"past {room}"
        token = await self._service.store.read(lambda database: ledger.fact(database, place))
        if token == _BEGINNING:
            return False
        found = 0
        for _ in range(MOST_PAGES):
            page = await self._service.past(room, token)
            token = page.end if page.events else ""
            token = token or _BEGINNING
            found += await self._service.store.write(
                partial(_keep_past, room=room, page=page, place=place, token=token)
            )
            if token == _BEGINNING or found >= wanted:
                break
        return token != _BEGINNING

    async def mark_read(self, event: str, *, room: str = "") -> None:
        """Say that everything up to a message was read; one from before the last that was read changes nothing.

        Raises:
            NotFound: there is no such room (CIS-MATRIX-036).
        """

        def mark(transaction: Transaction) -> str:
            database = transaction.database
            target = self._service.find_room(database, room)
            new = history.find(database, target, event)
            old = history.find(database, target, rooms.read_marker(database, target))
            if new is None or (old is not None and (old.at, old.id) >= (new.at, new.id)):
                return ""
            rooms.mark_read(transaction, target, event)
            return target

        target = await self._service.store.write(mark)
        if target and self._service.client is not None:
            await self._service.client.mark_read(target, event)

    # Saying

    async def say(self, text: str, *, room: str = "", answers: str = "", emote: bool = False) -> MatrixSent:
        """Say something, perhaps as an answer to a message; durable on return.

        Raises:
            Invalid: there is nothing in it, or more than 16,000 characters (CIS-MATRIX-112).
            NotFound: there is no such room (CIS-MATRIX-036) or message (CIS-MATRIX-113).
        """
        body = _body(text)
        content: dict[str, object] = {"msgtype": "m.emote" if emote else "m.text", "body": body}
        named = set(_NAMED.findall(body))
        if answers:
            target, row = await self._find(room, answers)
            content["m.relates_to"] = {"m.in_reply_to": {"event_id": row.id}}
            named.add(row.sender)
            room = target
        content["m.mentions"] = {"user_ids": sorted(named - {self._service.intake.user})} if named else {}
        return await self._service.post("m.room.message", content, room=room)

    async def edit(self, event: str, text: str, *, room: str = "") -> MatrixSent:
        """Say something else in the place of an own message.

        Raises:
            CisError: as `say`; Refused if it is not of this account, or has no words (CIS-MATRIX-114).
        """
        body = _body(text)
        target, row = await self._find(room, event)
        if row.sender != self._service.intake.user or row.what not in EDITABLE:
            raise Refused("CIS-MATRIX-114", "only a message of your own can be edited")
        msgtype = f"m.{row.what.value}"
        nobody: dict[str, object] = {}  # whom the message named, it has named already
        new = {"msgtype": msgtype, "body": body, "m.mentions": nobody}
        relation = {"rel_type": "m.replace", "event_id": row.id}
        content = {**new, "body": f"* {body}", "m.new_content": new, "m.relates_to": relation}
        return await self._service.post("m.room.message", content, room=target)

    async def react(self, event: str, key: str, *, room: str = "") -> MatrixSent:
        """React to a message; a second time takes it back.

        Raises:
            Invalid: the reaction is empty or has more than 24 characters (CIS-MATRIX-112).
            NotFound: there is no such room (CIS-MATRIX-036) or message (CIS-MATRIX-113).
        """
        key = clean(key, limit=200).strip()
        if not 0 < len(key) <= MAX_KEY or "\n" in key:
            raise Invalid("CIS-MATRIX-112", f"a reaction is one emoji or word, of at most {MAX_KEY} characters")
        target, row = await self._find(room, event)
        mine = await self._service.store.read(lambda database: self._reaction(database, target, row.id, key))
        if mine:
            return await self._service.post("m.room.redaction", {"redacts": mine}, room=target)
        relation = {"rel_type": "m.annotation", "event_id": row.id, "key": key}
        return await self._service.post("m.reaction", {"m.relates_to": relation}, room=target)

    def _reaction(self, database: Database, room: str, event: str, key: str) -> str:
        """The own reaction of that kind, if there is one."""
        me = self._service.intake.user
        found = history.one(database, room, event)
        waiting = history.waiting(database, room, me)
        told = [each for each in fold(found, me=me, waiting=waiting) if each.id == event]
        return next((reaction.mine for each in told for reaction in each.reactions if reaction.key == key), "")

    async def remove(self, event: str, *, room: str = "", reason: str = "") -> MatrixSent | None:
        """Take a message back, or forget one that could not be sent; None: it is forgotten.

        Raises:
            NotFound: there is no such room (CIS-MATRIX-036) or message (CIS-MATRIX-113).
        """
        if await self._service.store.write(lambda transaction: outbox.drop(transaction, event)):
            return None
        target, row = await self._find(room, event)
        content: dict[str, object] = {"redacts": row.id}
        if reason:
            content["reason"] = clean(reason, limit=500)
        return await self._service.post("m.room.redaction", content, room=target)

    async def retry(self, id: str) -> MatrixSent:
        """Try once more to send what the homeserver refused.

        Raises:
            NotFound: nothing of that number was refused (CIS-MATRIX-113).
        """
        if not await self._service.store.write(lambda transaction: outbox.again(transaction, id)):
            raise NotFound("CIS-MATRIX-113", f"nothing that failed is known as {id[:80]!a}")
        self._service.wake()
        return await self._service.sent(id)

    async def _find(self, room: str, event: str) -> tuple[str, Row]:
        """A message, and the room in which it is."""

        def look(database: Database) -> tuple[str, Row | None]:
            target = self._service.find_room(database, room)
            return target, history.find(database, target, event)

        target, row = await self._service.store.read(look)
        if row is None or row.what not in SPOKEN:
            raise NotFound("CIS-MATRIX-113", f"there is no message {event[:80]!a}")
        return target, row


def _keep_past(transaction: Transaction, room: str, page: Page, place: str, token: str) -> int:
    """Keep what of the past is for people; gives how many messages that were."""
    new = 0
    for event in page.events:
        try:
            operation = open_operation(event) if carries(event) else None
        except CisError:
            continue
        row = row_of(event, operation, now=transaction.now)
        if row is not None and history.keep(transaction, room, row):
            new += row.role is Role.MESSAGE
    ledger.put_fact(transaction, place, token)
    return new


def _body(text: str) -> str:
    body = clean(text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not 0 < len(body) <= MAX_TEXT:
        raise Invalid("CIS-MATRIX-112", f"a message has from 1 to {MAX_TEXT} characters, not {len(body)}")
    return body
