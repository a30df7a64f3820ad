"""What faces are shown, from the file and from how it stands now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cis_tui.core.clock import Instant
from cis_tui.core.errors import NotFound
from cis_tui.matrix import identities, ledger, outbox, rooms
from cis_tui.matrix.account import Account
from cis_tui.matrix.model import MatrixGaps, MatrixMember, MatrixState, MatrixStatus
from cis_tui.matrix.store import Database

SHOWN = 20
"""Rejections in a status."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with the homeserver."""

    state: MatrixState
    problem: str = ""
    retry_at: Instant | None = None
    synced_at: Instant | None = None


def status(
    database: Database, standing: Standing, account: Account | None, *, room: str, enabled: bool, now: Instant
) -> MatrixStatus:
    """Matrix at a glance; `room` is what the settings say, or the alias that this is."""
    id = ledger.fact(database, "room")
    members = {user for user, _ in rooms.members(database, id)}
    queued, failed = outbox.counts(database)
    retry_at = standing.retry_at
    return MatrixStatus(
        state=standing.state,
        problem=standing.problem,
        enabled=enabled,
        homeserver=account.homeserver if account else "",
        user=account.user if account else "",
        device=account.device if account else "",
        room=room,
        room_id=id,
        encrypted=any(each.encrypted for each in rooms.rooms(database, id) if each.federation),
        members=len(members),
        nodes=len(members & {each.user for each in identities.nodes(database)}),
        since=ledger.fact(database, "since"),
        synced_at=standing.synced_at,
        retry_at=retry_at,
        retry_in=max(retry_at - now, 0.0) if retry_at is not None else None,
        gaps=MatrixGaps(ledger.open_gaps(database), int(ledger.fact(database, "healed") or 0)),
        queued=queued,
        failed=failed,
        rejected=int(ledger.fact(database, "rejected") or 0),
        rejections=ledger.rejections(database, SHOWN),
    )


def members(database: Database, room: str, trust: Callable[[str], str]) -> tuple[MatrixMember, ...]:
    """Who is in a room; an account with several nodes is listed for each. `trust` says what is thought of a DID."""
    nodes: dict[str, list[identities.Bound]] = {}
    for each in identities.nodes(database):
        nodes.setdefault(each.user, []).append(each)
    listed: list[MatrixMember] = []
    for user, name in rooms.members(database, room):
        bound = nodes.get(user)
        if bound:
            listed += [MatrixMember(user, name, each.did, each.device, trust(each.did)) for each in bound]
        else:
            listed.append(MatrixMember(user, name))
    return tuple(listed)


def find_room(database: Database, word: str) -> str:
    """The id of the room that `word` means: its id, alias, or name; empty: the one in which nodes meet.

    Raises:
        NotFound: there is no such room (CIS-MATRIX-036).
    """
    federation = ledger.fact(database, "room")
    if not word and federation:
        return federation
    for room in rooms.rooms(database, federation):
        if word and word in (room.id, room.alias, room.name, room.alias.partition(":")[0]):
            return room.id
    hint = "cis matrix rooms lists those that were joined" if word else "cis matrix status tells why"
    raise NotFound("CIS-MATRIX-036", f"there is no room {word[:80]!a}" if word else "no room was joined yet", hint=hint)
