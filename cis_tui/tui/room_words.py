"""The room and who is in it, in the words and marks of the workspace. No name in here can pass for another's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from cis_tui.core.clock import Instant
from cis_tui.matrix.model import MatrixMember, MatrixState, MatrixStatus
from cis_tui.tui.paint import Line, Piece, Tone, shown
from cis_tui.tui.widgets.taught import Keys, taught
from cis_tui.tui.words import count
from cis_tui.tui.writers import Names

BADGES: Mapping[str, tuple[str, str, Tone]] = {
    "self": ("▣", "this node", Tone.LIVE),
    "own": ("◆", "own", Tone.GOOD),
    "allowed": ("✓", "allowed", Tone.GOOD),
    "pending": ("?", "pending", Tone.ASK),
    "denied": ("✗", "denied", Tone.BAD),
}
"""Mark, word and tone of what a person has said of the node behind an account."""
_WEIGHT = ("", "pending", "allowed", "own", "self", "denied")
"""What is known of one node of an account counts more than what is known of the others, the last most."""
NO_NODE = ("·", "no node", Tone.DIM)
_STATES: Mapping[MatrixState, Piece] = {
    MatrixState.OFF: ("○ off", Tone.DIM),
    MatrixState.CONNECTING: ("◌ connecting", Tone.LIVE),
    MatrixState.ONLINE: ("● online", Tone.GOOD),
    MatrixState.RETRYING: ("✗ homeserver away", Tone.BAD),
    MatrixState.AUTH_FAILED: ("✗ log in anew: cis matrix login", Tone.BAD),
}


@dataclass(frozen=True, slots=True)
class People:
    """Who is in the room, by account, and the names by which this person knows their nodes."""

    members: Mapping[str, MatrixMember]
    names: Names
    me: str = ""
    """This account."""

    def badge(self, account: str) -> tuple[str, str, Tone]:
        """Mark, word and tone of an account."""
        if account == self.me:
            return BADGES["self"]
        member = self.members.get(account)
        return NO_NODE if member is None else self.badge_of(member)

    def badge_of(self, member: MatrixMember) -> tuple[str, str, Tone]:
        """Mark, word and tone of a member."""
        return BADGES.get(member.trust, BADGES["pending"]) if member.did else NO_NODE

    def name(self, account: str) -> str:
        """What this person calls the node of an account; empty where it has none, or one that was not let in."""
        member = self.members.get(account)
        return self.name_of(member) if member is not None else ""

    def name_of(self, member: MatrixMember) -> str:
        """What this person calls the node of a member."""
        known = member.trust in ("own", "allowed")
        return shown(self.names.get(member.did, ""), limit=40).strip() if known else ""

    def short(self, account: str) -> str:
        """An account in one word: the name of its node with its id, or its id alone."""
        name = self.name(account)
        return f"{name} ({shown(account, limit=100)})" if name else shown(account, limit=100)


def people(members: Sequence[MatrixMember], names: Names, me: str) -> People:
    """The members by their accounts; of an account with several nodes, the one that counts."""
    ordered = sorted(members, key=lambda member: _WEIGHT.index(member.trust) if member.trust in _WEIGHT else 0)
    return People({member.user: member for member in ordered}, names, me)


def matrix_state(status: MatrixStatus, now: Instant) -> Piece:
    """How the engine stands with its homeserver, with the seconds until it asks again."""
    text, tone = _STATES[status.state]
    if status.state is MatrixState.RETRYING and status.retry_at is not None:
        left = ceil(status.retry_at - now)
        text = f"{text}, again in {left} s" if left > 0 else f"{text}, asking again"
    return text, tone


def room_name(status: MatrixStatus) -> str:
    """The room in which nodes meet."""
    return shown(status.room or status.room_id, limit=100) or "no room"


def matrix_pieces(status: MatrixStatus, now: Instant) -> list[Piece]:
    """The room in one line: what it is, how it is reached, who is there, and what waits, if anything does."""
    told = [
        (status.queued, f"↑ {status.queued} to send", Tone.LIVE),
        (status.failed, f"✗ {status.failed} not sent", Tone.BAD),
        (status.gaps.open, f"… {count(status.gaps.open, 'gap')}", Tone.ASK),
        (status.rejected, f"⊘ {status.rejected} rejected", Tone.BAD),
    ]
    there = count(status.members, "member") if status.room_id else ""
    return [
        matrix_state(status, now),
        (f"   {room_name(status)}", Tone.PLAIN),
        (f"   {there}" if there else "", Tone.DIM),
        *((f"   {text}", tone) for number, text, tone in told if number),
    ]


def welcome(status: MatrixStatus | None, keys: Keys, *, known: bool, looked: bool) -> list[Line]:
    """What stands where there are no messages: why, and what to do. `known`: they were read; `looked`: for words."""
    if looked:
        steps = (("room.search", "looks for something else"), ("filter.drop", "there shows all"))
        return taught(keys, "No message has that.", *steps)
    if status is None or not status.user:
        return [
            [("Nobody is logged in. ", Tone.ASK), ("cis matrix login --user @you:your.server", Tone.STRONG)],
            [("joins the room in which your nodes, and others, meet.", Tone.PLAIN)],
        ]
    if not status.room_id:
        return [[("the room is joined as soon as the homeserver answers", Tone.DIM)]]
    if not known:
        return [[("reading…", Tone.DIM)]]
    steps = (
        ("chat.send", "says what is in the line to all in the room"),
        ("chat.stop", "leaves the line"),
    )
    return taught(keys, "Nobody has said anything yet.", *steps)
