"""What the room looks like, part by part: messages with their heads, days, the line below which all is new. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum

from cis_tui.core.clock import Instant
from cis_tui.matrix.messages import TRAFFIC, MessagePage, RoomMessage, What
from cis_tui.matrix.model import SendState
from cis_tui.tui.markdown import Markdown
from cis_tui.tui.paint import Line, Piece, Tone, shown
from cis_tui.tui.room_words import People
from cis_tui.tui.words import clock_time, count

TOGETHER = 300.0
"""Seconds within which messages of one sender stand under one head."""
KEPT = 2_000
"""Messages before the newest page that are kept; who scrolls up has what was before read again."""
NEW = "new"
"""Id of the line below which all is new."""


class Looks(Enum):
    """What a part is."""

    MESSAGE = 0
    TRAFFIC = 1
    DAY = 2
    NEW = 3


@dataclass(frozen=True, slots=True)
class RoomPart:
    """One part; equal ones look the same."""

    id: str
    looks: Looks
    text: str = ""
    message: RoomMessage | None = None
    head: tuple[Piece, ...] = ()
    """Who says it and when; empty: the same as the part before."""
    quoted: str = ""
    """Who said what is answered."""
    apart: bool = False
    """Whether there is an empty line before it."""


@dataclass(slots=True)
class RoomLog:
    """The part of the room's history that was read."""

    messages: list[RoomMessage] = field(default_factory=list[RoomMessage])
    before: str = ""
    """What to ask for to get the page before; empty: there is none."""
    read: str | None = None
    """The last message that was read when the room was opened; the line stands below it. None: it is being opened."""
    known: bool = False
    """Whether anything was read yet."""

    def take(self, page: MessagePage) -> None:
        """The newest messages, in place of what was known of them."""
        first = page.messages[0].id if page.messages else ""
        at = next((index for index, message in enumerate(self.messages) if message.id == first), None)
        if at is None or at > KEPT:
            self.messages, self.before = list(page.messages), page.before
        else:
            self.messages[at:] = page.messages
        self.known = True

    def take_older(self, page: MessagePage) -> None:
        """The messages before those that are known."""
        known = {message.id for message in self.messages}
        self.messages[:0] = [message for message in page.messages if message.id not in known]
        self.before = page.before

    @property
    def last(self) -> str:
        """The last message that the homeserver has; empty if there is none."""
        sent = (message.id for message in reversed(self.messages) if message.state is SendState.SENT)
        return next(sent, "")

    def parts(self, people: People, *, traffic: bool, needle: str = "") -> list[RoomPart]:
        """What is to be seen: with what nodes say too, or not; of the messages with `needle` only."""
        wanted = needle.casefold()
        listed = [
            message
            for message in self.messages
            if (traffic or message.what not in TRAFFIC) and (not wanted or wanted in _searched(message, people))
        ]
        return list(_spaced(_laid(listed, people, self._new_after(listed))))

    def _new_after(self, listed: Sequence[RoomMessage]) -> str:
        """The last listed message up to the one that was read; empty: nothing, or nothing of others, is new."""
        order = {message.id: index for index, message in enumerate(self.messages)}
        if self.read is None or self.read not in order:
            return ""
        read = order[self.read]
        if all(message.mine for message in listed if order[message.id] > read):
            return ""
        return next((message.id for message in reversed(listed) if order[message.id] <= read), "")


def _searched(message: RoomMessage, people: People) -> str:
    return f"{message.text} {people.short(message.sender)}".casefold()


def _laid(messages: Sequence[RoomMessage], people: People, new_after: str) -> Iterator[RoomPart]:
    before: RoomMessage | None = None
    at = 0
    while at < len(messages):
        message = messages[at]
        if before is None or _day(before.at) != _day(message.at):
            yield RoomPart(f"day {message.id}", Looks.DAY, _day(message.at))
            before = None
        end = _run_of_memory(messages, at, new_after)
        if message.what in TRAFFIC:
            text = _memory(messages[at:end], people) if message.what is What.MEMORY else _told(message, people)
            yield RoomPart(f"traffic {message.id}", Looks.TRAFFIC, f"{clock_time(message.at)[:5]}  {text}")
            before = messages[end - 1]
        else:
            yield _part(message, before, people)
            before = message
        at = end
        if messages[at - 1].id == new_after:
            yield RoomPart(NEW, Looks.NEW)
            before = replace(before, sender="")  # nothing more stands under its head


def _spaced(parts: Iterator[RoomPart]) -> Iterator[RoomPart]:
    """With an empty line where something else begins."""
    before: RoomPart | None = None
    for part in parts:
        begins = (
            bool(part.head) if part.looks is Looks.MESSAGE else before is not None and before.looks is not part.looks
        )
        follows = before is not None and before.looks is Looks.NEW and part.looks is Looks.DAY
        yield replace(part, apart=begins and before is not None and not follows)
        before = part


def _run_of_memory(messages: Sequence[RoomMessage], at: int, new_after: str) -> int:
    """Where the messages end that are shown with the one at `at`: memory that comes without a word between."""
    end = at + 1
    if messages[at].what is not What.MEMORY:
        return end
    day = _day(messages[at].at)
    while (
        end < len(messages)
        and messages[end].what is What.MEMORY
        and _day(messages[end].at) == day
        and messages[end - 1].id != new_after
    ):
        end += 1
    return end


def _memory(messages: Sequence[RoomMessage], people: People) -> str:
    keys: Counter[str] = Counter()
    for message in messages:
        keys[message.sender] += message.number
    return ", ".join(
        f"{count(number, 'key')} from {'here' if sender == people.me else people.short(sender)}"
        for sender, number in keys.items()
    )


def _told(message: RoomMessage, people: People) -> str:
    if message.what is What.MEMBER:
        return shown(message.text)
    return f"{shown(message.text)} from {'here' if message.mine else people.short(message.sender)}"


def _part(message: RoomMessage, before: RoomMessage | None, people: People) -> RoomPart:
    quoted = people.short(message.answers.sender) if message.answers and message.answers.sender else ""
    apart = (
        before is None
        or before.sender != message.sender
        or before.what in TRAFFIC
        or message.at - before.at > TOGETHER
        or message.answers is not None
        or message.mentions_me
    )
    head = _head(message, people) if apart else ()
    return RoomPart(message.id, Looks.MESSAGE, message=message, head=head, quoted=quoted)


def _head(message: RoomMessage, people: People) -> tuple[Piece, ...]:
    mark, _, tone = people.badge(message.sender)
    name = "you" if message.mine else people.name(message.sender)
    account = (shown(message.sender, limit=100), Tone.DIM if name else Tone.STRONG)
    named: list[Piece] = [(f"{name} ", Tone.STRONG)] if name else []
    called: list[Piece] = [("  names you", Tone.ASK)] if message.mentions_me else []
    return ((f"{mark} ", tone), *named, account, (f"  {clock_time(message.at)[:5]}", Tone.DIM), *called)


def _day(at: Instant) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%A %Y-%m-%d")


# Lines


def part_lines(part: RoomPart) -> list[Line]:
    """A part as lines that are not wrapped yet."""
    match part.looks:
        case Looks.DAY:
            return [[(f"── {part.text} ", Tone.DIM), ("─" * 20, Tone.DIM)]]
        case Looks.NEW:
            return [[("── new ", Tone.ASK), ("─" * 20, Tone.DIM)]]
        case Looks.TRAFFIC:
            return [[("· ", Tone.DIM), (part.text, Tone.DIM)]]
        case Looks.MESSAGE:
            assert part.message is not None
            head: list[Line] = [list(part.head)] if part.head else []
            return [*head, *_quote(part), *_body(part.message), *_below(part.message)]


def _quote(part: RoomPart) -> list[Line]:
    answers = part.message.answers if part.message else None
    if answers is None:
        return []
    if not answers.sender:
        return [[("  ▏ ", Tone.DIM), ("answers a message that was not read", Tone.DIM)]]
    return [[("  ▏ ", Tone.DIM), (f"{part.quoted}: ", Tone.DIM), (shown(answers.text) or "removed", Tone.DIM)]]


def _body(message: RoomMessage) -> list[Line]:
    match message.what:
        case What.GONE:
            return [[("  ", Tone.PLAIN), ("removed", Tone.DIM)]]
        case What.SECRET:
            return [[("  ", Tone.PLAIN), ("encrypted, and not for this device", Tone.DIM)]]
        case What.FILE:
            lines: list[Line] = [[("sends a file: ", Tone.DIM), (shown(message.text), Tone.PLAIN)]]
        case What.EMOTE:
            lines = [[("* ", Tone.LIVE), (shown(message.text, limit=2000), Tone.PLAIN)]]
        case _:
            rendered = Markdown(f"{message.text}\n")
            lines = [*rendered.lines, *rendered.open_lines]
    if message.edited and lines:
        lines[-1] = [*lines[-1], (" (edited)", Tone.DIM)]
    return [[("  ", Tone.PLAIN), *line] for line in lines]


def _below(message: RoomMessage) -> list[Line]:
    """The reactions, and how far a message of this account has come."""
    lines: list[Line] = []
    if message.reactions:
        pieces = [
            (f"{shown(reaction.key)} {reaction.count}   ", Tone.LIVE if reaction.mine else Tone.DIM)
            for reaction in message.reactions
        ]
        lines.append([("  ", Tone.PLAIN), *pieces])
    if message.state is SendState.QUEUED:
        lines.append([("  ", Tone.PLAIN), ("… waits to be sent", Tone.LIVE)])
    elif message.state is SendState.FAILED:
        lines.append([("  ✗ ", Tone.BAD), (f"not sent: {shown(message.problem) or 'refused'}", Tone.BAD)])
    return lines
