"""`SyncService`: how public memory becomes one among nodes, whatever carries what they say (spec, Public Memory Sync).

Who wants to know asks: `pull` hears a peer from the mark on where it was left, and `answer` is the other end. Who has
news says them at once: `push`. Both are conversations without a wire: generators that yield a request and are sent the
answer, so that a transport, a test with a network of its own, or a room can carry them. Any of it may be lost, come
twice or in another order: what was merged is known, and a mark moves only when all before it is durable.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from time import monotonic

from cis_tui.core.clock import Clock
from cis_tui.core.errors import CisError, Invalid, Refused
from cis_tui.core.identity import Identity
from cis_tui.core.latest import Latest
from cis_tui.memory.dots import Dot
from cis_tui.memory.exchange import Offer, Standing, scope_of
from cis_tui.memory.records import MemoryRecord
from cis_tui.memory.service import MemoryService
from cis_tui.memory.versions import moment
from cis_tui.sync.aside import Aside
from cis_tui.sync.canonical import canonical
from cis_tui.sync.entries import Arrived, with_value
from cis_tui.sync.heard import Heard
from cis_tui.sync.inbox import Inbox, OnRefused, Taken
from cis_tui.sync.messages import (
    ASKED,
    MAX_DOTS,
    Changes,
    Message,
    items,
    number,
    read_answer,
    read_changes,
    read_dot,
    read_dots,
    read_request,
    refusal,
    request,
    text,
    write_dots,
)
from cis_tui.sync.outbox import Outbox, Waiting
from cis_tui.sync.sharing import Access, Limits, Policy, Quota

Conversation = Generator[bytes, bytes, "Exchanged"]
"""Yields requests to one peer, is sent its answers, and gives what came of it."""
_PAGES = 1_000
"""Of one conversation."""
_FRUITLESS = 64
"""Pages in a row that bring nothing new; what comes after them is asked for later, from there on."""
_NEWS = 256
"""Versions that are pushed; of more the peer is only told that there are some."""
_RELAYED = 32
"""The same, of versions that others have made: most peers get them from those."""
_LEFT = 32
"""Peers whose list is kept while others are asked for a part of it: 300 kB each."""
_TOLD = 1_024
"""Peers of which it is remembered up to where it was told that something goes out to them."""
_CLAIM = 15.0
"""Seconds for which what was asked of one peer is not asked of another."""


@dataclass(slots=True)
class Exchanged:
    """What came of a conversation."""

    received: int = 0
    """Versions that were new here."""
    refused: int = 0
    sent: int = 0
    """Versions that the peer has acknowledged."""
    again: bool = False
    """There is more to be had, when others have given what they are asked for."""
    behind: bool = False
    """The peer has not heard all yet, and asks by itself."""
    later: bool = False
    """The peer was not told of all yet; it should be soon."""


class SyncService:
    """One node's part in it; for any number of threads."""

    def __init__(
        self,
        *,
        memory: MemoryService,
        identity: Identity,
        policy: Policy,
        clock: Clock,
        limits: Limits | None = None,
        on_event: Callable[[str, Mapping[str, object]], None] = lambda kind, data: None,
        on_refused: OnRefused = lambda peer, error: None,
        on_behind: Callable[[str], None] = lambda peer: None,
        on_twin: Callable[[str, str], None] = lambda peer, key: None,
        steady: Callable[[], float] = monotonic,
    ) -> None:
        """`on_behind`: told of a peer that has more than it was heard to say; it should be pulled from soon.
        `on_twin`: told of a peer, and of the key of a version that it gave, which somebody with this node's identity
        has made since this began, and this node has not: its home was copied.

        What is told is told on the thread that does it, and must return at once.
        """
        limits = limits or Limits()
        self._memory = memory
        self._policy = policy
        self._on_event = on_event
        self._on_behind = on_behind
        self._on_refused = on_refused
        self._did = identity.did
        self._aside = Aside(limits)
        self._steady = steady
        self.heard = Heard()
        """From whom what was heard; for other ways that carry the same versions too."""
        self._began = clock()
        self.inbox = Inbox(
            memory, policy, Quota(limits, clock), self.heard, self._aside, on_refused, self._is_twin, on_twin
        )
        self.outbox = Outbox(memory.exchange, identity, self.heard)
        self._claims: dict[Dot, tuple[str, float]] = {}
        self._claiming = Lock()
        self._pages: Latest[str, tuple[str, Changes]] = Latest(_LEFT)
        self._told_of: Latest[str, str] = Latest(_TOLD)

    def _is_twin(self, record: MemoryRecord) -> bool:
        """Of a version that is new here: whether it bears this node's name, and was made since this began."""
        return record.origin == self._did and moment(record.hlc) > self._began

    # What a peer asks

    def answer(self, peer: str, body: bytes) -> bytes:
        """The answer to a request of `peer`, who was proven to be that; what it acknowledges is durable."""
        answers: dict[object, Callable[[str, Message], Message]] = {
            "changes": self._changes,
            "fetch": self._fetch_answer,
            "part": self._part,
            "push": self._pushed,
        }
        try:
            message = read_request(body)
            act = answers.get(message["do"])
            if act is None:
                raise Invalid("CIS-SYNC-030", "this version knows no such request")
            if self._policy.access(peer) is Access.NONE:
                raise Refused("CIS-SYNC-033", "you are not admitted")
            return canonical(act(peer, message))
        except CisError as error:
            self._on_refused(peer, error)
            return refusal(error)

    def _changes(self, peer: str, message: Message) -> Message:
        page = self._memory.exchange.page(text(message, "since"), self._given(peer))
        self._acknowledged(peer, page.start, self._between(peer, page.start))
        dots = write_dots(offer.dot for offer in page.offers)
        return {"dots": dots, "more": page.more, "next": page.next, "start": page.start}

    def _fetch_answer(self, peer: str, message: Message) -> Message:
        dots = read_dots(message, "dots")[:ASKED]
        entries, done = self.outbox.batch(dots, self._given(peer))
        return {"entries": entries, "left": write_dots(read_dots(message, "dots")[done:])}

    def _part(self, peer: str, message: Message) -> Message:
        data = self.outbox.part(read_dot(message, "dot"), number(message, "from"), self._given(peer))
        return {"data": base64.b64encode(data).decode()}

    def _pushed(self, peer: str, message: Message) -> Message:
        since, end, entries = text(message, "since"), text(message, "next"), items(message, "entries")
        if len(entries) > MAX_DOTS:
            raise Invalid("CIS-SYNC-030", f"{len(entries)} entries at once are too many")
        taken = self.inbox.take(peer, entries)
        if self._policy.access(peer) is Access.HELD:
            return {"mark": ""}
        standing = self._standing(peer)
        if standing.heard == since and not taken.waiting and since != end:
            standing = replace(standing, heard=end)
            self._memory.exchange.note(peer, heard=end, scope=standing.scope)
        if standing.heard != end:
            self._on_behind(peer)
        return {"mark": standing.heard}

    # What is asked of a peer

    def pull(self, peer: str) -> Conversation:
        """Hear what `peer` has that this node has not heard of it.

        Raises, into whoever drives it:
            CisError: the peer answers with nonsense (CIS-SYNC-001, 002, 030, 031), refuses (032), brings too much
                (020, 034), or names much and gives nothing (035); what was merged before stays.
        """
        done = Exchanged()
        fruitless = 0
        for _ in range(_PAGES):
            standing = self._standing(peer)
            before = done.received
            page = self._left_of(peer, standing.heard)
            page = page or read_changes(read_answer((yield request("changes", since=standing.heard))))
            wanted = self._memory.exchange.lacking(page.dots)
            lacking = set(wanted)
            self.heard.note(peer, (dot for dot in page.dots if dot not in lacking))
            mine = self._claim(peer, wanted)
            try:
                yield from self._fetch(peer, mine, done)
            finally:
                self._release(mine)
            if len(mine) < len(wanted):
                self._leave(peer, standing.heard, page)
                done.again = True
                return done
            if page.next == standing.heard:
                return done
            # The next question tells the peer that this was heard.
            self._memory.exchange.note(peer, heard=page.next, scope=standing.scope)
            if self._standing(peer).heard != page.next:
                return done
            fruitless = fruitless + 1 if done.received == before else 0
            if fruitless >= _FRUITLESS:
                raise Refused(
                    "CIS-SYNC-035", f"{peer} names more and more versions, none of which is new", retryable=True
                )
        return done

    def push(self, peer: str, *, patient: bool = False) -> Conversation:
        """Tell `peer` what it has not acknowledged; of much, only that there is something, and it asks.

        `patient`: who has all may be told later how far that is; and so may be much that others have made, and of which
        more is just being fetched: most likely the peer fetches the same.

        Raises, into whoever drives it:
            CisError: as `pull`.
        """
        done = Exchanged()
        for _ in range(_PAGES):
            prefixes, told = self._given(peer), self._memory.exchange.standing(peer).told
            page = self._memory.exchange.page(told, prefixes, limit=2 * _NEWS)
            if not prefixes or page.next == told:
                return done
            # Who begins anew may have lost what it gave or made itself.
            news = self.outbox.news(page.offers, peer) if page.start else page.offers
            if patient and self._may_wait(news):
                done.later = True
                return done
            entries, end = self._batch(news, page.next, prefixes)
            since = page.start if end else page.next
            self._queued(peer, news, end or page.next)
            answer = read_answer((yield request("push", entries=entries, next=end or page.next, since=since)))
            mark = text(answer, "mark")
            keys = [offer.key for offer in news[: len(entries)]] if mark == end else []
            self._acknowledged(peer, mark, keys)
            done.sent += len(keys)
            if mark != (end or page.next):
                done.behind = True
                return done
        return done

    def _may_wait(self, news: Sequence[Offer]) -> bool:
        """Whether it can be told later, and then in one, that there is something, or that all was heard."""
        relayed = sum(offer.dot.origin != self._did for offer in news)
        return not news or (bool(self._claims) and len(news) == relayed > _RELAYED)

    def _queued(self, peer: str, news: Sequence[Offer], end: str) -> None:
        """Tell, once, of what goes out to a peer."""
        if news and self._told_of.get(peer) != end:
            self._told_of[peer] = end
            self._on_event("SyncQueued", {"peer": peer, "key": news[-1].key, "count": len(news)})

    def admitted(self, peer: str) -> Taken:
        """Take what `peer` brought before a person had decided about it; to be called when they did."""
        held = self._aside.release(peer)
        return self.inbox.take_arrived(peer, held) if held and self._policy.access(peer) is Access.FULL else Taken()

    def held(self, peer: str) -> tuple[str, ...]:
        """The keys of what is held aside of `peer`: text of a stranger."""
        return self._aside.keys(peer)

    def hear_again(self, peer: str = "") -> None:
        """Hear `peer`, or all, from the beginning: when something is taken now that was refused before."""
        self._memory.exchange.forget(peer)

    def waiting(self, peers: Sequence[str], *, limit: int = 100) -> Waiting:
        """What `peers` have not acknowledged, with at most `limit` markers."""
        return self.outbox.waiting([(peer, self._given(peer)) for peer in peers], limit=limit)

    def _fetch(self, peer: str, dots: Sequence[Dot], done: Exchanged) -> Generator[bytes, bytes, None]:
        left = list(dots)
        while left:
            asked = left[:ASKED]
            answer = read_answer((yield request("fetch", dots=write_dots(asked))))
            again = set(read_dots(answer, "left")) & set(asked)
            if len(again) == len(asked):
                raise Invalid("CIS-SYNC-031", f"{peer} gives nothing of what it said it had")
            taken = self.inbox.take(peer, items(answer, "entries"))
            self._count(done, taken)
            for arrived in taken.waiting:
                value = yield from self._value(arrived)
                self._count(done, self.inbox.take_arrived(peer, [with_value(arrived, value)]))
            left = [*(dot for dot in asked if dot in again), *left[ASKED:]]

    def _value(self, arrived: Arrived) -> Generator[bytes, bytes, bytes]:
        data = bytearray()
        while len(data) < arrived.size:
            answer = read_answer((yield request("part", dot=list(arrived.dot), **{"from": len(data)})))
            try:
                part = base64.b64decode(text_of(answer, "data"), validate=True)
            except ValueError as error:
                raise Invalid("CIS-SYNC-031", "a part of a value is no base64") from error
            if not part:
                break
            data += part
        return bytes(data)

    def _count(self, done: Exchanged, taken: Taken) -> None:
        done.received += taken.added
        done.refused += taken.refused

    def _batch(self, news: Sequence[Offer], end: str, prefixes: Sequence[str]) -> tuple[list[Message], str]:
        """Entries to be pushed, and the mark after them; that is empty when it is better to let the peer ask."""
        if len(news) > _NEWS or sum(offer.dot.origin != self._did for offer in news) > _RELAYED:
            return [], ""
        entries, count = self.outbox.batch([offer.dot for offer in news], prefixes)
        if any(entry["sha256"] and "value" not in entry for entry in entries):
            return [], ""
        return entries, end if count == len(news) else news[count - 1].mark

    def _given(self, peer: str) -> Sequence[str]:
        return self._policy.prefixes(peer) if self._policy.access(peer) is Access.FULL else ()

    def _standing(self, peer: str) -> Standing:
        """How far the peer was heard, as far as that was for what is taken from it now."""
        standing, scope = self._memory.exchange.standing(peer), scope_of(self._policy.prefixes(peer))
        return standing if standing.scope == scope else replace(standing, heard="", scope=scope)

    def _acknowledged(self, peer: str, mark: str, keys: Sequence[str] = ()) -> None:
        """Write down how far `peer` says that it has heard this node."""
        if self._memory.exchange.standing(peer).told == mark:
            return
        self._memory.exchange.note(peer, told=mark)
        if not mark:
            self.heard.forget(peer)
            return
        if keys:
            self._on_event("SyncAcked", {"peer": peer, "key": keys[-1], "count": len(keys)})

    def _between(self, peer: str, mark: str) -> list[str]:
        """The keys of what `peer` has heard when it shows `mark`, beyond what it was known to have."""
        told = self._memory.exchange.standing(peer).told
        return [] if mark in ("", told) else self._memory.exchange.between(told, mark, self._given(peer), peer)

    def _claim(self, peer: str, dots: Sequence[Dot]) -> list[Dot]:
        """Those of `dots` that nobody else is being asked for."""
        now = self._steady()
        with self._claiming:
            for dot in [dot for dot, (_, since) in self._claims.items() if now - since > _CLAIM]:
                del self._claims[dot]
            mine = [dot for dot in dots if self._claims.get(dot, (peer, now))[0] == peer]
            self._claims.update(dict.fromkeys(mine, (peer, now)))
        return mine

    def _leave(self, peer: str, mark: str, page: Changes) -> None:
        """Keep what a peer has after a mark, while others are asked for a part: it need not list it again."""
        with self._claiming:
            self._pages[peer] = mark, page

    def _left_of(self, peer: str, mark: str) -> Changes | None:
        """What was kept of a peer, if it was listed after `mark`; it is not kept any more."""
        with self._claiming:
            before, page = self._pages.pop(peer, ("", None))
            return page if before == mark else None

    def _release(self, dots: Sequence[Dot]) -> None:
        with self._claiming:
            for dot in dots:
                self._claims.pop(dot, None)


def text_of(message: Message, name: str) -> str:
    """Text of any length.

    Raises:
        Invalid: it is none (CIS-SYNC-030).
    """
    value = message.get(name)
    if not isinstance(value, str):
        raise Invalid("CIS-SYNC-030", f"{name} is no text")
    return value
