"""A room with all kinds of messages, for the tests of the screens that show it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cis_tui.core.clock import Instant
from cis_tui.matrix.memory_model import MatrixMemory, MemorySync
from cis_tui.matrix.messages import MessagePage, Quote, Reaction, RoomMessage, What
from cis_tui.matrix.model import (
    MatrixGaps,
    MatrixMember,
    MatrixRejection,
    MatrixState,
    MatrixStatus,
    SendState,
)
from cis_tui.tui.app import CisApp
from cis_tui.tui.store import Changes
from tests.tui.helpers import DID, HOSTILE, NOW, show
from tests.tui.peers import LAPTOP, SERVER, STRANGER, fill_peers

ME = "@ann:one.example"
BOB, CAROL, SRV, EVE = "@bob:one.example", "@carol:two.example", "@builder:two.example", "@eve:three.example"
MEMBERS = (
    MatrixMember(ME, "Ann", DID, "WORK", "self"),
    MatrixMember(BOB, "Bob", LAPTOP.did, "LAPTOP", "own"),
    MatrixMember(SRV, "", SERVER.did, "BUILD", "allowed"),
    MatrixMember(CAROL, "Carol"),
    MatrixMember(EVE, HOSTILE, STRANGER.did, "X", "pending"),
)
REJECTIONS = (
    MatrixRejection("$f1", "!r", EVE, "CIS-SYNC-004", "it was not signed by who it says", Instant(NOW - 40)),
    MatrixRejection("$f2", "!r", EVE, "CIS-MATRIX-031", "it was said before: this is a replay", Instant(NOW - 90)),
)


def matrix(**more: Any) -> MatrixStatus:
    """A node that is in the room."""
    fields: dict[str, Any] = {
        "state": MatrixState.ONLINE,
        "homeserver": "https://one.example",
        "user": ME,
        "device": "WORK",
        "room": "#cis-federation:one.example",
        "room_id": "!r",
        "members": 5,
        "nodes": 4,
        "since": "s72594_4483_1934",
        "synced_at": Instant(NOW - 2),
        "gaps": MatrixGaps(1, 3),
        "queued": 2,
        "failed": 1,
        "rejected": 7,
        "rejections": REJECTIONS,
        "memory": MatrixMemory(said=40, waiting=3, healed=5, members=(MemorySync(LAPTOP.did, 12, 14, 2, 40),)),
    }
    return MatrixStatus(**(fields | more))


AWAY = matrix(
    state=MatrixState.RETRYING, problem="the homeserver is away: connection refused", retry_at=Instant(NOW + 8)
)


def message(number: int, sender: str, text: str, what: What = What.TEXT, *, keys: int = 0, **more: Any) -> RoomMessage:
    """One that was said `number` minutes after 22:00 of the day before."""
    at = Instant(NOW - 7200 + number * 60)
    return RoomMessage(f"$e{number}", sender, at, what, text, mine=sender == ME, number=keys, **more)


MESSAGES = (
    message(1, CAROL, "Is the **release** ready? See [the plan](https://example.org/plan)."),
    message(2, CAROL, "- wheels\n- docs\n\n`just test` is green here."),
    message(4, BOB, "", What.MEMORY, keys=9),
    message(5, BOB, "", What.MEMORY, keys=3),
    message(6, SRV, "", What.MEMORY, keys=1),
    message(
        10,
        ME,
        "The wheels are built, the docs follow.",
        edited=True,
        reactions=(Reaction("👍", (CAROL, BOB), 2), Reaction("🎉", (ME,), 1, "$r")),
    ),
    message(14, SRV, "Proposal: deploy to staging? approve or reject", What.NOTICE),
    message(15, BOB, "vote", What.OPERATION),
    message(16, EVE, f"{EVE} came in", What.MEMBER),
    message(17, EVE, "", What.GONE),
    message(18, BOB, "waves", What.EMOTE),
    message(
        122,
        CAROL,
        "@ann:one.example can you look at the docs?\n\n```python\nprint(1)\n```",
        mentions_me=True,
        answers=Quote("$e10", ME, "The wheels are built, the docs follow."),
    ),
    message(123, ME, "On it."),
    message(124, ME, "…and done", state=SendState.QUEUED),
    message(
        125, ME, "a file of 80 kB", state=SendState.FAILED, problem="this is more than the homeserver takes at once"
    ),
)
PAGE = MessagePage("!r", MESSAGES, "1 $e1", read="$e18")


def hostile_page() -> MessagePage:
    """Everything that others may write is hostile."""
    told = replace(
        message(1, HOSTILE, HOSTILE, reactions=(Reaction(HOSTILE, (HOSTILE,), 1),)),
        answers=Quote("$x", HOSTILE, HOSTILE),
    )
    return MessagePage("!r", (told, message(2, HOSTILE, HOSTILE, What.EMOTE), message(3, EVE, HOSTILE, What.FILE)))


def fill_room(app: CisApp, status: MatrixStatus | None = None) -> None:
    """Put a known room where the engine's would be."""
    fill_peers(app)
    app.store.matrix = status or matrix()
    app.store.members = MEMBERS
    show(app, Changes(everything=True, peers=True))
