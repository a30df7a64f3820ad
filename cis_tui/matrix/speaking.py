"""What is said of memory in a room: news, what others have not heard, wishes to hear again, and how far all this is."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from cis_tui.matrix.digest import request_for
from cis_tui.matrix.memory_parts import MemoryParts
from cis_tui.matrix.ranges import Ranges, common
from cis_tui.matrix.sayings import BYTES, DIGEST, ENTRIES, LARGE, MEMORY, RANGES, REQUEST, Digest, MemorySaying
from cis_tui.memory.dots import Dot
from cis_tui.sync.messages import PART, Message
from cis_tui.sync.sharing import DAY, Access

_SPARE = 1024
"""Bytes that an answer may have beyond what was said first, so that what went into one operation does so again."""
_ANSWERED = 5 * ENTRIES
"""Versions that are looked at for one answer; most are not the newest any more."""
_PAUSE = 300.0
"""Seconds for which nothing is said after the server has refused it for good."""


@dataclass(frozen=True, slots=True)
class Put:
    """A value that is to be brought to a server."""

    value: bytes
    sha256: str


@dataclass(frozen=True, slots=True)
class Saying:
    """One operation that is to be sent."""

    kind: str
    data: dict[str, object]
    body: str
    """For people who read the room."""
    dots: tuple[Dot, ...] = ()
    number: int = 0
    """In this node's log; 0 for an answer, a digest or a request."""
    fills: Ranges = ()
    about: object = None
    """Who is asked, or what a digest says."""


class Speaking:
    """One node's voice in a room; for one thread at a time."""

    def __init__(self, parts: MemoryParts) -> None:
        self._parts = parts
        self._peer = f"matrix:{parts.room}"
        self._flying: Saying | None = None
        self._paused = 0.0
        self._limit = BYTES
        self._partly: set[Dot] = set()
        """What was said again of a number that does not fit into one answer."""

    def due(self) -> float | None:
        """When there is something to be said, by the steady clock; None when there is nothing as things stand."""
        parts, now = self._parts, self._parts.steady()
        asking = None if parts.healing() else parts.asking.due
        times = [parts.news.due, parts.answering.due(now), asking, parts.digesting.due(parts.state())]
        first = min((at for at in times if at is not None), default=None)
        return None if first is None else max(first, self._paused)

    def next(self, limit: int = BYTES) -> Generator[Put, str | None, Saying | None]:
        """What is to be said now, of at most `limit` bytes; the same until it was `sent`, or `refused`."""
        if self._parts.steady() < self._paused:
            return None
        if self._flying is None:
            self._flying = (yield from self._next_news(min(limit, self._limit))) or (yield from self._next_answer())
            self._flying = self._flying or self._next_request() or self._next_digest()
        return self._flying

    def sent(self, saying: Saying) -> None:
        """The server has it."""
        now, self._flying = self._parts.steady(), None
        if saying.kind == REQUEST:
            self._parts.asking.asked(str(saying.about), now)
        elif saying.kind == DIGEST:
            self._parts.digesting.said(saying.about, now)
        elif saying.number:
            self._parts.ledger.note(saying.dots, saying.number)
            self._parts.news.settled(saying.dots)
            self._parts.digesting.changed(now)
            self._parts.on_event("SyncAcked", {"peer": self._peer, "name": "the room", "count": len(saying.dots)})
        else:
            self._partly = set() if saying.fills else {*self._partly, *saying.dots}
            self._parts.answering.said(saying.fills, now)
            self._parts.answered += 1

    def refused(self, *, too_large: bool = False) -> None:
        """The server will never take what was to be said; it is said anew, under another number and in smaller parts
        if it was `too_large`, else after a while.
        """
        self._flying = None
        if too_large and self._limit > LARGE // 4:
            self._limit //= 2
        else:
            self.pause(_PAUSE)

    def pause(self, seconds: float) -> None:
        """Say nothing for some seconds."""
        self._paused = self._parts.steady() + seconds

    def _next_news(self, limit: int) -> Generator[Put, str | None, Saying | None]:
        while dots := self._parts.news.next(ENTRIES):
            found, done = self._parts.outbox.batch(dots, self._parts.share, limit=limit, large=LARGE)
            entries, media = yield from self._placed(found)
            if not entries:
                self._parts.news.settled(dots[:done])
                continue
            number = self._parts.ledger.reserve()
            said = MemorySaying(self._parts.ledger.log, number, number, entries, media=media)
            told = {"peer": self._peer, "peers": [self._peer], "key": entries[-1]["key"], "count": done}
            self._parts.on_event("SyncQueued", told)
            return Saying(MEMORY, said.data(), _told(len(entries)), tuple(dots[:done]), number)
        return None

    def _next_answer(self) -> Generator[Put, str | None, Saying | None]:
        now = self._parts.steady()
        due = self._parts.answering.due(now)
        if due is None or due > now:
            return None
        wanted = self._parts.answering.next(now)
        told = self._parts.ledger.told(wanted, _ANSWERED + 1)
        more = len(told) > _ANSWERED
        # All of the last number may not have been read.
        told = [each for each in told if each[0] != told[-1][0]] if more else told
        newest = self._parts.exchange.newest(dot for _, dot in told)
        current = [(number, dot) for number, dot in told if dot in newest and dot not in self._partly]
        dots = [dot for _, dot in current[:ENTRIES]]
        found, done = self._parts.outbox.batch(dots, self._parts.share, limit=self._limit + _SPARE, large=LARGE)
        entries, media = yield from self._placed(found, newer=self._parts.clock() - DAY)
        upto = current[done][0] - 1 if done < len(current) else told[-1][0] if more else wanted[-1][1]
        fills = common(wanted, ((1, upto),))[:RANGES] if upto else ()
        said = MemorySaying(self._parts.ledger.log, 0, self._parts.ledger.last, entries, fills, media)
        return Saying(MEMORY, said.data(), _told(len(entries), again=True), tuple(dots[:done]), fills=fills)

    def _next_request(self) -> Saying | None:
        now = self._parts.steady()
        while not self._parts.healing() and (did := self._parts.asking.next(now)):
            member = self._parts.ledger.member(did)
            if member.holes and self._parts.policy.access(did) is Access.FULL:
                request = request_for(did, member.log, member.holes)
                return Saying(REQUEST, request.data(), "", about=did)
            self._parts.asking.hole(did, (), now)
        return None

    def _next_digest(self) -> Saying | None:
        state, now = self._parts.state(), self._parts.steady()
        due = self._parts.digesting.due(state)
        if due is None or due > now:
            return None
        digest = Digest(self._parts.ledger.log, self._parts.ledger.last, self._parts.heard())
        return Saying(DIGEST, digest.data(), "", about=state)

    def _placed(
        self, found: Sequence[Message], newer: float = 0.0
    ) -> Generator[Put, str | None, tuple[list[Message], dict[str, str]]]:
        """Those of the entries of which the value is there or can be had, and where the large ones lie."""
        entries: list[Message] = []
        media: dict[str, str] = {}
        for entry in found:
            sha256 = str(entry["sha256"])
            if sha256 and "value" not in entry:
                place = self._parts.ledger.place(sha256, newer=newer)
                if not place:
                    value = self._value(entry)
                    if len(value) != entry["size"]:
                        continue  # another version came meanwhile
                    place = yield Put(value, sha256)
                    if not place:
                        continue  # it is more than the server takes
                    self._parts.ledger.set_place(sha256, place)
                media[sha256] = place
            entries.append(entry)
        return entries, media

    def _value(self, entry: Message) -> bytes:
        dot = Dot(str(entry["author"]), str(entry["epoch"]), int(str(entry["seq"])), int(str(entry["hlc"])))
        value = bytearray()
        while part := self._parts.outbox.part(dot, len(value), self._parts.share):
            value += part
            if len(part) < PART:
                break
        return bytes(value)


def _told(entries: int, *, again: bool = False) -> str:
    what = "1 entry" if entries == 1 else f"{entries} entries"
    return f"memory: {what}{' again' if again else ''}"
